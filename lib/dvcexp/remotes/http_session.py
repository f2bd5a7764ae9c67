"""What `requests` needs to be told for DVC remotes: very many small requests, and a secret that is for one host."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import requests
from requests.auth import HTTPDigestAuth
from requests.hooks import default_hooks

from dvcexp.remotes.base import ignore
from dvcexp.remotes.http_auth import HeaderAuth


class Session(requests.Session):
    """Requests one at a time from any number of threads; the secret never follows a redirect to another host.

    `requests` itself strips the Authorization header alone. And for each request it merges cookies, hooks and settings
    that are the same for all, which is half of what a small request costs. Here that is left out, once a first answer
    had nothing to do with other requests (no redirect, no cookie, no challenge), and until one has.
    """

    def __init__(self) -> None:
        super().__init__()
        self._independent: bool | None = None  # before the first answer

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Sent | bytes | None,
        timeout: tuple[float | None, float | None],
    ) -> requests.Response:
        """The answer, its body not read yet. `timeout` as in `requests`."""
        if self._independent:
            response = self._ask_adapter(method, url, headers, body, timeout)
            if self._is_independent(response):
                return response
            response.close()
            if isinstance(body, Sent):
                body.seek(0)
        response = self.request(method, url, headers=headers, data=body, stream=True, timeout=timeout)
        if self._independent is not False:  # where one was redirected others will be, and would be asked for twice
            self._independent = self._is_independent(response)
        return response

    def _is_independent(self, response: requests.Response) -> bool:
        related = response.history or response.is_redirect or "Set-Cookie" in response.headers or self.cookies
        return not related and not isinstance(self.auth, HTTPDigestAuth)

    def _ask_adapter(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        timeout: Any,
    ) -> requests.Response:
        request = requests.PreparedRequest()
        request.prepare_method(method)
        request.prepare_url(url, None)
        request.prepare_headers({**self.headers, **headers})
        request.body = body or None
        request.prepare_content_length(request.body)
        request.prepare_auth(self.auth)
        options: dict[str, Any] = {"verify": self.verify, "cert": self.cert, "proxies": self.proxies}
        return self.get_adapter(url).send(request, stream=True, timeout=timeout, **options)

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]
        there = prepared_request.url or ""
        if self.should_strip_auth(response.request.url or "", there):  # type: ignore[no-untyped-call]
            if isinstance(self.auth, HeaderAuth):
                prepared_request.headers.pop(self.auth.header, None)
            prepared_request.hooks = default_hooks()  # the answer to a digest challenge


class Sent:
    """A file on its way up: exactly `size` bytes of it, rewound when the server wants it again."""

    def __init__(self, file: IO[bytes], size: int, moved: Callable[[int], object] = ignore) -> None:
        self._file = file
        self._size = size
        self._moved = moved

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """By this `requests` knows a body that it has to rewind before it follows a redirect with it."""
        return iter(self.read, b"")

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._file.tell()
        data = self._file.read(left if size < 0 else min(size, left))
        if not data and left:
            # The server waits for the rest: the connection must end, not the body.
            raise ShrunkError(f"the file has {left} bytes less than a moment ago")
        self._moved(len(data))
        return data


class ShrunkError(Exception):
    """A file became shorter while it was sent."""
