"""What is on the disk, in which order: a power cut at any moment leaves what a kill -9 would."""

from __future__ import annotations

import re

import pytest

from tests.e2e.faults.conftest import MakeWorld
from tests.support.fault_points import Step, Strace
from tests.support.fault_sweeps import FETCH, PUSH, Command
from tests.support.power_cut import lost

_COMMAND = re.compile(r'<pipe:\[\d+\]>, "[0-9a-f]{4}0{40} [0-9a-f]{40}')


def sends_a_ref(step: Step) -> bool:
    """Is this the write that hands receive-pack a command?"""
    return step.call == "write" and _COMMAND.search(step.text) is not None


@pytest.mark.parametrize("command", [PUSH, FETCH], ids=["push", "fetch"])
def test_content_names_manifests_and_refs_become_durable_in_that_order(
    command: Command, strace: Strace, make_world: MakeWorld
) -> None:
    world = make_world(shared=command.takes)
    steps = strace.steps(lambda env: command.run(world, **env))
    assert not [*lost(steps, handed_over=sends_a_ref)]
    renames = [step for step in steps if step.call.startswith("rename") and "/files/md5/" in step.text]
    assert len(renames) == 5
    assert any(map(sends_a_ref, steps)) == (command == PUSH)
    # Each flush is needed: without it the model sees a loss.
    flushes = [step for step in steps if step.call == "syncfs"]
    for flush in flushes:
        assert [*lost([step for step in steps if step != flush], handed_over=sends_a_ref)], f"{flush} is for nothing"
