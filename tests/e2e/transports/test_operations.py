"""Every operation on every transport, beside the same with Git alone: same refs, same exit codes, same words."""

from __future__ import annotations

import pytest

from tests.support.git_operations import CASES, Operation
from tests.support.git_servers import GitHosts
from tests.support.git_worlds import Seed, Transport, World


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
