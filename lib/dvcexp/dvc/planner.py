"""What putting outputs into the work tree comes to: what must be created, removed or left alone.

DVC knows by a private database which files it made; here what a file holds decides: content that is in the cache can be
had again, and nothing else is removed without `force`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from dvcexp import files
from dvcexp.dvc.cache import Cache, is_intact, is_protected
from dvcexp.dvc.hashes import Hashes
from dvcexp.dvc.objects import LEGACY, MD5, Entry, Object, UnsafeManifest, new_digest, parse_manifest
from dvcexp.dvc.output import Output
from dvcexp.dvc.workspace import Plan, Root, Target
from dvcexp.errors import DvcexpError, printable
from dvcexp.files import hash_file
from dvcexp.inside import Inside, InTheWay

# Innards of repositories: files there can make Git or DVC run commands. Neither tool would ever record such an output.
_INNARDS = frozenset({".git", ".dvc", "git~1"})


class UnsafeOutput(DvcexpError):
    """An output that must not be put where it says."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"output '{printable(path)}' {reason}", "nothing was put in place; is this commit to be trusted?"
        )
        self.path = path


class Git(NamedTuple):
    """What Git has to do with a path. kind: what it will have there: file, link, dir, submodule, or None.

    is_going: will it have removed the file? is_known: is the present content in a commit?
    """

    kind: Callable[[str], str | None]
    is_going: Callable[[str], bool]
    is_known: Callable[[str], bool]


class Contents:
    """What files of the work tree hold. Each is read at most once, and not at all where `hashes` knows it.

    moved: hears of bytes that are read, while somebody listens.
    """

    moved: Callable[[int], object] = staticmethod(files.unheard)

    def __init__(self, inside: Inside, hashes: Hashes) -> None:
        self._inside = inside
        self._hashes = hashes
        self._md5: dict[str, str] = {}

    def is_object(self, path: str, status: os.stat_result, cache: Cache, wanted: Object) -> bool:
        """Does the file or link have the content of this object?"""
        full = self._inside.full(path)
        status = _target(full, status)
        if not stat.S_ISREG(status.st_mode):
            return False
        try:
            cached = os.stat(cache.path(wanted))
        except OSError:
            cached = None
        if cached is not None and os.path.samestat(status, cached):
            return True
        # Legacy objects that differ in their line ends alone are the same.
        if cached is not None and wanted.hash == MD5 and cached.st_size != status.st_size:
            return False
        return self._of(path, status) == wanted.oid or (wanted.hash == LEGACY and is_intact(full, wanted))

    def is_cached(self, path: str, status: os.stat_result, cache: Cache) -> bool:
        """Is what the file holds in the cache?"""
        full = self._inside.full(path)
        status = _target(full, status)
        if not stat.S_ISREG(status.st_mode):
            return False
        if cache.present([Object(self._of(path, status))]):
            return True
        return bool(cache.present([Object(hash_file(full, new_digest(LEGACY), self.moved), LEGACY)]))

    def _of(self, path: str, status: os.stat_result) -> str:
        """The md5 of a file, or of what a link leads to; `status` is that of the file."""
        if path not in self._md5:
            md5 = self._hashes.get(path, status)
            if md5 is None:
                md5 = hash_file(self._inside.full(path), new_digest(MD5), self.moved)
                self._hashes.note(path, status, md5)
            self._md5[path] = md5
        return self._md5[path]


def _target(full: str, status: os.stat_result) -> os.stat_result:
    """What a link leads to; the link itself where that is nothing."""
    if not stat.S_ISLNK(status.st_mode):
        return status
    try:
        return os.stat(full)
    except OSError:
        return status


class Planner:
    """Makes the plans of the roots of one work tree; reads the disk and changes nothing.

    advance: hears of every file that is compared.
    """

    def __init__(
        self, inside: Inside, git: Git, contents: Contents, *, force: bool, advance: Callable[[], object]
    ) -> None:
        self._inside = inside
        self._git = git
        self._contents = contents
        self._force = force
        self._advance = advance

    def plan(self, root: Root) -> Plan:
        """UnsafeOutput, UnsafeManifest where an output must not be put in place."""
        plan = Plan(root)
        targets: dict[str, Target] = {}
        directories: set[str] = set()
        for output in root.outputs:
            if output.object is None:
                continue
            self._check_place(output)
            entries = _entries(output, root.cache) if output.object.is_dir else None
            if output.object.is_dir and entries is None:
                plan.missing[output.path] = output.object
                continue
            if entries is None:
                _add(targets, output.path, Target(output.object, output.isexec, output.path))
                continue
            directories.add(output.path)
            for entry in entries:
                path = f"{output.path}/{entry.relpath}"
                if root.means(path, output.path):
                    _add(targets, path, Target(Object(entry.md5, output.object.hash), False, output.path))
        folders = _check_names(targets)
        self._compare(plan, targets, directories | folders)
        plan.folders = sorted(directories)
        self._find_missing(plan)
        self._find_leftovers(plan, targets)
        return plan

    def _check_place(self, output: Output) -> None:
        """An output stands in real folders of the commit, and nowhere where Git has something else."""
        parts = output.path.split("/")
        for length in range(1, len(parts)):
            above = "/".join(parts[:length])
            kind = self._git.kind(above)
            if kind not in (None, "dir"):
                raise UnsafeOutput(output.path, f"lies behind '{printable(above)}', which is a {_word(kind)} in Git")
        kind = self._git.kind(output.path)
        assert output.object is not None
        if kind is not None and (kind == "submodule" or (kind == "dir") != output.object.is_dir):
            raise UnsafeOutput(output.path, f"is a {_word(kind)} in Git")

    def _compare(self, plan: Plan, targets: Mapping[str, Target], folders: set[str]) -> None:
        """Every file of every output as it is with how it should be; `folders` are those that will be needed."""
        root = plan.root
        seen: set[str] = set()
        there: set[str] = set()
        for output in root.outputs:
            if output.object is None or output.path in plan.missing or output.path in seen:
                continue
            blocker = self._inside.blocker(output.path)
            if blocker is not None and not self._git.is_going(blocker):
                self._make_room(plan, blocker)
            status = self._inside.status(output.path)
            if status is None or self._git.is_going(output.path):
                plan.changes[output.path] = "added"
            for path, found in self._scan(output.path, status):
                if path in seen or not root.means(path, output.path):
                    continue
                seen.add(path)
                if stat.S_ISDIR(found.st_mode):
                    if path not in folders:
                        self._extra_folder(plan, path, output)
                elif path in targets:
                    there.add(path)
                    self._known_file(plan, path, found, targets[path])
                else:
                    self._extra_file(plan, path, found, output)
        for path, target in targets.items():
            if path not in there:
                plan.place[path] = target
                plan.changes.setdefault(target.output, "modified")

    def _scan(self, path: str, status: os.stat_result | None) -> Iterator[tuple[str, os.stat_result]]:
        if status is None:
            return
        if stat.S_ISDIR(status.st_mode):
            for below, entry in self._inside.walk(path):
                yield below, entry.stat(follow_symlinks=False)
        yield path, status

    def _known_file(self, plan: Plan, path: str, status: os.stat_result, target: Target) -> None:
        self._advance()
        if self._git.is_going(path):
            plan.place[path] = target
        elif not self._contents.is_object(path, status, plan.root.cache, target.object):
            plan.place[path] = target
            self._note_loss(plan, path, status)
        elif target.is_exec and not _target(self._inside.full(path), status).st_mode & stat.S_IXUSR:
            plan.executable.append(path)
        else:
            return
        plan.changes.setdefault(target.output, "modified")

    def _extra_file(self, plan: Plan, path: str, status: os.stat_result, output: Output) -> None:
        """A file in an output's folder, or in its place, that does not belong to it."""
        if self._git.is_going(path) or self._is_others(plan.root, path):
            return
        if output.object is not None and output.object.is_dir and path != output.path:
            # DVC does not see what .dvcignore names, nor links to folders.
            is_link = stat.S_ISLNK(status.st_mode)
            if plan.root.ignores(path, is_dir=False) or (is_link and os.path.isdir(self._inside.full(path))):
                return
        plan.remove.append(path)
        plan.changes.setdefault(output.path, "modified")
        if not files.is_temporary(path.rpartition("/")[2]):
            self._note_loss(plan, path, status)

    def _extra_folder(self, plan: Plan, path: str, output: Output) -> None:
        plan.empty.append(path)
        if not os.listdir(self._inside.full(path)):
            plan.changes.setdefault(output.path, "modified")

    def _is_others(self, root: Root, path: str) -> bool:
        """Is it a file that Git has, or of an output that is not to be touched?"""
        if self._git.kind(path) is not None:
            return True
        parts = path.split("/")
        return bool(root.others) and any("/".join(parts[:length]) in root.others for length in range(1, len(parts) + 1))

    def _make_room(self, plan: Plan, blocker: str) -> None:
        """A file stands where an output needs a folder. A link there is the user's way of keeping data elsewhere."""
        status = self._inside.status(blocker)
        if status is None or blocker in plan.remove:
            return
        if stat.S_ISLNK(status.st_mode):
            raise InTheWay(blocker)
        plan.remove.append(blocker)
        self._note_loss(plan, blocker, status)

    def _note_loss(self, plan: Plan, path: str, status: os.stat_result) -> None:
        if self._force or self._contents.is_cached(path, status, plan.root.cache) or self._git.is_known(path):
            return
        plan.lost.append(path)

    def _find_missing(self, plan: Plan) -> None:
        """Objects that are needed and not in the cache, or there with other content than their name says."""
        cache = plan.root.cache
        present = cache.present({target.object for target in plan.place.values()})
        damaged = {item for item in present if _is_damaged(cache.path(item), item)}
        for path, target in plan.place.items():
            if target.object not in present or target.object in damaged:
                plan.missing[path] = target.object
            if target.object in damaged:
                plan.damaged.add(path)

    def _find_leftovers(self, plan: Plan, targets: Mapping[str, Target]) -> None:
        """Outputs of before that are no longer outputs: removed where they are unchanged and in the cache."""
        root = plan.root
        now = {output.path for output in root.outputs} | root.others
        changed = {}
        for output in dict.fromkeys(root.previous):
            if output.path in now or output.object is None or not output.cached or output.path in plan.changes:
                continue
            status = self._inside.status(output.path)
            if status is None or self._git.is_going(output.path):
                continue
            leftovers = self._unchanged(root, output, status, targets)
            if leftovers is None:
                changed[output.path] = True
            elif leftovers:
                plan.remove += [path for path, is_dir in leftovers if not is_dir]
                plan.empty += [path for path, is_dir in leftovers if is_dir]
                plan.changes[output.path] = "deleted"
        plan.left = [path for path in changed if path not in plan.changes]

    def _unchanged(
        self, root: Root, output: Output, status: os.stat_result, targets: Mapping[str, Target]
    ) -> list[tuple[str, bool]] | None:
        """Its files and folders, if they are as recorded and the cache has all of them; None if not."""
        assert output.object is not None
        if output.object.is_dir:
            try:
                entries = _entries(output, root.cache)
            except UnsafeManifest:
                return None
            if entries is None:
                return None
            recorded = {f"{output.path}/{entry.relpath}": Object(entry.md5, output.object.hash) for entry in entries}
        else:
            recorded = {output.path: output.object}
        found: list[tuple[str, bool]] = []
        for path, state in self._scan(output.path, status):
            is_dir = stat.S_ISDIR(state.st_mode)
            if is_dir:
                found.append((path, True))
                continue
            if path in targets or self._is_others(root, path) or root.ignores(path, is_dir=False):
                continue
            wanted = recorded.get(path)
            if wanted is None or not self._contents.is_object(path, state, root.cache, wanted):
                return None
            found.append((path, False))
        present = root.cache.present({recorded[path] for path, is_dir in found if not is_dir})
        if any(recorded[path] not in present for path, is_dir in found if not is_dir):
            return None
        return found


def _entries(output: Output, cache: Cache) -> list[Entry] | None:
    """The files of a directory, as its `.dir` object in the cache or the commit itself lists them; None: not to be had.

    UnsafeManifest.
    """
    assert output.object is not None
    if output.members is not None:
        return [Entry(member.relpath, member.md5) for member in output.members]
    data = cache.read(output.object)
    if data is None:
        return None
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != output.object.oid[:32]:
        raise UnsafeManifest(output.object.oid, "content does not match its hash")
    return parse_manifest(data, output.object.oid)


def _add(targets: dict[str, Target], path: str, target: Target) -> None:
    other = targets.setdefault(path, target)
    if other.object != target.object:
        raise UnsafeOutput(path, f"is recorded twice, as {other.object.oid[:8]} and as {target.object.oid[:8]}")


def _check_names(targets: Mapping[str, Target]) -> set[str]:
    """The folders that the files need; UnsafeOutput for a file that is one of them, or in a repository's innards."""
    folders: set[str] = set()
    for path in targets:
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    for path in targets:
        if path in folders:
            raise UnsafeOutput(path, "is both a file and a folder")
    for path in (*folders, *targets):
        name = path.rpartition("/")[2].rstrip(" .").casefold()
        if name in _INNARDS:
            raise UnsafeOutput(path, "lies where Git or DVC keep their own files")
    return folders


def _is_damaged(path: str, item: Object) -> bool:
    """Objects that nobody can write to are trusted, as DVC does; others are read."""
    return not is_protected(os.stat(path)) and not is_intact(path, item)


def _word(kind: str | None) -> str:
    return {"link": "symbolic link", "dir": "folder", "submodule": "submodule"}.get(kind or "", "file")
