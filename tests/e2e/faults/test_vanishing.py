"""A cache, or a directory that is a DVC remote, goes away in the middle; and disks that are really full.

The program is stopped at a system call, and the folder is moved away: nothing is there by its name any more, or an
empty folder is, as under a share that was unmounted. Nobody must fill that in its stead.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.faults.conftest import MakeWorld
from tests.support.fault_points import STOP, Step, Strace, spread
from tests.support.fault_sweeps import FETCH, PUSH, Command
from tests.support.fault_worlds import FaultWorld
from tests.support.handmade import assert_whole, oids
from tests.support.shell import Done, git, sh


def folder_of(world: FaultWorld, command: Command, what: str) -> Path:
    return world.storage if what == "storage" else (world.bob if command.takes else world.project) / ".dvc" / "cache"


def prepared(world: FaultWorld, command: Command, what: str) -> FaultWorld:
    folder_of(world, command, what).mkdir(exist_ok=True)
    return world


def run_meanwhile(strace: Strace, number: int, step: Step, command: Command, world: FaultWorld, away: Path) -> Done:
    """Stop at the step, see the folder moved to `away`, go on. An even number leaves an empty folder in its place.

    Chance may have it that no such call is the n-th, for threads share them: then `away` is not there.
    """
    folder = away.with_name(away.name.removesuffix("-away"))

    def see(stop: Stop) -> None:
        if f"/{folder.name}/files" in stop.call and not away.exists():
            folder.rename(away)
            if number % 2 == 0:
                folder.mkdir()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(strace.run, number, step, STOP, lambda env: command.run(world, **env))
        seen = 0
        while not running.done():
            for stop in stops(strace.log(number))[seen:]:
                seen += 1
                see(stop)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(stop.process, signal.SIGCONT)
            time.sleep(0.01)
    return running.result()[0]


class Stop(NamedTuple):
    """A thread that stands still after `call`."""

    process: int
    call: str


def stops(log: Path) -> list[Stop]:
    """So far, in order. Each thread has an n-th call of its own, so there may be several."""
    last: dict[str, str] = {}
    found = []
    for line in log.read_text(errors="replace").splitlines() if log.exists() else ():
        thread, _, rest = line.partition(" ")
        if "--- stopped by SIGSTOP ---" in rest:
            found.append(Stop(int(thread), last.get(thread, "")))
        elif not rest.lstrip().startswith("---"):
            last[thread] = rest
    return found


@pytest.mark.parametrize("what", ["storage", "cache"])
@pytest.mark.parametrize("command", [PUSH, FETCH], ids=lambda command: command.name)
def test_a_folder_that_goes_away_is_missed_and_not_replaced(
    command: Command, what: str, make_world: MakeWorld, strace: Strace, points: int
) -> None:
    def make() -> FaultWorld:
        return prepared(make_world(shared=command.takes), command, what)

    name = f"/{'storage' if what == 'storage' else 'cache'}/"
    world = make()
    steps = [step for step in strace.steps(lambda env: command.run(world, **env)) if f"{name}files" in step.text]
    wrong = []
    met = 0
    for number, step in enumerate(spread(steps, points or 2)):
        world = make()
        folder = folder_of(world, command, what)
        away = folder.with_name(f"{folder.name}-away")
        done = run_meanwhile(strace, number, step, command, world, away)
        if not away.exists():
            continue
        met += 1
        context = f"{step}, {number % 2}: exit {done.code}: {done.stderr}"
        if [path for path in folder.rglob("*") if path.is_file()] or folder.exists() != (number % 2 == 0):
            wrong.append(f"it was replaced: {context}")
        shutil.rmtree(folder, ignore_errors=True)
        away.rename(folder)
        wrong += [f"{words}: {context}" for words in world.wrongs(temporary_files=True)]
        if done.code == 0:
            wrong += [f"{gap}: {context}" for gap in command.gaps(world)]
        elif "was a share unmounted?" not in done.stderr or "bring " not in done.stderr:
            wrong.append(f"it is not explained: {context}")
        again = command.run(world)
        if again.code != 0:
            wrong.append(f"a second run ends with {again.code}: {again.stderr}: {context}")
        wrong += [f"after a second run: {gap}: {context}" for gap in command.gaps(world)]
        world.remove()
    assert not wrong, "\n".join(wrong)
    assert met


def test_a_folder_that_was_never_there_is_made_and_that_is_said(make_world: MakeWorld) -> None:
    """As DVC does. Whoever has forgotten to mount a share reads it."""
    world = make_world(shared=False)
    world.storage.rmdir()
    done = world.run("push", "origin", "refs/exps/*")
    assert f"dvcexp: DVC remote 'storage': making '{world.storage}', which is not there\n" in done.stderr
    assert PUSH.gaps(world) == []


def test_so_is_a_cache_that_is_configured_elsewhere(make_world: MakeWorld) -> None:
    world = make_world(shared=True)
    share = world.folder / "share"
    (world.bob / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {share}\n")
    done = world.run("fetch", "origin", "refs/exps/*:refs/exps/*", cwd=world.bob)
    assert f"dvcexp: making the cache '{share}', which is not there\n" in done.stderr
    again = world.run("exp", "pull", "-f", "origin", "file", cwd=world.bob, check=False)
    assert "making the cache" not in again.stderr


def test_a_cache_that_is_not_there_is_named_where_its_objects_are_missed(make_world: MakeWorld) -> None:
    world = make_world(shared=False)
    cache = world.project / ".dvc" / "cache"
    cache.rename(world.folder / "unmounted")
    done = PUSH.run(world)
    assert done.code == 1
    assert f"hint: there is no cache '{cache}': if it is on a share, is that mounted?" in done.stderr
    assert not cache.exists()


_FULL = """\
mount -t tmpfs -o size=600k none "$1" || exit 77
folder=$1 result=$2
shift 2
"$@" 2>"$result/first"
echo $? >"$result/code"
cp -r "$folder" "$result/full"
mount -o remount,size=64m "$folder"
"$@" 2>"$result/second" || exit 1
cp -r "$folder" "$result/whole"
"""


@pytest.mark.parametrize("command", [PUSH, FETCH], ids=lambda command: command.name)
def test_a_disk_that_is_really_full(command: Command, make_world: MakeWorld, tmp_path: Path) -> None:
    """A small file system of its own, which anybody may mount where nobody else sees it."""
    if subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", tmp_path], capture_output=True).returncode:
        pytest.skip("this platform lets nobody mount a file system of his own")
    world = prepared(make_world(shared=command.takes), command, "cache")
    folder = folder_of(world, command, "cache" if command.takes else "storage")
    repository = world.bob if command.takes else world.project
    argv = ["unshare", "-rm", "sh", "-c", _FULL, "sh", folder, tmp_path, "git", *command.words]
    done = sh(*argv, cwd=repository, check=False, env=world.env)
    said = (tmp_path / "first").read_text()
    assert (tmp_path / "code").read_text() != "0\n", said
    assert "no space left on device" in said.lower()
    assert "make room" in said
    assert_whole(tmp_path / "full")
    assert done.code == 0, (tmp_path / "second").read_text()
    assert world.seed.objects <= oids(tmp_path / "whole")
    assert len(git("for-each-ref", "refs/exps", cwd=world.bob if command.takes else world.host).splitlines()) == 2
