"""One DVC remote, whatever kind: what the sync engine may ask of it, and the few errors that every kind raises.

A *key* is an object's path below the remote's URL, with `/` (`files/md5/ab/cdef...`, `runs/ab/...`); kinds never look
inside it. Transfers come in batches, because what is fast differs: a directory wants one `syncfs` for many files, SFTP
pipelines its requests, a cloud wants threads. A kind that has threads implements `PerObjectRemote` and inherits the
batches (pool, retry) from there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from dvcexp.errors import DvcexpError, printable
from dvcexp.files import unheard


class Upload(NamedTuple):
    """Send the file `source` as `key`. `size` is what the planner saw, for progress and for choosing multipart.

    protect: nobody may write to it any more, as DVC has its objects where a remote is a directory.
    md5: hex digest that the content must have, where a kind computes it anyway; None where it is not to be checked.
    moved: hears of bytes as they go, from any thread, if the kind can tell.
    """

    key: str
    source: str
    size: int
    protect: bool = True
    md5: str | None = None
    moved: Callable[[int], object] = unheard


class Download(NamedTuple):
    """Write the object `key` into the new file `target`, whose folder exists.

    `limit`: a sender that goes on past so many bytes is cut off as corrupt. `version`: a cloud version id, for
    cloud-versioned remotes only. `moved`: as in Upload.
    """

    key: str
    target: str
    limit: int | None = None
    version: str | None = None
    moved: Callable[[int], object] = unheard


class Outcome(NamedTuple):
    """How one upload or download ended. `md5` is the hex digest of the bytes moved if the kind computed it anyway."""

    key: str
    size: int
    error: RemoteError | None = None
    md5: str | None = None


class Listed(NamedTuple):
    """One key found by listing; size is -1 where the listing does not tell it."""

    key: str
    size: int


class RemoteError(DvcexpError):
    """Something failed at a DVC remote. `remote` is its name, `url` has no secrets, `cause` is a short phrase."""

    def __init__(self, remote: str, url: str, cause: str, *hints: str, key: str | None = None) -> None:
        subject = f"DVC remote '{printable(remote)}' ({printable(url)})"
        if key is not None:
            subject = f"'{printable(key)}' on {subject}"
        super().__init__(f"{subject}: {printable(cause)}", *hints)
        self.remote = remote
        self.url = url
        self.cause = cause
        self.key = key


class ObjectMissing(RemoteError):
    """The object is not there. Never used for an object that could not be asked about."""


class RemoteMissing(RemoteError):
    """The bucket, share or base folder itself is not there."""


class AccessDenied(RemoteError):
    """Wrong or missing credentials, or credentials without the right. Asking again will not help."""


class Untrusted(RemoteError):
    """The server could not prove to be the one that is meant (certificate, host key): it was told nothing."""


class RemoteUnavailable(RemoteError):
    """Network, time-out, overload: worth another try, after `retry_after` seconds where the server named a time."""

    retry_after: float | None = None


class RemoteFull(RemoteError):
    """No space left, or over quota."""


class CorruptTransfer(RemoteError):
    """The bytes that came are not those that were announced (short, longer than `limit`, checksum)."""


class UnsupportedOption(RemoteError):
    """An option in DVC's config that this kind cannot honour; ignoring it could send data to the wrong place."""


class Remote(ABC):
    """A DVC remote. Not shared between processes; its batches may use threads, its caller uses one.

    name: as in DVC's config. url: without secrets, safe to print. jobs: transfers at a time.
    """

    name: str
    url: str
    jobs: int

    @abstractmethod
    def exists(self, keys: Collection[str], tick: Callable[[int], object] = unheard) -> set[str]:
        """Those of `keys` that are there, by whichever is cheaper: questions or listing. `tick(n)`: n more known."""

    @abstractmethod
    def upload(self, uploads: Iterable[Upload]) -> Iterator[Outcome]:
        """Send each; an outcome each, as they end, in any order. An object appears under its key only when it is whole.

        `uploads` is consumed lazily, a bounded number ahead. Errors of single objects are outcomes; an error that
        dooms all the rest (AccessDenied, Untrusted, RemoteMissing, RemoteFull) may be raised instead. Closing the
        iterator early stops the transfer and leaves no temporary files that this process can reach.
        """

    @abstractmethod
    def download(self, downloads: Iterable[Download]) -> Iterator[Outcome]:
        """Fetch each, as `upload`. After an error outcome `target` does not exist. Hashes are the caller's to check."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[Listed]:
        """All keys that begin with `prefix` (which ends with `/` or is empty), in any order; nothing if none."""

    def make_durable(self) -> None:  # noqa: B027 - most kinds are durable when the server has answered
        """Return when everything uploaded so far would survive a power cut at the remote."""

    def close(self) -> None:  # noqa: B027 - most kinds hold nothing
        """Let go of connections and threads; safe to call twice."""
