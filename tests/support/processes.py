"""The processes of a group, and a laptop that goes to sleep with them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

_PATIENCE = 30.0  # seconds, before a test fails


def states(group: int) -> dict[int, str]:
    """The processes of a group that have not ended, with their states as `ps` shows them (`T`: stopped)."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                state, _, group_of_it = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:3]
                if int(group_of_it) == group and state != "Z":
                    found[int(entry)] = state
    return found


def wait_until(done: Callable[[], bool], otherwise: str) -> None:
    """Wait for what no call can wait for; a test that waits too long fails with the words `otherwise`."""
    deadline = time.monotonic() + _PATIENCE
    while not done():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


def sleep_through(group: int, what_happens: Callable[[], object]) -> None:
    """All processes of the group stand still while `what_happens`."""
    os.killpg(group, signal.SIGSTOP)
    wait_until(lambda: set(states(group).values()) <= {"T"}, "somebody is awake")
    what_happens()
    os.killpg(group, signal.SIGCONT)
