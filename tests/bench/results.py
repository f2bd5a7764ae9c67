"""What was measured, put into tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.cases import DVC, FLOOR, GIT, OURS, Case
from tests.bench.measure import Cost, Counts


@dataclass
class Measured:
    """One way of a case. traffic: requests (0 where nobody can count them) and bytes to and from the server."""

    name: str
    label: str
    costs: list[Cost] = field(default_factory=list)
    counts: Counts | None = None
    traffic: tuple[int, int] | None = None

    @property
    def seconds(self) -> float:
        return median(cost.seconds for cost in self.costs)

    @property
    def cpu(self) -> float:
        return median(cost.cpu for cost in self.costs)

    @property
    def peak(self) -> float:
        return median(cost.peak for cost in self.costs)


@dataclass
class Result:
    """One case, its ways measured in turn."""

    case: Case
    ways: list[Measured]

    def way(self, name: str) -> Measured | None:
        """The way of this name."""
        return next((way for way in self.ways if way.name == name), None)

    def ratio(self, name: str) -> float | None:
        """How many times longer the way `name` takes than ours: of runs that stood side by side, the median."""
        ours, other = self.way(OURS), self.way(name)
        if ours is None or other is None:
            return None
        return median(b.seconds / a.seconds for a, b in zip(ours.costs, other.costs, strict=False))

    def extra(self, name: str) -> float | None:
        """How many seconds longer ours takes than the way `name`: the median over runs side by side."""
        ours, other = self.way(OURS), self.way(name)
        if ours is None or other is None:
            return None
        return median(a.seconds - b.seconds for a, b in zip(ours.costs, other.costs, strict=False))


HEAD = ("case", "dvcexp", "than DVC", "than the floor", "than Git alone")


def summary(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """A row a case, beginning with HEAD: how ours compares."""
    rows = [HEAD]
    for result in results:
        ours = result.way(OURS)
        faster, floor, extra = result.ratio(DVC), result.ratio(FLOOR), result.extra(GIT)
        rows.append(
            (
                result.case.title,
                _time(ours.seconds) if ours is not None else "",
                f"{faster:.1f}x faster" if faster is not None else "",
                f"{1 / floor:.2f}x as long" if floor is not None else "",
                f"{extra * 1000:+.0f} ms" if extra is not None else "",
            )
        )
    return rows


DETAIL = (
    "case",
    "command",
    "runs",
    "time",
    "CPU",
    "peak",
    "processes",
    "files opened",
    "requests",
    "sent and received",
)


def details(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """A row a way, beginning with DETAIL: what each costs."""
    rows = [DETAIL]
    for result in results:
        for number, way in enumerate(result.ways):
            requests, passed = way.traffic or (0, 0)
            rows.append(
                (
                    result.case.title if number == 0 else "",
                    way.label,
                    str(len(way.costs)),
                    _time(way.seconds),
                    _time(way.cpu),
                    f"{way.peak / 1e6:.0f} MB",
                    f"{way.counts.processes:,}" if way.counts is not None else "",
                    f"{way.counts.opened:,}" if way.counts is not None else "",
                    f"{requests:,}" if requests else "",
                    f"{passed / 1e6:,.1f} MB" if passed else "",
                )
            )
    return rows


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table of GitHub's kind."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def plain(rows: Sequence[Sequence[str]]) -> str:
    """Columns for a terminal."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
