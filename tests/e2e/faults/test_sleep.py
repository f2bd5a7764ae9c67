"""A laptop that goes to sleep in the middle of a push or a fetch, and finds its connections dead when it wakes.

Everything stops (SIGSTOP) when so many bytes have passed, connections end meanwhile, and it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.faults.conftest import MakeWorld
from tests.support.fault_proxy import FaultProxy
from tests.support.fault_remotes import Far
from tests.support.fault_sweeps import FETCH, PUSH, Command
from tests.support.fault_worlds import FaultWorld
from tests.support.git_servers import GitHosts
from tests.support.processes import sleep_through
from tests.support.shell import git

HALF = 640_000  # bytes; the largest object has 1,280,000


class Road:
    """The way to a Git host of one kind, through `proxy`."""

    def __init__(self, transport: str, hosts: GitHosts, proxy: FaultProxy) -> None:
        self.transport = transport
        self.proxy = proxy
        self._hosts = hosts

    def lead(self, world: FaultWorld) -> FaultWorld:
        port = self._hosts.daemon if self.transport == "git" else self._hosts.sshd.port
        for repository in (world.project, world.bob):
            git("config", "remote.origin.url", world.url.replace(f":{port}/", f":{self.proxy.port}/"), cwd=repository)
        alias = f"-o HostKeyAlias=[127.0.0.1]:{port}"
        # By its path: the `ssh` that leads to a DVC remote knows that alone.
        world.env["GIT_SSH_COMMAND"] = f"/usr/bin/{self._hosts.fresh_ssh_command} {alias}"
        return world


@pytest.fixture
def road(request: pytest.FixtureRequest, hosts: GitHosts) -> Iterator[Road]:
    with FaultProxy(hosts.daemon if request.param == "git" else hosts.sshd.port) as proxy:
        yield Road(request.param, hosts, proxy)


@pytest.mark.parametrize(("places", "road"), [("http", "git"), ("ssh", "ssh"), ("s3", "git")], indirect=True)
@pytest.mark.parametrize("command", [PUSH, FETCH], ids=lambda command: command.name)
def test_while_data_moves_the_command_goes_on_when_it_wakes(
    command: Command, places: Callable[[], Far], road: Road, make_world: MakeWorld
) -> None:
    far = places()
    if command.takes:
        far.fill(make_world(shared=True).storage)
    world = road.lead(make_world(road.transport, far, shared=command.takes))
    world.forget_directory()
    with FaultProxy(far.port) as proxy:
        for project in (world.project, world.bob):
            far.configure(project, proxy.port)

        slept: list[bool] = []

        def lose_everything() -> None:
            slept.append(True)
            proxy.cut_all()
            road.proxy.cut_all()

        def sleep() -> None:
            sleep_through(world.group, lose_everything)

        proxy.when(sleep, **({"down": HALF} if command.takes else {"up": HALF}))
        done = command.run(world)
    assert slept, done.stderr
    assert done.code == 0, done.stderr
    assert [*command.gaps(world), *world.wrongs(temporary_files=True)] == []
    # A push needs the Git host again; a fetch has all it needs from there by then.
    assert road.proxy.connections == (1 if command.takes else 2)


@pytest.mark.parametrize("road", ["git", "ssh"], indirect=True)
@pytest.mark.parametrize("command", [PUSH, FETCH], ids=lambda command: command.name)
def test_while_git_talks_it_is_as_with_git_alone_and_a_second_run_completes(
    command: Command, road: Road, make_world: MakeWorld
) -> None:
    assert command.run(road.lead(make_world(road.transport, shared=command.takes))).code == 0
    up, down = road.proxy.bytes_up, road.proxy.bytes_down
    world = road.lead(make_world(road.transport, shared=command.takes))

    def sleep() -> None:
        sleep_through(world.group, road.proxy.cut_all)

    road.proxy.when(sleep, **({"down": down + down // 2} if command.takes else {"up": up + up // 2}))
    done = command.run(world)
    assert done.code not in (0, -1), done.stderr
    assert "Traceback" not in done.stderr
    assert "unexpected error" not in done.stderr
    assert [*world.wrongs(temporary_files=False)] == []
    again = command.run(world)
    assert again.code == 0, again.stderr
    assert command.gaps(world) == []
