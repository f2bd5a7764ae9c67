"""DVC's lock of a project, held while the work tree changes: no `dvc repro` reads what is half in place (dvc/lock.py).

Our own lock is one like it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator

from dvcexp.errors import DvcexpError, printable

_PATIENCE = 3.0  # seconds, as DVC has it


class ProjectBusy(DvcexpError):
    """Another process is at work in a DVC root, or in the work tree. `path` is the lock."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"another DVC or git exp command is at work here: '{printable(path)}' is locked",
            "run the same command again when it has ended",
        )
        self.path = path


@contextlib.contextmanager
def held(paths: Iterable[str]) -> Iterator[None]:
    """Hold these lock files; ProjectBusy after a while. Those whose folder is not there are nobody's."""
    with contextlib.ExitStack() as stack:
        for path in sorted(set(paths)):
            if os.path.isdir(os.path.dirname(path)):
                stack.callback(os.close, _lock(path))
        yield


def of_root(root: str) -> str:
    """The lock file of the DVC root at `root`. DVC makes its folder; where that is missing DVC was never at work."""
    return os.path.join(root, ".dvc", "tmp", "lock")


def _lock(path: str) -> int:
    """The open lock file."""
    import fcntl

    until = time.monotonic() + _PATIENCE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(descriptor)
                raise ProjectBusy(path) from None
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return descriptor
