"""S3 and Azure through obstore: threads call it, it lets go of the interpreter lock while it works.

obstore's own retry is switched off: which failures are worth another try, and when, is `retry.py`'s to say. It does not
hand out response headers, so a Retry-After is not known here; the jittered back-off stands in.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from io import FileIO
from typing import TYPE_CHECKING, NamedTuple

from dvcexp.errors import ConfigError, printable
from dvcexp.remotes import retry
from dvcexp.remotes.base import (
    AccessDenied,
    CorruptTransfer,
    Download,
    Listed,
    ObjectMissing,
    Outcome,
    RemoteError,
    RemoteMissing,
    RemoteUnavailable,
    Untrusted,
    Upload,
)
from dvcexp.remotes.memory import Budget
from dvcexp.remotes.objectstore_errors import Refusal
from dvcexp.remotes.options import Options
from dvcexp.remotes.pool import Once, PerObjectRemote
from dvcexp.remotes.presence import Listing
from dvcexp.remotes.receiving import Body, receive

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import AzureStore, ClientConfig, RetryConfig, S3Store

JOBS = 32  # on a link with latency; obstore costs little for each
RETRY: RetryConfig = {"max_retries": 0}
_AGAIN = "run the same command again to resume"

_PART = 8 << 20
_MOST_PARTS = 10_000  # S3's limit; Azure's is 50,000
_PARTS_AT_ONCE = 4
_MEMORY = 48 << 20  # bytes of uploads held in memory, over all threads
_CHUNK = 256 << 10


def timeouts(connect: float | None, read: float | None, *, request: str) -> ClientConfig:
    """Client options: `connect` and `read` in seconds, None for our own, 0 for none; `request` bounds a whole one.

    obstore would end every request after 30 s, body included. `read` is the longest silence of the server: it counts
    from the start of a request, so whoever sends much with one must leave it out.
    """
    options: ClientConfig = {
        "connect_timeout": _duration(10.0 if connect is None else connect),
        "timeout": request,
        "user_agent": "dvcexp",
    }
    if read != 0:
        options["read_timeout"] = _duration(60.0 if read is None else read)
    return options


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))} ms" if seconds else "365 d"


def trust(given: Options, ambient: str | None) -> ClientConfig:
    """Client options for `ssl_verify`: true, false, or a file with the certificates to trust; `ambient` if not set."""
    verify = given.flag_or_path("ssl_verify") if given.peek("ssl_verify") else ambient or True
    if verify is False:
        return {"allow_invalid_certificates": True}
    if verify is True:
        return {}
    try:
        with open(os.path.expanduser(verify), "rb") as file:
            return {"root_certificate": file.read()}
    except OSError as error:
        raise ConfigError(
            f"DVC remote '{printable(given.name)}': the certificates in '{printable(verify)}' cannot be read: "
            f"{error.strerror}",
            f"set the file with: dvc remote modify {given.name} ssl_verify <ca-file>",
        ) from None


@contextlib.contextmanager
def making_a_store(given: Options) -> Iterator[None]:
    """Turn what obstore says to options it cannot use into an error that names the remote and quotes nothing."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, ValueError) as error:
        named = {"AccessKey": "the account key is not base64", "RegionParse": "the region is not one"}
        named |= {
            "customer": "the customer key is not base64 of 32 bytes",
            "ertificate": "the certificates are not PEM",
        }
        reason = next((words for part, words in named.items() if part in str(error)), type(error).__name__)
        raise ConfigError(
            f"DVC remote '{printable(given.name)}': its options cannot be used: {reason}",
            f"look at them with: dvc config --list | grep remote.{given.name}",
        ) from None


class _RangeIgnored(RemoteError):
    """The whole object came where a part of it was asked for."""


class Stores(NamedTuple):
    """The same bucket twice: uploads need other headers and time-outs than everything else."""

    reading: S3Store | AzureStore
    writing: S3Store | AzureStore


class _Heard(FileIO):
    """A file of which `moved` hears how much has been read."""

    def __init__(self, path: str, moved: Callable[[int], object]) -> None:
        super().__init__(path)
        self._moved = moved

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        self._moved(len(data))
        return data


class Words(NamedTuple):
    """What messages call things: the `base` (bucket, container) and the next step when it is `missing` or `denied`, and
    when the credentials have expired. until: when that is, where that is known."""

    base: str
    missing: str
    denied: str
    renew: str
    until: datetime | None = None


class ObjectStoreRemote(PerObjectRemote):
    """Objects in a bucket or container, below `prefix`, which is empty or ends with `/`."""

    def __init__(
        self, name: str, url: str, jobs: int | None, stores: Stores, prefix: str, words: Words, page: int = 1000
    ) -> None:
        self.name = name
        self.url = url
        self.jobs = jobs or JOBS
        self.listing = Listing(page)
        self._stores = stores
        self._prefix = prefix
        self._words = words
        self._memory = Budget(_MEMORY)
        self._base_seen = Once()

    def exists_one(self, key: str) -> bool:
        try:
            with self._failures(key):
                self._stores.reading.head(self._prefix + key)
        except ObjectMissing:
            self._base_seen.do(self._require_base)
            return False
        except (RemoteUnavailable, Untrusted):
            raise
        except RemoteError as error:
            raise self._told_by_listing(error) from None
        return True

    def _told_by_listing(self, error: RemoteError) -> RemoteError:
        """The answer to a HEAD has no body that says why; the answer to a listing has. `error`, if it has no more."""
        try:
            self._list_nothing()
        except (AccessDenied, RemoteMissing) as told:
            return told
        except RemoteError:
            pass
        return error

    def upload_one(self, upload: Upload) -> Outcome:
        path = self._prefix + upload.key
        try:
            if upload.size <= _PART:
                self._put_whole(upload, path)
            else:
                self._put_parts(upload, path)
        except ObjectMissing as error:  # nothing is missing for a PUT but the place it goes to
            raise self._base_missing(error.cause) from None
        return Outcome(upload.key, upload.size)

    def _put_whole(self, upload: Upload, path: str) -> None:
        with self._memory.hold(upload.size):
            with open(upload.source, "rb") as file:
                data = file.read(upload.size + 1)
            self._require_size(upload, len(data))
            with self._failures(upload.key):
                self._stores.writing.put(path, data, use_multipart=False)

    def _put_parts(self, upload: Upload, path: str) -> None:
        self._require_size(upload, os.stat(upload.source).st_size)
        part = max(_PART, -(-upload.size // _MOST_PARTS))
        at_once = max(1, _PARTS_AT_ONCE * _PART // part)
        with _Heard(upload.source, upload.moved) as file, self._memory.hold(part * at_once), self._failures(upload.key):
            self._stores.writing.put(path, file, chunk_size=part, max_concurrency=at_once)

    def _require_size(self, upload: Upload, size: int) -> None:
        if size != upload.size:
            cause = f"'{upload.source}' changed while it was uploaded"
            raise CorruptTransfer(self.name, self.url, cause, _AGAIN, key=upload.key)

    def download_one(self, download: Download) -> Outcome:
        def ask(offset: int) -> Body:
            try:
                result = self._get(download, offset)
            except _RangeIgnored:  # a server that knows no ranges: from the start again
                result = self._get(download, 0)
            return Body(result.range[0], result.meta["size"], self._chunks(download.key, iter(result.stream(_CHUNK))))

        def failed(kind: type[RemoteError], cause: str) -> RemoteError:
            return kind(self.name, self.url, cause, _AGAIN, key=download.key)

        return receive(download, ask, failed)

    def _get(self, download: Download, offset: int) -> GetResult:
        options: GetOptions = {"range": {"offset": offset}} if offset else {}
        if download.version is not None:
            options["version"] = download.version
        with self._failures(download.key):
            return self._stores.reading.get(self._prefix + download.key, options=options)

    def _chunks(self, key: str, stream: Iterator[bytes]) -> Iterator[bytes]:
        while True:
            with self._failures(key):
                chunk = next(stream, None)
            if chunk is None:
                return
            yield chunk

    def list(self, prefix: str) -> Iterator[Listed]:
        return retry.listing(lambda last: self._list(prefix, last), self.backoff)

    def _list(self, prefix: str, last: str | None) -> Iterator[Listed]:
        offset = self._prefix + last if last is not None else None
        with self._failures(None):
            pages = iter(self._stores.reading.list(self._prefix + prefix or None, offset=offset, chunk_size=1000))
        while True:
            with self._failures(None):
                page = next(pages, None)
            if page is None:
                return
            for meta in page:
                yield Listed(meta["path"][len(self._prefix) :], meta["size"])

    def _require_base(self) -> None:
        """HEAD is answered alike where an object is missing and where the bucket is; a listing is not."""
        with contextlib.suppress(AccessDenied):  # may not list: then it is there, or nobody can tell
            self._list_nothing()

    def _list_nothing(self) -> None:
        """Ask for what is not there, to hear whether it could be listed."""
        try:
            for _ in self._list("a-folder-that-is-not-there/", None):
                break
        except ObjectMissing as error:
            raise self._base_missing(error.cause) from None

    def _base_missing(self, cause: str) -> RemoteMissing:
        return RemoteMissing(self.name, self.url, f"there is no such {self._words.base}: {cause}", self._words.missing)

    @contextlib.contextmanager
    def _failures(self, key: str | None) -> Iterator[None]:
        """Turn obstore's exceptions into ours."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise self._error(Refusal(error), key) from None
        except BaseException as error:
            # How Rust's panics arrive, where no thread can be had for one.
            if type(error).__name__ != "PanicException":
                raise
            raise RemoteError(self.name, self.url, "obstore failed for want of resources", _AGAIN, key=key) from None

    def _error(self, refusal: Refusal, key: str | None) -> RemoteError:
        kind, cause = refusal.kind, refusal.cause
        if refusal.ignored_range:
            return _RangeIgnored(self.name, self.url, cause, key=key)
        if kind is AccessDenied:
            return self._denied(refusal)
        if refusal.is_elsewhere:
            hint = f"name its region: dvc remote modify {self.name} region {refusal.region or '<region>'}"
            return RemoteMissing(self.name, self.url, cause, hint, self._words.missing)
        if kind is RemoteMissing:
            return RemoteMissing(self.name, self.url, cause, self._words.missing)
        hints = (_AGAIN,) if kind is RemoteUnavailable else ()
        if kind is Untrusted:
            hints = (f"if it has a certificate of your own: dvc remote modify {self.name} ssl_verify <ca-file>",)
        return kind(self.name, self.url, cause, *hints, key=key)

    def _denied(self, refusal: Refusal) -> AccessDenied:
        over = self._words.until is not None and self._words.until < datetime.now(timezone.utc)
        if over or refusal.has_expired:
            cause = f"the credentials have expired: {refusal.cause}"
            return AccessDenied(self.name, self.url, cause, self._words.renew, f"then {_AGAIN}")
        if refusal.is_skewed:
            return AccessDenied(self.name, self.url, refusal.cause, f"set the clock, then {_AGAIN}")
        return AccessDenied(self.name, self.url, refusal.cause, self._words.denied)
