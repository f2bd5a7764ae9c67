"""A helper that others wrote, and that speaks in lines alone: `list`, `fetch`, `push`, perhaps `option`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.transports.test_retries import corrupt, restore
from tests.support.git_operations import NEW, CloneExperiments, Operation, PushDelete, PushExperiment, data_of
from tests.support.git_servers import GitHosts
from tests.support.git_worlds import EVERY_EXPERIMENT, Seed, Transport, World
from tests.support.shell import git, write_program

_HELPER = """#!/bin/sh
# git-remote-shelf <name> <url>: the repository at the path in the URL
set -f
repo=${2#shelf://}
next() { IFS= read -r line && echo "$line" >>"$repo/lines"; }
while next; do
    case $line in
    capabilities)
        printf 'fetch\\npush\\n%s\\n' "${SHELF_OPTION-option
}" ;;
    option\\ verbosity* | option\\ progress*) echo ok ;;
    option*) echo unsupported ;;
    list*)
        git --git-dir="$repo" for-each-ref --format='%(objectname) %(refname)'
        echo "@$(git --git-dir="$repo" symbolic-ref HEAD) HEAD"
        echo ;;
    fetch*)
        wants=
        while [ -n "$line" ]; do wants="$wants $(echo "$line" | cut -d ' ' -f 2)"; next; done
        git fetch-pack -q "$repo" $wants >/dev/null
        echo ;;
    push*)
        specs=
        while [ -n "$line" ]; do specs="$specs ${line#push }"; next; done
        git send-pack -q --helper-status "$repo" $specs
        echo ;;
    esac
done
"""
BY_SCHEME = Transport("by scheme", "shelf://{root}/{world}/host.git")
BY_PREFIX = Transport("by prefix", "shelf::{root}/{world}/host.git")

MakeShelf = Callable[..., World]


@pytest.fixture
def make_shelf(hosts: GitHosts, seed: Seed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeShelf:
    """Makes a world whose host is reached by that helper."""
    write_program(tmp_path / "bin" / "git-remote-shelf", _HELPER)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def make(transport: Transport = BY_SCHEME, *, helper: bool = True) -> World:
        return World(seed, hosts, transport, f"{tmp_path.parent.name}-{tmp_path.name}-{helper}", helper=helper)

    return make


def pushed(world: World) -> list[str]:
    """What the helper was told to push."""
    return [line for line in (world.host / "lines").read_text().splitlines() if line.startswith("push ")]


@pytest.mark.parametrize(
    ("operation", "transport"),
    [
        (CloneExperiments(), BY_SCHEME),
        (CloneExperiments(), BY_PREFIX),
        (PushExperiment(), BY_SCHEME),
        (PushExperiment(), BY_PREFIX),
        (PushDelete(), BY_SCHEME),
    ],
    ids=lambda case: case.name,
)
def test_it_is_as_with_git_alone(operation: Operation, transport: Transport, make_shelf: MakeShelf) -> None:
    native, ours = make_shelf(transport, helper=False), make_shelf(transport)
    operation.run(native)
    operation.run(ours)
    assert ours.story() == native.story()
    assert ours.state() == native.state()
    lines = [(world.host / "lines").read_text().replace(world.folder.name, "") for world in (native, ours)]
    assert lines[0] == lines[1]
    operation.check(ours)


def test_an_experiment_without_data_is_refused_and_the_other_refs_go(make_shelf: MakeShelf) -> None:
    world = make_shelf()
    world.break_storage()
    done = world.run("push", "--porcelain", "origin", NEW, "ahead", check=False)
    assert done.code == 1
    assert f"!\t{world.seed.new}:{world.seed.new}\t[remote rejected] (" in done.stdout
    assert "'storage'" in done.stderr
    assert pushed(world) == ["push refs/heads/ahead:refs/heads/ahead"]
    assert world.seed.new not in world.refs()
    assert "refs/heads/ahead" in world.refs()


def test_no_ref_is_updated_until_the_data_is_here(make_shelf: MakeShelf) -> None:
    world = make_shelf()
    clone = world.clone()
    corrupt(world)
    for _ in range(2):
        assert world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone, check=False).code == 128
        assert world.seed.a not in world.refs(clone)
    restore(world)
    world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
    data_of(world, "a", "b")


@pytest.mark.parametrize("option", ["option\n", ""])
def test_quietly_nothing_is_said_be_it_told_of_options_or_not(
    option: str, make_shelf: MakeShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC's own refs stay here, which is told in a line otherwise."""
    monkeypatch.setenv("SHELF_OPTION", option)
    world = make_shelf()
    for name, quiet in (("first", "--quiet"), ("second", "--no-quiet")):
        git("update-ref", f"refs/exps/exec/{name}", "ahead", cwd=world.project)
        done = world.run("push", quiet, "origin", "refs/exps/*")
        assert ("of DVC's own not shared" in done.stderr) == (name == "second"), done.stderr
    assert ("option verbosity 0" in (world.host / "lines").read_text()) == bool(option)


def test_what_it_has_no_option_for_it_is_not_asked_for(make_shelf: MakeShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF_OPTION", "")
    worlds = make_shelf(helper=False), make_shelf()
    for world in worlds:
        for command in (["push", "--atomic"], ["push", "--dry-run"], ["push", "-o", "x"], ["fetch", "--depth=1"]):
            world.run(*command, "origin", "main", check=False)
    native, ours = worlds
    assert ours.story() == native.story()
