"""The work tree as a tree to read DVC's files from: ids are absolute paths, links are followed as DVC follows them."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from typing import NamedTuple

from dvcexp.dvc.project import Node
from dvcexp.dvc.tree import TreeIndex
from dvcexp.errors import FormatError


class _Entry(NamedTuple):
    """One entry of a folder; satisfies `project.Node`."""

    name: str
    kind: str
    id: str


class WorkTree:
    """A store for one look at the work tree at `top`. hidden: the paths, absolute, where no DVC file is looked for.

    DVC looks into no folder and at no DVC file that Git ignores; what a DVC file names it reads wherever that lies.
    """

    def __init__(self, top: str, hidden: Collection[str] = ()) -> None:
        self.top = top
        self._hidden = hidden

    def children(self, tree_id: str) -> Sequence[Node]:
        """The entries of a folder that are not hidden, by name; none of one that cannot be read."""
        try:
            with os.scandir(tree_id) as found:
                entries = [
                    _Entry(entry.name, _kind(entry), entry.path) for entry in found if entry.path not in self._hidden
                ]
        except OSError:
            return []
        return sorted(entries)

    def read(self, blob_id: str) -> bytes:
        """The content of a file; FormatError where it cannot be had."""
        try:
            with open(blob_id, "rb", buffering=0) as file:
                return file.readall()
        except OSError as error:
            raise FormatError(os.path.relpath(blob_id, self.top), error.strerror or str(error)) from None


class WorkTreeIndex(TreeIndex):
    """Finds by path what is hidden too: outputs are, for Git ignores them."""

    def child(self, tree_id: str, name: str) -> Node | None:
        """The entry `name` of a folder, or what it links to."""
        path = os.path.join(tree_id, name)
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError):
            return None
        return _Entry(name, "dir" if stat.S_ISDIR(mode) else "file", path)


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return "dir"
    return "link" if entry.is_dir() else "file"
