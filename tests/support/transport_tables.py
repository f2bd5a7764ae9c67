"""The tables of docs/transports.md, made from the tests. `python -m tests.support.transport_tables` writes them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.git_operations import OPERATIONS, not_here
from tests.support.git_worlds import TRANSPORTS
from tests.support.transport_matrix import REASONS, Feature, columns
from tests.support.transport_reaching import REACHING
from tests.support.transport_sharing import SHARING

DOCUMENT = Path(__file__).parents[2] / "docs" / "transports.md"
FEATURES = [*SHARING, *REACHING]
LETTERS = dict(zip(REASONS, "abcdefghijklmnopqrstuvwyz", strict=False))


def operations_table() -> str:
    """Every operation on every transport: `=` as Git alone, refs, exit code and words; `-` where Git cannot."""
    names = [transport.name for transport in TRANSPORTS]
    rows = [["operation", "data", *names], ["---"] * (len(names) + 2)]
    for operation in OPERATIONS:
        cells = [f"- ({reason})" if (reason := not_here(operation, t)) else "=" for t in TRANSPORTS]
        rows.append([operation.title, operation.data, *cells])
    return _markdown(rows)


def features_table() -> str:
    """Every feature on every transport: tested, or why not."""
    names = [transport.name for transport in columns()]
    rows = [["", "feature", "Git alone", "through the helper", *names], ["---"] * (len(names) + 4)]
    for number, feature in enumerate(FEATURES, 1):
        rows.append([str(number), feature.title, feature.native, feature.ours, *cells(feature)])
    return _markdown(rows)


def cells(feature: Feature) -> list[str]:
    """A row's marks: `x` for tested, `as <transport>`, or the letter of a reason."""
    tested = feature.tested()
    whys = ["x" if transport.name in tested else feature.why_not(transport) for transport in columns()]
    return [LETTERS.get(why, why) for why in whys]


def reasons_list() -> str:
    """What the letters mean."""
    return "".join(f"- {LETTERS[key]}: {reason}\n" for key, reason in REASONS.items())


def tests_list() -> str:
    """The tests of each row."""
    named = [", ".join(f"`test_{test}`".replace("::", ".py::", 1) for test in feature.tests) for feature in FEATURES]
    return "".join(f"{number}. {tests}\n" for number, tests in enumerate(named, 1))


TABLES = {"operations": operations_table, "features": features_table, "reasons": reasons_list, "tests": tests_list}


def with_tables(text: str) -> str:
    """The document with its tables as they should be."""
    for name, table in TABLES.items():
        text = re.sub(
            rf"(<!-- {name}: made by the tests -->\n).*?(<!-- end -->)",
            lambda match, table=table: match[1] + table() + match[2],
            text,
            flags=re.DOTALL,
        )
    return text


def _markdown(rows: list[list[str]]) -> str:
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
