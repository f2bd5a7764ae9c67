"""Submodules whose URL is ours: Git's policy for what it did not get from the user, and experiments in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.git_operations import FIXED_DATE, data_of
from tests.support.git_servers import GitHosts
from tests.support.git_worlds import EVERY_EXPERIMENT, Seed, Transport, World
from tests.support.shell import Done, git

ALWAYS = ["-c", "protocol.dvcexp.allow=always"]
HTTP = Transport("http", "http://127.0.0.1:{http}/open/{world}/host.git")


def host_outer(world: World, url: str) -> str:
    """A repository beside the host, with the host as its submodule `inner` at `url`; its own URL."""
    outer = world.folder / "outer.git"
    git("init", "-q", "--bare", outer, cwd=world.folder)
    work = world.folder / "work"
    git("init", "-q", work, cwd=world.folder)
    allow = ["-c", "protocol.file.allow=always"]
    git(*allow, "submodule", "add", "-q", world.host, "inner", cwd=work)
    git("config", "-f", ".gitmodules", "submodule.inner.url", url, cwd=work)
    git("commit", "-q", "-am", "Outer", cwd=work)
    git("push", "-q", outer, "main", cwd=work)
    return world.url.removesuffix("host.git") + "outer.git"


@pytest.fixture
def worlds(hosts: GitHosts, seed: Seed, tmp_path: Path) -> list[World]:
    """Over HTTP, which Git lets submodules use: with Git alone, and with our prefix."""
    name = f"{tmp_path.parent.name}-{tmp_path.name}"
    return [World(seed, hosts, HTTP, f"{name}-{h}", helper=h, prefix=h) for h in (False, True)]


def clone_outer(world: World, url: str, *options: str, check: bool = True) -> Done:
    done = world.run(*options, "clone", "--recurse-submodules", url, "clone", cwd=world.folder, check=check)
    inner = world.folder / "clone" / "inner" / ".dvc"
    if inner.exists():  # what the project's configuration says is relative to where it lies
        (inner / "config.local").write_text(f"['remote \"storage\"']\n    url = {world.storage}\n")
    return done


@pytest.mark.parametrize("relative", [False, True])
def test_a_clone_and_its_updates_are_as_with_git_alone(relative: bool, worlds: list[World]) -> None:
    """A relative URL continues that of the outer repository, our prefix included."""
    for world in worlds:
        clone_outer(world, host_outer(world, "../host.git" if relative else world.url), *ALWAYS)
        clone = world.folder / "clone"
        tip = git("commit-tree", "-p", "main", "-m", "Theirs", "main^{tree}", cwd=world.host, env=FIXED_DATE)
        git("update-ref", "refs/heads/main", tip, cwd=world.host)
        world.run(*ALWAYS, "submodule", "update", "--remote", cwd=clone)
        assert git("rev-parse", "HEAD", cwd=clone / "inner") == tip
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone / "inner")
    native, ours = worlds
    assert ours.story() == native.story()
    assert ours.refs(ours.folder / "clone" / "inner") == native.refs(native.folder / "clone" / "inner")
    assert native.cached(native.folder / "clone" / "inner") == set()
    data_of(ours, "a", "b", repository="clone/inner")


@pytest.mark.parametrize("allow", [None, "user", "never"])
def test_it_is_refused_unless_the_user_has_allowed_it(allow: str | None, worlds: list[World]) -> None:
    world = worlds[1]
    options = ["-c", f"protocol.dvcexp.allow={allow}"] if allow else []
    url = host_outer(world, world.url).removeprefix("dvcexp::")
    done = clone_outer(world, url, *options, check=False)
    assert done.code == 1
    assert "fatal: transport 'dvcexp' not allowed" in done.stderr
    again = world.run(*options, "submodule", "update", cwd=world.folder / "clone", check=False)
    assert again.code == 1
    assert "fatal: transport 'dvcexp' not allowed" in again.stderr


def test_a_fetch_that_recurses_brings_the_submodules_experiments(worlds: list[World]) -> None:
    world = worlds[1]
    clone_outer(world, host_outer(world, world.url), *ALWAYS)
    inner = world.folder / "clone" / "inner"
    git("config", "--add", "remote.origin.fetch", f"+{EVERY_EXPERIMENT}", cwd=inner)
    world.run("fetch", "--recurse-submodules", cwd=inner.parent)
    assert world.seed.a in world.refs(inner)
    data_of(world, "a", "b", repository="clone/inner")
