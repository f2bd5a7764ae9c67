"""tests/bench/fitting.py: what docs/scaling.md says of growth."""

from __future__ import annotations

import pytest

from tests.bench.fitting import fit

SIZES = (100, 316, 1000, 3162, 10_000, 31_623, 100_000)


@pytest.mark.parametrize(
    ("fixed", "unit", "exponent"),
    [(0.05, 1e-5, 1.0), (0.1, 1e-9, 2.0), (0.0, 3e-4, 0.5), (20e6, 900, 1.0), (0.05, 2e-7, 1.5)],
)
def test_the_law_that_made_the_points_is_found(fixed: float, unit: float, exponent: float) -> None:
    found = fit([(size, fixed + unit * size**exponent) for size in SIZES])
    assert found.exponent == pytest.approx(exponent, abs=0.01)
    assert found.fixed == pytest.approx(fixed, rel=0.01, abs=1e-6)
    assert found.off < 0.01


def test_a_steep_law_goes_on_as_such_and_a_line_as_a_line() -> None:
    assert fit([(size, 0.1 + 1e-9 * size**2) for size in SIZES]).at(1e6) == pytest.approx(1000, rel=0.01)
    noisy = fit([(size, (0.1 + 1e-5 * size) * (1.03 if number % 2 else 0.97)) for number, size in enumerate(SIZES)])
    assert not noisy.steep
    assert noisy.at(1e7) == pytest.approx(100, rel=0.05)


def test_what_grows_little_is_told_by_a_line() -> None:
    found = fit([(100, 0.090), (1000, 0.095), (10_000, 0.200), (100_000, 0.180)])
    assert found.little
    assert not found.steep
    assert fit([(100, 0.090), (100_000, 0.100)], noise=1.1).exponent


def test_what_differs_by_noise_alone_does_not_grow() -> None:
    found = fit([(100, 0.10), (1000, 0.11), (10_000, 0.10), (100_000, 0.12)])
    assert (found.exponent, found.at(1e9)) == (0, pytest.approx(0.1075))
    assert found.off == pytest.approx(0.12 / 0.1075 - 1)
