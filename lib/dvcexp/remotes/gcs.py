"""Google Cloud Storage, by its JSON API over `requests`: a third of the time of Google's own library."""

from __future__ import annotations

import builtins
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import requests

from dvcexp.errors import ConfigError
from dvcexp.remotes import retry
from dvcexp.remotes.base import (
    AccessDenied,
    CorruptTransfer,
    Download,
    Listed,
    ObjectMissing,
    Outcome,
    Remote,
    RemoteError,
    RemoteMissing,
    RemoteUnavailable,
    Untrusted,
    Upload,
)
from dvcexp.remotes.gcs_auth import google_auth, next_steps
from dvcexp.remotes.http_client import HttpClient
from dvcexp.remotes.memory import Budget
from dvcexp.remotes.options import Options, bucket_and_prefix, split, without_secrets
from dvcexp.remotes.pool import Once, PerObjectRemote
from dvcexp.remotes.presence import Listing
from dvcexp.remotes.receiving import Body, receive

_ENDPOINT = "https://storage.googleapis.com"
_JOBS = 16
_PAGE = 1000
_PART = 8 << 20  # a multiple of 256 KiB, as the API wants of every part but the last
_MEMORY = 48 << 20
_TIMEOUT = (10.0, 60.0)  # to connect; the longest silence


def open(name: str, url: str, options: Mapping[str, str], jobs: int | None = None) -> Remote:
    """The remote at `gs://<bucket>/<path>`."""
    given = Options(name, url, options)
    bucket, prefix = bucket_and_prefix(given, url, "bucket")
    endpoint = _endpoint(given)
    given.text("projectname")  # whose buckets are listed or made: nothing that is asked here depends on it
    auth = google_auth(given, secure=endpoint.startswith("https://"))
    given.done()
    jobs = jobs or _JOBS
    client = _Client(name, endpoint, jobs=jobs, auth=auth, timeout=_TIMEOUT)
    client.url = given.url  # what messages show
    return GcsRemote(client, jobs, bucket, prefix)


def _endpoint(given: Options) -> str:
    """DVC's option, else the variable by which Google's libraries find an emulator."""
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    endpoint = given.text("endpointurl") or emulator or _ENDPOINT
    if "://" not in endpoint:
        endpoint = f"{'http' if emulator else 'https'}://{endpoint}"
    parts = split(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
        raise ConfigError(
            f"DVC remote '{given.name}': '{without_secrets(endpoint)}' is not the http(s) URL of a server",
            f"set it with: dvc remote modify {given.name} endpointurl https://<host>",
        )
    return endpoint.rstrip("/")


class _Client(HttpClient):
    """Says what Google's statuses mean, and what to do about credentials."""

    def refused(self, response: requests.Response, key: str) -> RemoteError:
        error = super().refused(response, key)
        if isinstance(error, AccessDenied) and response.status_code in (401, 403):
            return self.error(AccessDenied, error.cause, *next_steps(self.name))
        return error

    def broken(self, error: Exception, key: str | None) -> RemoteError:
        ours = super().broken(error, key)
        if isinstance(ours, Untrusted):  # DVC has no option for that here
            hint = "if it has a certificate of your own, name a file of certificates in REQUESTS_CA_BUNDLE"
            return self.error(Untrusted, ours.cause, hint)
        return ours


class GcsRemote(PerObjectRemote):
    """Objects in a bucket, below `prefix`, which is empty or ends with `/`."""

    listing = Listing(_PAGE)

    def __init__(self, client: HttpClient, jobs: int, bucket: str, prefix: str) -> None:
        self.name = client.name
        self.url = client.url
        self.jobs = jobs
        self._client = client
        self._prefix = prefix
        self._bucket = quote(bucket, safe="")
        self._memory = Budget(_MEMORY)
        self._sessions: dict[str, str] = {}  # key -> address of its upload that is under way
        self._base_seen = Once()

    def close(self) -> None:
        self._client.close()

    def exists_one(self, key: str) -> bool:
        try:
            with self._client.request("GET", key, url=self._object(key, fields="name")):
                return True
        except ObjectMissing:
            self._base_seen.do(self._require_base)
            return False

    def upload_one(self, upload: Upload) -> Outcome:
        try:
            with builtins.open(upload.source, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size != upload.size:
                    cause = f"'{upload.source}' changed while it was uploaded"
                    raise self._client.error(CorruptTransfer, cause, key=upload.key)
                if size <= _PART:
                    self._put_whole(upload.key, file, size)
                else:
                    self._put_parts(upload.key, file, size, upload.moved)
        except ObjectMissing as error:  # nothing is missing for an upload but the place it goes to
            raise self._base_missing(error.cause) from None
        return Outcome(upload.key, upload.size)

    def _put_whole(self, key: str, file: Any, size: int) -> None:
        with self._memory.hold(size):
            data = file.read(size)
            with self._client.request("POST", key, body=data, headers=_BYTES, url=self._upload_url("media", key)):
                pass

    def _put_parts(self, key: str, file: Any, size: int, moved: Callable[[int], object]) -> None:
        """A resumable upload: the object appears with its last part; a session that broke off is taken up again."""
        sent = self._sent_before(key, size)
        while sent < size:
            part = min(_PART, size - sent)
            with self._memory.hold(part):
                file.seek(sent)
                data = file.read(part)
                if len(data) != part:
                    raise self._client.error(CorruptTransfer, "the file became shorter while it was uploaded", key=key)
                headers = {"Content-Range": f"bytes {sent}-{sent + part - 1}/{size}"}
                sent = self._put_part(key, size, headers, data)
                moved(part)
        self._sessions.pop(key, None)

    def _sent_before(self, key: str, size: int) -> int:
        """How much of the object the server has from an earlier attempt; begins an upload where there was none."""
        if key in self._sessions:
            with contextlib.suppress(ObjectMissing):  # the session is over: begin another
                return self._put_part(key, size, {"Content-Range": f"bytes */{size}"}, b"")
            del self._sessions[key]
        headers = {**_BYTES, "X-Upload-Content-Length": str(size)}
        url = self._upload_url("resumable", key)
        with self._client.request("POST", key, body=b"", headers=headers, url=url) as response:
            session = response.headers.get("Location", "")
        if split(session).scheme not in ("http", "https"):
            raise self._client.error(RemoteError, "the server began no upload", key=key)
        self._sessions[key] = session
        return 0

    def _put_part(self, key: str, size: int, headers: Mapping[str, str], data: bytes) -> int:
        """Send a part (an empty one asks for the state); the bytes that the server has then."""
        session = self._sessions[key]
        with self._client.request(
            "PUT", key, good=(200, 201, 308), body=data, headers=headers, url=session
        ) as response:
            if response.status_code != 308:
                return size
            received = response.headers.get("Range", "").removeprefix("bytes=0-")
        return int(received) + 1 if received.isdigit() else 0

    def download_one(self, download: Download) -> Outcome:
        query = {"alt": "media", **({"generation": download.version} if download.version else {})}
        url = self._object(download.key, **query)
        with contextlib.ExitStack() as answers:

            def ask(offset: int) -> Body:
                answers.close()
                headers = {"Range": f"bytes={offset}-"} if offset else {}
                request = self._client.request("GET", download.key, good=(200, 206), headers=headers, url=url)
                response = answers.enter_context(request)
                start, size = _extent(response)
                return Body(start, size, self._client.chunks(response, download.key))

            def failed(kind: type[RemoteError], cause: str) -> RemoteError:
                return self._client.error(kind, cause, key=download.key)

            try:
                return receive(download, ask, failed)
            except ObjectMissing:
                self._base_seen.do(self._require_base)
                raise

    def list(self, prefix: str) -> Iterator[Listed]:
        return retry.listing(lambda last: self._list(prefix, last), self.backoff)

    def _list(self, prefix: str, last: str | None) -> Iterator[Listed]:
        query = {"prefix": self._prefix + prefix, "fields": "items(name,size),nextPageToken", "maxResults": str(_PAGE)}
        if last is not None:
            query["startOffset"] = self._prefix + last  # that one included
        while True:
            page = self._page(query)
            for item in page.get("items", ()):
                key = str(item["name"])[len(self._prefix) :]
                if last is None or key > last:
                    yield Listed(key, int(item["size"]))
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        url = f"{self._client.base}/storage/v1/b/{self._bucket}/o?{urlencode(query)}"
        try:
            with self._client.request("GET", "", url=url) as response:
                page = response.json()
        except ObjectMissing as error:
            raise self._base_missing(error.cause) from None
        except ValueError:
            raise self._client.error(RemoteUnavailable, "a listing broke off") from None
        if not isinstance(page, dict):
            raise self._client.error(RemoteError, "the answer should be a listing and is not")
        return page

    def _require_base(self) -> None:
        """A missing object is answered like a missing bucket; a listing is not."""
        with contextlib.suppress(AccessDenied):  # may not list: then it is there, or nobody can tell
            self._page({"maxResults": "1", "fields": "kind"})

    def _base_missing(self, cause: str) -> RemoteMissing:
        hint = f"make the bucket, or name the right one: dvc remote modify {self.name} url gs://<bucket>/<path>"
        return self._client.error(RemoteMissing, f"there is no such bucket: {cause}", hint)

    def _object(self, key: str, **query: str) -> str:
        name = quote(self._prefix + key, safe="")
        return f"{self._client.base}/storage/v1/b/{self._bucket}/o/{name}?{urlencode(query)}"

    def _upload_url(self, kind: str, key: str) -> str:
        query = urlencode({"uploadType": kind, "name": self._prefix + key, "fields": "size"})
        return f"{self._client.base}/upload/storage/v1/b/{self._bucket}/o?{query}"


_BYTES = {"Content-Type": "application/octet-stream"}


def _extent(response: requests.Response) -> tuple[int, int | None]:
    """Where the body of an answer begins, and the size of the whole object where the server tells it."""
    if response.status_code == 206:
        first, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        start = first.partition("-")[0]
        return int(start) if start.isdigit() else -1, int(total) if total.isdigit() else None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None
