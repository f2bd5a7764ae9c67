"""A commit's tree with some of the work tree's files laid over it, so that one reader serves both.

The work tree is HEAD's tree with what differs from it; what `apply` will leave is the experiment's tree with the files
that it lets be. Only what differs is looked at on the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dvcexp.dvc.project import Node, Store
from dvcexp.errors import FormatError

_DISK = "disk:"
_TREE = "overlay:"

# name -> what is below, or True for a file of the work tree, False for nothing
_Changes = dict[str, "bool | _Changes"]


class _Entry(NamedTuple):
    name: str
    kind: str
    id: str


class Overlays:
    """A store of trees that also has trees with changes; everything else is asked of `store`.

    top: the work tree, an absolute path.
    """

    def __init__(self, store: Store, top: str) -> None:
        self._store = store
        self._top = top
        self._trees: dict[str, tuple[str, str | None, _Changes]] = {}

    def tree(self, tree_id: str | None, changes: Mapping[str, bool]) -> str:
        """The id of the tree `tree_id` (None: an empty one) with `changes`: path -> is the work tree's file there?"""
        nested: _Changes = {}
        for path, there in changes.items():
            *folders, name = path.split("/")
            current = nested
            for folder in folders:
                below = current.get(folder)
                if not isinstance(below, dict):
                    below = current[folder] = {}
                current = below
            if not isinstance(current.get(name), dict):
                current[name] = there
        return self._add("", tree_id, nested) if nested or tree_id is None else tree_id

    def children(self, tree_id: str) -> Sequence[Node]:
        """The entries of a tree, with changes or without."""
        if tree_id not in self._trees:
            return self._store.children(tree_id)
        path, base, changes = self._trees[tree_id]
        entries: dict[str, Node] = {}
        if base is not None:
            entries.update((node.name, node) for node in self._store.children(base))
        for name, change in changes.items():
            below = f"{path}/{name}" if path else name
            node = self._entry(name, below, change, entries.pop(name, None))
            if node is not None:
                entries[name] = node
        return [entries[name] for name in sorted(entries)]

    def read(self, blob_id: str) -> bytes:
        """The content of a file, of the work tree or of the store."""
        if not blob_id.startswith(_DISK):
            return self._store.read(blob_id)
        path = blob_id.removeprefix(_DISK)
        full = os.path.join(self._top, path)
        try:
            if os.path.islink(full):
                return os.fsencode(os.readlink(full))
            with open(full, "rb") as file:
                return file.read()
        except OSError as error:
            raise FormatError(path, str(error.strerror)) from None

    def _entry(self, name: str, path: str, change: bool | _Changes, base: Node | None) -> Node | None:
        if isinstance(change, dict):
            tree = base.id if base is not None and base.kind == "dir" else None
            return _Entry(name, "dir", self._add(path, tree, change))
        if not change:
            return None
        try:
            mode = os.lstat(os.path.join(self._top, path)).st_mode
        except OSError:
            return None
        return _Entry(name, "link" if stat.S_ISLNK(mode) else "file", f"{_DISK}{path}")

    def _add(self, path: str, base: str | None, changes: _Changes) -> str:
        name = f"{_TREE}{len(self._trees)}"
        self._trees[name] = (path, base, changes)
        return name
