"""Outputs put into the work tree: what there is to do, as `dvc/planner.py` decides it, and the doing.

The outcome is that of `dvc checkout`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from dvcexp import files
from dvcexp.dvc.cache import Cache
from dvcexp.dvc.hashes import Hashes
from dvcexp.dvc.ignore import IgnoreFilter
from dvcexp.dvc.links import Linker
from dvcexp.dvc.objects import MD5, Object
from dvcexp.dvc.output import Output
from dvcexp.inside import Inside

Kind = Literal["added", "modified", "deleted"]


@dataclass(frozen=True, slots=True)
class Root:
    """One DVC root. path: relative to the Git root, '' if the same. outputs: those to be put in place.

    types: `cache.type`. limits: of an output that is a directory, the paths below it that are meant; all of it if it is
    not in there. previous: outputs that used to be here, of which leftovers are removed. others: paths of outputs that
    are not to be touched.
    """

    path: str
    cache: Cache
    types: tuple[str, ...]
    outputs: Sequence[Output]
    ignored: IgnoreFilter
    limits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    previous: Sequence[Output] = ()
    others: frozenset[str] = frozenset()

    def means(self, path: str, output: str) -> bool:
        """Is the file or folder at `path`, of the output at `output`, to be put in place?"""
        limits = self.limits.get(output)
        return limits is None or any(path == limit or path.startswith(f"{limit}/") for limit in limits)

    def ignores(self, path: str, *, is_dir: bool) -> bool:
        """Does DVC take no notice of what is at `path`?"""
        below = path[len(self.path) + 1 :] if self.path else path
        return self.ignored.is_ignored(below, is_dir=is_dir)


class Target(NamedTuple):
    """One file as it should be."""

    object: Object
    is_exec: bool
    output: str


@dataclass(slots=True)
class Plan:
    """What to do in one DVC root. Paths are relative to the Git root.

    place: files to be made, in place of what is there. executable: files that need the right to be run. remove: files.
    empty: folders that go if nothing is left in them. folders: those that outputs are. missing: objects that are not
    in the cache, by where they are needed. damaged: those that are there with the wrong content. lost: files whose
    content would be nowhere else. left: outputs of before that have been changed and are left alone. changes: output ->
    what becomes of it.
    """

    root: Root
    place: dict[str, Target] = field(default_factory=dict)
    executable: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    missing: dict[str, Object] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changes: dict[str, Kind] = field(default_factory=dict)


def carry_out(
    plan: Plan, inside: Inside, hashes: Hashes, advance: Callable[[], object], moved: Callable[[int], object]
) -> None:
    """Do it; `advance` hears of every file that is put in place, `moved` of bytes that are copied.

    OSError, NoLinkType, InTheWay. Every file is either old or new at any time, and what was begun can be done again.
    """
    for path in plan.remove:
        inside.remove(path)
    for path in plan.empty:
        inside.remove_folder(path)
    for path in plan.folders:
        inside.make(path)
    linker = Linker(plan.root.types)
    for path, target in plan.place.items():
        source = plan.root.cache.path(target.object)
        inside.make(path.rpartition("/")[0])
        _place(linker, source, path, inside, moved, is_exec=target.is_exec)
        if linker.copies and target.object.hash == MD5:
            hashes.note(path, os.lstat(inside.full(path)), target.object.oid)
        advance()
    for path in plan.executable:
        _allow_running(inside.full(path))


def _place(
    linker: Linker, source: str, path: str, inside: Inside, moved: Callable[[int], object], *, is_exec: bool
) -> None:
    full = inside.full(path)
    temporary = files.temporary_beside(full)
    try:
        linker.link(source, temporary, moved)
        if is_exec:
            _allow_running(temporary)
        inside.put(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _allow_running(full: str) -> None:
    """For the owner, on what a link leads to as well, as DVC does it."""
    os.chmod(full, os.stat(full).st_mode | stat.S_IXUSR)
