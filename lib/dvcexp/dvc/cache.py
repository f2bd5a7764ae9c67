"""The local cache: which objects are here, and how one gets here whole."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterator
from typing import Protocol, TypeVar

from dvcexp import files
from dvcexp.dvc.objects import LEGACY, MD5, Object, new_digest


class Keyed(Protocol):
    """What lies in a cache: an object or a run-cache entry, at its key."""

    @property
    def key(self) -> str:
        """The path below the cache's folder."""


K = TypeVar("K", bound=Keyed)


class Cache:
    """DVC's cache below `directory`. `shared`: its folders are for a group (DVC's `cache.shared = group`)."""

    def __init__(self, directory: str, *, shared: bool = False) -> None:
        self.directory = directory
        self.shared = shared
        self.base = files.Base(directory)

    def path(self, wanted: Keyed) -> str:
        """Where the object lies or would lie."""
        return os.path.join(self.directory, wanted.key)

    def present(self, wanted: Collection[K]) -> set[K]:
        """Those of `wanted` that are here; their content is not looked at."""
        self.base.hold()
        found = files.existing(self.directory, [item.key for item in wanted])
        if len(found) < len(wanted):
            self.base.check()
        return {item for item in wanted if item.key in found}

    def read(self, wanted: Keyed) -> bytes | None:
        """The content of an object, a manifest as a rule, or of an entry; None where it is not here."""
        self.base.hold()
        try:
            with open(self.path(wanted), "rb", buffering=0) as file:
                return file.readall()
        except FileNotFoundError:
            self.base.check()
            return None

    def staging(self, replacing: Callable[[str], object] | None = None) -> files.Staging:
        """Objects on their way in; `replacing` as in Staging."""
        return files.Staging(self.base, shared=self.shared, replacing=replacing)

    def make_durable(self) -> None:
        """Return when everything that is here would survive a power cut."""
        files.flush_file_system(self.directory)
        self.base.check()

    def set_aside(self, path: str) -> str:
        """Move the object at `path`, whose content is not what its name says, to where nobody takes it for whole.

        DVC takes no notice of `<cache>/damaged/`. The path there.
        """
        folder, name = os.path.split(path)
        aside = os.path.join(self.directory, "damaged", os.path.basename(folder) + name)
        os.makedirs(os.path.dirname(aside), exist_ok=True)
        free = next(name for name in _numbered(aside) if not os.path.lexists(name))
        os.rename(path, free)
        return free


def _numbered(path: str) -> Iterator[str]:
    yield path
    yield from (f"{path}.{number}" for number in itertools.count(1))


def is_protected(status: os.stat_result) -> bool:
    """Did DVC or we write it, so that nobody has changed it since? DVC's own rule: nobody has the right to write."""
    return status.st_mode & 0o222 == 0


def is_intact(path: str, wanted: Object, moved: Callable[[int], object] = files.unheard) -> bool:
    """Does the file's content have the hash that `wanted` is named by? A legacy object may have either of two.

    moved: hears of bytes that have been read.
    """
    digest = wanted.oid[:32]
    if files.hash_file(path, new_digest(MD5), moved) == digest:
        return True
    return wanted.hash == LEGACY and not wanted.is_dir and files.hash_file(path, new_digest(LEGACY)) == digest
