"""The network fails at numbered bytes of a push and of a fetch: cut, reset, silent, corrupt; towards Git hosts and DVC
remotes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.faults.conftest import MakeWorld
from tests.support.fault_proxy import WHOLE, Fault, FaultProxy
from tests.support.fault_remotes import Far
from tests.support.fault_sweeps import FETCH, PUSH, Command
from tests.support.fault_worlds import FaultWorld
from tests.support.git_servers import GitHosts
from tests.support.patches import shorten_backoff
from tests.support.shell import git

_IMPATIENT = {
    "http": {"read_timeout": "2", "connect_timeout": "2"},
    "s3": {"read_timeout": "2", "connect_timeout": "2"},
    "azure": {"read_timeout": "2", "connection_timeout": "2"},
}


@pytest.fixture(autouse=True)
def _patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_backoff(tmp_path, monkeypatch, attempts=3)


def damage(up: int, down: int, points: int) -> list[Fault]:
    """Each kind of it at so many places of a connection that carries `up` and `down` bytes; at 0 the plainest, in the
    middle."""
    faults = [Fault(refuse=True)]
    if points == 0:
        return [*faults, Fault(cut_up=up // 2, reset=True), Fault(flip_down=down // 2)]
    for number in range(points):
        to_server, to_us = up * (2 * number + 1) // (2 * points), down * (2 * number + 1) // (2 * points)
        faults += [
            Fault(cut_up=to_server),
            Fault(cut_up=to_server, reset=True),
            Fault(cut_down=to_us),
            Fault(cut_down=to_us, reset=True),
            Fault(flip_down=to_us),
        ]
    return faults


def survives(proxy: FaultProxy, fault: Fault, command: Command, world: FaultWorld, *, once: bool) -> None:
    """once: only the first connection is damaged; else all of them are, and the command is run again after that."""
    if once:
        proxy.next(fault)
    else:
        proxy.always = fault
    done = command.run(world)
    proxy.always = WHOLE
    proxy.next()
    context = f"{fault}, once: {once}, exit {done.code}: {done.stderr}"
    assert "Traceback" not in done.stderr and "unexpected error" not in done.stderr, context
    assert [*world.wrongs(temporary_files=True)] == [], context
    if done.code == 0:
        assert command.gaps(world) == [], context
    again = command.run(world)
    assert again.code == 0, f"{context}\nagain: {again.stderr}"
    assert [*command.gaps(world), *world.wrongs(temporary_files=True)] == [], context
    world.remove()


@pytest.mark.parametrize("command", [PUSH, FETCH], ids=lambda command: command.name)
def test_towards_a_dvc_remote(
    command: Command, places: Callable[[], Far], points: int, make_world: MakeWorld, request: pytest.FixtureRequest
) -> None:
    options = _IMPATIENT.get(request.node.callspec.params["places"], {})
    filled = places() if command.takes else None
    if filled is not None:
        filled.fill(make_world(shared=True).storage)

    def make(proxy: FaultProxy) -> FaultWorld:
        far = filled or places()
        world = make_world("path", far, shared=command.takes)
        for project in (world.project, world.bob):
            far.configure(project, proxy.port, options)
        return world

    with FaultProxy(places().port) as proxy:
        assert command.run(make(proxy)).code == 0
        faults = damage(proxy.bytes_up // proxy.connections, proxy.bytes_down // proxy.connections, points)
    if options:
        faults += [Fault(blackhole=True), Fault(stall_down=100)][: 1 + points]
    for number, fault in enumerate(faults):
        with FaultProxy(places().port) as proxy:
            survives(proxy, fault, command, make(proxy), once=number % 4 != 0)


@pytest.mark.parametrize("command", [PUSH, FETCH], ids=lambda command: command.name)
@pytest.mark.parametrize("transport", ["git", "http", "http, v0"])
def test_towards_a_git_host(
    command: Command, transport: str, points: int, make_world: MakeWorld, hosts: GitHosts
) -> None:
    port = hosts.daemon if transport == "git" else hosts.smart

    def make(proxy: FaultProxy) -> FaultWorld:
        world = make_world(transport, shared=command.takes)
        for repository in (world.project, world.bob):
            url = world.url.replace(f":{port}/", f":{proxy.port}/")
            git("config", "remote.origin.url", url, cwd=repository)
        return world

    with FaultProxy(port) as proxy:
        assert command.run(make(proxy)).code == 0
        faults = damage(proxy.bytes_up // proxy.connections, proxy.bytes_down // proxy.connections, points)
    for fault in faults:
        with FaultProxy(port) as proxy:
            survives(proxy, fault, command, make(proxy), once=False)
