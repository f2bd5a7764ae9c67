"""How a cost grows: a power of the size above what it costs at any size, and a straight line. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

# Of both fits each point counts by its relative error: else the largest alone would choose the line.
_EXPONENTS = [step / 50 for step in range(10, 151)]
_NOISE = 1.5  # what grows by no more from the first size to the last is not told from noise
_LITTLE = 4  # nor by no more a power from a line
_STEEP = 1.15  # above that a straight line is no longer trusted beyond what was measured


class Fit(NamedTuple):
    """`fixed + unit * size ** exponent`, and `line`, the same with the exponent 1: its fixed cost and its cost a unit.

    exponent: 0 where nothing grows. little: it grows so little that the line is all there is. off: how far the farthest
    point is from the fit, as a part of it.
    """

    fixed: float
    unit: float
    exponent: float
    line: tuple[float, float]
    off: float
    little: bool = False

    @property
    def steep(self) -> bool:
        """Does it grow faster than the size?"""
        return self.exponent > _STEEP

    def at(self, size: float) -> float:
        """What it would cost: by the power where that is a steep one, else by the line."""
        if self.exponent == 0:
            return self.fixed
        fixed, unit = self.line
        return self.fixed + self.unit * size**self.exponent if self.steep else fixed + unit * size


def fit(points: Sequence[tuple[float, float]], noise: float = _NOISE) -> Fit:
    """The best for (size, cost), by size; no cost is negative, and two sizes there are at the least."""
    costs = [cost for _, cost in points]
    if costs[-1] <= noise * costs[0]:
        mean = fsum(costs) / len(costs)
        return Fit(mean, 0.0, 0.0, (mean, 0.0), _off(points, mean, 0.0, 0.0))
    line = _straight(points, 1.0)
    if len(points) < 4 or costs[-1] <= _LITTLE * costs[0]:
        return Fit(*line, 1.0, line, _off(points, *line, 1.0), little=True)
    best = min(_EXPONENTS, key=lambda exponent: _error(points, *_straight(points, exponent), exponent))
    fixed, unit = _straight(points, best)
    return Fit(fixed, unit, best, line, _off(points, fixed, unit, best))


def _straight(points: Sequence[tuple[float, float]], exponent: float) -> tuple[float, float]:
    """The fixed cost and the cost a unit, neither negative, with the least squares of relative errors."""
    weighted = [(1 / max(cost, 1e-9) ** 2, size**exponent, cost) for size, cost in points]
    total = fsum(w for w, _, _ in weighted)
    x = fsum(w * x for w, x, _ in weighted) / total
    y = fsum(w * y for w, _, y in weighted) / total
    spread = fsum(w * (each - x) ** 2 for w, each, _ in weighted)
    unit = fsum(w * (each - x) * (cost - y) for w, each, cost in weighted) / spread
    if unit < 0:
        return y, 0.0
    fixed = y - unit * x
    if fixed >= 0:
        return fixed, unit
    return 0.0, fsum(w * each * cost for w, each, cost in weighted) / fsum(w * each**2 for w, each, _ in weighted)


def _error(points: Sequence[tuple[float, float]], fixed: float, unit: float, exponent: float) -> float:
    return fsum(((fixed + unit * size**exponent) / max(cost, 1e-9) - 1) ** 2 for size, cost in points)


def _off(points: Sequence[tuple[float, float]], fixed: float, unit: float, exponent: float) -> float:
    return max(abs(cost / max(fixed + unit * size**exponent, 1e-9) - 1) for size, cost in points)
