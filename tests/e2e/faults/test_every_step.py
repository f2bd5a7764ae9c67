"""Every step of a push and of a fetch fails once: killed there, interrupted there, or with an error of the system."""

from __future__ import annotations

import pytest

from tests.e2e.faults.conftest import MakeWorld
from tests.support.fault_points import (
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
from tests.support.fault_worlds import HANGS, FaultWorld
from tests.support.git_worlds import EVERY_EXPERIMENT
from tests.support.shell import Done


class Push:
    shared = False

    def run(self, world: FaultWorld, **env: str) -> Done:
        return world.run("push", "-q", "origin", "refs/exps/*", check=False, **env)

    def gaps(self, world: FaultWorld) -> list[str]:
        return list(world.gaps(world.host, world.storage))


class Fetch:
    shared = True

    def run(self, world: FaultWorld, **env: str) -> Done:
        return world.run("fetch", "-q", "origin", EVERY_EXPERIMENT, cwd=world.bob, check=False, **env)

    def gaps(self, world: FaultWorld) -> list[str]:
        return list(world.gaps(world.bob, world.bob / ".dvc" / "cache"))


class Sweep:
    """One command, over one transport, failing in one way at each of its steps in turn."""

    def __init__(self, command: Push | Fetch, strace: Strace, make_world: MakeWorld, transport: str) -> None:
        self._command, self._strace, self._make, self._transport = command, strace, make_world, transport
        self.reached = 0

    def world(self) -> FaultWorld:
        return self._make(self._transport, shared=self._command.shared)

    def steps(self) -> list[Step]:
        """Those of a clean run."""
        world = self.world()
        return self._strace.steps(lambda env: self._command.run(world, **env))

    def survives(self, number: int, step: Step, fault: Fault) -> str | None:
        """What is wrong after `fault` at `step`, if anything is."""
        world = self.world()
        done, reached = self._strace.run(number, step, fault, lambda env: self._command.run(world, **env))
        found = [*world.wrongs(temporary_files=fault == KILL)]
        if reached:
            self.reached += 1
            found += self._unexplained(done)
            if done.code == 0:
                found += [f"success is reported, but {gap}" for gap in self._command.gaps(world)]
            again = self._command.run(world)
            if again.code != 0:
                found.append(f"a second run ends with {again.code}: {again.stderr}")
            found += [f"after a second run: {gap}" for gap in self._command.gaps(world)]
            found += [f"after a second run: {wrong}" for wrong in world.wrongs(temporary_files=fault == KILL)]
        if not found:
            world.remove()
            return None
        return "\n  ".join([f"{fault.what} at {step}", *found, f"exit {done.code}: {done.stderr}"])

    def run(self, choose: Choose, most: int | None) -> None:
        """At every step that `choose` has a fault for, or at `most` of them."""
        steps = self.steps()
        faults = {step: fault for number, step in enumerate(steps) if (fault := choose(step, number))}
        chosen = list(faults) if most is None else spread(list(faults), most)
        wrong = each(lambda number, step: self.survives(number, step, faults[step]), chosen)
        print(f"{len(chosen)} of {len(faults)} points, {self.reached} met, {len(chosen) - len(wrong)} survived")
        assert not wrong, "\n".join([f"{len(wrong)} of {len(chosen)}:", *wrong])
        assert self.reached >= len(chosen) // 2, "the runs differ too much for their steps to be numbered"

    def _unexplained(self, done: Done) -> list[str]:
        if done.code == HANGS:
            return ["it hangs"]
        return ["it is not explained"] if "Traceback" in done.stderr or "unexpected error" in done.stderr else []


@pytest.fixture
def all_points(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--all-points"))


@pytest.mark.parametrize("command", [Push(), Fetch()], ids=["push", "fetch"])
@pytest.mark.parametrize(
    ("choose", "most"), [(killed, None), (interrupted, 15), (fault_at, 25)], ids=["killed", "interrupted", "errors"]
)
def test_a_directory_as_dvc_remote_and_a_path_as_git_remote(
    command: Push | Fetch, choose: Choose, most: int | None, strace: Strace, make_world: MakeWorld, all_points: bool
) -> None:
    Sweep(command, strace, make_world, "path").run(choose, None if all_points else most)
