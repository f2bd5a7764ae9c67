"""The table of docs/guarantees.md that tests/e2e/faults/test_every_step.py makes when it is run with `--figures`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.support.fault_sweeps import FAR_SWEEPS, FAULTS, SWEEPS

DOCUMENT = Path(__file__).parents[2] / "docs" / "guarantees.md"
SUBJECTS = list(dict.fromkeys(sweep.subject for sweep in [*SWEEPS, *FAR_SWEEPS]))
_TABLE = re.compile(r"(<!-- figures: made by the tests -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_CELL = re.compile(r"(\d+) of (\d+)")


class Figure(NamedTuple):
    """Of so many points of a run, so many were met by a fault, and all of these were survived."""

    survived: int
    points: int


def read(text: str) -> dict[tuple[str, str], Figure]:
    """(subject, fault) -> figure, of the document's table."""
    found = _TABLE.search(text)
    assert found is not None
    figures = {}
    for line in found[2].splitlines()[2:]:
        subject, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        for fault, cell in zip(FAULTS, cells, strict=True):
            if match := _CELL.fullmatch(cell):
                figures[subject, fault] = Figure(int(match[1]), int(match[2]))
    return figures


def with_figures(text: str, figures: dict[tuple[str, str], Figure]) -> str:
    """The document with these figures for what there are sweeps of."""
    rows = [["what fails: command, Git remote, DVC remote", *FAULTS], ["---"] * (1 + len(FAULTS))]
    for subject in SUBJECTS:
        cells = [figures.get((subject, fault)) for fault in FAULTS]
        rows.append([subject, *(f"{cell.survived} of {cell.points}" if cell else "" for cell in cells)])
    table = "".join("| " + " | ".join(row) + " |\n" for row in rows)
    return _TABLE.sub(lambda match: match[1] + table + match[3], text)


def write(subject: str, fault: str, figure: Figure) -> None:
    """Put one into the document."""
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(with_figures(text, {**read(text), (subject, fault): figure}))
