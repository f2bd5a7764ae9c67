"""What to send: decided on sets, before anything moves."""

from __future__ import annotations

from dvcexp.dvc.objects import Object
from dvcexp.sync.plan import Demand, broken, missing_files, plan_upload

A, B, C = (Object(letter * 32) for letter in "abc")
D, E = (Object(letter * 32 + ".dir") for letter in "de")


def test_files_and_directories_that_are_not_there_are_sent() -> None:
    demand = Demand({A}, {D: frozenset({B, C})})
    plan = plan_upload(demand, on_remote=set(), in_cache={A, B, C, D})
    assert (plan.files, plan.directories, plan.lost, plan.withheld, plan.there) == ({A, B, C}, {D}, set(), set(), 0)
    assert plan.work == 4


def test_a_directory_on_the_remote_stands_for_its_files() -> None:
    demand = Demand(set(), {D: None, E: frozenset({A, B})})
    plan = plan_upload(demand, on_remote={D, A}, in_cache={B, E})
    assert (plan.files, plan.directories, plan.lost, plan.there) == ({B}, {E}, set(), 2)


def test_a_lost_file_withholds_every_directory_that_lists_it_but_not_the_other_files() -> None:
    demand = Demand(set(), {D: frozenset({A, B}), E: frozenset({B, C})})
    plan = plan_upload(demand, on_remote=set(), in_cache={B, C, D, E})
    assert (plan.files, plan.directories, plan.lost, plan.withheld) == ({B, C}, {E}, {A}, {D})


def test_a_lost_file_that_the_remote_has_is_not_lost() -> None:
    plan = plan_upload(Demand({A}), on_remote={A}, in_cache=set())
    assert (plan.work, plan.lost, plan.there) == (0, set(), 1)


def test_a_directory_whose_manifest_is_nowhere_is_lost() -> None:
    plan = plan_upload(Demand(set(), {D: None}), on_remote=set(), in_cache=set())
    assert (plan.lost, plan.directories) == ({D}, set())


def test_what_a_fetch_brings_includes_the_files_of_directories_that_are_here() -> None:
    demand = Demand({A}, {D: frozenset({B, C})})
    assert missing_files(demand, in_cache={A, B, D}) == {C}


def test_only_directories_with_a_bad_file_are_broken() -> None:
    demand = Demand(set(), {D: frozenset({A}), E: frozenset({B})})
    assert broken(demand, [D, E], {A}) == {D}
    assert broken(demand, [D, E], set()) == set()
