"""DVC remotes whose objects move one by one: a bounded pool of threads with retry makes batches of them."""

from __future__ import annotations

import contextlib
import os
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeVar

from dvcexp.remotes import retry
from dvcexp.remotes.base import (
    AccessDenied,
    Download,
    Outcome,
    Remote,
    RemoteError,
    RemoteFull,
    RemoteMissing,
    Upload,
    ignore,
)

Item = TypeVar("Item")
Result = TypeVar("Result")

_DOOMING = (AccessDenied, RemoteMissing, RemoteFull)


class PerObjectRemote(Remote):
    """Implements the batches of `Remote` over `exists_one`, `upload_one` and `download_one`.

    Those run on `jobs` threads at once, raise a RemoteError, and are called again after RemoteUnavailable. The first
    object of a batch goes alone: credentials are asked for and refused once, not once a thread.
    """

    backoff = retry.Backoff()

    @abstractmethod
    def exists_one(self, key: str) -> bool:
        """Is it there? Any answer but a clear yes or no is raised."""

    @abstractmethod
    def upload_one(self, upload: Upload) -> Outcome:
        """Send it whole or not at all."""

    @abstractmethod
    def download_one(self, download: Download) -> Outcome:
        """Write `download.target`; what is left there after an error is removed by the caller."""

    def exists(self, keys: Collection[str], tick: Callable[[int], object] = ignore) -> set[str]:
        found = set()
        for key, there in self.each(lambda key: (key, self.exists_one(key)), keys):
            tick(1)
            if there:
                found.add(key)
        return found

    def upload(self, uploads: Iterable[Upload]) -> Iterator[Outcome]:
        return self.each(self.upload_one, uploads, _failed)

    def download(self, downloads: Iterable[Download]) -> Iterator[Outcome]:
        def work(download: Download) -> Outcome:
            try:
                return self.download_one(download)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(download.target)
                raise

        return self.each(work, downloads, _failed)

    def each(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        failed: Callable[[Item, RemoteError], Result] | None = None,
    ) -> Iterator[Result]:
        """`work` on every item, results as they end; at most two items a thread are under way.

        An error is retried if that helps; then `failed` makes a result of one that concerns a single object, and any
        other ends the batch.
        """
        import threading
        from concurrent.futures import Future, ThreadPoolExecutor
        from queue import SimpleQueue

        stop = threading.Event()
        done: SimpleQueue[Future[Result]] = SimpleQueue()
        waiting = iter(items)

        def settle(item: Item) -> Result:
            try:
                return retry.call(lambda: work(item), self.backoff, stop)
            except RemoteError as error:
                if failed is None or isinstance(error, _DOOMING):
                    raise
                return failed(item, error)

        for first in waiting:
            yield settle(first)
            break
        with contextlib.ExitStack() as stack:
            pool = ThreadPoolExecutor(self.jobs, thread_name_prefix=f"dvcexp-{self.name}")
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            stack.callback(stop.set)  # runs before the shutdown: nobody waits for a back-off
            under_way = 0
            for item in waiting:
                pool.submit(settle, item).add_done_callback(done.put)
                under_way += 1
                if under_way == 2 * self.jobs:
                    yield done.get().result()
                    under_way -= 1
            for _ in range(under_way):
                yield done.get().result()


def _failed(item: Upload | Download, error: RemoteError) -> Outcome:
    return Outcome(item.key, 0, error)
