"""When the connection dies, at any point, or there never was one, it is as with Git alone: failure, its words, and
nothing half-done."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from tests.e2e.transports.conftest import MakeWorld
from tests.support.breaking import breaking, through_proxy
from tests.support.fault_proxy import Fault
from tests.support.git_operations import NEW
from tests.support.git_servers import GitHosts
from tests.support.git_worlds import EVERY_EXPERIMENT, World
from tests.support.shell import git, write_program


def points(**offsets: tuple[int, ...]) -> list[tuple[str, int]]:
    """(transport, bytes) for every offset; a transport's name is written with `_` here."""
    names = {
        "file_v0": "file, v0",
        "scp_v0": "scp-like, v0",
        "http_v0": "http, v0",
        "dumb": "dumb http",
        "ext": "ext helper",
    }
    return [(names.get(name, name), offset) for name, some in offsets.items() for offset in some]


# In the greeting, between it and the refs, among the refs, in the pack.
FETCH = points(
    file=(900,), scp_v0=(200, 900), ssh=(0, 100, 700, 1200), git=(0, 3, 100, 700, 1200),
    http=(0, 100, 700, 1500), http_v0=(600, 1500), dumb=(0, 1500), ext=(100, 1200),
)  # fmt: skip
# Before a command, among them, in the pack.
PUSH = points(file=(300,), ssh=(3, 300, 600), git=(0, 3, 100, 300, 600), http=(0, 100, 400, 800), ext=(300,))
# In the refs, in the report: there the refs may have moved, and nobody has said so.
REPORT = points(file=(560,), ssh=(100, 560), git=(100, 560), http=(100, 1200), ext=(560,))


@pytest.mark.parametrize(("transport", "count"), FETCH)
def test_a_fetch_that_is_cut_fails_and_can_be_repeated(
    transport: str, count: int, make_world: MakeWorld, hosts: GitHosts
) -> None:
    world = make_world(transport)
    clone = world.clone("--no-local")
    with breaking(world, hosts, "down", count, clone):
        done = world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone, check=False)
    assert done.code != 0
    assert "Traceback" not in done.stderr
    assert not {world.seed.a, world.seed.b} & set(world.refs(clone))
    world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
    assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]


@pytest.mark.parametrize(
    ("way", "transport", "count"), [("up", *point) for point in PUSH] + [("down", *point) for point in REPORT]
)
def test_a_push_that_is_cut_fails_and_can_be_repeated(
    way: str, transport: str, count: int, make_world: MakeWorld, hosts: GitHosts
) -> None:
    world = make_world(transport)
    with breaking(world, hosts, way, count):
        done = world.run("push", "origin", "ahead", NEW, check=False)
    assert done.code != 0
    assert "Traceback" not in done.stderr
    world.run("push", "origin", "ahead", NEW)
    assert {world.seed.new, "refs/heads/ahead"} <= set(world.refs())
    assert world.stored() >= world.seed.objects["new"]


@pytest.mark.parametrize(
    ("transport", "place", "said"),
    [
        ("git", "127.0.0.1:1", "unable to connect to 127.0.0.1"),
        ("git", "host.invalid", "unable to look up host.invalid"),
        ("ssh", "127.0.0.1:1", "connect to host 127.0.0.1 port 1: Connection refused"),
        ("ssh", "host.invalid", "Could not resolve hostname host.invalid"),
        ("http", "127.0.0.1:1", "Failed to connect to 127.0.0.1"),
        ("http", "host.invalid", "Could not resolve host: host.invalid"),
    ],
)
def test_a_host_that_cannot_be_reached_is_reported_with_gits_exit_code(
    transport: str, place: str, said: str, make_world: MakeWorld, hosts: GitHosts
) -> None:
    world = make_world(transport)
    world.env["GIT_SSH_COMMAND"] = hosts.fresh_ssh_command
    git("config", "remote.origin.url", f"{transport}://{place}/x", cwd=world.project)
    for command in (["fetch", "origin"], ["push", "origin", NEW]):
        done = world.run(*command, check=False)
        assert done.code == 128
        assert said in done.stderr


@pytest.mark.parametrize("transport", ["ssh"])
def test_an_ssh_that_cannot_be_run_is_reported(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    done = world.run("fetch", "origin", check=False, GIT_SSH_COMMAND="/no/such/ssh")
    assert done.code == 128
    assert "cannot run /no/such/ssh" in done.stderr


@pytest.mark.parametrize("transport", ["ssh", "http with password"])
def test_a_failed_authentication_is_told_as_git_tells_it(transport: str, make_world: MakeWorld) -> None:
    stories = []
    for helper in (False, True):
        world = make_world(transport, helper=helper)
        wrong = {"GIT_SSH_COMMAND": "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes"}
        askpass = write_program(world.folder / "wrong", "#!/bin/sh\necho wrong\n")
        for command in (["fetch", "origin", EVERY_EXPERIMENT], ["push", "origin", NEW]):
            world.run(*command, check=False, GIT_ASKPASS=str(askpass), **wrong)
        stories.append(world.story())
    assert stories[0] == stories[1]
    assert {code for _, code, _, _ in stories[0]} == {128}


@pytest.mark.parametrize("transport", ["http", "http, v0"])
def test_an_error_of_the_web_server_is_told_as_git_tells_it(transport: str, make_world: MakeWorld) -> None:
    stories = []
    for helper in (False, True):
        world = make_world(transport, helper=helper)
        git("config", "http.receivepack", "false", cwd=world.host)
        world.run("push", "origin", NEW, check=False)
        stories.append(world.story())
    assert stories[0] == stories[1]


@contextlib.contextmanager
def no_git_server(world: World, hosts: GitHosts) -> Iterator[None]:
    """In this block something answers, but not in Git's protocol."""
    greeting = write_program(world.folder / "greeting", "#!/bin/sh\necho This account is not available.\n")
    transport = world.transport.name
    if transport.startswith("ext"):
        git("config", "remote.origin.url", f"{world.url.partition('ext::')[0]}ext::{greeting}", cwd=world.project)
    elif "http" in transport:
        page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>\n</html>\n"
        with through_proxy(world, hosts) as proxy:
            proxy.always = Fault(reply=page)
            yield
        return
    else:
        world.env |= {"GIT_SSH_COMMAND": str(greeting), "GIT_SSH_VARIANT": "ssh"}
        git("config", "remote.origin.uploadpack", greeting, cwd=world.project)
    yield


@pytest.mark.parametrize(
    "transport", ["path", "file, v0", "ssh", "scp-like, v0", "http", "http, v0", "dumb http", "ext helper"]
)
def test_something_that_is_no_git_server_is_told_as_git_tells_it(
    transport: str, make_world: MakeWorld, hosts: GitHosts
) -> None:
    stories = []
    for helper in (False, True):
        world = make_world(transport, helper=helper)
        with no_git_server(world, hosts):
            world.run("fetch", "origin", check=False)
        stories.append([(code, re.sub(r"(127\.0\.0\.1):\d+", r"\1", said)) for _, code, _, said in world.story()])
    assert stories[0] == stories[1]
    assert stories[0][0][0] == 128
