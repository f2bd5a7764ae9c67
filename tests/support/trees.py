"""Trees of files without Git: a store for the readers of DVC's formats."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Node(NamedTuple):
    """Satisfies `dvc.project.Node`."""

    name: str
    kind: str
    id: str


class Link(str):
    """The target of a symbolic link, where a file's content could stand."""


class Submodule(str):
    """The commit of a submodule, where a file's content could stand."""


def nest(files: Mapping[str, Any]) -> dict[str, Any]:
    """Paths with contents -> folders within folders."""
    top: dict[str, Any] = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        here = top
        for folder in folders:
            here = here.setdefault(folder, {})
        here[name] = content
    return top


class MemoryStore:
    """Implements `dvc.project.Store`; counts what is asked of it."""

    def __init__(self) -> None:
        self._trees: dict[str, list[Node]] = {}
        self._blobs: dict[str, bytes] = {}
        self.trees_read = 0
        self.blobs_read = 0

    def add(self, files: Mapping[str, Any]) -> str:
        """The id of a tree with these files: path -> text, bytes, Link or Submodule."""
        return self._add_folder(nest(files))

    def add_same(self, tree_id: str, names: Sequence[str]) -> str:
        """The id of a tree that holds one tree under several names."""
        return self._add_tree([Node(name, "dir", tree_id) for name in sorted(names)])

    def children(self, tree_id: str) -> Sequence[Node]:
        self.trees_read += 1
        return self._trees[tree_id]

    def read(self, blob_id: str) -> bytes:
        self.blobs_read += 1
        return self._blobs[blob_id]

    def _add_folder(self, folder: Mapping[str, Any]) -> str:
        # Git sorts a directory as if its name ended in a slash.
        names = sorted(folder, key=lambda name: f"{name}/" if isinstance(folder[name], dict) else name)
        return self._add_tree([self._node(name, folder[name]) for name in names])

    def _add_tree(self, nodes: list[Node]) -> str:
        tree_id = hashlib.sha1(repr(nodes).encode()).hexdigest()
        self._trees[tree_id] = nodes
        return tree_id

    def _node(self, name: str, content: Any) -> Node:
        if isinstance(content, dict):
            return Node(name, "dir", self._add_folder(content))
        if isinstance(content, Submodule):
            return Node(name, "submodule", str(content))
        data = content if isinstance(content, bytes) else content.encode()
        blob_id = hashlib.sha1(data).hexdigest()
        self._blobs[blob_id] = data
        return Node(name, "link" if isinstance(content, Link) else "file", blob_id)
