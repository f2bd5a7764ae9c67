"""Experiments in a directory of their own, brought to the project and back, with and without a central remote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.handmade import Handmade, assert_whole, oids
from tests.support.sharing import cached, exp, experiments
from tests.support.shell import git, sh

EVERY = "refs/exps/*:refs/exps/*"


class Directories:
    """A project without a DVC remote, and a clone of it in a directory for experiments."""

    def __init__(self, base: Path) -> None:
        self.base, self.path = base, base / "project"
        self.project = Handmade(self.path)
        (self.path / ".dvc" / "config").write_text("")
        git("commit", "-qam", "no DVC remote", cwd=self.path)
        self.a = self.project.experiment("a", {"model.bin": b"model a", "out": {"x": b"same", "y": b"a"}})
        git("clone", "-q", "-c", "remote.origin.vcs=dvcexp", self.path, "experiments", cwd=base)
        self.clone = Handmade.of(base / "experiments")

    def share_cache(self) -> Path:
        """Both get the same cache, as by `dvc cache dir --local`; what the project had moves into it."""
        shared = self.base / "cache"
        self.project.cache.rename(shared)
        for project in (self.project, self.clone):
            (project.path / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {shared}\n")
            project.cache = shared
        return shared


@pytest.fixture
def there(tmp_path: Path) -> Directories:
    return Directories(tmp_path)


def new(there: Directories) -> str:
    """An experiment run in the clone."""
    return there.clone.experiment("b", {"model.bin": b"model b", "out": {"x": b"same", "y": b"b"}})


@pytest.mark.parametrize(
    "push",
    [
        ["exp", "push", "origin", "b"],
        ["push", "origin", "refs/exps/*/b"],
        ["exp", "push", "{project}", "b"],
        ["push", "dvcexp::{project}", "refs/exps/*/b"],
    ],
)
def test_a_push_to_the_project_brings_the_data_into_its_cache(there: Directories, push: list[str]) -> None:
    b = new(there)
    before = cached(there.path)
    done = sh("git", *(word.format(project=there.path) for word in push), cwd=there.clone.path)
    assert "dvcexp: uploaded 3 objects (" in done.stderr
    assert experiments(there.path) == {there.a: experiments(there.path)[there.a], b: experiments(there.clone.path)[b]}
    assert cached(there.path) == before | cached(there.clone.path)
    assert_whole(there.project.cache)
    assert {path.stat().st_mode & 0o777 for path in there.project.cache.rglob("*") if path.is_file()} == {0o444}
    again = sh("git", *(word.format(project=there.path) for word in push), cwd=there.clone.path)
    assert "uploaded" not in again.stderr


def test_the_hook_sees_to_a_plain_push_by_path(there: Directories) -> None:
    git("config", "--unset", "remote.origin.vcs", cwd=there.clone.path)
    exp("install", cwd=there.clone.path)
    git("config", "--unset", "remote.origin.vcs", cwd=there.clone.path)
    b = new(there)
    done = sh("git", "push", "../project", "refs/exps/*/b", cwd=there.clone.path)
    assert "dvcexp: uploaded 3 objects (" in done.stderr
    assert b in experiments(there.path)
    assert cached(there.clone.path) <= cached(there.path)


@pytest.mark.parametrize(
    "fetch",
    [
        ["exp", "pull", "{clone}", "b"],
        ["exp", "pull", "../experiments", "b"],
        ["fetch", "dvcexp::{clone}", EVERY],
        ["fetch", "dvcexp::../experiments", EVERY],
    ],
)
def test_the_project_takes_an_experiment_from_the_directory(there: Directories, fetch: list[str]) -> None:
    b = new(there)
    done = sh("git", *(word.format(clone=there.clone.path) for word in fetch), cwd=there.path)
    assert "dvcexp: downloaded 3 objects (" in done.stderr
    assert b in experiments(there.path)
    assert cached(there.clone.path) <= cached(there.path)


def test_plain_git_takes_the_ref_and_git_exp_fetch_the_data(there: Directories) -> None:
    b = new(there)
    git("fetch", "-q", there.clone.path, EVERY, cwd=there.path)
    assert b in experiments(there.path)
    assert not cached(there.clone.path) <= cached(there.path)
    exp("fetch", there.clone.path, "b", cwd=there.path)
    assert cached(there.clone.path) <= cached(there.path)


def test_the_directory_takes_experiments_of_the_project_with_their_data(there: Directories) -> None:
    assert exp("list", "--all-commits", "--name-only", "origin", cwd=there.clone.path).stdout == "a\n"
    git("fetch", "-q", "origin", EVERY, cwd=there.clone.path)
    assert experiments(there.clone.path) == experiments(there.path)
    assert len(cached(there.clone.path)) == 4
    assert exp("pull", "origin", "-A", cwd=there.clone.path).stderr == ""


def test_in_a_shared_cache_there_is_nothing_to_move(there: Directories) -> None:
    shared = there.share_cache()
    b = new(there)
    before = oids(shared)
    done = exp("push", "origin", "b", cwd=there.clone.path)
    assert "dvcexp:" not in done.stderr
    assert b in experiments(there.path)
    there.clone.experiment("c", {"model.bin": b"c"})
    done = sh("git", "fetch", there.clone.path, EVERY, cwd=there.path)
    assert "dvcexp:" not in done.stderr
    assert exp("fetch", cwd=there.path).stderr == ""
    assert oids(shared) > before
    assert not (there.path / ".dvc" / "cache").exists()


def test_data_that_is_nowhere_is_not_pushed_to_the_project_either(there: Directories) -> None:
    b = new(there)
    victim = sorted(cached(there.clone.path) - cached(there.path))[0]
    (there.clone.cache / "files" / "md5" / victim[:2] / victim[2:]).unlink()
    done = exp("push", "origin", "b", cwd=there.clone.path, check=False)
    assert done.code == 1
    assert "on DVC remote 'cache of origin'" in done.stderr
    assert b not in experiments(there.path)


def test_a_central_remote_is_used_by_both(there: Directories) -> None:
    """As `dvc remote add` in each: then data goes to the DVC remote, and the project completes it from there."""
    storage = there.base / "storage"
    for project in (there.project, there.clone):
        config = f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {storage}\n"
        (project.path / ".dvc" / "config.local").write_text(config)
    host = there.base / "host.git"
    git("init", "-q", "--bare", host, cwd=there.base)
    for path in (there.path, there.clone.path):
        git("remote", "add", "central", host, cwd=path)
        git("config", "remote.central.vcs", "dvcexp", cwd=path)
    git("push", "-q", "central", "main", cwd=there.path)
    b = new(there)
    git("push", "-q", "central", "refs/exps/*/b", cwd=there.clone.path)
    assert cached(there.clone.path) == oids(storage)
    git("fetch", "-q", "central", EVERY, cwd=there.path)
    assert b in experiments(there.path)
    assert oids(storage) <= cached(there.path)
    exp("push", "origin", "b", cwd=there.clone.path)
    assert oids(storage) <= cached(there.path)


def test_the_projects_cache_can_be_the_dvc_remote_as_in_dvcs_guide(there: Directories) -> None:
    (there.clone.path / ".dvc" / "config.local").write_text(
        f"[core]\n    remote = project\n['remote \"project\"']\n    url = {there.project.cache}\n"
    )
    new(there)
    assert "to 'project'" in exp("push", "origin", "b", cwd=there.clone.path).stderr
    assert cached(there.clone.path) <= cached(there.path)


@pytest.mark.skipif(os.geteuid() != 0, reason="this platform lets only root give a folder away")
def test_what_another_user_configured_does_not_say_where_we_write(there: Directories) -> None:
    (there.path / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {there.base / 'elsewhere'}\n")
    os.chown(there.path / ".dvc", 12345, -1)
    b = new(there)
    done = exp("push", "origin", "b", cwd=there.clone.path, check=False)
    assert done.code == 1
    assert "error: experiment 'b' not pushed: no DVC remote is configured" in done.stderr
    assert not (there.base / "elsewhere").exists()
    assert b not in experiments(there.path)


def test_a_push_that_goes_elsewhere_leaves_the_cache_alone(there: Directories) -> None:
    other = there.base / "other.git"
    git("init", "-q", "--bare", other, cwd=there.base)
    git("config", "remote.origin.pushurl", other, cwd=there.clone.path)
    new(there)
    before = cached(there.path)
    done = exp("push", "origin", "b", cwd=there.clone.path, check=False)
    assert "no DVC remote is configured" in done.stderr
    assert cached(there.path) == before
    assert experiments(other) == {}
