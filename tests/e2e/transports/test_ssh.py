"""ssh is the user's own: what stands in its configuration, and the agent, count."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.transports.conftest import MakeWorld
from tests.support.git_operations import EXPERIMENTS, NEW, data_of
from tests.support.git_servers import GitHosts
from tests.support.git_worlds import Seed, Transport, World
from tests.support.shell import sh
from tests.support.storage_servers import PASSPHRASE, Sshd, ssh_server
from tests.support.terminal import on_terminal


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A second host, with a key of its own."""
    with ssh_server(tmp_path_factory.mktemp("gateway")) as sshd:
        yield sshd


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ssh") as folder:
        yield Path(folder)


Share = Callable[[str], None]


@pytest.fixture
def share(hosts: GitHosts, seed: Seed, tmp_path: Path) -> Share:
    """With the host `git` as this ssh configuration has it, experiments are cloned and pushed with their data."""

    def share(config: str) -> None:
        file = tmp_path / "config"
        file.write_text(f"{config}\nHost *\n  BatchMode yes\n  IdentityFile none\n")
        transport = Transport("ssh", "git:{root}/{world}/host.git")
        world = World(seed, hosts, transport, f"{tmp_path.parent.name}-{tmp_path.name}", helper=True)
        world.env["GIT_SSH_COMMAND"] = f"ssh -F {file}"
        world.run_clone(*EXPERIMENTS)
        data_of(world, "a", "b")
        world.run("push", "origin", "ahead", NEW)
        assert world.seed.new in world.refs()
        assert world.stored() >= world.seed.objects["new"]

    return share


def section(name: str, sshd: Sshd, *lines: str) -> str:
    """Of an ssh configuration."""
    known = [f"HostName 127.0.0.1\n  Port {sshd.port}", f"UserKnownHostsFile {sshd.known_hosts}"]
    return "\n  ".join([f"Host {name}", *known, *lines]) + "\n"


def accepted(sshd: Sshd) -> int:
    """How often it has let someone in."""
    return sshd.log.count("Accepted publickey")


def test_a_key_that_only_the_agent_has(
    share: Share, hosts: GitHosts, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", short / "agent"], stdout=subprocess.PIPE)
    assert agent.stdout is not None
    try:
        assert b"SSH_AUTH_SOCK" in agent.stdout.readline()  # it listens
        monkeypatch.setenv("SSH_AUTH_SOCK", str(short / "agent"))
        sh("ssh-add", "-q", hosts.sshd.key, cwd=short)
        share(section("git", hosts.sshd))
    finally:
        agent.terminate()
        agent.communicate()


def test_a_host_behind_another(share: Share, hosts: GitHosts, gateway: Sshd) -> None:
    before = accepted(gateway)
    inner = section("git", hosts.sshd, f"IdentityFile {hosts.sshd.key}", "ProxyJump gateway")
    share(inner + section("gateway", gateway, f"IdentityFile {gateway.key}"))
    assert accepted(gateway) - before == 2


def test_one_connection_for_all_commands(share: Share, hosts: GitHosts, short: Path) -> None:
    """The first of them leaves it behind, open, and does not wait for its end."""
    before = accepted(hosts.sshd)
    control = ["ControlMaster auto", "ControlPersist yes", f"ControlPath {short}/master"]
    config = section("git", hosts.sshd, f"IdentityFile {hosts.sshd.key}", "SendEnv GIT_PROTOCOL", *control)
    try:
        share(config)
        assert accepted(hosts.sshd) - before == 1
    finally:
        sh("ssh", "-S", short / "master", "-O", "exit", "git", cwd=short, check=False)


@pytest.mark.parametrize("transport", ["ssh"])
def test_a_key_whose_passphrase_is_typed(transport: str, hosts: GitHosts, make_world: MakeWorld) -> None:
    world = make_world(transport)
    key = hosts.sshd.locked_key
    ssh = hosts.fresh_ssh_command.replace(f"-i {hosts.sshd.key}", f"-i {key}").replace("BatchMode=yes", "BatchMode=no")
    done = on_terminal(
        *["git", "push", "origin", NEW],
        cwd=world.project,
        env={"GIT_SSH_COMMAND": ssh},
        answers=[(f"Enter passphrase for key '{key}': ", PASSPHRASE)],
    )
    assert done.code == 0, done.text
    assert world.seed.new in world.refs()
    assert world.stored() >= world.seed.objects["new"]
