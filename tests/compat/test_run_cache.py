"""The run-cache beside real DVC: what one side shared, the other's `dvc repro` restores instead of running."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.dvc_team import Team, dvc
from tests.support.sharing import exp
from tests.support.shell import git, sh

ALL = "refs/exps/*:refs/exps/*"


def runs(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in (folder / "runs").rglob("*") if path.is_file()}


def restores(repository: Path, n: int, *options: str) -> bool:
    """Does `dvc repro` with this parameter find the stage's run?"""
    for name in ("model.bin", "metrics.json"):
        (repository / name).unlink(missing_ok=True)
    shutil.rmtree(repository / "out", ignore_errors=True)
    (repository / "params.yaml").write_text(f"n: {n}\n")
    said = dvc("repro", *options, cwd=repository)
    assert (repository / "model.bin").read_bytes() == b"model" + str(n).encode() * 5000
    assert (repository / "out" / "sub" / "b.txt").read_text() == f"n is {n}"
    assert f'"n": {n}' in (repository / "metrics.json").read_text()
    return "is cached - skipping run" in said


@pytest.fixture
def bob(team: Team) -> Path:
    """A clone that has the data of the dependencies, so that stages can be looked up."""
    dvc("push", "-q", "data.dvc", cwd=team.alice)
    bob = team.clone("bob")
    dvc("pull", "-q", "data.dvc", cwd=bob)
    return bob


def test_an_experiments_entry_and_what_it_names_travel_with_plain_git(team: Team, bob: Path) -> None:
    done = sh("git", "-c", "dvcexp.runCache=true", "push", "origin", "refs/exps/*/a", cwd=team.alice)
    assert "dvcexp: uploaded 1 run-cache entry with 1 object" in done.stderr
    done = sh("git", "-c", "dvcexp.runCache=true", "fetch", "origin", ALL, cwd=bob)
    assert "dvcexp: downloaded 1 run-cache entry" in done.stderr
    assert runs(bob / ".dvc" / "cache") == runs(team.storage) != set()
    assert runs(team.storage) < runs(team.alice / ".dvc" / "cache")
    assert restores(bob, 2)
    assert not restores(bob, 3)


def test_what_we_pushed_dvc_pulls_and_restores(team: Team, bob: Path) -> None:
    exp("push", "--run-cache", "origin", "a", cwd=team.alice)
    dvc("exp", "pull", "-q", "--run-cache", "origin", "a", cwd=bob)
    assert runs(bob / ".dvc" / "cache") == runs(team.storage)
    # `dvc exp pull` leaves the content of metrics.json to Git; `--pull` finds it, for we have put it there.
    assert restores(bob, 2, "--pull")


def test_what_dvc_pushed_we_pull_and_dvc_restores(team: Team, bob: Path) -> None:
    """DVC has not sent the metrics' content, which the entry names: it is taken from the commit."""
    dvc("exp", "push", "-q", "--run-cache", "origin", "a", cwd=team.alice)
    assert len(runs(team.storage)) == 3
    exp("pull", "--run-cache", "origin", "a", cwd=bob)
    assert len(runs(bob / ".dvc" / "cache")) == 1
    team.hide_storage()
    assert restores(bob, 2)


def test_a_directory_of_plots_that_git_has_is_taken_from_there(team: Team, bob: Path) -> None:
    pipeline = team.alice / "dvc.yaml"
    text = pipeline.read_text().replace("outs: [model.bin, out]", "outs: [model.bin]")
    pipeline.write_text(f"{text}    plots:\n    - out: {{cache: false}}\n")
    (team.alice / ".gitignore").write_text("/data\n/model.bin\n")
    git("add", "-A", cwd=team.alice)
    git("commit", "-q", "-m", "keep out in Git", cwd=team.alice)
    dvc("exp", "run", "-q", "-n", "c", "-S", "n=4", cwd=team.alice)
    dvc("exp", "push", "-q", "--run-cache", "origin", "c", cwd=team.alice)
    git("push", "-q", "origin", "main", cwd=team.alice)
    git("pull", "-q", "origin", "main", cwd=bob)
    exp("pull", "--run-cache", "origin", "c", cwd=bob)
    team.hide_storage()
    assert restores(bob, 4)
