"""DVC remotes whose objects move one by one: a bounded pool of threads with retry makes batches of them."""

from __future__ import annotations

import contextlib
import itertools
import os
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from dvcexp.files import unheard
from dvcexp.remotes import presence, retry
from dvcexp.remotes.base import (
    AccessDenied,
    Download,
    Outcome,
    Remote,
    RemoteError,
    RemoteFull,
    RemoteMissing,
    Untrusted,
    Upload,
)
from dvcexp.remotes.presence import Folder, Way

if TYPE_CHECKING:
    import threading

Item = TypeVar("Item")
Result = TypeVar("Result")

_DOOMING = (AccessDenied, Untrusted, RemoteMissing, RemoteFull)


class Once:
    """Something that the first of many threads does for all; the others wait for it."""

    def __init__(self) -> None:
        import threading

        self._lock = threading.Lock()
        self._done = False

    def do(self, work: Callable[[], object]) -> None:
        """`work()`, unless it was done before. Where it raises, it was not."""
        with self._lock:
            if not self._done:
                work()
                self._done = True


class PerObjectRemote(Remote):
    """Implements the batches of `Remote` over `exists_one`, `upload_one` and `download_one`.

    Those run on `jobs` threads at once, raise a RemoteError, and are called again after RemoteUnavailable. The first
    object of a batch goes alone: credentials are asked for and refused once, not once a thread.
    """

    backoff = retry.Backoff()
    listing: presence.Listing | None = None  # None: `list` is not to be used to find out what exists

    @abstractmethod
    def exists_one(self, key: str) -> bool:
        """Is it there? Any answer but a clear yes or no is raised."""

    @abstractmethod
    def upload_one(self, upload: Upload) -> Outcome:
        """Send it whole or not at all. An OSError about `upload.source` may be let out."""

    @abstractmethod
    def download_one(self, download: Download) -> Outcome:
        """Write `download.target`, or continue what an earlier attempt left there before RemoteUnavailable.

        What is there after the last attempt failed is removed by the caller.
        """

    def exists(self, keys: Collection[str], tick: Callable[[int], object] = unheard) -> set[str]:
        folders = presence.by_folder(keys)
        names = self._sample(folders, len(keys))
        if names is None or self.listing is None:
            return self._ask(folders, tick)
        sampled = folders.pop(0)
        tick(len(sampled.keys))
        found = names & sampled.keys
        left = len(keys) - len(sampled.keys)
        around = presence.around(folders)
        way = presence.choose(left, len(folders), len(names), self.jobs, self.listing, around=around is not None)
        if way is Way.AROUND and around is not None:
            return found | self._list_around(around, folders, tick)
        if way is Way.FOLDERS:
            return found | self._list_folders(folders, tick)
        return found | self._ask(folders, tick)

    def _sample(self, folders: list[Folder], questions: int) -> set[str] | None:
        """All keys in the first of `folders`; None where questions are quicker than any listing, or it is forbidden."""
        limit = presence.worthwhile_sample(questions, len(folders), self.jobs, self.listing) if self.listing else 0
        if limit == 0:
            return None
        try:
            names = {listed.key for listed in itertools.islice(self.list(folders[0].prefix), limit + 1)}
        except AccessDenied:  # who may read and write need not be allowed to list
            return None
        return names if len(names) <= limit else None

    def _ask(self, folders: list[Folder], tick: Callable[[int], object]) -> set[str]:
        found = set()
        for key, there in self.each(lambda key: (key, self.exists_one(key)), (key for f in folders for key in f.keys)):
            tick(1)
            if there:
                found.add(key)
        return found

    def _list_folders(self, folders: list[Folder], tick: Callable[[int], object]) -> set[str]:
        def names(folder: Folder) -> tuple[int, set[str]]:
            # Not all names first: of a large remote's folders there are as many in memory as there are threads.
            found = {listed.key for listed in self.list(folder.prefix) if listed.key in folder.keys}
            return len(folder.keys), found

        found = set()
        for asked, there in self.each(names, folders, backoff=retry.NEVER):  # list() tries again by itself
            tick(asked)
            found |= there
        return found

    def _list_around(self, prefix: str, folders: list[Folder], tick: Callable[[int], object]) -> set[str]:
        missing = {key for folder in folders for key in folder.keys}
        found = set()
        for listed in self.list(prefix):
            if listed.key in missing:
                missing.remove(listed.key)
                found.add(listed.key)
                tick(1)
        tick(len(missing))
        return found

    def upload(self, uploads: Iterable[Upload]) -> Iterator[Outcome]:
        return self.each(self._upload, uploads, _failed)

    def _upload(self, upload: Upload) -> Outcome:
        try:
            return self.upload_one(upload)
        except OSError as error:
            if error.filename != upload.source:
                raise
            cause = f"'{upload.source}' cannot be read: {error.strerror}"
            return Outcome(upload.key, 0, RemoteError(self.name, self.url, cause, key=upload.key))

    def download(self, downloads: Iterable[Download]) -> Iterator[Outcome]:
        return self.each(self.download_one, downloads, _failed, give_up=_discard)

    def each(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        failed: Callable[[Item, RemoteError], Result] | None = None,
        *,
        give_up: Callable[[Item], object] | None = None,
        backoff: retry.Backoff | None = None,
    ) -> Iterator[Result]:
        """`work` on every item, results as they end; at most two items a thread are under way.

        An error is retried if that helps. After the last attempt `give_up` cleans up, then `failed` makes a result of
        an error that concerns a single object; any other ends the batch.
        """
        import threading

        stop = threading.Event()
        waiting = iter(items)

        def settle(item: Item) -> Result:
            try:
                return retry.call(lambda: work(item), backoff or self.backoff, stop)
            except BaseException as error:
                if give_up is not None:
                    give_up(item)
                if failed is None or isinstance(error, _DOOMING) or not isinstance(error, RemoteError):
                    raise
                return failed(item, error)

        for first in waiting:
            yield settle(first)
            break
        yield from self._on_threads(settle, waiting, stop)

    def _on_threads(
        self, settle: Callable[[Item], Result], waiting: Iterator[Item], stop: threading.Event
    ) -> Iterator[Result]:
        """Results as they end. When this ends, in whatever way, `stop` is set and no thread is left."""
        from concurrent.futures import Future, ThreadPoolExecutor
        from queue import SimpleQueue

        done: SimpleQueue[Future[Result]] = SimpleQueue()
        with contextlib.ExitStack() as stack:
            pool = ThreadPoolExecutor(self.jobs, thread_name_prefix=f"dvcexp-{self.name}")
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            stack.callback(stop.set)  # runs before the shutdown: nobody waits for a back-off
            under_way = 0
            try:
                for item in waiting:
                    pool.submit(settle, item).add_done_callback(done.put)
                    under_way += 1
                    if under_way == 2 * self.jobs:
                        yield done.get().result()
                        under_way -= 1
                for _ in range(under_way):
                    yield done.get().result()
            except RemoteError:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                while not done.empty():  # what the others have finished meanwhile is not done again next time
                    ended = done.get()
                    if not ended.cancelled() and ended.exception() is None:
                        yield ended.result()
                raise


def _failed(item: Upload | Download, error: RemoteError) -> Outcome:
    return Outcome(item.key, 0, error)


def _discard(download: Download) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(download.target)
