"""The hosts and the seed that all tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.git_servers import GitHosts, git_hosts
from tests.support.git_worlds import TRANSPORTS, Seed, World

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHosts]:
    with git_hosts(tmp_path_factory.mktemp("hosts")) as running:
        yield running


@pytest.fixture(scope="session")
def seeds() -> dict[str, Seed]:
    return {}


@pytest.fixture
def seed(seeds: dict[str, Seed], tmp_path_factory: pytest.TempPathFactory) -> Seed:
    """One for all tests, made in the isolation of the first."""
    if not seeds:
        seeds["seed"] = Seed(tmp_path_factory.mktemp("seed") / "world")
    return seeds["seed"]


@pytest.fixture
def make_world(request: pytest.FixtureRequest, hosts: GitHosts, seed: Seed, tmp_path: Path) -> MakeWorld:
    """Makes a world that is reached through the helper over a transport, given by name: the test's parameter."""
    parameters: dict[str, str] = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    told = parameters.get("transport", parameters.get("line", "file"))

    def make(transport: str = "file", *, helper: bool = True) -> World:
        assert transport == told, "docs/transports.md learns from the parameter `transport` what a test runs over"
        chosen = next(candidate for candidate in TRANSPORTS if candidate.name == transport)
        name = f"{tmp_path.parent.name}-{tmp_path.name}-{helper}"
        return World(seed, hosts, chosen, name, helper=helper)

    return make
