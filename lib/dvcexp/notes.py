"""Small sets of lines that outlive a command, in `<common git dir>/dvcexp/<name>`. Deleting a file does no harm.

pending: tips whose download began and has not ended well. In old protocols, where Git asks for nothing when a fetch is
    repeated, they tell that a listing may be that fetch.
followed: `<tip> <ref>` of what following has dealt with, so that an experiment which the user removes stays away.
removed: tips of experiments that the user has removed, which `git exp prune` could not all tell by their messages.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Literal


class Note:
    """One of them. Where it cannot be written, it is as if it had been deleted.

    Commands that run side by side change it one after the other, so that none writes over what another has noted.
    """

    def __init__(self, common_dir: str, name: Literal["pending", "followed", "removed"]) -> None:
        self._path = os.path.join(common_dir, "dvcexp", name)

    def read(self) -> set[str]:
        """Its lines."""
        try:
            with open(self._path, encoding="utf-8", errors="surrogateescape") as file:
                return set(file.read().splitlines())
        except OSError:
            return set()

    def add(self, lines: Iterable[str]) -> None:
        """Put `lines` in."""
        self._change(added=set(lines), removed=set())

    def remove(self, lines: Iterable[str]) -> None:
        """Take `lines` out."""
        self._change(added=set(), removed=set(lines))

    def _change(self, added: set[str], removed: set[str]) -> None:
        if not added and not removed:
            return
        with contextlib.suppress(OSError), self._alone():
            before = self.read()
            after = (before | added) - removed
            if after != before:
                self._write(after)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Inside, nobody else changes a note of this repository. The kernel's lock: nobody who dies leaves one."""
        import fcntl

        folder = os.path.dirname(self._path)
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(os.path.join(folder, "notes.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, lines: set[str]) -> None:
        temporary = f"{self._path}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(f"{line}\n" for line in sorted(lines))
        os.replace(temporary, self._path)
