"""States of experiments -> a table, with DVC's columns and cells (repo/experiments/show.py of DVC 3.67.1)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from dvcexp.cli.states import WORKSPACE, Baseline, ExperimentStates, State
from dvcexp.dvc.metrics import Values
from dvcexp.errors import DvcexpError, UsageError, printable

_FIXED = ("Experiment", "rev", "typ", "Created", "parent")
_OURS = {*_FIXED, "State", "Executor"}  # DVC has two more, for its queue
_BRANCHES = {"branch_commit": "├── ", "branch_base": "└── ", "baseline": ""}

# Path -> the names of the values in that file, over all states, in order of appearance.
_Names = dict[str, dict[str, None]]


@dataclass
class Table:
    """Rows of cells under `columns`. metrics: the columns that hold metrics."""

    columns: list[str]
    rows: list[list[str]]
    metrics: frozenset[str]

    def without(self, dropped: Iterable[str]) -> Table:
        """The table without some columns."""
        gone = set(dropped)
        kept = [index for index, column in enumerate(self.columns) if column not in gone]
        return Table(
            [self.columns[index] for index in kept], [[row[index] for index in kept] for row in self.rows], self.metrics
        )


@dataclass(frozen=True)
class Look:
    """How cells are written. fill: where there is nothing. precision: significant digits of numbers, None for all.

    iso: times as in ISO 8601.
    """

    fill: str = "-"
    error: str = "!"
    precision: int | None = None
    iso: bool = False


def tabulate(
    baselines: Sequence[Baseline], look: Look, *, sort_by: str | None = None, descending: bool = False
) -> Table:
    """A row for each baseline and experiment."""
    states = [state for baseline in baselines for state in _states(baseline)]
    metrics, params = _names(states, "metrics"), _names(states, "params")
    dependencies = sorted({path for state in states if state.report for path in state.report.dependencies})
    count = Counter(name for names in {**metrics, **params}.values() for name in names)
    count.update(_OURS)
    headers = {
        (path, name): name if count[name] == 1 else f"{path}:{name}"
        for names_by_path in (metrics, params)
        for path, names in names_by_path.items()
        for name in names
    }
    columns = list(dict.fromkeys([*_FIXED, *headers.values(), *dependencies]))
    rows = []
    for kind, state, name in _rows(baselines, metrics, params, sort_by=sort_by, descending=descending):
        cells = dict.fromkeys(columns, look.fill)
        cells.update(zip(_FIXED, (name, _rev(kind, state), kind, _time(state, look), ""), strict=True))
        if state.report is not None:
            for names, found in ((metrics, state.report.metrics), (params, state.report.params)):
                cells.update(_cells(found, names, headers, look))
            cells.update((path, dep.hash or look.fill) for path, dep in state.report.dependencies.items())
        rows.append(list(cells.values()))
    return Table(columns, rows, frozenset(headers[path, name] for path in metrics for name in metrics[path]))


def choose(table: Table, *, only_changed: bool, drop: Sequence[str], keep: Sequence[str]) -> Table:
    """The columns that are wanted; `keep` beats the others. UsageError for a pattern that is none."""
    kept = {column for column in table.columns if _matches(keep, column)}
    if only_changed:
        same = [column for column, *cells in zip(table.columns, *table.rows, strict=True) if len(set(cells)) == 1]
        table = table.without(column for column in same if column not in kept)
    return table.without(column for column in table.columns if column not in kept and _matches(drop, column))


def for_people(table: Table) -> Table:
    """The table with name, revision and kind of a row in one column, drawn as a tree."""
    position = {column: table.columns.index(column) for column in _FIXED if column in table.columns}
    rows = []
    for row in table.rows:
        name, rev, kind = (row[position[column]] for column in ("Experiment", "rev", "typ"))
        title = f"{rev} [{name}]" if name and kind != "baseline" else name or rev
        rows.append([_BRANCHES[kind] + title, *row[1:]])
    return Table(table.columns, rows, table.metrics).without(("rev", "typ", "parent"))


def _states(baseline: Baseline) -> Iterator[State]:
    yield baseline.state
    for experiment in baseline.experiments:
        yield from experiment.states


def _names(states: Iterable[State], kind: str) -> _Names:
    found: _Names = {}
    for state in states:
        values: Mapping[str, Values] = getattr(state.report, kind) if state.report is not None else {}
        for path, value in values.items():
            if value.error is not None or isinstance(value.data, dict):
                found.setdefault(path, {}).update(dict.fromkeys(flatten(value.data or {})))
    return found


def _rows(
    baselines: Iterable[Baseline], metrics: _Names, params: _Names, *, sort_by: str | None, descending: bool
) -> Iterator[tuple[str, State, str]]:
    """typ, state and experiment's name of each row. An experiment of several commits is shown by its tip."""
    for baseline in baselines:
        yield "baseline", baseline.state, ""
        experiments: Sequence[ExperimentStates] = baseline.experiments
        if sort_by is not None and experiments:
            column = _sort_column(sort_by, metrics, params)
            experiments = sorted(experiments, key=lambda one: _sort_key(one.states[0], column), reverse=descending)
        for experiment in experiments:
            yield (
                "branch_base" if experiment is experiments[-1] else "branch_commit",
                experiment.states[0],
                experiment.name,
            )


def _sort_column(wanted: str, metrics: _Names, params: _Names) -> tuple[str, str, str]:
    """Which values `wanted` means: kind, path and name. It is a name, or `<path>:<name>`."""
    candidates = [
        (kind, path, name)
        for kind, names_by_path in (("metrics", metrics), ("params", params))
        for path, names in names_by_path.items()
        for name in names
    ]
    matches = [one for one in candidates if f"{one[1]}:{one[2]}" == wanted]
    matches = matches or [one for one in candidates if wanted in (one[2], f":{one[2]}")]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DvcexpError(
            f"there are {len(matches)} columns called '{printable(wanted)}'",
            *(f"use --sort-by {printable(f'{path}:{name}')}" for _, path, name in matches),
        )
    raise DvcexpError(f"there is no column '{printable(wanted)}' to sort by", "git exp show without --sort-by")


def _sort_key(state: State, column: tuple[str, str, str]) -> tuple[bool, int, Any]:
    """What has no value comes last; numbers come before text."""
    kind, path, name = column
    values = getattr(state.report, kind).get(path) if state.report is not None else None
    value = flatten(values.data).get(name) if values is not None and isinstance(values.data, dict) else None
    if isinstance(value, (int, float)):
        return False, 0, value
    return value is None, 1, str(value)


def _rev(kind: str, state: State) -> str:
    if kind == "baseline" and state.name is not None:
        return state.name
    return state.rev if state.rev == WORKSPACE else state.rev[:7]


def _time(state: State, look: Look) -> str:
    if state.time is None or state.report is None:
        return look.fill
    time = datetime.fromtimestamp(state.time)
    if look.iso:
        return time.isoformat()
    return time.strftime("%I:%M %p" if time.date() == date.today() else "%b %d, %Y")


def _cells(
    found: Mapping[str, Values], names: _Names, headers: Mapping[tuple[str, str], str], look: Look
) -> Iterator[tuple[str, str]]:
    for path, values in found.items():
        cells = flatten(values.data) if isinstance(values.data, dict) else {}
        missing = look.error if values.error is not None else look.fill
        for name in names.get(path, ()):
            value = cells.get(name)
            yield headers[path, name], missing if value is None else str(_written(value, look.precision))


def _written(value: Any, precision: int | None) -> Any:
    if isinstance(value, float) and precision:
        return f"{value:.{precision}g}"
    if isinstance(value, dict):
        return {key: _written(item, precision) for key, item in value.items()}
    return [_written(item, precision) for item in value] if isinstance(value, list) else value


def flatten(data: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested mappings by dotted name; an empty mapping has none."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            found.update(flatten(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def _matches(patterns: Sequence[str], column: str) -> bool:
    try:
        return any(re.match(pattern, column) for pattern in patterns)
    except re.error as error:
        raise UsageError(f"a pattern is not a regular expression: {error}") from None
