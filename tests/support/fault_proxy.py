"""A TCP proxy on loopback that damages connections on request, whatever protocol runs through it.

with FaultProxy(port_of_the_server) as proxy:
    proxy.next(Fault(cut_down=1000), Fault(refuse=True))    # the next two connections; later ones are whole
    proxy.always = Fault(rate=50_000)                       # or all those that nothing was planned for
    proxy.when(up=1000, do=proxy.cut_all)                   # at a moment that bytes tell, not the clock
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_CHUNK = 16 * 1024


@dataclass(frozen=True)
class Fault:
    """What happens to one connection. "Down" is what the server sends, "up" what the client sends.

    refuse: reset as soon as it is accepted. blackhole: accepted, read, and never answered. delay: seconds before each
    chunk, either way. rate: bytes a second, each way. cut_down, cut_up: the connection ends after exactly so many bytes
    of that direction, with FIN, or with RST if `reset`. flip_down, flip_up: the byte at that offset has a bit flipped.
    stall_down: nothing more comes after so many bytes, but the connection stays. reply: these bytes are the answer to
    the first HTTP request, which the server never sees; then FIN.
    """

    refuse: bool = False
    blackhole: bool = False
    delay: float = 0.0
    rate: int | None = None
    cut_down: int | None = None
    cut_up: int | None = None
    reset: bool = False
    flip_down: int | None = None
    flip_up: int | None = None
    stall_down: int | None = None
    reply: bytes | None = None


WHOLE = Fault()


class FaultProxy:
    """Listens on `port` of 127.0.0.1 while entered; `connections`, `bytes_down` and `bytes_up` count what passed.

    record: keep in `recorded` what clients sent.
    """

    def __init__(self, upstream: int, *, host: str = "127.0.0.1", record: bool = False) -> None:
        self._upstream = (host, upstream)
        self._record = record
        self._planned: deque[Fault] = deque()
        self._moment: tuple[int, int, Callable[[], object]] | None = None
        self._open: set[_Connection] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.always = WHOLE
        self.connections = 0
        self.bytes_down = 0
        self.bytes_up = 0
        self.recorded = b""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        # Else the kernel takes megabytes off a client, which then sees no byte move while a slow line passes them on.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.port: int = self._listener.getsockname()[1]

    def next(self, *faults: Fault) -> None:
        """Plan the coming connections, one fault each, after those already planned."""
        self._planned.extend(faults)

    @property
    def open(self) -> int:
        """The connections that are open now."""
        with self._lock:
            return len(self._open)

    def when(self, do: Callable[[], object], *, up: int = 0, down: int = 0) -> None:
        """Call `do` before the bytes pass that make it so many over all connections, in the thread that passes them."""
        self._moment = up, down, do

    def cut_all(self) -> None:
        """Reset every connection that is open now."""
        for connection in self._connections():
            connection.end(reset=True)

    def silence(self) -> None:
        """Nothing more comes through any connection that is open now, not even its end."""
        for connection in self._connections():
            connection.silent = True

    def _connections(self) -> list[_Connection]:
        with self._lock:
            return list(self._open)

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._accept, daemon=True, name=f"fault-proxy-{self.port}").start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            fault = self._planned.popleft() if self._planned else self.always
            threading.Thread(target=self._serve, args=(client, fault), daemon=True).start()

    def _serve(self, client: socket.socket, fault: Fault) -> None:
        connection = _Connection(self, fault, client)
        with self._lock:
            self._open.add(connection)
        try:
            connection.serve(self._upstream)
        finally:
            with self._lock:
                self._open.discard(connection)

    def passed(self, data: bytes, *, down: bool) -> None:
        """Note what passed."""
        with self._lock:
            if down:
                self.bytes_down += len(data)
            else:
                self.bytes_up += len(data)
                self.recorded += data if self._record else b""

    def before(self, data: bytes, *, down: bool) -> None:
        """Do what is to be done before these bytes pass."""
        with self._lock:
            up_then, down_then = (
                self.bytes_up + (0 if down else len(data)),
                self.bytes_down + (len(data) if down else 0),
            )
            due = self._moment is not None and up_then >= self._moment[0] and down_then >= self._moment[1]
            do = self._moment[2] if self._moment is not None and due else None
            self._moment = None if due else self._moment
        if do is not None:
            do()

    def sleep(self, seconds: float) -> None:
        """Sleep, but not past the end of the proxy."""
        self._stopped.wait(seconds)


class _Connection:
    """One client and its connection to the server, pumped by a thread each way."""

    def __init__(self, proxy: FaultProxy, fault: Fault, client: socket.socket) -> None:
        self._proxy = proxy
        self._fault = fault
        self._client = client
        self._server: socket.socket | None = None
        self._ended = threading.Event()
        self.silent = False

    def serve(self, upstream: tuple[str, int]) -> None:
        try:
            if self._fault.refuse:
                self.end(reset=True)
            elif self._fault.blackhole:
                self._swallow()
            elif self._fault.reply is not None:
                self._answer(self._fault.reply)
            else:
                self._server = socket.create_connection(upstream)
                up = threading.Thread(target=self._pump_up, args=(self._server,), daemon=True)
                up.start()
                self._pump_down(self._server)
                up.join()
        except OSError:  # the server is not there
            self.end(reset=True)
        finally:
            if self.silent:  # to close it would break the silence
                self._ended.wait()
            for end in (self._client, self._server):
                if end is not None:
                    end.close()

    def end(self, *, reset: bool) -> None:
        """Let both pumps stop; the sockets are closed after them, with RST to both peers if `reset`, else with FIN."""
        self._ended.set()
        for end in (self._client, self._server):
            if end is None:
                continue
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Only the reading half: it wakes a pump that waits in recv() and sends nothing, so RST comes first.
                end.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)

    def _swallow(self) -> None:
        with contextlib.suppress(OSError):
            while self._client.recv(_CHUNK):
                pass

    def _answer(self, reply: bytes) -> None:
        """Read one HTTP request whole, or the answer could be lost to a reset, and answer it."""
        request = b""
        while (head := request.partition(b"\r\n\r\n"))[1] == b"" or len(head[2]) < _content_length(head[0]):
            data = self._client.recv(_CHUNK)
            if not data:
                return
            request += data
        self._client.sendall(reply)

    def _pump_down(self, server: socket.socket) -> None:
        fault = self._fault
        passed = 0
        for data in self._received(server):
            data = _flipped(data, passed, fault.flip_down)
            allowed = min(_left(fault.cut_down, passed), _left(fault.stall_down, passed))
            passed += self._forward(self._client, data[:allowed], down=True)
            if passed == fault.cut_down:
                self.end(reset=fault.reset)
        if fault.stall_down is None:
            self._close_half(self._client)

    def _pump_up(self, server: socket.socket) -> None:
        fault = self._fault
        passed = 0
        for data in self._received(self._client):
            data = _flipped(data, passed, fault.flip_up)
            passed += self._forward(server, data[: _left(fault.cut_up, passed)], down=False)
            if passed == fault.cut_up:
                self.end(reset=fault.reset)
        self._close_half(server)

    def _received(self, source: socket.socket) -> Iterator[bytes]:
        with contextlib.suppress(OSError):
            while not self._ended.is_set() and (data := source.recv(_CHUNK)):
                if self._fault.delay or self._fault.rate:
                    pause = len(data) / self._fault.rate if self._fault.rate else 0
                    self._proxy.sleep(self._fault.delay + pause)
                yield data

    def _forward(self, sink: socket.socket, data: bytes, *, down: bool) -> int:
        self._proxy.before(data, down=down)
        if self.silent:
            return len(data)
        if self._ended.is_set():
            return 0
        self._proxy.passed(data, down=down)  # before: who has the data may look at the count
        try:
            sink.sendall(data)
        except OSError:
            self.end(reset=True)
            return 0
        return len(data)

    def _close_half(self, sink: socket.socket) -> None:
        if not self._ended.is_set() and not self.silent:
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_WR)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _left(limit: int | None, passed: int) -> int:
    return _CHUNK if limit is None else max(0, limit - passed)


def _flipped(data: bytes, offset: int, at: int | None) -> bytes:
    """`data`, which begins at `offset` of its stream, with a bit changed in the byte at `at` of the stream."""
    if at is None or not offset <= at < offset + len(data):
        return data
    inside = at - offset
    return data[:inside] + bytes([data[inside] ^ 0x20]) + data[inside + 1 :]
