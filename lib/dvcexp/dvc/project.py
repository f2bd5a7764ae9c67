"""DVC roots in a commit or a work tree, and the tree that DVC's files are read from.

`Store` is all that this room knows of Git: ids are opaque, equal ids mean equal content, so that what one commit's tree
told is remembered for every other commit that shares it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

Kind = Literal["file", "link", "dir", "submodule"]


class Node(NamedTuple):
    """One entry of a directory. `name` is text with undecodable bytes as surrogates."""

    name: str
    kind: Kind
    id: str


class Store(Protocol):
    """Where trees and blobs come from. Both raise a DvcexpError where the object cannot be had."""

    def children(self, tree_id: str) -> Sequence[Node]:
        """The entries of a directory."""

    def read(self, blob_id: str) -> bytes:
        """The content of a file, or the target of a link."""
