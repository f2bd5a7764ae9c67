"""What Git tells a pre-push hook -> which experiments leave."""

from __future__ import annotations

import pytest

from dvcexp import hook

BASELINE = "ab" + "1" * 38
A = f"refs/exps/ab/{'1' * 38}/exp-a"
B = f"refs/exps/ab/{'1' * 38}/exp-b"
TIP, OLD, ZERO = "c" * 40, "d" * 40, "0" * 40


def read(*lines: str) -> hook.Updates:
    return hook.read_updates(f"{line}\n".encode() for line in lines)


def test_experiments_are_their_remote_refs_and_local_tips() -> None:
    updates = read(f"{A} {TIP} {A} {ZERO}", f"{B} {OLD} {B} {TIP}", f"refs/heads/main {TIP} refs/heads/main {OLD}")
    assert updates.tips == {A: TIP, B: OLD}
    assert updates.malformed == ()


def test_the_remote_side_counts() -> None:
    assert read(f"{A} {TIP} refs/heads/from-experiment {ZERO}").tips == {}
    assert read(f"HEAD {TIP} {A} {ZERO}").tips == {A: TIP}


def test_a_local_side_with_spaces_is_read() -> None:
    assert read(f"HEAD@{{1 day ago}} {TIP} {A} {ZERO}").tips == {A: TIP}


@pytest.mark.parametrize("zero", [ZERO, "0" * 64])
def test_deletions_need_no_data(zero: str) -> None:
    assert read(f"(delete) {zero} {A} {TIP}").tips == {}


@pytest.mark.parametrize(
    "ref",
    ["exec/EXEC_HEAD", "apply/stash", "stash", "celery/failed", "temp/x", "execfoo/x"],
)
def test_dvcs_own_refs_are_left_out(ref: str) -> None:
    updates = read(f"refs/exps/{ref} {TIP} refs/exps/{ref} {ZERO}")
    assert updates == hook.Updates({}, ())


def test_a_ref_that_is_no_experiment_is_named() -> None:
    assert read(f"refs/exps/x {TIP} refs/exps/x {ZERO}") == hook.Updates({}, ("refs/exps/x",))


@pytest.mark.parametrize("line", ["", "refs/exps/x", "a b c"])
def test_other_lines_are_nothing(line: str) -> None:
    assert read(line) == hook.Updates({}, ())


@pytest.mark.parametrize(
    ("vcs", "url", "helper"),
    [
        (None, "https://host/x", False),
        ("dvcexp", "https://host/x", True),
        ("dvcexp", "host:path", True),
        ("dvcexp", "[::1]:path", True),
        ("dvcexp", "ext::sh -c x", False),
        ("hg", "https://host/x", False),
        (None, "dvcexp::https://host/x", True),
        (None, "dvcexp://host/x", True),
    ],
)
def test_the_helper_is_told_from_other_ways(vcs: str | None, url: str, helper: bool) -> None:
    assert hook.uses_helper(vcs, url) is helper
