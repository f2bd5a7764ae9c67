"""YAML as DVC itself writes it: block mappings and lists, one entry a line, scalars that are plain or simply quoted.

A small part of YAML, and nothing else: what is not plainly in it is left to the whole parser, so that both agree. It
needs no import and a fraction of the time.
"""

from __future__ import annotations

import re
from typing import Any

from dvcexp.dvc import scalars

_ALLOWED = bytes([0x0A, *range(0x20, 0x7F)])
_MAX_DEPTH = 50
_MAX_LINE = 1000  # a key must be followed by its colon within 1024 characters

# A plain scalar: no indicator in front, no `: ` and no ` #` inside, nothing behind.
_PLAIN = r"(?:[A-Za-z0-9_./(]|-(?=[0-9.]))(?:[^ :]|:(?! |\Z)| (?![#]|\Z))*"
_LINE = re.compile(
    r"( *)(- )?(?:([A-Za-z0-9_][A-Za-z0-9_./@-]*):(?: (?!\Z)|\Z))?"
    rf"(?:({_PLAIN})|('[^']*'|\"[^\"\\]*\"))?\Z"
)


class _NotPlain(Exception):
    """This is for the whole parser."""


def load(data: bytes) -> dict[str, Any] | list[Any] | None:
    """The document in `data`; None where it is not plain, or not well-formed."""
    if data.translate(None, _ALLOWED):
        return None
    try:
        return _Reader().read(data.decode("ascii").split("\n"))
    except _NotPlain:
        return None


class _Reader:
    """Line by line. `_open`: the collections that we stand in, each with its column, outermost first."""

    def __init__(self) -> None:
        self._open: list[tuple[int, Any]] = []
        self._root: dict[str, Any] | list[Any] | None = None
        self._awaiting: tuple[int, dict[str, Any], str] | None = None  # a key without a value so far, and its column

    def read(self, lines: list[str]) -> dict[str, Any] | list[Any] | None:
        for line in lines:
            if line.strip(" ")[:1] not in ("", "#"):
                self._read(line)
        return self._root

    def _read(self, line: str) -> None:
        match = _LINE.match(line)
        if match is None or len(line) > _MAX_LINE:
            raise _NotPlain
        indent, dash, key, plain, quoted = match.groups()
        column = len(indent)
        collection = self._collection(column, list if dash else dict)
        if plain is not None:
            value = _value(plain)
        elif quoted is not None:
            value = quoted[1:-1]
        elif key is not None:
            value = None
        else:
            raise _NotPlain
        if dash:
            if key is None:
                collection.append(value)
                return
            entry: dict[str, Any] = {}
            collection.append(entry)
            column += 2
            self._enter(column, entry)
            collection = entry
        if key is None or key in collection or scalars.tag_of(key) != scalars.STR:
            raise _NotPlain
        collection[key] = value
        if plain is None and quoted is None:
            self._awaiting = column, collection, key

    def _collection(self, column: int, kind: type[dict[str, Any]] | type[list[Any]]) -> Any:
        """The collection of this kind that an entry in this column belongs to."""
        awaiting, self._awaiting = self._awaiting, None
        if self._root is None:
            root = self._root = kind()
            self._enter(column, root)
        elif awaiting is not None and (column > awaiting[0] or (column == awaiting[0] and kind is list)):
            # A list may stand below its key without being indented.
            value = awaiting[1][awaiting[2]] = kind()
            self._enter(column, value)
        while self._open and self._open[-1][0] > column:
            self._open.pop()
        if self._open and self._open[-1][0] == column and kind is dict and isinstance(self._open[-1][1], list):
            self._open.pop()
        if not self._open or self._open[-1][0] != column or not isinstance(self._open[-1][1], kind):
            raise _NotPlain
        return self._open[-1][1]

    def _enter(self, column: int, collection: Any) -> None:
        if len(self._open) == _MAX_DEPTH:
            raise _NotPlain
        self._open.append((column, collection))


def _value(text: str) -> Any:
    tag = scalars.tag_of(text)
    if tag == scalars.STR:
        return text
    try:
        return scalars.construct(tag, text)
    except (LookupError, ValueError):
        raise _NotPlain from None
