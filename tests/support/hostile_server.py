"""A web server that lies: about how much it sends, what it sends, and where to find the rest. It stops by itself."""

from __future__ import annotations

import contextlib
import functools
import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator

_PATIENCE = 30.0  # seconds without a word from the client
_MOST = 256 << 20  # bytes for one client: a program that takes them all has failed the test
_PIECE = b"\0" * 65536
_HEADERS = b'ETag: "x"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nContent-Type: application/octet-stream\r\n'

Lie = Callable[["HostileServer", socket.socket], None]


class HostileServer:
    """Answers every request with `lie`, and hangs up. `sent`: bytes of bodies so far. `asked`: the first lines."""

    def __init__(self, lie: Lie) -> None:
        self.sent = 0
        self.asked: list[str] = []
        self._lie = lie
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(_PATIENCE)
            request = b""
            while b"\r\n\r\n" not in request:
                data = client.recv(65536)
                if not data:
                    return
                request += data
            self.asked.append(request.partition(b"\r\n")[0].decode("latin-1"))
            self._lie(self, client)
            client.shutdown(socket.SHUT_WR)
            client.recv(1)

    def send(self, client: socket.socket, pieces: Iterator[bytes]) -> None:
        """Part of a body, counted."""
        for piece in pieces:
            client.sendall(piece)
            self.sent += len(piece)
            if self.sent > _MOST:
                return


def _begin(client: socket.socket, *headers: bytes, status: bytes = b"200 OK") -> None:
    client.sendall(b"HTTP/1.1 " + status + b"\r\n" + _HEADERS + b"".join(h + b"\r\n" for h in headers) + b"\r\n")


def _zeros() -> Iterator[bytes]:
    while True:
        yield _PIECE


def a_body_without_end(server: HostileServer, client: socket.socket) -> None:
    """Nothing says how long it is, and it never ends."""
    _begin(client, b"Connection: close")
    server.send(client, _zeros())


def chunks_without_end(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Transfer-Encoding: chunked")
    server.send(client, (b"10000\r\n" + piece + b"\r\n" for piece in _zeros()))


def a_petabyte(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Content-Length: 1125899906842624")
    server.send(client, _zeros())


def more_than_announced(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Content-Length: 7", b"Connection: close")
    server.send(client, _zeros())


def less_than_announced(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Content-Length: 7", b"Connection: close")
    server.send(client, iter([b"mod"]))


def a_negative_length(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Content-Length: -1", b"Connection: close")
    server.send(client, iter([b"model x"]))


def a_compressed_gigabyte(server: HostileServer, client: socket.socket) -> None:
    """A client that unpacks what it did not ask for unpacks a gigabyte out of four kilobytes."""
    bomb = _packed_twice()
    _begin(client, b"Content-Encoding: gzip, gzip", b"Content-Length: %d" % len(bomb))
    server.send(client, iter([bomb]))


@functools.cache
def _packed_twice() -> bytes:
    inner = zlib.compressobj(9, wbits=31)
    packed = b"".join(inner.compress(_PIECE) for _ in range((1 << 30) // len(_PIECE))) + inner.flush()
    return gzip.compress(packed)


def other_content(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Content-Length: 7")
    server.send(client, iter([b"model x"]))


def nothing(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Content-Length: 0")


def headers_without_end(server: HostileServer, client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    server.send(client, (b"X-%d: %s\r\n" % (n, b"y" * 4096) for n in range(1 << 20)))


def a_header_line_without_end(server: HostileServer, client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    server.send(client, _zeros())


def no_http_at_all(server: HostileServer, client: socket.socket) -> None:
    server.send(client, iter([b"\x1b]0;pwned\x07 SSH-2.0-nothing of the kind\r\n\r\n"]))


def a_way_into_this_machine(server: HostileServer, client: socket.socket) -> None:
    """A redirect to a file of whoever asks."""
    _begin(client, b"Location: file:///etc/passwd", b"Content-Length: 0", status=b"302 Found")


def a_circle(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Location: /files/md5/00/00", b"Content-Length: 0", status=b"302 Found")


def an_order_to_the_terminal(server: HostileServer, client: socket.socket) -> None:
    """The reason of a status is printed: escape sequences in it would be obeyed."""
    _begin(client, b"Content-Length: 0", status=b"400 \x1b]0;pwned\x07\x1b[2J")


def an_hour_of_patience(server: HostileServer, client: socket.socket) -> None:
    _begin(client, b"Retry-After: 3600", b"Content-Length: 0", status=b"503 Later")


LIES: tuple[Lie, ...] = (
    a_body_without_end,
    chunks_without_end,
    a_petabyte,
    more_than_announced,
    less_than_announced,
    a_negative_length,
    a_compressed_gigabyte,
    other_content,
    nothing,
    headers_without_end,
    a_header_line_without_end,
    no_http_at_all,
    a_way_into_this_machine,
    a_circle,
    an_order_to_the_terminal,
    an_hour_of_patience,
)
