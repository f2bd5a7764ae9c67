"""What was measured at growing sizes, with the laws that fit it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.bench.fitting import Fit, fit
from tests.bench.series import Series


class Point(NamedTuple):
    """One command at one size. cpu: seconds, the least of some runs; peak: bytes, the most of them."""

    size: int
    seconds: float
    cpu: float
    peak: int
    processes: int | None
    requests: int | None

    def __str__(self) -> str:
        asked = f", {self.requests:,} requests" if self.requests is not None else ""
        return f"{self.cpu:.3f} s CPU, {self.seconds:.3f} s, {self.peak / 1e6:.0f} MB{asked}"


@dataclass
class Line:
    """One command of a series at all sizes, by growing size."""

    title: str
    points: list[Point] = field(default_factory=list)

    @property
    def cpu(self) -> Fit | None:
        """The law of its time; None where it was measured at one size alone."""
        return fit([(point.size, point.cpu) for point in self.points]) if len(self.points) > 1 else None

    @property
    def memory(self) -> Fit | None:
        """That of its memory, in which there is little noise."""
        return fit([(point.size, point.peak) for point in self.points], 1.1) if len(self.points) > 1 else None


@dataclass
class Grown:
    """One series, measured."""

    series: Series
    lines: dict[str, Line] = field(default_factory=dict)

    def add(self, key: str, title: str, point: Point) -> None:
        """The next size of a command."""
        self.lines.setdefault(key, Line(title)).points.append(point)


class Kept:
    """Points in a file, a line each, so that a long run can go on and a page be made again; None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def add(self, series: str, key: str, title: str, point: Point) -> None:
        """One more."""
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps([series, key, title, *point]) + "\n")

    def of(self, series: str, size: int) -> list[tuple[str, str, Point]]:
        """Key, title and point of each command that was measured at this size."""
        lines = self._path.read_text().splitlines() if self._path is not None and self._path.exists() else ()
        rows = [(name, key, title, Point(*point)) for name, key, title, *point in map(json.loads, lines)]
        return [(key, title, point) for name, key, title, point in rows if name == series and point.size == size]
