"""Which refs are experiments, and which commits belong to one."""

from __future__ import annotations

import pytest

from dvcexp.experiments import Chain, Experiment, chain, is_internal

BASE = "ab" + "c" * 38


def test_an_experiment_goes_to_its_ref_and_back() -> None:
    experiment = Experiment(BASE, "weest-loss")
    assert experiment.ref == f"refs/exps/ab/{'c' * 38}/weest-loss"
    assert Experiment.parse(experiment.ref) == experiment


def test_a_sha256_baseline_is_read_too() -> None:
    experiment = Experiment("ab" + "c" * 62, "é@x")
    assert Experiment.parse(experiment.ref) == experiment


@pytest.mark.parametrize(
    "ref",
    [
        "refs/exps/x",
        f"refs/exps/ab/{'c' * 38}",
        f"refs/exps/ab/{'c' * 37}/n",
        f"refs/exps/AB/{'c' * 38}/n",
        f"refs/exps/ab/{'c' * 38}/n/m",
        f"refs/exps/ab/{'c' * 38}/",
        "refs/exps/exec/EXEC_HEAD",
        "refs/heads/main",
    ],
)
def test_any_other_ref_is_no_experiment(ref: str) -> None:
    assert Experiment.parse(ref) is None


@pytest.mark.parametrize("ref", ["exec/EXEC_HEAD", "execfoo/x", "apply/stash", "stash", "celery/stash", "temp/x"])
def test_what_dvc_keeps_for_itself_is_internal(ref: str) -> None:
    assert is_internal(f"refs/exps/{ref}")
    assert not is_internal(f"refs/exps/ab/{'c' * 38}/{ref.partition('/')[0]}")


class History(dict[str, tuple[str, ...]]):
    """sha -> parents."""

    def parents(self, sha: str) -> tuple[str, ...]:
        return self[sha]


def test_the_chain_runs_along_first_parents_down_to_the_baseline() -> None:
    history = History(tip=("mid", "side"), mid=("base",), base=("root",), root=())
    assert chain(history, "base", "tip") == Chain(("tip", "mid"))


def test_an_experiment_whose_tip_is_its_baseline_has_no_commits() -> None:
    assert chain(History(), "base", "base") == Chain(())


def test_a_baseline_that_is_no_ancestor_leaves_the_tip_alone() -> None:
    assert chain(History(tip=("mid",), mid=()), "base", "tip") == Chain(("tip",), "unrelated")


def test_a_baseline_needs_not_be_here_but_what_lies_before_it_does() -> None:
    assert chain(History(tip=("base",)), "base", "tip") == Chain(("tip",))
    assert chain(History(tip=("mid",)), "base", "tip") == Chain(("tip",), "shallow")
