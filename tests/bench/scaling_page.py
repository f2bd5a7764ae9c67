"""docs/scaling.md, made of its template and what was measured."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.growth import Grown, Line, Point
from tests.bench.machine import machine, versions
from tests.bench.place import Place
from tests.bench.results import markdown
from tests.bench.simulation import PAGE_SECONDS, QUESTION_SECONDS, ask
from tests.bench.team import expectations, validation
from tests.bench.units import memory, time

_WANTED, _PRESENT = (100, 1000, 10_000, 100_000), (1000, 100_000, 1_000_000, 10_000_000)


def document(grown: Sequence[Grown], place: Place, *, tiny: bool) -> str:
    """The page. tiny: what is there to see that it runs says nothing about large teams."""
    by_key = {one.series.key: one for one in grown}
    tables = {name: "\n\n".join(_tables(by_key[name])) if name in by_key else _NOT for name in _MEASURED}
    present = _PRESENT[:2] if tiny else _PRESENT
    return (
        Path(__file__)
        .with_name("scaling.md")
        .read_text()
        .format(
            machine=machine(place.folder),
            versions=versions(),
            load=f"{os.getloadavg()[2]:.0f}",
            team=_unless(tiny, expectations(by_key)),
            validation=_unless(tiny, validation(by_key)),
            requests=markdown(_requests(present)),
            question=f"{QUESTION_SECONDS * 1000:.0f}",
            page=f"{PAGE_SECONDS * 1000:.0f}",
            **tables,
        )
    )


_MEASURED = ("objects", "experiments", "host", "branches", "history", "checkpoints", "s3")
_NOT = "Not measured this time."


def _unless(tiny: bool, rows: Sequence[Sequence[str]]) -> str:
    return "Not to be told from a tiny run." if tiny else markdown(rows)


_LAWS = (
    "command",
    "CPU grows with",
    "fixed",
    "a thousand more",
    "off by",
    "at {target}",
    "peak, fixed",
    "one more",
    "at {target}",
    "processes",
)


def _tables(one: Grown) -> list[str]:
    """What was measured, and its laws."""
    target = f"{one.series.target:,}"
    laws = [tuple(word.format(target=target) for word in _LAWS)]
    laws += [_law(one, line) for line in one.lines.values()]
    sizes = [f"{size:,}" for size in one.series.sizes]
    measured = [(f"CPU, peak at {one.series.unit}s:", *sizes)]
    measured += [(line.title, *_cells(line, one.series.sizes)) for line in one.lines.values()]
    asked = [line for line in one.lines.values() if any(point.requests for point in line.points)]
    tables = [markdown(measured), markdown(laws)]
    if asked:
        rows = [("requests", *sizes)]
        rows += [(line.title, *(f"{point.requests:,}" for point in line.points)) for line in asked]
        tables.append(markdown(rows))
    return tables


def _cells(line: Line, sizes: Sequence[int]) -> list[str]:
    found: Mapping[int, Point] = {point.size: point for point in line.points}
    return [f"{time(found[size].cpu)}, {memory(found[size].peak)}" if size in found else "-" for size in sizes]


def _law(one: Grown, line: Line) -> tuple[str, ...]:
    cpu, peak = line.cpu, line.memory
    if cpu is None or peak is None:
        return (line.title, *[""] * (len(_LAWS) - 1))
    measured = one.series.target <= line.points[-1].size
    mark = "" if measured else "~"
    processes = [point.processes for point in line.points if point.processes is not None]
    return (
        line.title,
        "nothing" if cpu.exponent == 0 else "little" if cpu.little else f"n^{cpu.exponent:.2f}",
        time(cpu.line[0]),
        time(cpu.line[1] * 1000) if cpu.exponent else "-",
        f"{cpu.off:.0%}",
        mark + time(line.points[-1].cpu if measured else cpu.at(one.series.target)),
        memory(peak.line[0]),
        f"{peak.line[1]:,.0f} bytes" if peak.exponent else "-",
        mark + memory(line.points[-1].peak if measured else peak.at(one.series.target)),
        " to ".join(f"{number}" for number in dict.fromkeys(processes)),
    )


def _requests(present: Sequence[int]) -> list[tuple[str, ...]]:
    rows = [("objects on the remote", *(f"{wanted:,} wanted" for wanted in _WANTED))]
    for size in present:
        asked = [ask(wanted, size) for wanted in _WANTED]
        words = (
            f"{one.requests:,}{' pages' if one.pages > one.questions else ''}, {time(one.seconds)}" for one in asked
        )
        rows.append((f"{size:,}", *words))
    return rows
