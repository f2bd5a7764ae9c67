"""Git's meters are Git's, whichever way it reaches the remote: the same phases, with the same counts."""

from __future__ import annotations

import re

import pytest

from tests.e2e.transports.conftest import MakeWorld
from tests.support.git_operations import NEW
from tests.support.git_worlds import EVERY_EXPERIMENT
from tests.support.shell import Done

_OURS = ("Uploading ", "Downloading ", "Checking ", "Reading experiments")


def phases(done: Done) -> tuple[list[str], list[str]]:
    """The ends of the meters, free of sizes and speeds, of the remote side and of Git here, which are not in step."""
    lines = (line.rstrip() for line in re.split("[\r\n]+", done.stderr))
    ends = [line.partition(", ")[0] for line in lines if line.endswith(", done.") and not line.startswith(_OURS)]
    return [end for end in ends if end.startswith("remote: ")], [end for end in ends if not end.startswith("remote: ")]


@pytest.mark.parametrize("transport", ["file", "file, v0", "ssh", "http", "http, v0", "ext helper"])
def test_they_are_shown_through_the_helper_too(transport: str, make_world: MakeWorld) -> None:
    keep = ["-c", "fetch.unpackLimit=1"]  # a pack that is unpacked has no meters
    shown = []
    for helper in (False, True):
        world = make_world(transport, helper=helper)
        clone = world.clone("--no-local", "--single-branch", "--branch", "side")
        fetched = world.run(*keep, "fetch", "--progress", "origin", EVERY_EXPERIMENT, cwd=clone)
        shown.append([phases(fetched), phases(world.run("push", "--progress", "origin", "ahead", NEW))])
    assert shown[0] == shown[1]
    (_, fetch), (_, push) = shown[0]
    assert fetch[0].startswith("Receiving objects: 100%")
    assert push[-1].startswith("Writing objects: 100%")
