"""`git exp install --follow`: what the team pushes becomes experiments here, and nothing of one's own is ever lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.transports.conftest import MakeWorld
from tests.support.git_operations import advance
from tests.support.git_worlds import EACH_KIND, World
from tests.support.patches import patch_all
from tests.support.shell import git

REFSPECS = ["+refs/heads/*:refs/remotes/origin/*", "+refs/exps/*:refs/dvcexp/origin/*", "^refs/exps/exec/*"]


def follower(world: World) -> Path:
    """A clone that follows `origin`."""
    clone = world.clone("--no-local")
    git("config", "--unset-all", "remote.origin.fetch", cwd=clone)
    for refspec in REFSPECS:
        git("config", "--add", "remote.origin.fetch", refspec, cwd=clone)
    return clone


def copy_of(ref: str) -> str:
    return ref.replace("refs/exps/", "refs/dvcexp/origin/")


@pytest.mark.parametrize("transport", [*EACH_KIND, "ssh"])
def test_a_fetch_makes_the_teams_experiments_with_their_data(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    clone = follower(world)
    git("update-ref", "refs/exps/exec/EXEC_HEAD", "main", cwd=world.host)
    world.serve_files()
    done = world.run("fetch", cwd=clone)
    refs = world.refs(clone)
    for ref in (world.seed.a, world.seed.b):
        assert refs[ref] == refs[copy_of(ref)] == world.refs()[ref]
    assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]
    assert "2 new experiments from 'origin'" in done.stderr
    assert "refs/exps/exec/EXEC_HEAD" not in refs
    assert world.run("fetch", cwd=clone).stderr == ""


def here_already(world: World) -> Path:
    """A follower that has every commit by another way, so that Git has nothing to ask for."""
    clone = follower(world)
    git("fetch", "-q", world.host, "refs/exps/*:refs/hidden/*", cwd=clone)
    return clone


@pytest.mark.parametrize("transport", EACH_KIND)
def test_what_git_need_not_transfer_is_followed_too(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    clone = here_already(world)
    advance(world)  # so that Git wants something, if not an experiment
    world.run("fetch", cwd=clone)
    refs = world.refs(clone)
    for ref in (world.seed.a, world.seed.b):
        assert refs.get(ref) == refs[copy_of(ref)] == world.refs()[ref]
    assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]


@pytest.mark.parametrize("transport", ["file, v0", "http, v0", "dumb http"])
def test_also_where_the_git_command_cannot_be_told(
    transport: str, make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(transport)
    clone = here_already(world)
    unknown = "from dvcexp.git import caller\ncaller.command = lambda: caller.Command('', ())\n"
    patch_all(world.folder, monkeypatch, unknown)
    world.run("ls-remote", "origin", cwd=clone)
    assert not {world.seed.a, world.seed.b} & set(world.refs(clone))
    world.run("fetch", cwd=clone)
    assert {world.seed.a, world.seed.b} <= set(world.refs(clone))
    assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]


def test_pruning_takes_copies_and_never_an_experiment(make_world: MakeWorld) -> None:
    world = make_world()
    clone = follower(world)
    git("update-ref", world.seed.new, "HEAD", cwd=clone)
    world.run("fetch", cwd=clone)
    git("update-ref", "-d", world.seed.a, cwd=world.host)
    world.run("fetch", "--prune", cwd=clone)
    refs = world.refs(clone)
    assert copy_of(world.seed.a) not in refs
    assert {world.seed.a, world.seed.b, world.seed.new} <= set(refs)


def test_an_experiment_of_that_name_stays_and_is_named(make_world: MakeWorld) -> None:
    world = make_world()
    clone = follower(world)
    git("update-ref", world.seed.a, "HEAD", cwd=clone)
    mine = world.refs(clone)[world.seed.a]
    done = world.run("fetch", cwd=clone)
    assert world.refs(clone)[world.seed.a] == mine
    assert f"warning: '{world.seed.a}' is another experiment here than on 'origin'" in done.stderr
    assert world.run("fetch", cwd=clone).stderr == ""  # once is enough
    hint = next(line for line in done.stderr.splitlines() if line.startswith("hint: to take theirs: git "))
    words = hint.removeprefix("hint: to take theirs: git ").replace("'", "").split()
    world.run(*words, cwd=clone)
    assert world.refs(clone)[world.seed.a] == world.refs()[world.seed.a]


def test_an_experiment_that_was_removed_here_does_not_come_back(make_world: MakeWorld) -> None:
    world = make_world()
    clone = follower(world)
    world.run("fetch", cwd=clone)
    git("update-ref", "-d", world.seed.a, cwd=clone)
    world.run("fetch", cwd=clone)
    assert world.seed.a not in world.refs(clone)


def test_without_its_data_none_is_made_until_it_has_come(make_world: MakeWorld) -> None:
    world = make_world()
    clone = follower(world)
    (world.storage / "files").rename(world.storage / "away")
    done = world.run("fetch", cwd=clone)
    assert "warning: " in done.stderr
    assert not {world.seed.a, world.seed.b} & set(world.refs(clone))
    assert copy_of(world.seed.a) in world.refs(clone)
    (world.storage / "away").rename(world.storage / "files")
    world.run("fetch", cwd=clone)
    assert {world.seed.a, world.seed.b} <= set(world.refs(clone))


def test_looking_makes_nothing(make_world: MakeWorld) -> None:
    world = make_world()
    clone = follower(world)
    world.run("fetch", "--dry-run", cwd=clone)
    world.run("remote", "show", "origin", cwd=clone)
    assert not {world.seed.a, world.seed.b} & set(world.refs(clone))
