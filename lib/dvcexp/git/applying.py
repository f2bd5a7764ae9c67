"""What putting a commit's files into the work tree writes, removes and leaves alone, decided before any of it is done.

The outcome is that of `dvc exp apply`: the work tree has the commit's files, files of the user's own survive where the
commit has none. In two things it is on the user's side: what would be lost is told first, and a file that the commit
lacks is removed whether or not something else was modified.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dvcexp.git.objects import ObjectReader
from dvcexp.git.worktree import Change, Entry, Status, WorkTree
from dvcexp.inside import Inside

# What DVC keeps out of Git: its scratch files (`exp save` commits a pickle there that `exp run` would load), its cache,
# and the user's own configuration. A commit that has such files all the same does not get to place them.
_INNARDS = re.compile(r"(?:\A|/)\.dvc/(?:tmp/|cache/|config\.local\Z)")


@dataclass(slots=True)
class GitPlan:
    """Paths relative to the Git root. write: to be had from the commit. remove: files. clear: folders in their way.

    kept: the user's edits of files that are the same in every commit concerned. survivors: files that are there
    afterwards though the commit has none, or another. lost: what would be nowhere else; empty with `force`.
    """

    write: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    clear: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class CommitFiles:
    """Looks up files in trees, each of which is read once."""

    def __init__(self, objects: ObjectReader) -> None:
        self._objects = objects
        self._trees: dict[str, dict[str, tuple[str, str]]] = {}

    def find(self, tree: str, path: str) -> tuple[str, str] | None:
        """Kind and id of what the tree has at `path`."""
        kind, found = "dir", tree
        for name in path.split("/"):
            if kind != "dir":
                return None
            if found not in self._trees:
                self._trees[found] = {node.name: (node.kind, node.id) for node in self._objects.children(found)}
            entry = self._trees[found].get(name)
            if entry is None:
                return None
            kind, found = entry
        return kind, found


@dataclass(slots=True)
class Applying:
    """What the plan is made from. head, commit: trees. applied: that of the last apply, perhaps.

    experiments: trees whose content is not lost; asked for last. is_cached: does DVC's cache have what this file holds?
    """

    work_tree: WorkTree
    inside: Inside
    status: Status
    files: CommitFiles
    head: str
    commit: str
    applied: str | None
    experiments: Callable[[], Iterator[str]]
    is_cached: Callable[[str], bool]

    def plan(self, differences: Mapping[str, Entry], removed: Mapping[str, Entry], *, force: bool) -> GitPlan:
        """differences: what of the commit the work tree has otherwise. removed: what HEAD has and the commit lacks."""
        plan = GitPlan()
        wanted = {path for path in differences if not _INNARDS.search(path)}
        going = set(self._going(removed))
        doubtful: dict[str, Literal["write", "remove", "obstacle"]] = {}
        for path in sorted(wanted):
            plan.write.append(path)
            for other, obstacle in self._at(path, plan):
                if other not in going and not (other == path and self.is_committed(path)):
                    doubtful[other] = "obstacle" if obstacle else "write"
        for path in sorted(going):
            if self.is_committed(path):
                plan.remove.append(path)
            else:
                doubtful.setdefault(path, "remove")
        self._judge(plan, doubtful, force=force)
        if not force:
            plan.lost += [change.path for change in self.status.changes.values() if self._is_only_staged(change)]
            plan.lost = sorted(set(plan.lost))
        plan.survivors += self._own()
        return plan

    def _going(self, removed: Mapping[str, Entry]) -> Iterator[str]:
        """Tracked files that are on the disk and not in the commit."""
        for path in removed:
            change = self.status.changes.get(path)
            if _INNARDS.search(path) or (change is not None and change.indexed is None):
                continue
            status = self.inside.status(path)
            if status is not None and not stat.S_ISDIR(status.st_mode):
                yield path

    def _at(self, path: str, plan: GitPlan) -> Iterator[tuple[str, bool]]:
        """What has to make room for the file at `path`: files, each with whether it is something else's place."""
        blocker = self.inside.blocker(path)
        if blocker is not None:
            plan.remove.append(blocker)
            yield blocker, True
            return
        status = self.inside.status(path)
        if status is None:
            return
        if not stat.S_ISDIR(status.st_mode):
            yield path, False
            return
        plan.clear.append(path)
        for below, entry in self.inside.walk(path):
            if not entry.is_dir(follow_symlinks=False):
                yield below, True

    def kind(self, path: str) -> str | None:
        """What the commit has at `path`: file, link, dir, submodule or None."""
        found = self.files.find(self.commit, path)
        return found[0] if found is not None else None

    def is_committed(self, path: str) -> bool:
        """Is the file as HEAD has it?"""
        return path not in self.status.changes and self.files.find(self.head, path) is not None

    def _judge(self, plan: GitPlan, doubtful: Mapping[str, str], *, force: bool) -> None:
        """Files that are not as in HEAD: gone without harm, kept, or lost."""
        blobs = self.work_tree.blobs(list(doubtful))
        for path, role in doubtful.items():
            if self._is_known(path, blobs.get(path)):
                if role == "remove":
                    plan.remove.append(path)
            elif role == "remove" and (force or self.is_cached(path)):
                plan.survivors.append(path)  # what the cache has may be data of the commit
            elif self.is_cached(path):
                pass
            elif role == "write" and not force and self._is_the_users_alone(path):
                plan.write.remove(path)
                plan.kept.append(path)
                plan.survivors.append(path)
            elif not force:
                plan.lost.append(path)

    def _is_known(self, path: str, blob: str | None) -> bool:
        """Does a commit that will stay have this content at this path?"""
        if blob is None:
            return False
        trees = [self.commit, self.head, *([self.applied] if self.applied is not None else [])]
        if any(self._has(tree, path, blob) for tree in trees):
            return True
        return any(self._has(tree, path, blob) for tree in self.experiments())

    def _has(self, tree: str, path: str, blob: str) -> bool:
        found = self.files.find(tree, path)
        return found is not None and found[1] == blob

    def _is_the_users_alone(self, path: str) -> bool:
        """A tracked file that is the same in HEAD, the commit and what was applied last: the edit is carried over."""
        if path not in self.status.changes:
            return False
        there = {self.files.find(tree, path) for tree in (self.head, self.commit, self.applied or self.head)}
        return len(there) == 1 and None not in there

    def _is_only_staged(self, change: Change) -> bool:
        """Is there staged content that is in no commit and not in the work tree either?"""
        if change.staged == "." or change.unstaged == "." or change.indexed is None:
            return False
        return not self._is_known(change.path, change.indexed.blob)

    def _own(self) -> Iterator[str]:
        """Files that HEAD does not have and the commit does not have: they stay."""
        new = [change.path for change in self.status.changes.values() if change.committed is None]
        for path in (*self.status.untracked, *new):
            if self.files.find(self.commit, path.rstrip("/")) is None and os.path.lexists(self.inside.full(path)):
                yield path


def carry_out(plan: GitPlan, inside: Inside, prepared: str) -> None:
    """Remove and write; `prepared` is the folder that has the files to be written, by their paths.

    Every file is either old or new at any time.
    """
    for path in plan.remove:
        inside.remove(path)
        inside.remove_empty_parents(path)
    for path in plan.clear:
        for below, entry in inside.walk(path):
            if entry.is_dir(follow_symlinks=False):
                inside.remove_folder(below)
            else:
                inside.remove(below)
        inside.remove_folder(path)
    for path in plan.write:
        inside.put(os.path.join(prepared, path), path)
