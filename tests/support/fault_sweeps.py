"""Which commands fail, where, and how: the sweeps that tests/e2e/faults/test_every_step.py runs, and one of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import NamedTuple

from tests.conftest import ROOT
from tests.support.fault_points import (
    END_OF_FILE,
    KILL,
    Choose,
    Fault,
    Step,
    Strace,
    each,
    fault_at,
    interrupted,
    killed,
    spread,
)
from tests.support.fault_remotes import KINDS
from tests.support.fault_worlds import HANGS, FaultWorld
from tests.support.git_worlds import EVERY_EXPERIMENT
from tests.support.shell import Done


class Command(NamedTuple):
    """Something that moves both experiments. words: behind `git`. takes: bob does, with all of it shared before; else
    alice gives. helper: the Git remote is `vcs = dvcexp`; without, alice has the pre-push hook."""

    name: str
    words: tuple[str, ...]
    takes: bool
    helper: bool = True

    def prepare(self, world: FaultWorld) -> None:
        if not self.helper:
            shutil.copy(ROOT / "hooks" / "pre-push", world.project / ".git" / "hooks" / "pre-push")

    def run(self, world: FaultWorld, **env: str) -> Done:
        return world.run(*self.words, cwd=world.bob if self.takes else world.project, check=False, **env)

    def gaps(self, world: FaultWorld) -> list[str]:
        """What is lacking before it is complete."""
        if self.takes:
            return list(world.gaps(world.bob, world.bob / ".dvc" / "cache"))
        return list(world.gaps(world.host, world.storage))


PUSH = Command("git push", ("push", "-q", "origin", "refs/exps/*"), takes=False)
FETCH = Command("git fetch", ("fetch", "-q", "origin", EVERY_EXPERIMENT), takes=True)
HOOK = Command("git push, with the hook", PUSH.words, takes=False, helper=False)
EXP_PUSH = Command("git exp push", ("exp", "push", "-q", "origin", "file", "folder"), takes=False)
EXP_PULL = Command("git exp pull", ("exp", "pull", "-q", "origin", "file", "folder"), takes=True)

FAULTS: dict[str, Choose] = {"kill -9": killed, "Ctrl-C": interrupted, "an error": fault_at}


class Sweep(NamedTuple):
    """`command` over `transport`, with a DVC remote of the kind `remote`, once for each step, failing there by `fault`.

    most: so many points of a usual run of the tests, None for all.
    """

    command: Command
    fault: str
    transport: str = "path"
    remote: str = "directory"
    most: int | None = 6

    @property
    def subject(self) -> str:
        """For people."""
        return f"`{self.command.name}`, {self.transport}, {self.remote}"

    def steps(self, strace: Strace, make: Callable[[], FaultWorld]) -> list[Step]:
        """Those of a clean run."""
        world = make()
        return strace.steps(lambda env: self.command.run(world, **env))

    def faults(self, steps: list[Step]) -> dict[Step, Fault]:
        """What goes wrong, and where."""
        return {step: fault for number, step in enumerate(steps) if (fault := FAULTS[self.fault](step, number))}


SWEEPS = [
    *(Sweep(command, "kill -9", most=26) for command in (PUSH, FETCH)),
    *(Sweep(command, "Ctrl-C", most=6) for command in (PUSH, FETCH)),
    *(Sweep(command, "an error", most=10) for command in (PUSH, FETCH)),
    *(Sweep(command, "kill -9") for command in (HOOK, EXP_PUSH, EXP_PULL)),
    *(
        Sweep(command, "kill -9", transport, most=3)
        for transport in ("file, v0", "ssh", "git", "http", "http, v0", "ext helper")
        for command in (PUSH, FETCH)
    ),
]
FAR_SWEEPS = [
    Sweep(command, fault, remote=kind, most=3)
    for kind in KINDS
    for command in (PUSH, FETCH)
    for fault in ("kill -9", "an error")
]


class Outcome(NamedTuple):
    """How a sweep ended: of how many points so many were tried; those that were met, and what was wrong with which."""

    points: int
    tried: int
    met: int
    wrong: list[str]


def run(sweep: Sweep, strace: Strace, make: Callable[[], FaultWorld], most: int | None) -> Outcome:
    """Fail at every point, or at `most` of them."""
    faults = sweep.faults(sweep.steps(strace, make))
    chosen = list(faults) if most is None else spread(list(faults), most)
    met: list[Step] = []

    def survives(number: int, step: Step) -> str | None:
        """What is wrong after it, if anything is."""
        world, fault = make(), faults[step]
        done, reached = strace.run(number, step, fault, lambda env: sweep.command.run(world, **env))
        if not reached and fault == END_OF_FILE:
            world.remove()
            return None  # it met a file, a configuration for one, and no file ends in the middle
        # Killed, nobody tidies up; and what a broken connection has left at a server is out of reach.
        leftovers = fault == KILL or sweep.remote != "directory"
        found = [*world.wrongs(temporary_files=leftovers)]
        if reached:
            met.append(step)
            found += _words_against(done)
            if done.code == 0:
                found += [f"success is reported, but {gap}" for gap in sweep.command.gaps(world)]
            again = sweep.command.run(world)
            if again.code != 0:
                found.append(f"a second run ends with {again.code}: {again.stderr}")
            found += [f"after a second run: {gap}" for gap in sweep.command.gaps(world)]
            found += [f"after a second run: {wrong}" for wrong in world.wrongs(temporary_files=leftovers)]
        if not found:
            world.remove()
            return None
        return "\n  ".join([f"{fault.what} at {step}", *found, f"exit {done.code}: {done.stderr}"])

    wrong = each(survives, chosen)
    return Outcome(len(faults), len(chosen), len(met), wrong)


def _words_against(done: Done) -> list[str]:
    if done.code == HANGS:
        return ["it hangs"]
    return ["it is not explained"] if "Traceback" in done.stderr or "unexpected error" in done.stderr else []
