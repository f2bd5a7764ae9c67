"""docs/transports.md says what the tests say."""

from __future__ import annotations

import importlib

import pytest

from tests.support.transport_tables import DOCUMENT, FEATURES, with_tables


def test_the_tables_are_those_of_the_tests() -> None:
    """To mend it: python -m tests.support.transport_tables"""
    text = DOCUMENT.read_text()
    assert text == with_tables(text)
    assert text.count("made by the tests") == 2


@pytest.mark.parametrize("test", [test for feature in FEATURES for test in feature.tests])
def test_what_the_table_names_is_there(test: str) -> None:
    module, *path = test.split("::")
    found: object = importlib.import_module(f"tests.e2e.transports.test_{module}")
    for name in path:
        found = getattr(found, name)
