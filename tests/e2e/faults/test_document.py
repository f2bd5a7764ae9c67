"""docs/guarantees.md says what the tests say."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tests.support.fault_sweeps import FAR_SWEEPS, SWEEPS
from tests.support.guarantee_figures import DOCUMENT, read, with_figures


def test_the_table_has_every_sweep() -> None:
    """To mend it: tests/run tests/e2e/faults/test_every_step.py --figures"""
    text = DOCUMENT.read_text()
    figures = read(text)
    assert figures.keys() == {(sweep.subject, sweep.fault) for sweep in [*SWEEPS, *FAR_SWEEPS]}
    assert text == with_figures(text, figures)
    assert all(0 < figure.survived <= figure.points for figure in figures.values())


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", DOCUMENT.read_text())
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).is_file()] == []
