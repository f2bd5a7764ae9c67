"""`git push` and `git fetch` of experiments whose data lives on a web, WebDAV or SSH server."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.remote_suite import Config
from tests.support.sharing import Sharing, cached, experiments
from tests.support.shell import git, sh
from tests.support.storage_servers import PASSWORD, TOKEN, USER, Nginx, Sshd, nginx_server, ssh_server


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx_server(tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with ssh_server(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def programs(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An `ssh` that knows the server's host key, at whatever port."""
    known = tmp_path / "known_hosts"
    known.write_text(f"storage {(sshd.folder / 'host.pub').read_text()}")
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F none -oUserKnownHostsFile={known} -oHostKeyAlias=storage "$@"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")


@pytest.fixture
def remotes(nginx: Nginx, sshd: Sshd, programs: None, tmp_path: Path) -> Mapping[str, Callable[[int | None], Config]]:
    """Kind -> its config at a port other than the server's own."""
    place = tmp_path.name
    basic = {"method": "PUT", "auth": "basic", "user": USER, "password": PASSWORD}
    return {
        "http": lambda port: Config(f"http://127.0.0.1:{port or nginx.basic}/{place}", basic),
        "webdav": lambda port: Config(f"webdav://127.0.0.1:{port or nginx.dav_token}/{place}", {"token": TOKEN}),
        "ssh": lambda port: Config(
            f"ssh://{getpass.getuser()}@127.0.0.1:{port or sshd.port}{tmp_path}/far", {"keyfile": str(sshd.key)}
        ),
    }


def server_port(kind: str, nginx: Nginx, sshd: Sshd) -> int:
    return {"http": nginx.basic, "webdav": nginx.dav_token, "ssh": sshd.port}[kind]


def configure(project: Path, config: Config) -> None:
    """As `dvc remote modify --local` would."""
    options = "".join(f"    {key} = {value}\n" for key, value in {"url": config.url, **config.options}.items())
    (project / ".dvc" / "config.local").write_text(f"['remote \"storage\"']\n{options}")


@pytest.fixture
def sharing(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=True)


KINDS = ["http", "webdav", "ssh"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_push_brings_the_data_and_a_fetch_takes_it(
    sharing: Sharing, remotes: Mapping[str, Callable[[int | None], Config]], kind: str
) -> None:
    configure(sharing.alice, remotes[kind](None))
    pushed = sh("git", "push", "origin", sharing.a, sharing.b, cwd=sharing.alice)
    assert "uploaded" in pushed.stderr
    again = sh("git", "push", "origin", sharing.a, sharing.b, cwd=sharing.alice)
    assert "uploaded" not in again.stderr
    bob = sharing.clone("bob")
    configure(bob, remotes[kind](None))
    git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    assert experiments(bob) == experiments(sharing.alice)
    assert len(cached(bob)) >= 7
    assert cached(bob) <= cached(sharing.alice)


@pytest.mark.parametrize("kind", KINDS)
def test_refused_credentials_push_nothing_and_are_not_printed(
    sharing: Sharing, remotes: Mapping[str, Callable[[int | None], Config]], kind: str
) -> None:
    config = remotes[kind](None)
    wrong = {"password": "wr0ng-secret"} if "password" in config.options else {"token": "wr0ng-secret"}
    if kind == "ssh":
        config, wrong = Config(config.url.replace(getpass.getuser(), "nobody-here", 1), config.options), {}
    configure(sharing.alice, Config(config.url, {**config.options, **wrong}))
    done = sh("git", "push", "origin", sharing.a, cwd=sharing.alice, check=False)
    assert done.code != 0
    assert "DVC remote 'storage'" in done.stderr
    assert "wr0ng-secret" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert experiments(sharing.host) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_breaks_and_comes_back_is_not_noticed(
    sharing: Sharing, remotes: Mapping[str, Callable[[int | None], Config]], nginx: Nginx, sshd: Sshd, kind: str
) -> None:
    with FaultProxy(server_port(kind, nginx, sshd)) as proxy:
        configure(sharing.alice, remotes[kind](proxy.port))
        proxy.next(Fault(cut_up=5000 if kind == "ssh" else 600, reset=True))
        sh("git", "push", "origin", sharing.a, cwd=sharing.alice)
        assert proxy.connections > 1
    assert list(experiments(sharing.host)) == [sharing.a]


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_server_nothing_is_pushed_and_the_cause_is_named(
    sharing: Sharing, remotes: Mapping[str, Callable[[int | None], Config]], kind: str
) -> None:
    configure(sharing.alice, remotes[kind](1))
    done = sh("git", "push", "origin", sharing.a, cwd=sharing.alice, check=False)
    assert done.code != 0
    assert "onnection refused" in done.stderr
    assert experiments(sharing.host) == {}
