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
    [ "${line%% *}" != "${SHELF_DIES_AT-never}" ] || exit 3
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
# In streams alone, as helpers for other version control systems do.
_PORTER = """#!/bin/sh
# git-remote-porter <name> <url>: the repository at the path in the URL
set -f
repo=${2#porter://}
refs() { git --git-dir="$repo" for-each-ref --format="$1"; }
while IFS= read -r line; do
    case $line in
    capabilities) printf 'import\\nexport\\nrefspec refs/*:refs/porter/*\\n\\n' ;;
    list*) refs '? %(refname)'; echo ;;
    import*)
        wants=
        while [ -n "$line" ]; do wants="$wants ${line#import }"; IFS= read -r line; done
        git --git-dir="$repo" fast-export --use-done-feature --refspec='refs/*:refs/porter/*' $wants ;;
    export)
        refs '%(objectname) %(refname)' >"$repo/before"
        git --git-dir="$repo" fast-import --quiet
        refs '%(objectname) %(refname)' | grep -vxFf "$repo/before" | sed 's/^[^ ]*/ok/'
        echo ;;
    esac
done
"""
BY_SCHEME = Transport("by scheme", "shelf://{root}/{world}/host.git")
BY_PREFIX = Transport("by prefix", "shelf::{root}/{world}/host.git")
IN_STREAMS = Transport("in streams", "porter://{root}/{world}/host.git")

MakeShelf = Callable[..., World]


@pytest.fixture
def make_shelf(hosts: GitHosts, seed: Seed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeShelf:
    """Makes a world whose host is reached by one of these helpers."""
    write_program(tmp_path / "bin" / "git-remote-shelf", _HELPER)
    write_program(tmp_path / "bin" / "git-remote-porter", _PORTER)
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


@pytest.mark.parametrize("at", ["capabilities", "list", "fetch", "push"])
def test_one_that_dies_ends_the_command_as_with_git_alone(
    at: str, make_shelf: MakeShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    worlds = make_shelf(helper=False), make_shelf()
    clones = [world.clone() for world in worlds]
    monkeypatch.setenv("SHELF_DIES_AT", at)
    for world, clone in zip(worlds, clones, strict=True):
        if at != "push":
            assert world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone, check=False).code == 128
        if at != "fetch":
            assert world.run("push", "origin", NEW, check=False).code != 0
    native, ours = worlds
    assert ours.story() == native.story()
    assert ours.state() == native.state()


def test_one_that_speaks_in_streams_is_relayed_and_brings_no_data(make_shelf: MakeShelf) -> None:
    worlds = make_shelf(IN_STREAMS, helper=False), make_shelf(IN_STREAMS)
    for world in worlds:
        clone = world.folder / "clone"
        git("init", "-q", clone, cwd=world.folder)
        git("remote", "add", "origin", world.url, cwd=clone)
        if world.helper:
            git("config", "remote.origin.vcs", "dvcexp", cwd=clone)
        world.run("fetch", "origin", "refs/heads/*:refs/remotes/origin/*", EVERY_EXPERIMENT, cwd=clone)
        world.run("push", "origin", "ahead", NEW)
        assert world.cached(clone) == set()
    native, ours = worlds
    assert ours.story() == native.story()
    assert ours.state() == native.state()
    assert {ours.seed.a, ours.seed.b} <= set(ours.refs(ours.folder / "clone"))
    assert {"refs/heads/ahead", ours.seed.new} <= set(ours.refs())
