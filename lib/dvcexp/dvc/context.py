"""The values that templates name: `params.yaml`, `vars`, and what foreach and matrix iterate over (dvc/parsing)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dvcexp.dvc.interpolate import PRIMITIVES, Budget, Ref, TemplateError

# Takes a path as a `vars` entry leads to it and returns what the file holds. Raises TemplateError where there is none.
Load = Callable[[str], Any]

_MAX_DEPTH = 100


class Context:
    """Values by name, and which files they came from: a file's values are loaded once, and never redefined."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._values: dict[str, Any] = {}
        self._imports: dict[str, list[str] | None] = {}  # path -> the keys taken; None: all of them
        self._loaded: list[tuple[str, Mapping[Any, Any]]] = []
        self._reserved: frozenset[str] = frozenset()

    def clone(self) -> Context:
        """A copy that can be changed without changing this one."""
        other = Context(self._budget)
        other._values = self._convert(self._values, 0)
        other._imports = {path: None if keys is None else list(keys) for path, keys in self._imports.items()}
        other._loaded = list(self._loaded)
        other._reserved = self._reserved
        return other

    def load_vars(self, entries: Sequence[Any], folder: str, load: Load) -> None:
        """Add each entry of a `vars` section: values, or `file` or `file:key1,key2` relative to `folder`."""
        for entry in entries:
            if isinstance(entry, str):
                self.load_file(entry, folder, load)
            else:
                self._add(entry)

    def load_file(self, entry: str, folder: str, load: Load) -> None:
        """Add the values of one file, as `load_vars` does."""
        name, _, keys_text = entry.partition(":")
        path = posixpath.normpath(posixpath.join(folder, name))
        keys = [key for key in keys_text.split(",") if key] if keys_text else None
        if path in self._imports:
            taken = self._imports[path]
            if not keys and taken is None:
                return
            if not keys or taken is None or set(keys) & set(taken):
                raise TemplateError(f"'{entry}' is loaded already, whole or in part")
        values = load(path)
        if not isinstance(values, dict):
            raise TemplateError(f"'{name}' holds no mapping")
        if keys:
            missing = next((key for key in keys if key not in values), None)
            if missing is not None:
                raise TemplateError(f"there is no '{missing}' in '{name}'")
            values = {key: values[key] for key in keys}
        self._add(values)
        self._loaded.append((path, values))
        known = self._imports.setdefault(path, keys)
        if known is not None and keys and known is not keys:
            known.extend(keys)

    @contextmanager
    def item(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Have `values` (`item` and `key`) in place of whatever bears their names, and let nothing redefine them."""
        before = {name: self._values[name] for name in values if name in self._values}
        reserved = self._reserved
        self._values.update({name: self._convert(value, 0) for name, value in values.items()})
        self._reserved = reserved | values.keys()
        try:
            yield
        finally:
            self._reserved = reserved
            for name in values:
                del self._values[name]
            self._values.update(before)

    def select(self, expression: str) -> Any:
        """The value an expression names, as `a.b[0]`; TemplateError where there is none."""
        try:
            return _walk(self._values, _steps(expression))
        except (LookupError, ValueError):
            raise TemplateError(f"there is no '{expression}' to put in") from None

    def origin(self, expression: str) -> tuple[str, str] | None:
        """The file that the value of an expression came from, and its dotted name there.

        None for what dvc.yaml itself says, for a mapping, and for what a stage is generated from.
        """
        steps = _steps(expression)
        for path, values in self._loaded if steps[0] not in self._reserved else ():
            try:
                value = _walk(values, steps)
            except (LookupError, ValueError):
                continue
            if not isinstance(value, dict):
                return path, ".".join(steps)
        return None

    def _add(self, values: Mapping[Any, Any]) -> None:
        fresh = self._convert(values, 0)
        clash = next((name for name in self._reserved if name in fresh), None)
        if clash is not None:
            raise TemplateError(f"'{clash}' is the stage's own and cannot be redefined")
        _merge(self._values, fresh)

    def _convert(self, value: Any, depth: int) -> Any:
        """A copy as the context keeps it: keys that are not text are left out, values that are not plain are errors."""
        self._budget.spend()
        if isinstance(value, PRIMITIVES):
            return value
        if isinstance(value, Ref):
            return value.value
        if depth == _MAX_DEPTH:
            raise TemplateError(f"values are nested more than {_MAX_DEPTH} deep")
        if isinstance(value, dict):
            return {key: self._convert(item, depth + 1) for key, item in value.items() if isinstance(key, str)}
        if isinstance(value, list):
            return [self._convert(item, depth + 1) for item in value]
        raise TemplateError(f"a {type(value).__name__} cannot be a parameter")


def _steps(expression: str) -> list[str]:
    return [step.strip() for step in expression.replace("[", ".").replace("]", "").split(".")]


def _walk(value: Any, steps: Sequence[str]) -> Any:
    """What `steps` lead to; LookupError or ValueError where there is nothing."""
    for step in steps:
        if isinstance(value, dict):
            value = value[step]
        elif isinstance(value, list):
            value = value[int(step)]
        else:
            raise KeyError(step)
    return value


def _merge(into: dict[str, Any], update: Mapping[str, Any]) -> None:
    for name, value in update.items():
        present = into.get(name)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value)
        elif name in into:
            raise TemplateError(f"'{name}' is defined already")
        else:
            into[name] = value
