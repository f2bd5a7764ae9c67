"""A web server in front of a real one: it answers by itself what a test wants answered, and passes on the rest.

What it passes on is as it came, the host's name too, so that signatures stay good.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from tests.support.http_recorder import Answer, Asked, serving

_OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Passed(NamedTuple):
    """A request that was passed on, and the status of its answer."""

    method: str
    path: str
    status: int


class Gate:
    """answer: decides what is not passed on. asked: all requests. passed: those passed on."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self.answer: Callable[[Asked], Answer | None] = lambda asked: None
        self.asked: list[Asked] = []
        self.passed: list[Passed] = []
        self.lock = threading.Lock()

    def done(self, method: str) -> list[str]:
        """The paths of requests with this method that went well."""
        return [path for of_it, path, status in self.passed if of_it == method and status < 300]


@contextlib.contextmanager
def http_gate(upstream: int) -> Iterator[Gate]:
    """Listens on `port` of 127.0.0.1, before the port `upstream` of it. One request at a time is decided upon."""
    gate = Gate(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, {n.lower(): v for n, v in self.headers.items()}, body)
            with gate.lock:
                gate.asked.append(asked)
                answer = gate.answer(asked) or self._pass_on(body)
            self.send_response(answer.status, answer.reason)
            for name, value in answer.headers:
                self.send_header(name, value)
            if "content-length" not in {name.lower() for name, _ in answer.headers}:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def _pass_on(self, body: bytes) -> Answer:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gate.upstream)) as connection:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                response = connection.getresponse()
                data = response.read()
            gate.passed.append(Passed(self.command, self.path, response.status))
            headers = [(n, v) for n, v in response.getheaders() if n.lower() not in _OF_THE_CONNECTION]
            if self.command == "HEAD" and (length := response.headers.get("Content-Length")):
                headers.append(("Content-Length", length))
            return Answer(response.status, data, tuple(headers))

        do_GET = do_PUT = do_POST = do_HEAD = do_MOVE = do_MKCOL = do_PROPFIND = do_DELETE = _serve  # noqa: N815

        def log_request(self, *_: object) -> None:
            pass

    with serving(Handler) as gate.port:
        yield gate
