"""Refspecs map refs as Git maps them."""

from __future__ import annotations

import pytest

from dvcexp.git.refspec import covers, destinations

EXP = "refs/exps/11/22/name"


@pytest.mark.parametrize(
    ("refspecs", "expected"),
    [
        (["+refs/exps/*:refs/dvcexp/origin/*"], ["refs/dvcexp/origin/11/22/name"]),
        (["refs/exps/*/name:refs/x/*/y"], ["refs/x/11/22/y"]),
        ([f"{EXP}:refs/one"], ["refs/one"]),
        (["refs/exps/*:refs/a/*", "+refs/*:refs/b/*"], ["refs/a/11/22/name", "refs/b/exps/11/22/name"]),
        (["refs/exps/*:refs/a/*", "^refs/exps/11/*"], []),
        (["^refs/exps/exec/*", "refs/exps/*:refs/a/*"], ["refs/a/11/22/name"]),
        (["refs/heads/*:refs/remotes/origin/*"], []),
        (["refs/exps/*"], []),
        (["refs/exps/*:"], []),
        ([EXP[:-1] + ":refs/one"], []),
        (["refs/exps/11/22/name*name:refs/x/*"], []),
    ],
)
def test_a_ref_goes_where_the_refspecs_say(refspecs: list[str], expected: list[str]) -> None:
    assert destinations(refspecs, EXP) == expected


@pytest.mark.parametrize(
    ("refspecs", "covered"),
    [
        (["refs/exps/*:refs/exps/*"], True),
        (["+refs/*:refs/*"], True),
        (["refs/exps/*/name"], True),
        ([EXP], True),
        ([EXP.removeprefix("refs/")], True),
        (["name"], False),
        (["main"], False),
        ([], False),
        (["refs/exps/*:refs/exps/*", "^refs/exps/*/name"], False),
    ],
)
def test_a_ref_is_covered_by_what_names_it(refspecs: list[str], covered: bool) -> None:
    assert covers(refspecs, EXP) == covered
