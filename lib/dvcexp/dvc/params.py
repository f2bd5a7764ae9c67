"""The files that templates take values from: YAML, JSON, TOML or Python, told apart by name as DVC does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dvcexp.dvc import yaml
from dvcexp.errors import FormatError

if TYPE_CHECKING:
    import ast

DEFAULT = "params.yaml"

MAX_SIZE = 16 << 20  # of a file that is not YAML, which has limits of its own


def load(data: bytes, where: str) -> Any:
    """The values in a parameters file. Raises FormatError with `where`, which is the file's path too."""
    # Everything after the first dot counts: `a.b.json` is read as YAML, by DVC too.
    suffix = where.rpartition("/")[2].partition(".")[2].lower()
    if suffix not in ("json", "toml", "py"):
        return yaml.load(data, where) or {}
    if len(data) > MAX_SIZE:
        raise FormatError(where, f"{len(data)} bytes are too many for a file of this kind")
    parse = {"json": _json, "toml": _toml, "py": _python}[suffix]
    try:
        return parse(data.decode("utf-8")) or {}
    except UnicodeDecodeError:
        raise FormatError(where, "is not valid UTF-8") from None
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as exc:
        reason = " ".join(str(exc).split()) or type(exc).__name__
        raise FormatError(where, f"cannot be read as {suffix.upper()}: {reason}") from None


def merge(entries: Iterable[str | Mapping[str, list[str] | None]]) -> dict[str, list[str]]:
    """Each file with the names in it that `entries` want, in their order; none for the whole file, whoever wants more.

    A name alone is one in params.yaml, as in a stage's `params`.
    """
    pairs = [pair for entry in entries for pair in ([(DEFAULT, [entry])] if isinstance(entry, str) else entry.items())]
    whole = {file for file, names in pairs if not names}
    merged: dict[str, list[str]] = {}
    for file, names in pairs:
        merged.setdefault(file, []).extend(names if names and file not in whole else ())
    return merged


def _json(text: str) -> Any:
    import json

    return json.loads(text)


def _toml(text: str) -> Any:
    import sys
    from importlib import import_module

    return import_module("tomllib" if sys.version_info >= (3, 11) else "tomli").loads(text)


def _python(text: str) -> dict[str, Any]:
    import ast

    text = re.sub("\r\n?", "\n", text)
    return dict(_assignments(ast.parse(text).body, attributes_of_self=False))


def _assignments(body: list[ast.stmt], *, attributes_of_self: bool) -> Iterator[tuple[str, Any]]:
    """The literal values assigned in a module or class; in `__init__`, those of `self.name`. Nothing is executed."""
    import ast

    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield statement.name, dict(_assignments(statement.body, attributes_of_self=False))
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            yield from _assignments(statement.body, attributes_of_self=True)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = [statement.target] if isinstance(statement, ast.AnnAssign) else statement.targets
            name = _target_name(targets[0], attributes_of_self=attributes_of_self) if len(targets) == 1 else None
            if name is not None and statement.value is not None:
                try:
                    value = ast.literal_eval(statement.value)
                except ValueError:  # not a literal
                    continue
                yield name, value


def _target_name(target: ast.expr, *, attributes_of_self: bool) -> str | None:
    import ast

    if isinstance(target, ast.Name) and not attributes_of_self:
        return target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return target.attr
    return None
