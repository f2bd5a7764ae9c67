""".dvcignore, as DVC applies it (dvc/ignore.py): the patterns of a folder after those of the folders above it.

What lies in an ignored folder is ignored, whatever a later pattern says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dvcexp.errors import FormatError

if TYPE_CHECKING:
    from dvcexp.dvc.gitignore import Pattern

NAME = ".dvcignore"

MAX_SIZE = 1 << 20

# DVC's own patterns, before any file's: the innards of work trees and of DVC.
_ALWAYS = (".hg/", ".git/", ".git", ".dvc/")
_ALWAYS_FOLDERS = frozenset({".hg", ".git", ".dvc"})


def parse(data: bytes, where: str) -> tuple[str, ...]:
    """The patterns in a .dvcignore, each checked to be one. FormatError with `where`."""
    from dvcexp.dvc import gitignore  # few projects have patterns

    if len(data) > MAX_SIZE:
        raise FormatError(where, f"{len(data)} bytes are too many for a file of this kind")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(where, "is not valid UTF-8") from None
    lines = [line.strip() for line in re.split("\r\n?|\n", text)]
    patterns = tuple(line for line in lines if line and not line.startswith("#"))
    for pattern in patterns:
        try:
            gitignore.parse(pattern)
        except ValueError as exc:
            raise FormatError(where, f"'{pattern}' is not a pattern: {exc}") from None
    return patterns


class _Rules(NamedTuple):
    """What holds in one folder: lines relative to the DVC root, and as patterns; the last one that matches decides."""

    lines: tuple[str, ...]
    patterns: tuple[Pattern, ...]

    def ignore(self, parts: Sequence[str], *, is_dir: bool) -> bool:
        """Is this path, or a folder that it lies in, ignored?"""
        for length in range(1, len(parts) + 1):
            prefix, prefix_is_dir = parts[:length], is_dir or length < len(parts)
            matching = (rule for rule in reversed(self.patterns) if rule.matches(prefix, is_dir=prefix_is_dir))
            decisive = next(matching, None)
            if decisive is not None and decisive.ignores:
                return True
        return False


class IgnoreFilter:
    """What DVC ignores below one DVC root. `sources`: folder, relative to that root, -> the patterns of its file."""

    def __init__(self, sources: Mapping[str, Sequence[str]]) -> None:
        self._sources = sources
        self._rules: dict[str, _Rules] = {}

    def is_ignored(self, path: str, *, is_dir: bool = False) -> bool:
        """Is `path`, relative to the DVC root, ignored as a file (or as a directory)?"""
        parts = path.split("/")
        if self._sources:
            return self._rules_in(parts[:-1]).ignore(parts, is_dir=is_dir)
        if not _ALWAYS_FOLDERS.isdisjoint(parts[:-1]):
            return True
        return parts[-1] in _ALWAYS_FOLDERS if is_dir else parts[-1] == ".git"

    def _rules_in(self, folder: Sequence[str]) -> _Rules:
        """The rules for what lies in `folder`: the root's, then those of each folder on the way that is not ignored."""
        rules = self._add("", _Rules((), ()), (*_ALWAYS, *self._sources.get("", ())))
        for length in range(1, len(folder) + 1):
            name = "/".join(folder[:length])
            own = self._sources.get(name)
            if own and (name in self._rules or not rules.ignore([*folder[:length], NAME], is_dir=False)):
                rules = self._add(name, rules, [_rebase(line, name) for line in own])
        return rules

    def _add(self, folder: str, above: _Rules, lines: Sequence[str]) -> _Rules:
        from dvcexp.dvc import gitignore

        if folder not in self._rules:
            patterns = [pattern for pattern in map(gitignore.parse, lines) if pattern is not None]
            self._rules[folder] = _Rules((*above.lines, *lines), (*above.patterns, *patterns))
        return self._rules[folder]


NOTHING = IgnoreFilter({})


def _rebase(line: str, folder: str) -> str:
    """A line of a file in `folder` as one relative to the DVC root, in DVC's way (dvc/pathspec_math.py)."""
    negated = line.startswith("!")
    line = line.removeprefix("!")
    if "/" in line[:-1] and not line.startswith("**/"):
        rebased = f"/{line.removeprefix('/').removeprefix(chr(92))}"
    else:
        rebased = f"/**/{line.removeprefix('**/').removeprefix(chr(92))}"
    return f"{'!' if negated else ''}/{folder}{rebased}"
