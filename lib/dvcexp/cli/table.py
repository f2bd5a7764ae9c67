"""Rows for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from dvcexp.cli.colours import Colours, width


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """A line for each row, columns as wide as their widest cell; no blanks at the end. right: columns of numbers."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for index, (cell, wide) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (wide - width(cell))
            cells.append(blanks + cell if index in right else cell + blanks)
        yield "  ".join(cells).rstrip()


def amount(missing: int, paint: Colours) -> str:
    """Of an experiment's objects: `complete`, or how many are missing."""
    return paint("missing", f"{missing} missing") if missing else paint("complete", "complete")


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table as GitHub's Markdown has it, with the widths that DVC gives it."""
    cells = [columns, *rows]
    widths = [max(len(column) + 2, *(len(row[index]) for row in cells)) for index, column in enumerate(columns)]
    for number, row in enumerate(cells):
        yield "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
