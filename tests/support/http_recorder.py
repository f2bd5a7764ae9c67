"""A web server that answers as it is told and remembers what it was asked: for headers that real servers ignore."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

LAST_MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"


class Asked(NamedTuple):
    """One request. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What to answer."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("ETag", '"x"'), ("Last-Modified", LAST_MODIFIED))
    reason: str | None = None


class Recorder:
    """`asked`: the requests so far. `answer` decides what they get; a test may replace it."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda asked: Answer()

    def the(self, method: str) -> Asked:
        """The last request with this method."""
        return next(asked for asked in reversed(self.asked) if asked.method == method)


@contextlib.contextmanager
def recorder() -> Iterator[Recorder]:
    """A Recorder that listens on `port` of 127.0.0.1."""
    state = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            state.asked.append(asked)
            answer = state.answer(asked)
            self.send_response(answer.status, answer.reason)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_PUT = do_POST = do_HEAD = _serve  # noqa: N815 - the names http.server looks for

        def log_request(self, *_: object) -> None:
            pass

    with serving(Handler) as state.port:
        yield state


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A web server with a thread for each connection; its port on 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
