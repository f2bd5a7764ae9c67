"""The same task by `dvc exp` and by `git exp`: what is left behind and what is printed must agree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.dvc_team import Team, dvc
from tests.support.sharing import exp, experiments
from tests.support.shell import git, sh


def shared(repository: Path) -> dict[str, str]:
    """Full ref -> tip of the experiments, without DVC's own refs."""
    return {ref: tip for ref, tip in experiments(repository).items() if "/exec/" not in ref and "/apply/" not in ref}


def blocks(listing: str) -> list[list[str]]:
    """A listing without its order, which DVC leaves to chance."""
    found: list[list[str]] = []
    for line in listing.splitlines():
        if line.startswith("\t"):
            found[-1].append(line)
        else:
            found.append([line])
    return sorted([block[0], *sorted(block[1:])] for block in found)


def test_lists_are_dvcs(team: Team) -> None:
    git("tag", "-a", "-m", "annotated", "v1", cwd=team.alice)
    git("commit", "-q", "--allow-empty", "-m", "next", cwd=team.alice)
    dvc("exp", "save", "-q", "-n", "c", cwd=team.alice)
    dvc("exp", "push", "-q", "--no-cache", "origin", "-A", cwd=team.alice)
    for arguments in (
        [],
        ["-A"],
        ["--rev", "HEAD~1"],
        ["-n", "2"],
        ["-A", "--name-only"],
        ["-A", "--sha-only"],
        ["-A", "origin"],
        ["origin", "--rev", "v1", "--name-only"],
    ):
        theirs = dvc("exp", "list", *arguments, cwd=team.alice)
        assert theirs, arguments
        assert blocks(exp("list", *arguments, cwd=team.alice).stdout) == blocks(theirs), arguments


def test_push_leaves_the_host_and_the_storage_as_dvc_does(team: Team) -> None:
    dvc("exp", "push", "-q", "origin", "a", cwd=team.alice)
    theirs = shared(team.host), team.objects(team.storage)
    shutil.rmtree(team.storage)
    git("update-ref", "-d", next(iter(theirs[0])), cwd=team.host)
    exp("push", "origin", "a", cwd=team.alice)
    assert (shared(team.host), team.objects(team.storage)) == theirs
    assert "up to date" in dvc("exp", "push", "origin", "a", cwd=team.alice)


@pytest.mark.parametrize("helper", [True, False])
def test_pull_leaves_refs_and_cache_as_dvc_does(team: Team, *, helper: bool) -> None:
    exp("push", "-q", "origin", "-A", cwd=team.alice)
    bob, carol = team.clone("bob"), team.clone("carol")
    if not helper:
        git("config", "--unset", "remote.origin.vcs", cwd=carol)
    dvc("exp", "pull", "-q", "origin", "a", "b", cwd=bob)
    exp("pull", "-q", "origin", "a", "b", cwd=carol)
    assert shared(carol) == shared(bob) == shared(team.alice)
    assert team.objects(carol / ".dvc" / "cache") == team.objects(bob / ".dvc" / "cache")
    team.hide_storage()
    dvc("exp", "apply", "-q", "b", cwd=carol)
    assert (carol / "out" / "sub" / "b.txt").read_text() == "n is 3"


def test_a_pull_of_data_that_is_nowhere_brings_the_ref_as_dvcs_does_and_fails(team: Team) -> None:
    exp("push", "-q", "--no-cache", "origin", "a", cwd=team.alice)
    bob, carol = team.clone("bob"), team.clone("carol")
    dvc("exp", "pull", "-q", "origin", "a", cwd=bob)  # exit code 0: who pulls by a script takes it for whole
    assert exp("pull", "-q", "origin", "a", cwd=carol, check=False).code == 1
    assert shared(carol) == shared(bob) == {ref: tip for ref, tip in shared(team.alice).items() if ref.endswith("/a")}


def test_branch_prints_and_makes_what_dvc_does(team: Team) -> None:
    theirs = dvc("exp", "branch", "a", cwd=team.alice)
    made = git("rev-parse", "refs/heads/a-branch", cwd=team.alice)
    git("branch", "-D", "a-branch", cwd=team.alice)
    ours = exp("branch", "a", cwd=team.alice).stdout
    assert git("rev-parse", "refs/heads/a-branch", cwd=team.alice) == made
    assert ours == theirs


def test_remove_leaves_the_refs_that_dvc_leaves(team: Team) -> None:
    dvc("exp", "apply", "-q", "b", cwd=team.alice)
    exp("push", "-q", "origin", "a", "b", cwd=team.alice)
    twin = team.base / "twin"
    shutil.copytree(team.alice, twin, symlinks=True)
    theirs = dvc("exp", "remove", "b", cwd=twin)
    ours = exp("remove", "b", cwd=team.alice).stdout
    assert ours == theirs
    assert experiments(team.alice) == experiments(twin)
    exp("remove", "-g", "origin", "a", cwd=team.alice)
    assert [ref.rsplit("/", 1)[1] for ref in shared(team.host)] == ["b"]
    dvc("exp", "remove", "-q", "-g", "origin", "b", cwd=twin)
    assert shared(team.host) == {}


def test_rename_leaves_the_refs_that_dvc_leaves(team: Team) -> None:
    twin = team.base / "twin"
    shutil.copytree(team.alice, twin, symlinks=True)
    dvc("exp", "rename", "a", "best", cwd=twin)
    exp("rename", "a", "best", cwd=team.alice)
    assert shared(team.alice) == shared(twin)


def test_of_names_that_dvc_refuses_we_refuse_the_same(team: Team) -> None:
    for arguments in (["push", "origin", "nope"], ["remove", "nope"], ["list", "--rev", "nope"], ["list", "nowhere"]):
        assert sh("dvc", "exp", *arguments, cwd=team.alice, check=False).code != 0, arguments
        assert exp(*arguments, cwd=team.alice, check=False).code != 0, arguments
