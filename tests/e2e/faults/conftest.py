"""The hosts and seeds that all tests of this folder share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fault_points import Strace
from tests.support.fault_worlds import FaultSeed, FaultWorld
from tests.support.git_servers import GitHosts, git_hosts

MakeWorld = Callable[..., FaultWorld]


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHosts]:
    with git_hosts(tmp_path_factory.mktemp("hosts")) as running:
        yield running


@pytest.fixture(scope="session")
def seeds() -> dict[bool, FaultSeed]:
    return {}


@pytest.fixture
def make_world(hosts: GitHosts, seeds: dict[bool, FaultSeed], tmp_path: Path) -> MakeWorld:
    """Makes a world, one of its own at each call. shared: everything is on the host and the DVC remote already."""
    count = itertools.count()

    def make(transport: str = "path", *, shared: bool) -> FaultWorld:
        if shared not in seeds:
            seeds[shared] = FaultSeed(tmp_path / f"seed-{shared}", shared=shared)
        return FaultWorld(seeds[shared], hosts, transport, f"{tmp_path.parent.name}-{tmp_path.name}-{next(count)}")

    return make


@pytest.fixture
def strace(hosts: GitHosts, tmp_path: Path) -> Strace:
    return Strace(tmp_path / "strace", hosts.root)
