"""Every operation on every transport, beside the same with Git alone: same refs, same exit codes, same words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.git_operations import CASES, Operation
from tests.support.git_servers import GitHosts, git_hosts
from tests.support.git_worlds import Seed, Transport, World


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHosts]:
    with git_hosts(tmp_path_factory.mktemp("hosts")) as running:
        yield running


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seed]:
    return {}


@pytest.fixture
def seed(seeds: dict[str, Seed], tmp_path_factory: pytest.TempPathFactory) -> Seed:
    """One for all tests of this file, made inside the isolation of the first."""
    if not seeds:
        seeds["seed"] = Seed(tmp_path_factory.mktemp("seed") / "world")
    return seeds["seed"]


@pytest.mark.parametrize(("operation", "transport"), CASES, ids=lambda case: case.name)
def test_operation_is_as_with_git_alone(
    operation: Operation, transport: Transport, hosts: GitHosts, seed: Seed
) -> None:
    name = f"{operation.name}-{transport.name}".replace(" ", "-").replace(",", "")
    native = World(seed, hosts, transport, f"native-{name}", helper=False)
    ours = World(seed, hosts, transport, f"helper-{name}", helper=True)
    operation.run(native)
    operation.run(ours)
    assert ours.story() == native.story()
    assert ours.state() == native.state()
    operation.check(ours)
