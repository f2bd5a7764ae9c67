"""What reads bytes of strangers keeps its promises for any bytes; `tests/fuzz/run` looks longer and deeper."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fuzz_targets import PIECES, TARGETS

_BYTES = st.one_of(st.binary(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join))


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=200, deadline=2000, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=_BYTES)
def test_any_bytes(target: str, data: bytes) -> None:
    TARGETS[target](data)
