"""One commit's tree as DVC looks at it: by path from the Git root, where `..` at the top goes nowhere."""

from __future__ import annotations

import posixpath
from functools import lru_cache
from typing import NamedTuple

from dvcexp.dvc.project import Node, Store
from dvcexp.errors import FormatError

# What a lookup found: enough to tell whether another commit would give the same answer.
Found = tuple[str, str] | None


class TreeIndex:
    """Remembers what is in which tree, for the commits that share it: of very many commits the last."""

    def __init__(self, store: Store) -> None:
        self.read = store.read
        # A survey and the lookups after it meet at the same few trees.
        self.children = lru_cache(maxsize=256)(store.children)
        self._child = lru_cache(maxsize=16_384)(lambda tree_id, name: self._by_name(tree_id).get(name))
        self._by_name = lru_cache(maxsize=256)(self._names)

    def child(self, tree_id: str, name: str) -> Node | None:
        """The entry `name` of a tree."""
        return self._child(tree_id, name)

    def _names(self, tree_id: str) -> dict[str, Node]:
        """The entries of a tree; of several by one name, which only a damaged tree has, the first."""
        return {node.name: node for node in reversed(self.children(tree_id))}


class _Top(NamedTuple):
    """The root, which is in no directory."""

    id: str
    name: str = ""
    kind: str = "dir"


class Tree:
    """The tree of one commit. Every path that was looked up is noted in `lookups`, in order, for who wants to know."""

    def __init__(self, index: TreeIndex, tree_id: str) -> None:
        self._index = index
        self._top = _Top(tree_id)
        self.lookups: dict[str, Found] = {}

    def node(self, path: str) -> Node | None:
        """What is at `path`, relative to the Git root; '' is the root. Links are not followed."""
        node: Node | None = self._top
        for name in path.split("/") if path else ():
            node = self._index.child(node.id, name) if node is not None and node.kind == "dir" else None
            if node is None:
                break
        self.lookups[path] = found(node)
        return node

    def is_dir(self, path: str) -> bool:
        """Is there a directory at `path`?"""
        node = self.node(path)
        return node is not None and node.kind == "dir"

    def read(self, path: str) -> bytes:
        """The content of the file at `path` (of a link: where it points to). FormatError where there is none."""
        node = self.node(path)
        if node is None:
            raise FormatError(path, "is not in the commit")
        if node.kind in ("dir", "submodule"):
            raise FormatError(path, "is not a file")
        return self._index.read(node.id)


def found(node: Node | None) -> Found:
    """The answer to a lookup; of a directory only that it is one."""
    return None if node is None else (node.kind, "" if node.kind == "dir" else node.id)


def join(folder: str, path: str) -> str:
    """`path`, as a file in `folder` writes it, relative to the Git root and normalised; '' is the root itself."""
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")


def is_inside(path: str, folder: str) -> bool:
    """Does `path` lie below `folder`? Both relative to the Git root and normalised."""
    return path != folder and (not folder or path.startswith(f"{folder}/"))
