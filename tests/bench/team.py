"""What a team with very many experiments and objects would see: the series put together, and held against one that has
both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.bench.fitting import Fit
from tests.bench.growth import Grown, Line
from tests.bench.units import memory, time

EXPERIMENTS, OBJECTS = 100_000, 10_000_000
EACH = OBJECTS // EXPERIMENTS
_ALREADY = 3  # the objects of an experiment that the series of experiments has


class Figures(NamedTuple):
    """CPU seconds and bytes at the peak; of Git alone, where that was measured."""

    cpu: float
    peak: float
    alone: float | None = None


class Command(NamedTuple):
    """A daily command, told from the series `count` at so many experiments, and what an object more costs in `objects`.

    more: how many objects it concerns beyond those of that series; of all experiments together if `every`.
    """

    title: str
    series: str
    step: str
    objects: str | None
    limit: str
    every: bool = False


COMMANDS = (
    Command("`git fetch`, `git pull` of branches", "branches", "fetch", None, "nothing: experiments are not asked for"),
    Command("`git push` of one experiment; a branch too", "host", "new", "push", "Git: every push lists every ref"),
    Command("`git fetch` of one experiment", "host", "one", "fetch", "the download"),
    Command("`git fetch` of all, nothing new", "host", "fetch-again", None, "the list of refs, on both sides"),
    Command("`git exp list -A`", "host", "list", None, "Git's reading of the refs"),
    Command("`git exp list -A --long`", "experiments", "long", "long", "reading every manifest", every=True),
    Command("`git exp push -A`, nothing new", "experiments", "push-again", None, "every commit read", every=True),
    Command("`git exp fetch`, all looked for", "experiments", "look", "look", "manifests, the plan", every=True),
    Command("`git push` of everything", "experiments", "push", "push", "the upload; the plan's memory", every=True),
    Command("`git fetch` of everything", "experiments", "fetch", "fetch", "the download; the plan", every=True),
)
HEAD = ("command", "CPU", "peak", "of it Git alone", "what limits it")


def expectations(grown: Mapping[str, Grown]) -> list[tuple[str, ...]]:
    """A row a command, for the team; those that were not measured are left out."""
    rows: list[tuple[str, ...]] = [HEAD]
    for command in COMMANDS:
        found = figures(grown, command, EXPERIMENTS, EACH)
        if found is not None:
            alone = time(found.alone) if found.alone is not None else ""
            rows.append((command.title, time(found.cpu), memory(found.peak), alone, command.limit))
    return rows


def figures(grown: Mapping[str, Grown], command: Command, experiments: int, each: int) -> Figures | None:
    """What a command would cost a team with so many experiments of `each` objects; None where it was not measured."""
    line = _line(grown, command.series, command.step)
    if line is None or len(line.points) < 2:
        return None
    cpu, peak = _at(line, experiments)
    if command.objects is not None:
        per_object = _line(grown, "objects", command.objects)
        if per_object is None or len(per_object.points) < 2:
            return None
        more = (each - _ALREADY) * (experiments if command.every else 1)
        cpu += _growth(per_object.cpu, more)
        peak += _growth(per_object.memory, more) if command.every else 0
    alone = _line(grown, command.series, f"{command.step}-alone")
    return Figures(cpu, peak, _at(alone, experiments)[0] if alone is not None else None)


def validation(grown: Mapping[str, Grown]) -> list[tuple[str, ...]]:
    """The same sum beside what was measured, for a thousand experiments of a hundred objects."""
    rows: list[tuple[str, ...]] = [("command", "CPU, told", "measured", "peak, told", "measured")]
    measured = grown["both"].lines if "both" in grown else {}
    for command in COMMANDS:
        line = measured.get(command.step)
        if command.series != "experiments" or line is None:
            continue
        point = line.points[-1]
        told = figures(grown, command, point.size, EACH)
        if told is not None:
            cells = (time(told.cpu), time(point.cpu), memory(told.peak), memory(point.peak))
            rows.append((line.title, *cells))
    return rows


def _line(grown: Mapping[str, Grown], series: str, step: str) -> Line | None:
    return grown[series].lines.get(step) if series in grown else None


def _at(line: Line, size: int) -> tuple[float, float]:
    """CPU and peak: as measured, where they were, else by the fit."""
    for point in line.points:
        if point.size == size:
            return point.cpu, point.peak
    cpu, peak = line.cpu, line.memory
    assert cpu is not None and peak is not None
    return cpu.at(size), peak.at(size)


def _growth(law: Fit | None, more: int) -> float:
    """What so many objects more cost, without what any number does."""
    return law.at(more) - law.at(0) if law is not None and law.exponent else 0.0
