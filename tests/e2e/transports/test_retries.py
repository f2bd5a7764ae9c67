"""A fetch whose data cannot be had updates no ref, however often it is repeated, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.transports.conftest import MakeWorld
from tests.support.git_operations import EXPERIMENTS, A, B, advance
from tests.support.git_worlds import EACH_KIND, EVERY_EXPERIMENT, TRANSPORTS, World
from tests.support.handmade import assert_whole, object_path
from tests.support.shell import git

EVERY_TRANSPORT = [transport.name for transport in TRANSPORTS]


def experiments(world: World, repository: Path) -> set[str]:
    return {ref for ref in world.refs(repository) if ref.startswith("refs/exps/")}


def corrupt(world: World) -> None:
    """Every object of experiment `a` on the DVC remote gets other bytes."""
    for oid in world.seed.objects["a"]:
        path = object_path(world.storage, oid)
        path.chmod(0o644)
        path.write_bytes(b"garbage")


def restore(world: World) -> None:
    for oid in world.seed.objects["a"]:
        path = object_path(world.storage, oid)
        path.write_bytes(object_path(world.project / ".dvc" / "cache", oid).read_bytes())


@pytest.mark.parametrize("transport", EVERY_TRANSPORT)
def test_no_ref_is_updated_until_the_data_is_here(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    clone = world.clone("--no-local")
    corrupt(world)
    for attempt in range(3):
        done = world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone, check=False)
        assert done.code != 0, attempt
        assert "error: " in done.stderr, attempt
        assert "Traceback" not in done.stderr
        assert experiments(world, clone) == set(), attempt
    restore(world)
    world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
    assert experiments(world, clone) == {world.seed.a, world.seed.b}
    assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]
    assert_whole(clone / ".dvc" / "cache")


@pytest.mark.parametrize("transport", EACH_KIND)
def test_looking_at_the_remote_after_a_failed_fetch_moves_no_data(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    clone = world.clone("--no-local")
    corrupt(world)
    world.run("fetch", "origin", f"{A}:{A}", cwd=clone, check=False)
    restore(world)
    before = world.cached(clone)
    done = world.run("ls-remote", "origin", cwd=clone)
    assert done.stderr == ""
    world.run("remote", "show", "origin", cwd=clone)
    assert world.cached(clone) == before


@pytest.mark.parametrize("transport", EVERY_TRANSPORT)
def test_a_clone_with_experiments_fails_whole(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    corrupt(world)
    done = world.run_clone(*EXPERIMENTS, check=False)
    assert done.code == 128
    assert not (world.folder / "clone").exists()


@pytest.mark.parametrize("transport", EACH_KIND)
def test_fetching_branches_is_not_held_up_by_experiments(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    clone = world.clone("--no-local")
    corrupt(world)
    world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone, check=False)
    for command in (["fetch"], ["fetch", "origin", "main"], ["pull"]):
        assert "error" not in world.run(*command, cwd=clone).stderr


@pytest.mark.parametrize("transport", EACH_KIND)
def test_an_object_that_nobody_has_is_named_and_holds_up_nobody(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    clone = world.clone("--no-local")
    for oid in world.seed.objects["a"]:
        object_path(world.storage, oid).unlink()
    done = world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
    assert "warning: " in done.stderr
    assert "model.bin" in done.stderr
    assert experiments(world, clone) == {world.seed.a, world.seed.b}
    assert world.cached(clone) == world.seed.objects["b"]


@pytest.mark.parametrize("transport", EACH_KIND)
def test_a_native_fetch_before_is_completed_by_the_next_through_the_helper(
    transport: str, make_world: MakeWorld
) -> None:
    world = make_world(transport)
    clone = world.clone("--no-local")
    git("fetch", "-q", world.host, EVERY_EXPERIMENT, cwd=clone)
    assert world.cached(clone) == set()
    world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
    assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]


@pytest.mark.parametrize("transport", EACH_KIND)
def test_a_pattern_brings_no_data_of_what_it_leaves_out(transport: str, make_world: MakeWorld) -> None:
    """Also of experiments whose commits are here, be there something to transfer or not."""
    world = make_world(transport)
    clone = world.clone("--no-local")
    git("fetch", "-q", world.host, "refs/exps/*:refs/hidden/*", cwd=clone)
    advance(world)
    world.run("fetch", "origin", "main", f"{A}:{A}", cwd=clone)
    assert experiments(world, clone) == {world.seed.a}
    assert world.cached(clone) == world.seed.objects["a"]
    world.run("fetch", "origin", f"{B}:{B}", cwd=clone)
    assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]


@pytest.mark.parametrize("transport", EACH_KIND)
def test_a_commit_that_is_here_by_another_way_brings_its_data_when_it_becomes_an_experiment(
    transport: str, make_world: MakeWorld
) -> None:
    """Git wants nothing then, or only the others: the mixture that `want` lines do not show."""
    world = make_world(transport)
    git("branch", "copy-of-a", world.seed.a, cwd=world.host)
    world.serve_files()
    clone = world.clone("--no-local")
    assert world.cached(clone) == set()
    world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
    assert experiments(world, clone) == {world.seed.a, world.seed.b}
    assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]
