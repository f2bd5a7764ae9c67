"""DVC roots in a commit or a work tree, and the tree that DVC's files are read from.

`Store` is all that this room knows of Git: ids are opaque, equal ids mean equal content, so that what one commit's tree
told is remembered for every other commit that shares it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

DVC_DIR = ".dvc"
IGNORE_FILE = ".dvcignore"


class Node(Protocol):
    """One entry of a directory. kind: `file`, `link`, `dir` or `submodule`."""

    @property
    def name(self) -> str:
        """Text, with undecodable bytes as surrogates."""

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def id(self) -> str:
        """What to ask the store for."""


class Trees(Protocol):
    """Where trees come from. Raises a DvcexpError where one cannot be had."""

    def children(self, tree_id: str, /) -> Sequence[Node]:
        """The entries of a directory."""


class Store(Trees, Protocol):
    """Where trees and blobs come from."""

    def read(self, blob_id: str) -> bytes:
        """The content of a file, or the target of a link."""


class Folder(NamedTuple):
    """What matters to DVC in a directory and below it; most directories have nothing of the kind.

    files: its *.dvc and dvc.yaml, in the tree's order. ignore: its .dvcignore. is_root: it has a `.dvc` folder, and is
    a project of its own; to the project around it, it is one as soon as anything is called `.dvc` (is_foreign).
    weight: how many such files and folders there are, counted as often as they stand in the tree.
    """

    files: tuple[Node, ...]
    ignore: Node | None
    is_root: bool
    is_foreign: bool
    folders: tuple[tuple[str, Folder], ...]
    weight: int


class Survey:
    """Finds the folders that matter. A tree that several commits share, or several places, is looked at once."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._folders: dict[str, Folder | None] = {}

    def folder(self, tree_id: str) -> Folder | None:
        """What matters in this tree, or None. No recursion: how deep folders are nested is the commit's to choose."""
        children: dict[str, Sequence[Node]] = {}
        todo = [tree_id]
        while todo:
            current = todo[-1]
            if current in self._folders:
                todo.pop()
            elif current not in children:
                children[current] = nodes = self._trees.children(current)
                # What lies in `.dvc` is DVC's own (and may hold whole projects, of runs elsewhere).
                todo.extend(node.id for node in nodes if node.kind == "dir" and node.name != DVC_DIR)
            else:
                self._folders[current] = self._summary(children.pop(current))
                todo.pop()
        return self._folders[tree_id]

    def _summary(self, nodes: Sequence[Node]) -> Folder | None:
        files, folders = [], []
        ignore = dvc = None
        for node in nodes:
            if node.name == DVC_DIR:
                dvc = node
            if node.kind == "dir":
                below = self._folders[node.id] if node.name != DVC_DIR else None
                if below is not None:
                    folders.append((node.name, below))
            elif node.name.endswith(".dvc") or node.name == "dvc.yaml":
                files.append(node)
            elif node.name == IGNORE_FILE:
                ignore = node
        if not files and not folders and ignore is None and dvc is None:
            return None
        weight = 1 + len(files) + sum(below.weight for _, below in folders)
        is_root = dvc is not None and dvc.kind == "dir"
        return Folder(tuple(files), ignore, is_root, dvc is not None, tuple(folders), weight)


def find_roots(top: Folder) -> Iterator[tuple[str, Folder]]:
    """Every DVC root of a commit, with its path relative to the Git root ('' if the same)."""
    todo = [("", top)]
    while todo:
        path, folder = todo.pop()
        if folder.is_root:
            yield path, folder
        todo.extend((f"{path}/{name}" if path else name, below) for name, below in reversed(folder.folders))


def root_around(folder: str, top: str) -> str | None:
    """The DVC root that `folder` is in, relative to the Git root `top` ('' if the same); None if it is in none."""
    below = os.path.relpath(os.path.realpath(folder), os.path.realpath(top))
    parts = [] if below == "." else below.split(os.sep)
    if parts and parts[0] == os.pardir:
        parts = []
    for count in range(len(parts), -1, -1):
        if os.path.isdir(os.path.join(top, *parts[:count], DVC_DIR)):
            return "/".join(parts[:count])
    return None
