"""Every step of a push and of a fetch fails once: killed there, interrupted there, or with an error of the system."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.faults.conftest import MakeWorld
from tests.support.fault_points import Strace
from tests.support.fault_remotes import KINDS, Far
from tests.support.fault_sweeps import FAR_SWEEPS, SWEEPS, Sweep, run
from tests.support.fault_worlds import FaultWorld
from tests.support.guarantee_figures import Figure, write

Prove = Callable[[Sweep, Callable[[], FaultWorld]], None]


@pytest.fixture
def prove(strace: Strace, request: pytest.FixtureRequest) -> Prove:
    """Runs a sweep; it fails the test where something did not survive."""

    def prove(sweep: Sweep, make: Callable[[], FaultWorld]) -> None:
        asked = request.config.getoption("--points")
        most = sweep.most if asked is None else None if asked == "all" else int(asked)
        outcome = run(sweep, strace, make, most)
        print(f"{sweep.subject}, {sweep.fault}: {outcome.tried - len(outcome.wrong)} of {outcome.tried} survived")
        assert not outcome.wrong, "\n".join([f"{len(outcome.wrong)} of {outcome.tried}:", *outcome.wrong])
        assert outcome.met >= outcome.tried // 2, "the runs differ too much for their steps to be numbered"
        if request.config.getoption("--figures"):
            write(sweep.subject, sweep.fault, Figure(outcome.met, outcome.points))

    return prove


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: f"{sweep.subject}, {sweep.fault}")
def test_with_a_directory_as_dvc_remote(sweep: Sweep, prove: Prove, make_world: MakeWorld) -> None:
    def make() -> FaultWorld:
        world = make_world(sweep.transport, shared=sweep.command.takes, helper=sweep.command.helper)
        sweep.command.prepare(world)
        return world

    prove(sweep, make)


@pytest.mark.parametrize("number", range(len(FAR_SWEEPS) // len(KINDS)))
def test_with_a_dvc_remote_on_a_server(
    places: Callable[[], Far], number: int, prove: Prove, make_world: MakeWorld, request: pytest.FixtureRequest
) -> None:
    sweeps = [sweep for sweep in FAR_SWEEPS if sweep.remote == request.node.callspec.params["places"]]
    sweep = sweeps[number]
    filled = places() if sweep.command.takes else None  # nothing changes there: one place will do
    if filled is not None:
        filled.fill(make_world(shared=True).storage)
    prove(sweep, lambda: make_world(sweep.transport, filled or places(), shared=filled is not None))
