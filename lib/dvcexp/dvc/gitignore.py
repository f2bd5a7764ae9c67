"""gitignore patterns as DVC applies them: pathspec's regular expressions, matched from the start of a path.

There are no regexes here: one with a dozen `*` could be kept busy for ever by a name that was chosen for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_ANY = "?"
_STAR = "*"
_UNCLOSED = ("[",)


@dataclass(frozen=True, slots=True)
class _Characters:
    """A bracket expression."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def __contains__(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) != self.negated


@dataclass(frozen=True, slots=True)
class _Literal:
    """A character that stands for itself."""

    character: str

    def __contains__(self, character: str) -> bool:
        return character == self.character


_Token = str | _Characters | _Literal


@dataclass(frozen=True, slots=True)
class _Glob:
    """One component of a pattern. `text` if it has no wildcards, `tokens` if it has."""

    text: str | None
    tokens: tuple[_Token, ...]

    def matches(self, name: str) -> bool:
        if self.text is not None:
            return name == self.text
        return _matches(self.tokens, name)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of a .dvcignore.

    components: what the path's components must match, in order; None stands for any number of them (`**`). What lies
    below a match matches too. contents: the pattern is for what is in the folder that matches (`a/`, `a/**`).
    only_folders: it ends in a slash.
    """

    components: tuple[_Glob | None, ...]
    ignores: bool
    contents: bool
    only_folders: bool

    def matches(self, parts: Sequence[str], *, is_dir: bool) -> bool:
        """Does the pattern match this path, or a folder that it lies in?"""
        if self.only_folders and not is_dir:
            return False
        # How many of the path's components the pattern's components so far can stand for.
        ends = {0}
        for component in self.components:
            if component is None:
                ends = set(range(min(ends), len(parts) + 1))
            else:
                ends = {end + 1 for end in ends if end < len(parts) and component.matches(parts[end])}
            if not ends:
                return False
        return min(ends) < len(parts) or is_dir or not self.contents


def parse(line: str) -> Pattern | None:
    """The pattern in a line without blanks around it; None where it matches nothing. ValueError where DVC fails."""
    only_folders = line.endswith("/")
    ignores = not line.startswith("!")
    components = (line if ignores else line[1:]).split("/")
    if not line or line.startswith("#") or line == "/":
        return None
    if not components[0]:
        del components[0]
    elif len(components) == 1 or (len(components) == 2 and not components[1]):
        components.insert(0, "**")
    if not components:
        raise ValueError("nothing to match")
    if not components[-1]:
        components[-1] = "**"
    kept = [name for before, name in zip(["", *components], components, strict=False) if (before, name) != ("**", "**")]
    if kept == ["**", "*"]:
        kept = ["**"]
    if kept in (["**"], ["**", "*", "**"]):
        # `**` and `*` match everything. What pathspec makes of `**/` and `*/` matches only from inside of a path.
        return None if only_folders or len(kept) > 1 else Pattern((None,), ignores, False, False)
    contents = kept[-1] == "**"
    if contents:
        del kept[-1]
    globs: list[_Glob | None] = []
    for name in kept:
        glob = None if name == "**" else _parse_component(name)
        if glob is not None and glob.tokens == _UNCLOSED:
            return None  # Git and pathspec drop the pattern
        globs.append(glob)
    return Pattern(tuple(globs), ignores, contents, only_folders)


def _parse_component(text: str) -> _Glob:
    """A component of a pattern; one that is nothing but _UNCLOSED where a bracket is not closed."""
    if text == "*":
        return _Glob(None, (_ANY, _STAR))  # alone it needs a character
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == "\\":
            if position == len(text):
                raise ValueError("nothing follows the backslash")
            tokens.append(_Literal(text[position]))
            position += 1
        elif character == "[":
            end = _closing_bracket(text, position)
            if end < 0:
                return _Glob(None, _UNCLOSED)
            tokens.append(_parse_brackets(text[position:end]))
            position = end + 1
        elif character == _STAR:
            if tokens[-1:] != [_STAR]:
                tokens.append(_STAR)
        else:
            tokens.append(character if character == _ANY else _Literal(character))
    if all(isinstance(token, _Literal) for token in tokens):
        return _Glob("".join(token.character for token in tokens if isinstance(token, _Literal)), ())
    return _Glob(None, tuple(tokens))


def _closing_bracket(text: str, start: int) -> int:
    """Where the bracket expression that begins before `start` ends; a `]` right at its beginning is a member."""
    if text[start : start + 1] in ("!", "^"):
        start += 1
    return text.find("]", start + 1 if text[start : start + 1] == "]" else start)


def _parse_brackets(text: str) -> _Characters:
    negated = text[:1] in ("!", "^")
    if negated:
        text = text[1:]
    ranges = []
    position = 0
    while position < len(text):
        low = high = text[position]
        if text[position + 1 : position + 2] == "-" and position + 2 < len(text):
            high = text[position + 2]
            if high < low:
                raise ValueError(f"'{low}-{high}' is no range")
            position += 2
        ranges.append((low, high))
        position += 1
    return _Characters(tuple(ranges), negated)


def _matches(tokens: Sequence[_Token], name: str) -> bool:
    """Classic wildcard matching: only the last star ever needs to be tried again."""
    token = position = 0
    star, resume = -1, 0
    while position < len(name):
        here = tokens[token] if token < len(tokens) else None
        if here == _STAR:
            star, resume = token, position
            token += 1
        elif here is not None and (here == _ANY or name[position] in here):
            token += 1
            position += 1
        elif star >= 0:
            resume += 1
            token, position = star + 1, resume
        else:
            return False
    return all(rest == _STAR for rest in tokens[token:])
