"""What a broken fetch leaves behind stands in nobody's way."""

from __future__ import annotations

import shutil

import pytest

from tests.e2e.faults.conftest import MakeWorld
from tests.support.fault_worlds import FaultWorld
from tests.support.git_worlds import EVERY_EXPERIMENT
from tests.support.shell import git


@pytest.mark.parametrize("transport", ["path", "file, v0", "ssh", "http", "http, v0"])
def test_commits_without_their_trees_are_fetched_again(transport: str, make_world: MakeWorld) -> None:
    """unpack-objects stores commits first: cut off after that, no later fetch could succeed."""
    world = make_world(transport, shared=True)
    tips = [sha for ref, sha in world.refs().items() if ref.startswith("refs/exps/")]
    for sha in tips:
        borrow(world, sha)
    world.run("fetch", "-q", "origin", EVERY_EXPERIMENT, cwd=world.bob)
    assert not [*world.gaps(world.bob, world.bob / ".dvc" / "cache"), *world.wrongs(temporary_files=False)]


def borrow(world: FaultWorld, sha: str) -> None:
    """Bob's repository has this one object of alice's."""
    path = f"objects/{sha[:2]}/{sha[2:]}"
    (world.bob / ".git" / path).parent.mkdir(exist_ok=True)
    shutil.copy2(world.project / ".git" / path, world.bob / ".git" / path)
    assert git("cat-file", "-t", sha, cwd=world.bob) == "commit"
