"""What `requests` needs to be told for DVC remotes: very many small requests, and a secret that is for one host."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import IO, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPDigestAuth
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict

from dvcexp.files import unheard
from dvcexp.remotes.http_auth import HeaderAuth


class _Place(NamedTuple):
    """A server, and the way to it. prefix: what a request line has before the path; not empty only for a proxy."""

    pool: urllib3.HTTPConnectionPool
    prefix: str
    timeout: urllib3.Timeout


class Session(requests.Session):
    """Requests one at a time from any number of threads; the secret never follows a redirect to another host.

    `requests` itself strips the Authorization header alone. And for each request it looks up cookies, hooks, settings,
    proxies and certificates that are the same for all, which is more than half of what a small request costs. So once
    a first answer had nothing to do with other requests (no redirect, no cookie, no challenge), and until one has,
    requests go straight to the connection pool that `requests` has made. `timeout` as in `requests`.
    """

    def __init__(self, timeout: tuple[float | None, float | None]) -> None:
        super().__init__()
        self._timeout = timeout
        self._independent: bool | None = None  # before the first answer
        self._places: dict[str, _Place] = {}  # by scheme, host and port, as `https://host:port`

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Sent | bytes | None,
    ) -> requests.Response:
        """The answer, its body not read yet."""
        if self._independent:
            response = self._ask_pool(method, url, headers, body)
            if self._is_independent(response):
                return response
            response.close()
            if isinstance(body, Sent):
                body.seek(0)
        response = self.request(method, url, headers=headers, data=body, stream=True, timeout=self._timeout)
        if self._independent is not False:  # where one was redirected others will be, and would be asked for twice
            self._independent = self._is_independent(response)
        return response

    def _is_independent(self, response: requests.Response) -> bool:
        related = response.history or response.is_redirect or "Set-Cookie" in response.headers or self.cookies
        return not related and not isinstance(self.auth, HTTPDigestAuth)

    def _ask_pool(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Sent | bytes | None,
    ) -> requests.Response:
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        origin = f"{scheme}://{host}"
        place = self._places.get(origin) or self._places.setdefault(origin, self._place(origin))
        request = requests.PreparedRequest()
        request.method, request.url = method, url
        request.prepare_headers({**self.headers, **headers})
        if body is not None or method not in ("GET", "HEAD"):
            request.headers["Content-Length"] = str(len(body or b""))
        if isinstance(self.auth, AuthBase):
            request = self.auth(request)
        raw = place.pool.urlopen(
            method,
            f"{place.prefix}/{path}",
            body=body or None,
            headers=request.headers,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            retries=False,
            timeout=place.timeout,
        )
        response = requests.Response()
        response.raw, response.request, response.url = raw, request, url
        response.status_code, response.headers = raw.status, CaseInsensitiveDict(raw.headers)
        return response

    def _place(self, origin: str) -> _Place:
        """What `HTTPAdapter.send` looks up for every request."""
        request = requests.Request("GET", f"{origin}/").prepare()
        adapter = self.get_adapter(origin)
        assert isinstance(adapter, HTTPAdapter)
        pool = adapter.get_connection_with_tls_context(request, self.verify, self.proxies, self.cert)
        assert isinstance(pool, urllib3.HTTPConnectionPool)
        adapter.cert_verify(pool, origin, self.verify, self.cert)  # type: ignore[no-untyped-call]  # so in its stubs
        prefix = adapter.request_url(request, self.proxies).removesuffix("/")
        connect, read = self._timeout
        return _Place(pool, prefix, urllib3.Timeout(connect=connect, read=read))

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]
        there = prepared_request.url or ""
        if self.should_strip_auth(response.request.url or "", there):  # type: ignore[no-untyped-call]
            if isinstance(self.auth, HeaderAuth):
                prepared_request.headers.pop(self.auth.header, None)
            prepared_request.hooks = default_hooks()  # the answer to a digest challenge


class Sent:
    """A file on its way up: exactly `size` bytes of it, rewound when the server wants it again."""

    def __init__(self, file: IO[bytes], size: int, moved: Callable[[int], object] = unheard) -> None:
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
