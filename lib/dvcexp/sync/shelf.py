"""The objects of one cache looked at, each once: is it here, can it be read, is it what its name says?"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from dvcexp.dvc.cache import Cache, is_intact, is_protected
from dvcexp.dvc.objects import Object, UnsafeManifest
from dvcexp.files import OBJECT_MODE
from dvcexp.progress import Phase
from dvcexp.sync import manifests
from dvcexp.sync.hashing import HashPool

State = Literal["damaged", "unreadable", "missing", "writable", "absent"]


@dataclass(slots=True)
class Finding:
    """Something wrong with one object.

    state: `damaged` (its content is not what its name says), `unreadable`, `missing` and `writable` (no damage, but DVC
    would hash it again and again) in the cache; `absent` on a DVC remote. place: its path in the cache, or the remote's
    name. mended: all is well by now. cause: why it is not. kept: where the damaged file is now. uses: who
    needs it, (key of the tips, path).
    """

    item: Object
    state: State
    place: str
    mended: bool = False
    cause: str | None = None
    kept: str | None = None
    uses: list[tuple[str, str]] = field(default_factory=list)

    @property
    def harmless(self) -> bool:
        """Need nobody do anything about it?"""
        return self.mended or self.state == "writable"


class Shelf:
    """One cache: what has been looked at, and what is wrong with it.

    members: the files of each directory whose manifest is whole. objects, size: how many were read, of how many bytes.
    tried: what somebody has tried to mend.
    """

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.members: dict[Object, frozenset[Object]] = {}
        self.findings: dict[Object, Finding] = {}
        self.tried: set[Object] = set()
        self.objects = 0
        self.size = 0
        self._writable: set[Object] = set()
        self._seen: set[Object] = set()

    def unseen(self, items: Iterable[Object]) -> set[Object]:
        """Those that have not been looked at."""
        return set(items) - self._seen

    def look_at_directories(self, directories: Collection[Object], phase: Phase) -> None:
        """Read the manifests that have not been read."""
        for directory in sorted(self.unseen(directories)):
            self._seen.add(directory)
            status = self._stat(directory)
            if status is None:
                phase.advance()
                continue
            try:
                data = self.cache.read(directory) or b""
                entries = manifests.parse(directory, data)
            except UnsafeManifest as error:
                self._note(directory, "damaged", error.reason)
            except OSError as error:
                self._note_unreadable(directory, error)
            else:
                self.members[directory] = manifests.members(directory, entries)
            self.objects += 1
            self.size += status.st_size
            phase.advance(1, status.st_size)

    def look_at_files(self, files: Collection[Object], phase: Phase) -> None:
        """Hash the files that have not been hashed."""

        def look(path: str, item: Object) -> bool | OSError:
            try:
                return is_intact(path, item, phase.move)
            except OSError as error:
                return error

        with HashPool(look, threads=os.cpu_count() or 1) as pool:
            for item in sorted(self.unseen(files)):
                self._seen.add(item)
                status = self._stat(item)
                if status is None:
                    phase.advance()
                    continue
                for checked in pool.check(item, self.cache.path(item), status.st_size):
                    self._settle(checked.item, checked.size, checked.result, phase)
            for checked in pool.rest():
                self._settle(checked.item, checked.size, checked.result, phase)

    def has_whole(self, item: Object) -> bool:
        """Has it been looked at, and is it as it should be, at the latest by now?"""
        return item in self._seen and (item not in self.findings or self.findings[item].harmless)

    def look_again(self, item: Object) -> None:
        """It has been fetched anew; a directory may name files that nobody has looked at."""
        if item.is_dir:
            self._seen.discard(item)

    def protect(self, *, repair: bool) -> None:
        """Note whole objects that can be written to, and make them read-only."""
        for item in sorted(self._writable - self.findings.keys()):
            path = self.cache.path(item)
            finding = self.findings[item] = Finding(item, "writable", path)
            if not repair:
                continue
            try:
                os.chmod(path, OBJECT_MODE)
                finding.mended = is_protected(os.stat(path))
                finding.cause = None if finding.mended else "the file system keeps no modes"
            except OSError as error:
                finding.cause = error.strerror

    def identity(self, item: Object) -> tuple[int, int] | None:
        """What changes when the object's file is replaced; None where there is none."""
        try:
            status = os.stat(self.cache.path(item))
        except OSError:
            return None
        return status.st_ino, status.st_ctime_ns

    def is_writable(self, item: Object) -> bool:
        """Could somebody have changed the object's file?"""
        return item in self._writable

    def _stat(self, item: Object) -> os.stat_result | None:
        """The file's status; None, with a note, where it cannot be read."""
        try:
            status = os.stat(self.cache.path(item))
        except (FileNotFoundError, NotADirectoryError):
            self._note(item, "missing")
            return None
        except OSError as error:
            self._note_unreadable(item, error)
            return None
        if not stat.S_ISREG(status.st_mode):
            self._note(item, "unreadable", "it is not a file")
            return None
        if not is_protected(status):
            self._writable.add(item)
        return status

    def _settle(self, item: Object, size: int, result: bool | OSError, phase: Phase) -> None:
        self.objects += 1
        self.size += size
        phase.advance()
        if isinstance(result, OSError):
            self._note_unreadable(item, result)
        elif not result:
            self._note(item, "damaged")

    def _note(self, item: Object, state: State, cause: str | None = None) -> None:
        self.findings[item] = Finding(item, state, self.cache.path(item), cause=cause)

    def _note_unreadable(self, item: Object, error: OSError) -> None:
        """What the disk cannot read any more is damaged; what we may not read is not."""
        self._note(item, "damaged" if error.errno == errno.EIO else "unreadable", error.strerror)
