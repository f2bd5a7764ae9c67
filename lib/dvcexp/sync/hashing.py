"""Files' hashes checked on threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from dvcexp.dvc.objects import Object

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")

_HASH_ASIDE = 1 << 18  # bytes from which a file is worth a thread: below, handing it over costs as much as hashing


class Checked(NamedTuple, Generic[T]):
    """An object's file, its size in bytes, and what the check said of it."""

    item: Object
    path: str
    size: int
    result: T


class HashPool(Generic[T]):
    """Runs `check(path, object)` for large files on threads, beside whatever else goes on: hashlib lets go of the GIL.

    Few files are under way at a time, so any number of them may be given.
    """

    def __init__(self, check: Callable[[str, Object], T], threads: int = 2) -> None:
        self._check = check
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[tuple[Object, str, int, Future[T]]] = deque()

    def check(self, item: Object, path: str, size: int) -> Iterator[Checked[T]]:
        """Those that are known by now."""
        if size < _HASH_ASIDE:
            yield Checked(item, path, size, self._check(path, item))
            return
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._threads)
        self._pending.append((item, path, size, self._pool.submit(self._check, path, item)))
        while len(self._pending) > 2 * self._threads:
            yield self._oldest()

    def rest(self) -> Iterator[Checked[T]]:
        """All others, as they become known."""
        while self._pending:
            yield self._oldest()

    def _oldest(self) -> Checked[T]:
        item, path, size, future = self._pending.popleft()
        return Checked(item, path, size, future.result())

    def __enter__(self) -> HashPool[T]:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
