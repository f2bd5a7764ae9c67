"""docs/transports.md says what the tests say."""

from __future__ import annotations

import pytest

from tests.support.transport_matrix import REASONS, Feature, columns, transports_of
from tests.support.transport_tables import DOCUMENT, FEATURES, TABLES, cells, with_tables

NAMES = {transport.name for transport in columns()}


def test_the_tables_are_those_of_the_tests() -> None:
    """To mend it: python -m tests.support.transport_tables"""
    text = DOCUMENT.read_text()
    assert text == with_tables(text)
    assert text.count("made by the tests") == len(TABLES)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.title)
def test_every_cell_is_tested_or_says_why_not(feature: Feature) -> None:
    tested = feature.tested()
    assert tested <= NAMES
    assert tested, "no transport has all of its tests"
    known = {"push", *REASONS, *(f"as {name}" for name in tested)}
    for transport in columns():
        if transport.name not in tested:
            assert feature.why_not(transport) in known, f"{transport.name}: parametrise a test, or give a reason"
    assert all(cells(feature))
    assert not set(feature.but) & tested, "an exception for what is tested"


def test_every_reason_is_needed() -> None:
    given = {feature.why_not(t) for feature in FEATURES for t in columns() if t.name not in feature.tested()}
    assert set(REASONS) <= given


def test_a_test_without_the_parameter_runs_over_what_its_fixture_gives() -> None:
    assert transports_of("urls::TestPrefix::test_it_serves_a_remote_that_has_no_name") == {"file"}
    assert transports_of("urls::TestPolicy::test_no_url_runs_a_command_by_accident") == set()
