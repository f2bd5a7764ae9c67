"""Connections to a Git host that break after so many bytes, whatever the transport."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.git_servers import GitHosts
from tests.support.git_worlds import World
from tests.support.shell import git, write_program

# <way> <bytes> <command...>: that command; after so many bytes of its output ("down") or input ("up") it is killed.
_CUTTER = f"""#!{sys.executable} -IS
import contextlib, os, subprocess, sys

way, left, *command = sys.argv[1:]
left = int(left)
pipe = {{"stdout" if way == "down" else "stdin": subprocess.PIPE}}
child = subprocess.Popen(command, **pipe)
source, sink = (child.stdout.fileno(), 1) if way == "down" else (0, child.stdin.fileno())
with contextlib.suppress(OSError):
    while left and (data := os.read(source, left)):
        os.write(sink, data)
        left -= len(data)
if not left:
    child.kill()
elif way == "up":
    child.stdin.close()
code = child.wait()
sys.exit(code if left else 255)
"""


@contextlib.contextmanager
def breaking(world: World, hosts: GitHosts, way: str, count: int, repository: Path | None = None) -> Iterator[None]:
    """In this block every connection from the project, or `repository`, to the host ends after `count` bytes of what
    comes `down` or goes `up`: a TCP connection by FIN or RST, another by the death of the program that leads there."""
    repository = repository or world.project
    transport = world.transport.name
    cutter = f"{write_program(world.folder / 'cutter', _CUTTER)} {way} {count}"
    if transport.startswith("git") or "http" in transport:
        # What is closed in order in the middle of its headers, Git takes for an empty answer.
        reset = way == "up" or "http" in transport
        fault = Fault(cut_down=count, reset=reset) if way == "down" else Fault(cut_up=count, reset=reset)
        with through_proxy(world, hosts, repository) as proxy:
            proxy.always = fault
            yield
    elif transport.startswith(("ssh", "scp")):
        before = dict(world.env)
        # Git would ask this program what kind of ssh it is.
        world.env |= {"GIT_SSH_COMMAND": f"{cutter} {world.env['GIT_SSH_COMMAND']}", "GIT_SSH_VARIANT": "ssh"}
        yield
        world.env = before
    elif transport == "ext helper":
        with _setting(repository, "url", world.url.replace("ext::", f"ext::{cutter} ")):
            yield
    else:
        with (
            _setting(repository, "uploadpack", f"{cutter} git-upload-pack"),
            _setting(repository, "receivepack", f"{cutter} git-receive-pack"),
        ):
            yield


@contextlib.contextmanager
def through_proxy(world: World, hosts: GitHosts, repository: Path | None = None) -> Iterator[FaultProxy]:
    """In this block the project, or `repository`, reaches its host, by git:// or http://, through a proxy."""
    with FaultProxy(hosts.daemon if world.transport.name.startswith("git") else hosts.smart) as proxy:
        url = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{proxy.port}", world.url)
        with _setting(repository or world.project, "url", url):
            yield proxy


@contextlib.contextmanager
def _setting(repository: Path, key: str, value: str) -> Iterator[None]:
    key = f"remote.origin.{key}"
    before = git("config", key, cwd=repository, check=False)
    git("config", key, value, cwd=repository)
    yield
    git("config", *((key, before) if before else ("--unset", key)), cwd=repository)
