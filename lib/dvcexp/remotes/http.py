"""HTTP(S): objects are fetched with GET, stored with the method DVC's config names, and cannot be listed."""

from __future__ import annotations

import builtins
import contextlib
import os
from collections.abc import Iterator, Mapping

import requests

from dvcexp.remotes.base import (
    Download,
    Listed,
    ObjectMissing,
    Outcome,
    Remote,
    RemoteError,
    RemoteMissing,
    UnsupportedOption,
    Upload,
)
from dvcexp.remotes.http_auth import http_auth
from dvcexp.remotes.http_client import HttpClient, MethodRefused, client_base
from dvcexp.remotes.http_session import Sent, ShrunkError
from dvcexp.remotes.options import Options
from dvcexp.remotes.pool import PerObjectRemote
from dvcexp.remotes.receiving import Body, receive

_JOBS = 8  # on small objects `requests` is bound by the interpreter; more threads only hide latency
_TIMEOUT = 60.0  # DVC's
_SMALL = 1 << 16  # bytes; so much is sent from memory: each look at the file costs a thread its turn


def open(name: str, url: str, options: Mapping[str, str], jobs: int | None = None) -> Remote:
    """The remote at `url`; asks for a password where the config wants that."""
    given = Options(name, url, options)
    jobs = jobs or _JOBS
    method = (given.text("method") or "POST").upper()
    if method not in ("POST", "PUT"):
        raise given.invalid("method", method, "POST or PUT")
    connect, read = given.seconds("connect_timeout"), given.seconds("read_timeout")
    verify = given.flag_or_path("ssl_verify")
    base = client_base(name, url)
    auth = http_auth(url, given)
    given.done()
    timeout = (_limit(connect), _limit(read))
    return HttpRemote(HttpClient(name, base, jobs=jobs, auth=auth, verify=verify, timeout=timeout), jobs, method)


def _limit(seconds: float | None) -> float | None:
    """DVC's time-outs: 0 stands for none."""
    return _TIMEOUT if seconds is None else seconds or None


class HttpRemote(PerObjectRemote):
    """Objects as resources below a URL."""

    def __init__(self, client: HttpClient, jobs: int, method: str) -> None:
        self.name = client.name
        self.url = client.url
        self.jobs = jobs
        self._client = client
        self._method = method
        self._head = True

    def close(self) -> None:
        self._client.close()

    def exists_one(self, key: str) -> bool:
        """By HEAD; by GET of the first byte on servers that know no HEAD."""
        try:
            if self._head:
                with self._client.request("HEAD", key, good=(*range(200, 300), 405, 501)) as response:
                    if response.status_code < 300:
                        return True
                self._head = False
            with self._client.request("GET", key, good=(200, 206, 416), headers={"Range": "bytes=0-0"}):
                return True
        except ObjectMissing:
            return False

    def upload_one(self, upload: Upload) -> Outcome:
        """The length is announced, so the server can tell a body that broke off from a whole one."""
        try:
            with builtins.open(upload.source, "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                body = Sent(file, size, upload.moved)
                self.put(upload.key, body if size > _SMALL else body.read())
        except (OSError, ShrunkError) as error:
            cause = f"'{upload.source}' cannot be read: {getattr(error, 'strerror', None) or error}"
            return Outcome(upload.key, 0, self._client.error(RemoteError, cause, key=upload.key))
        return Outcome(upload.key, size)

    def put(self, key: str, body: Sent | bytes) -> None:
        """Store one object under `key`."""
        headers = {"Content-Type": "application/octet-stream"}
        try:
            with self._client.request(self._method, key, headers=headers, body=body):
                pass
        except ObjectMissing as error:
            hint = f"check where uploads go: dvc remote modify {self.name} url <url>"
            raise self._client.error(RemoteMissing, f"no place to store objects: {error.cause}", hint) from None
        except MethodRefused as error:
            other = "PUT" if self._method == "POST" else "POST"
            hint = f"the server may want the other method: dvc remote modify {self.name} method {other}"
            raise self._client.error(MethodRefused, error.cause, hint) from None

    def download_one(self, download: Download) -> Outcome:
        validator: str | None = None
        with contextlib.ExitStack() as answers:

            def ask(offset: int) -> Body:
                nonlocal validator
                headers = {"Range": f"bytes={offset}-"} if offset else {}
                if offset and validator:
                    headers["If-Range"] = validator  # a server where it changed after all sends the whole again
                answers.close()
                request = self._client.request("GET", download.key, good=(200, 206, 416), headers=headers)
                response = answers.enter_context(request)
                if response.status_code == 416:
                    if response.headers.get("Content-Range") == f"bytes */{offset}":
                        return Body(offset, offset, iter(()))  # all had come, only the end was not clean
                    return ask(0)
                validator = _validator(response)
                return Body(*self._extent(response), self._client.chunks(response, download.key))

            def failed(kind: type[RemoteError], cause: str) -> RemoteError:
                return self._client.error(kind, cause, key=download.key)

            return receive(download, ask, failed)

    def list(self, prefix: str) -> Iterator[Listed]:
        raise UnsupportedOption(self.name, self.url, "a web server has no way to list what is there")

    def _extent(self, response: requests.Response) -> tuple[int, int | None]:
        """Where the body of this answer begins, and the size of the whole object where the server tells it."""
        if response.status_code == 206:
            span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
            first = span.partition("-")[0]
            return int(first) if first.isdigit() else -1, int(total) if total.isdigit() else None
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() and not self._client.is_encoded(response) else None


def _validator(response: requests.Response) -> str | None:
    """What If-Range may carry: a strong ETag, else the date."""
    tag: str = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified")
