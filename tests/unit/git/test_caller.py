"""The git command that we serve is told by its command line, carefully."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from dvcexp.git.caller import Command
from tests.support.shell import sh


@pytest.mark.parametrize(
    ("line", "looks"),
    [
        ("git ls-remote origin", True),
        ("git -c protocol.version=0 -C there ls-remote", True),
        ("git --no-pager remote show origin", True),
        ("git fetch --dry-run", True),
        ("git pull --dry-run", True),
        ("git fetch origin --prefetch --prune --no-tags --quiet", True),
        ("git fetch", False),
        ("git -c x=ls-remote fetch", False),
        ("git clone ls-remote", False),
        ("git push --dry-run", False),
        ("git", False),
        ("", False),
    ],
)
def test_a_command_that_only_looks_is_told_by_its_words(line: str, looks: bool) -> None:
    assert Command.parse(line.split()).only_looks == looks


def test_what_git_fetches_for_a_partial_clone_is_told_by_its_words() -> None:
    """As Git starts it; a user's own fetch, or that of git exp pull, is another."""
    noop = "git -c fetch.negotiationAlgorithm=noop fetch origin --no-tags --no-write-fetch-head"
    assert Command.parse(f"{noop} --recurse-submodules=no --filter=blob:none --stdin".split()).fetches_what_is_promised
    assert not Command.parse(f"{noop} --stdin -- origin".split()).fetches_what_is_promised


@pytest.mark.parametrize(
    ("line", "refspecs"),
    [
        ("git fetch origin main +refs/exps/*:refs/exps/*", ["main", "+refs/exps/*:refs/exps/*"]),
        ("git fetch --depth 1 origin main --tags", ["main"]),
        ("git fetch origin", []),
        ("git fetch", []),
        ("git fetch dvcexp::origin x", ["x"]),
        ("git clone origin folder", []),
        ("", []),
    ],
)
def test_refspecs_stand_behind_the_remote(line: str, refspecs: list[str]) -> None:
    assert Command.parse(line.split()).refspecs("origin") == refspecs


@pytest.mark.parametrize(
    ("line", "forces"),
    [
        ("git fetch --force origin", True),
        ("git fetch -f", True),
        ("git fetch -qf origin", True),
        ("git fetch --no-force-x origin ff", False),
        ("git fetch -q --refmap= origin", False),
    ],
)
def test_force_is_told_also_among_other_short_options(line: str, forces: bool) -> None:
    assert Command.parse(line.split()).forces == forces


@pytest.mark.parametrize(
    ("line", "on_a_terminal", "elsewhere"),
    [
        ("git push origin", True, False),
        ("git push --progress origin", True, True),
        ("git push -q --prog origin", True, True),
        ("git push --progress --no-progress", False, False),
        ("git push --no-prog --progress", True, True),
        ("git push -fq origin", False, False),
        ("git push --quiet", False, False),
        ("git push --prune -- --no-progress", True, False),
    ],
)
def test_a_push_shows_meters_by_gits_rules(line: str, on_a_terminal: bool, elsewhere: bool) -> None:
    command = Command.parse(line.split())
    assert (command.shows_progress(terminal=True), command.shows_progress(terminal=False)) == (on_a_terminal, elsewhere)


def test_the_command_is_our_parents_parent(tmp_path: Path) -> None:
    script = "import json; from dvcexp.git import caller; print(json.dumps(caller.command()))"
    ours = f"{shlex.quote(sys.executable)} -c {shlex.quote(script)}; true"
    # The inner sh stands for `git remote-dvcexp`, the outer one for the git command, with `-c <something>` before it.
    done = sh("sh", "-c", f"sh -c {shlex.quote(ours)}; true", "fetch", "a b", cwd=tmp_path)
    assert json.loads(done.stdout) == ["fetch", ["a b"]]


@pytest.mark.parametrize(
    ("line", "dry"),
    [
        ("git push --dry-run origin", True),
        ("git push --dry", True),
        ("git push origin -n main", True),
        ("git push -fnu origin", True),
        ("git push -on origin", False),
        ("git push -f --no-verify origin", False),
        ("git push origin -- -n", False),
        ("git push --delete origin", False),
    ],
)
def test_a_dry_push_is_told_by_its_words(line: str, dry: bool) -> None:
    assert Command.parse(line.split()).is_dry_run == dry
