""".dvcignore, as DVC applies it (dvc/ignore.py): a folder's gitignore patterns and those above it, by pathspec.

What lies in an ignored folder is ignored, whatever a later pattern says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dvcexp.errors import FormatError

NAME = ".dvcignore"

# DVC's own, before any file's: a work tree's and DVC's innards.
_ALWAYS = (".hg/", ".git/", ".git", ".dvc/")
_ALWAYS_FOLDERS = frozenset({".hg", ".git", ".dvc"})

# A pattern with several `*` against a long name costs what the name's length to the power of their number is.
_MAX_STARS = 12
_MAX_PATTERN = 1024


def parse(data: bytes, where: str) -> tuple[str, ...]:
    """The patterns in a .dvcignore, each checked to be one. FormatError with `where`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(where, "is not valid UTF-8") from None
    lines = [line.strip() for line in re.split("\r\n?|\n", text)]
    patterns = tuple(line for line in lines if line and not line.startswith("#"))
    for pattern in patterns:
        if len(pattern) > _MAX_PATTERN or pattern.count("*") > _MAX_STARS:
            raise FormatError(where, f"the pattern '{pattern[:80]}' is too long or has too many '*'")
        _rule(pattern, where)
    return patterns


class _Rule(NamedTuple):
    regex: re.Pattern[str]
    ignores: bool
    only_folders: bool


class _Rules(NamedTuple):
    """What holds in one folder: patterns relative to the DVC root, the last one that matches decides."""

    patterns: tuple[str, ...]
    rules: tuple[_Rule, ...]

    def matches(self, path: str, *, is_dir: bool) -> bool:
        for rule in reversed(self.rules):
            if rule.only_folders and not is_dir:
                continue
            if rule.regex.match(path) or (is_dir and rule.regex.match(f"{path}/")):
                return rule.ignores
        return False


class IgnoreFilter:
    """What DVC ignores below one DVC root. `sources`: folder, relative to that root, -> the patterns of its file."""

    def __init__(self, sources: Mapping[str, Sequence[str]]) -> None:
        self._sources = sources
        self._rules: dict[str, _Rules] = {}

    def is_ignored(self, path: str, *, is_dir: bool = False) -> bool:
        """Is `path`, relative to the DVC root, ignored as a file (or as a directory)?"""
        parts = path.split("/")
        if not self._sources:
            return not _ALWAYS_FOLDERS.isdisjoint(parts[:-1]) or (
                parts[-1] in _ALWAYS_FOLDERS if is_dir else parts[-1] == ".git"
            )
        rules = self._rules_of(parts[:-1])
        return any(
            rules.matches("/".join(parts[:length]), is_dir=is_dir or length < len(parts))
            for length in range(1, len(parts) + 1)
        )

    def _rules_of(self, folder: Sequence[str]) -> _Rules:
        """The rules for what lies in `folder`: those of the root, then each folder's on the way that is not ignored."""
        rules = self._for("", (*_ALWAYS, *self._sources.get("", ())))
        for length in range(1, len(folder) + 1):
            name = "/".join(folder[:length])
            own = self._sources.get(name)
            if own and not _any_matches(rules, [*folder[:length], NAME]):
                rules = self._for(name, (*rules.patterns, *(_rebase(pattern, name) for pattern in own)))
        return rules

    def _for(self, folder: str, patterns: tuple[str, ...]) -> _Rules:
        if folder not in self._rules:
            compiled = (_rule(pattern, NAME) for pattern in patterns)
            self._rules[folder] = _Rules(patterns, tuple(rule for rule in compiled if rule is not None))
        return self._rules[folder]


def _any_matches(rules: _Rules, parts: Sequence[str]) -> bool:
    return any(
        rules.matches("/".join(parts[:length]), is_dir=length < len(parts)) for length in range(1, len(parts) + 1)
    )


def _rule(pattern: str, where: str) -> _Rule | None:
    """The pattern as pathspec understands it; None for one that matches nothing."""
    try:
        regex, ignores = _to_regex(pattern)
        if regex is None or ignores is None:
            return None
        return _Rule(re.compile(re.sub(r"\(\?P<\w+>", "(?:", regex)), ignores, pattern.endswith("/"))
    except (ValueError, re.error) as exc:
        raise FormatError(where, f"'{pattern}' is not a pattern ({exc})") from None


def _to_regex(pattern: str) -> tuple[str | None, bool | None]:
    try:
        from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern as Pattern
    except ImportError:  # before pathspec 1
        from pathspec.patterns.gitwildmatch import GitWildMatchPattern as Pattern
    regex, ignores = Pattern.pattern_to_regex(pattern)
    return regex, ignores


def _rebase(pattern: str, folder: str) -> str:
    """The pattern of a file in `folder` as one relative to the DVC root (dvc/pathspec_math.py)."""
    negated = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    if "/" in pattern[:-1] and not pattern.startswith("**/"):
        rebased = f"/{pattern.removeprefix('/').removeprefix(chr(92))}"
    else:
        rebased = f"/**/{pattern.removeprefix('**/').removeprefix(chr(92))}"
    return f"{'!' if negated else ''}/{folder}{rebased}"
