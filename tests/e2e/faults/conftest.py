"""The hosts and seeds that all tests of this folder share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fault_points import Strace
from tests.support.fault_remotes import KINDS, Far, far_remotes
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
def make_world(
    hosts: GitHosts,
    seeds: dict[bool, FaultSeed],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> MakeWorld:
    """Makes a world, one of its own at each call. shared: everything is on the host and the DVC remote already. far: a
    DVC remote with a network, in place of the directory."""
    count = itertools.count()

    def make(transport: str = "path", far: Far | None = None, *, shared: bool, helper: bool = True) -> FaultWorld:
        if far is not None and far.programs is not None and str(far.programs) not in os.environ["PATH"]:
            monkeypatch.setenv("PATH", f"{far.programs}{os.pathsep}{os.environ['PATH']}")
        if shared not in seeds:
            seeds[shared] = FaultSeed(tmp_path_factory.mktemp("seed") / "world", shared=shared)
        name = f"{tmp_path.parent.name}-{tmp_path.name}-{next(count)}"
        return FaultWorld(seeds[shared], hosts, transport, name, far, helper=helper)

    return make


@pytest.fixture(scope="module", params=KINDS)
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Far]]:
    """Makes places on a server, of each kind of DVC remote with a network."""
    with far_remotes(request.param, tmp_path_factory.mktemp(request.param)) as make:
        yield make


@pytest.fixture
def strace(hosts: GitHosts, tmp_path: Path) -> Strace:
    return Strace(tmp_path / "strace", hosts.root)


@pytest.fixture
def points(request: pytest.FixtureRequest) -> int:
    """How many places; 0 for as few as it takes."""
    asked = request.config.getoption("--points")
    return 0 if asked is None else 20 if asked == "all" else int(asked)
