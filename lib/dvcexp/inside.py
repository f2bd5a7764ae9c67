"""Reading and writing below one folder and never outside of it: no path is followed through a symbolic link.

A commit from elsewhere may hold a link `data -> /home` and an output `data/x`: what is written or removed there would
not be in the work tree at all. Paths are relative to the folder, with `/`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator

from dvcexp import files
from dvcexp.errors import DvcexpError, printable


class InTheWay(DvcexpError):
    """A file or a link stands where a folder is needed. `path` is it."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"'{printable(path)}' is in the way: it is not a folder", "move it elsewhere, then run it again"
        )
        self.path = path


class Inside:
    """The folder `top`, an absolute path, and what lies below it."""

    def __init__(self, top: str) -> None:
        self.top = top
        self._folders = {""}  # those known to be there, every part of their path a folder itself

    def full(self, path: str) -> str:
        """The absolute path; whether it leads through a link is not looked at."""
        return f"{self.top}/{path}" if path else self.top

    def blocker(self, path: str) -> str | None:
        """The first part of the way to `path` that is something else than a folder; None where there is none."""
        parent = path.rpartition("/")[0]
        if parent in self._folders:
            return None
        found = self.blocker(parent)
        if found is not None:
            return found
        try:
            mode = os.lstat(self.full(parent)).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(mode):
            return parent
        self._folders.add(parent)
        return None

    def status(self, path: str) -> os.stat_result | None:
        """What is at `path`, a link itself and not its target; None for nothing, or nothing that is in here."""
        if self.blocker(path) is not None:
            return None
        try:
            return os.lstat(self.full(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def walk(self, path: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Everything below the folder `path`, a folder after what is in it; nothing where that is no folder."""
        status = self.status(path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            yield from self._walk(path)

    def _walk(self, path: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        with os.scandir(self.full(path)) as entries:
            found = list(entries)
        for entry in found:
            below = f"{path}/{entry.name}" if path else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(below)
            yield below, entry

    def make(self, path: str) -> None:
        """The folder `path` with those above it; InTheWay."""
        if path in self._folders:
            return
        self.make(path.rpartition("/")[0])
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.full(path))
        if not stat.S_ISDIR(os.lstat(self.full(path)).st_mode):
            raise InTheWay(path)
        self._folders.add(path)

    def put(self, source: str, path: str) -> None:
        """Move the file or link `source`, an absolute path, to `path`, in place of what is there; IsADirectoryError.

        At no time is there half a file at `path`, even where `source` lies on another file system.
        """
        self.make(path.rpartition("/")[0])
        full = self.full(path)
        try:
            os.rename(source, full)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            temporary = files.temporary_beside(full)
            try:
                shutil.copy2(source, temporary, follow_symlinks=False)
                os.rename(temporary, full)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise
            os.unlink(source)

    def remove(self, path: str) -> None:
        """The file or link at `path`, if there is one in here."""
        if self.blocker(path) is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.full(path))

    def remove_folder(self, path: str) -> None:
        """The folder `path` if it is empty."""
        if self.blocker(path) is None:
            self._folders.discard(path)
            with contextlib.suppress(OSError):
                os.rmdir(self.full(path))

    def remove_empty_parents(self, path: str) -> None:
        """The folders on the way to `path` that have become empty, as Git removes them."""
        parent = path.rpartition("/")[0]
        while parent and self.blocker(parent) is None:
            try:
                os.rmdir(self.full(parent))
            except OSError:
                return
            self._folders.discard(parent)
            parent = parent.rpartition("/")[0]
