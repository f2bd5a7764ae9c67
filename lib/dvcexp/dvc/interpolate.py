"""`${...}` in dvc.yaml: which expressions a text holds, and what it becomes with their values (dvc/parsing)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

# A path through mappings and lists: `a.b[0].c`. Only after a bracket can blanks be told from a name.
_EXPRESSION = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^.\[\]]+\][ \t\r\n]*)*")
_ESCAPED = "\\${"

# What the templates of one file may cost: values looked at, and characters written.
MAX_VALUES = 5_000_000
MAX_CHARACTERS = 64 << 20

PRIMITIVES = (int, float, str, bytes, type(None))


class TemplateError(Exception):
    """What is wrong in a template; whoever reads the file says where."""


class Ref:
    """A value out of the context, not out of the template: DVC writes `True` for the one, `true` for the other."""

    __slots__ = ("value",)

    __hash__ = None  # type: ignore[assignment]  # DVC cannot use one as a key either

    def __init__(self, value: Any) -> None:
        self.value = value


class Expression(NamedTuple):
    """One `${...}` in a text, from `start` to `end`."""

    inner: str
    start: int
    end: int


class Budget:
    """Bounds the work for one file: a few lines of nested lists can ask for billions of stages."""

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS

    def spend(self, values: int = 1, characters: int = 0) -> None:
        """Raise TemplateError when it is used up."""
        self._values -= values
        self._characters -= characters
        if self._values < 0 or self._characters < 0:
            raise TemplateError("the templates stand for more stages than anybody could want")


def expressions(text: str) -> Iterator[Expression]:
    r"""Each `${...}` that is not escaped as `\${`; none spans lines. Linear in the text, which a regex would not be."""
    start = text.find("${")
    close = newline = -1
    while start >= 0:
        if start and text[start - 1] == "\\":
            start = text.find("${", start + 1)
            continue
        if close < start + 2:
            close = text.find("}", start + 2)
            if close < 0:
                return
        if newline < start:
            newline = text.find("\n", start)
            if newline < 0:
                newline = len(text)
        if newline < close:
            start = text.find("${", start + 1)
            continue
        yield Expression(text[start + 2 : close], start, close + 1)
        start = text.find("${", close + 1)


def check(data: Any) -> None:
    """Raise TemplateError for an expression anywhere in `data` that is not well-formed."""
    for text in _texts(data):
        for expression in expressions(text):
            if not _EXPRESSION.fullmatch(expression.inner):
                raise TemplateError(f"'${{{expression.inner}}}' is not an expression")


def has_expressions(data: Any) -> bool:
    """Is there an expression anywhere in `data`, keys included?"""
    return any(next(expressions(text), None) is not None for text in _texts(data))


def _texts(data: Any) -> Iterator[str]:
    todo = [data]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if "${" in item:
                yield item
        elif isinstance(item, dict):
            todo.extend(item)
            todo.extend(item.values())
        elif isinstance(item, (list, tuple, set)):
            todo.extend(item)


def resolve(
    data: Any, select: Callable[[str], Any], budget: Budget, key: str | None = None, *, refs: bool = False
) -> Any:
    """`data` with every expression replaced by what `select` finds for it, in keys and values, at any depth.

    key: the key of the stage that `data` stands under, which decides what may be a list or a mapping; None outside of
    stages. refs: a text that is one expression becomes a Ref (what `foreach` and `matrix` iterate over).
    """
    budget.spend()
    if isinstance(data, str):
        if "${" not in data:
            return data
        return _resolve_text(data, select, budget, key, refs=refs)
    if isinstance(data, dict):
        try:
            return {
                resolve(name, select, budget, key, refs=refs): resolve(value, select, budget, key, refs=refs)
                for name, value in data.items()
            }
        except TypeError:
            raise TemplateError("a list or a mapping cannot be a key") from None
    if isinstance(data, (list, tuple, set)):
        try:
            return type(data)([resolve(item, select, budget, key, refs=refs) for item in data])
        except TypeError:
            raise TemplateError("a list or a mapping cannot stand in a set") from None
    return data


def _resolve_text(text: str, select: Callable[[str], Any], budget: Budget, key: str | None, *, refs: bool) -> Any:
    pieces, position = [], 0
    for expression in expressions(text):
        value = select(expression.inner)
        _check_kind(value, key)
        if expression.start == 0 and expression.end == len(text):
            return Ref(value) if refs else value
        pieces += [text[position : expression.start], to_text(value)]
        position = expression.end
    pieces.append(text[position:])
    result = "".join(pieces).replace(_ESCAPED, "${")
    budget.spend(characters=len(result))
    return result


def _check_kind(value: Any, key: str | None) -> None:
    """Only `cmd` may take a mapping, and nothing in a stage a list."""
    if isinstance(value, PRIMITIVES) or key is None or "foreach" in key or (key == "cmd" and isinstance(value, dict)):
        return
    raise TemplateError(f"a {'mapping' if isinstance(value, dict) else 'list'} cannot stand in text")


def to_text(value: Any) -> str:
    """The text that a value becomes amid other text, and as part of a stage's name."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Ref):
        return str(value.value)
    if isinstance(value, dict):
        return _to_options(value)
    return str(value)


def _to_options(value: Mapping[str, Any]) -> str:
    """A mapping as command line options; only `cmd` gets to show one, where DVC's `parsing.*` may change the look."""
    from shlex import quote

    words = []
    for name, item in _flatten(value, ()):
        if isinstance(item, bool):
            words += [f"--{name}"] if item else []
        elif isinstance(item, str):
            words.append(f"--{name} {quote(item)}")
        elif isinstance(item, (list, bytes)):
            if any(isinstance(one, (list, dict, bytes)) for one in item):
                raise TemplateError(f"a list in a list cannot be written as options ('{name}')")
            words += [f"--{name}"] if item else []
            words += [quote(one) if isinstance(one, str) else str(one) for one in item]
        else:
            words.append(f"--{name} {item}")
    return " ".join(words)


def _flatten(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[tuple[str, Any]]:
    """Leaves with their dotted names; TemplateError where two of them get the same name."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        leaves = _flatten(item, (*path, key)) if isinstance(item, dict) else [(".".join((*path, key)), item)]
        for name, leaf in leaves:
            if name in found:
                raise TemplateError(f"'{name}' stands twice in one mapping")
            found[name] = leaf
    return found.items()
