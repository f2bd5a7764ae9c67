"""The stages of a dvc.yaml with every template resolved: plain ones, and those that `foreach` and `matrix` generate."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from dvcexp.dvc import interpolate, params
from dvcexp.dvc.context import Context, Load
from dvcexp.dvc.interpolate import Budget, Ref, TemplateError, resolve, to_text

# What foreach and matrix may generate from one dvc.yaml, whose stages DVC takes a millisecond each to read.
MAX_STAGES = 100_000

_TOP_LEVEL = ("artifacts", "datasets", "metrics", "params", "plots")


class Pipeline:
    """One dvc.yaml. `folder`: its directory, relative to the DVC root or '' there; `load` reads parameter files.

    Raises TemplateError, as do its methods; FormatError for a parameters file that cannot be read.

    top: `metrics`, `params` and what else stands beside the stages, resolved. used: the values that the stages seen so
    far took from files, by file (relative to the DVC root) and dotted name.
    """

    def __init__(self, data: Mapping[str, Any], folder: str, load: Load, *, has_params: bool) -> None:
        self._folder = folder
        self._load = load
        self._budget = Budget()
        self._context = Context(self._budget)
        entries = data.get("vars", [])
        if interpolate.has_expressions(entries):
            raise TemplateError("'vars' cannot be a template")
        if has_params:
            self._context.load_file(params.DEFAULT, folder, load)
        self._context.load_vars(entries, folder, load)
        self._definitions: Mapping[str, Mapping[str, Any]] = data.get("stages", {})
        self._items: dict[str, dict[str, dict[str, Any]]] = {}
        self.top: dict[str, Any] = {}
        self.used: dict[str, dict[str, Any]] = {}
        self._check_top_level(data)

    def stages(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each stage's name and what it says. A group's stages are called `group@key`."""
        for name, definition in self._definitions.items():
            if "foreach" not in definition and "matrix" not in definition:
                yield name, self._named(name)
                continue
            for key in self._items_of(name):
                yield f"{name}@{key}", self._named(f"{name}@{key}")

    def _named(self, name: str) -> dict[str, Any]:
        """The stage that DVC finds by this name: an `@` always separates a group from a key, wherever it came from."""
        group, at, key = name.rpartition("@")
        if not at:
            group, key = key, ""
        definition = self._definitions.get(group)
        generates = definition is not None and ("foreach" in definition or "matrix" in definition)
        if not name or definition is None or generates != bool(at):
            raise TemplateError(f"no stage can be called '{name}'")
        if at and not (key and key in self._items_of(group)):
            raise TemplateError(f"no stage can be called '{name}'")
        try:
            if not generates:
                interpolate.check(definition)
                return self._resolve(definition, self._context)
            template = definition["do"] if "foreach" in definition else definition
            with self._context.item(self._items_of(group)[key]):
                return self._resolve(template, self._context, matrix="matrix" in definition)
        except TemplateError as exc:
            raise TemplateError(f"stage '{name}': {exc}") from None

    def _resolve(self, definition: Mapping[str, Any], context: Context, *, matrix: bool = False) -> dict[str, Any]:
        entries = definition.get("vars", [])
        if entries:
            if interpolate.has_expressions(entries):
                raise TemplateError("'vars' cannot be a template")
            folder = self._folder
            if definition.get("wdir"):
                wdir = resolve(definition["wdir"], context.select, self._budget)
                folder = posixpath.join(folder, to_text(wdir))
            context = context.clone()
            context.load_vars(entries, folder, self._load)
        own = ("vars", "matrix") if matrix else ("vars",)

        def select(expression: str) -> Any:
            value = context.select(expression)
            origin = context.origin(expression)
            if origin is not None:
                file, name = origin
                self.used.setdefault(file, {})[name] = value
            return value

        return {key: resolve(value, select, self._budget, key) for key, value in definition.items() if key not in own}

    def _items_of(self, group: str) -> dict[str, dict[str, Any]]:
        """What the stages of a group are generated from: their keys, with `item` (and `key`) for each."""
        if group not in self._items:
            definition = self._definitions[group]
            try:
                if "foreach" in definition:
                    interpolate.check(definition["do"])
                    self._items[group] = self._foreach(definition["foreach"])
                else:
                    interpolate.check({key: value for key, value in definition.items() if key != "matrix"})
                    self._items[group] = self._matrix(definition["matrix"])
            except TemplateError as exc:
                raise TemplateError(f"stage '{group}': {exc}") from None
            if sum(map(len, self._items.values())) > MAX_STAGES:
                raise TemplateError(f"more than {MAX_STAGES} stages")
        return self._items[group]

    def _foreach(self, data: Any) -> dict[str, dict[str, Any]]:
        interpolate.check(data)
        values = resolve(data, self._context.select, self._budget, refs=True)
        members = _members(values)
        if isinstance(members, dict):
            return {(key := to_text(name)): {"item": value, "key": key} for name, value in members.items()}
        if members is None:
            raise TemplateError("'foreach' takes a list or a mapping")
        if any(map(_is_composite, members)):
            return {str(index): {"item": value} for index, value in enumerate(members)}
        return {to_text(value): {"item": value} for value in members}

    def _matrix(self, data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        interpolate.check(data)
        axes: dict[str, list[Any]] = {}
        for axis, values in resolve(data, self._context.select, self._budget, refs=True).items():
            members = list(values) if isinstance(values, str) else _members(values)
            if members is None:
                raise TemplateError(f"'matrix.{axis}' takes a list")
            axes[axis] = list(members)
        items = {}
        if math.prod(map(len, axes.values())) > MAX_STAGES:
            raise TemplateError(f"more than {MAX_STAGES} stages")
        for combination in product(*(list(enumerate(values)) for values in axes.values())):
            self._budget.spend(len(axes) + 1)
            parts = [
                f"{axis}{index}" if _is_composite(value) else to_text(value)
                for axis, (index, value) in zip(axes, combination, strict=True)
            ]
            key = "-".join(parts)
            values = {axis: value for axis, (_, value) in zip(axes, combination, strict=True)}
            items[key] = {"key": key, "item": values}
        return items

    def _check_top_level(self, data: Mapping[str, Any]) -> None:
        """What DVC resolves besides stages says nothing about outputs, but one wrong template there spoils the file."""
        for section in _TOP_LEVEL:
            value = data.get(section, [])
            try:
                if section == "artifacts":
                    value = dict(value)
                elif not isinstance(value, (list, dict, str)):
                    raise TemplateError("is not a list")
                interpolate.check(value)
                self.top[section] = resolved = resolve(value, self._context.select, self._budget)
                if section == "artifacts" and not all(isinstance(name, str) for name in resolved):
                    raise TemplateError("a name is not text")
            except TemplateError as exc:
                raise TemplateError(f"'{section}': {exc}") from None


def _members(values: Any) -> Any:
    """The list or mapping to iterate over, its values as Refs if it came from the context; None for what is neither."""
    if isinstance(values, Ref):
        if isinstance(values.value, dict):
            return {key: Ref(value) for key, value in values.value.items()}
        return [Ref(value) for value in values.value] if isinstance(values.value, list) else None
    return values if isinstance(values, (list, dict, tuple)) else None


def _is_composite(value: Any) -> bool:
    if isinstance(value, Ref):
        return isinstance(value.value, (list, dict))
    return isinstance(value, (list, dict, tuple, bytes))
