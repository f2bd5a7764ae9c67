"""What the files of a work tree held when they were last looked at: a note that saves reading them again.

Only data that is a copy of its own needs it; a link into the cache is known by its inode. The file may be deleted at
any time; lines that make no sense are passed over.
"""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from dvcexp import files

_HEADER = b"dvcexp hashes 1\n"
_MOST = 1_000_000
# A file may change once more in the same tick of the file system's clock, of which the coarsest have two a second.
_TICK = 1_000_000_000


class _Known(NamedTuple):
    """ctime: in ns; nothing but the kernel sets it."""

    inode: int
    ctime: int
    size: int
    md5: str


class Hashes:
    """The md5 of files by their paths, kept in the file at `path`; `None` keeps nothing."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._known: dict[str, _Known] | None = None
        self._as_of = 0
        self._is_new = False

    def get(self, path: str, status: os.stat_result) -> str | None:
        """The md5 of the file at `path` if it is the one that was noted, and has not been touched since."""
        known = self._read().get(path)
        if known is None or known[:3] != (status.st_ino, status.st_ctime_ns, status.st_size):
            return None
        return known.md5 if known.ctime + _TICK < self._as_of else None

    def note(self, path: str, status: os.stat_result, md5: str) -> None:
        """The file at `path` has this content."""
        self._read()[path] = _Known(status.st_ino, status.st_ctime_ns, status.st_size, md5)
        self._is_new = True

    def save(self) -> None:
        """Keep what was noted. Where that is not possible nothing is lost but time."""
        if self._path is None or not self._is_new:
            return
        known = self._read()
        items = list(known.items())[-_MOST:]
        lines = [f"{k.md5} {k.inode} {k.ctime} {k.size} {path}" for path, k in items if "\n" not in path]
        temporary = files.temporary_beside(self._path)
        with contextlib.suppress(OSError):
            with open(temporary, "wb") as file:
                file.write(_HEADER)
                file.write("\n".join(lines).encode("utf-8", "surrogateescape"))
            os.replace(temporary, self._path)

    def _read(self) -> dict[str, _Known]:
        if self._known is None:
            self._known = {}
            if self._path is not None:
                with contextlib.suppress(OSError), open(self._path, "rb") as file:
                    self._as_of = os.fstat(file.fileno()).st_mtime_ns
                    if file.readline() == _HEADER:
                        self._parse(file.read().decode("utf-8", "surrogateescape"), self._known)
        return self._known

    @staticmethod
    def _parse(text: str, known: dict[str, _Known]) -> None:
        for line in text.split("\n"):
            with contextlib.suppress(ValueError):
                md5, inode, ctime, size, path = line.split(" ", 4)
                if len(md5) == 32:
                    known[path] = _Known(int(inode), int(ctime), int(size), md5)
