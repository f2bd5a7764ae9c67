"""Who moves objects into the cache, and who takes them out, keep out of each other's way.

A fetch holds the lock from the moment it relies on an object that is there, together with other fetches, until the
process ends and Git has the refs. Pruning holds it alone. The lock is the kernel's, so nobody who dies leaves one.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os

from dvcexp.errors import DvcexpError

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class Busy(DvcexpError):
    """Somebody else holds the lock."""


@functools.cache
def share(common_dir: str) -> None:
    """Keep the data of this repository from being pruned while this process lives; wait while it is."""
    import fcntl

    with contextlib.suppress(OSError):  # a repository that cannot be written to is not pruned either
        fcntl.flock(_open(_path(common_dir)), fcntl.LOCK_SH)


class Exclusive:
    """Holds `paths`, lock files that need not exist, alone; Busy, with the words `who`, where somebody has one."""

    def __init__(self, paths: list[str], who: str) -> None:
        self._paths = paths
        self._who = who
        self._held: list[int] = []

    def __enter__(self) -> Exclusive:
        import fcntl

        try:
            for path in self._paths:
                self._held.append(_open(path))
                fcntl.flock(self._held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.__exit__()
            if error.errno in _BUSY:
                raise Busy(self._who, "run the same command again when it has ended") from None
            raise DvcexpError(f"cannot lock '{path}': {error.strerror}") from error
        return self

    def __exit__(self, *error: object) -> None:
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()


def alone(common_dir: str) -> Exclusive:
    """Nobody fetches meanwhile."""
    return Exclusive([_path(common_dir)], "data of experiments is being fetched in this repository")


def _path(common_dir: str) -> str:
    return os.path.join(common_dir, "dvcexp", "lock")


def _open(path: str) -> int:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
