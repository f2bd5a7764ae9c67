"""SSH remotes, against OpenSSH's sshd."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvcexp.remotes import open_remote
from dvcexp.remotes.base import (
    AccessDenied,
    Download,
    ObjectMissing,
    RemoteError,
    RemoteFull,
    RemoteUnavailable,
    Untrusted,
    Upload,
)
from tests.support.dvc_roundtrip import check_both_ways
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.remote_suite import Config, Place, RemoteSuite, failures, fetched, key_of, uploads_of
from tests.support.storage_servers import PASSPHRASE, Sshd, ssh_server


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with ssh_server(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(autouse=True)
def ssh_config(sshd: Sshd, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh that reads a configuration of the test's own, whatever the HOME of the password database has."""
    programs = tmp_path_factory.mktemp("programs")
    config = programs / "ssh_config"
    config.write_text(
        f"UserKnownHostsFile {sshd.known_hosts}\nGlobalKnownHostsFile none\nIdentityFile {sshd.key}\n"
        "IdentitiesOnly yes\nUpdateHostKeys no\nHostKeyAlias storage\n"
    )
    line = sshd.known_hosts.read_text().split(" ", 1)[1]
    sshd.known_hosts.write_text(f"storage {line}")
    ssh = programs / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {config} "$@"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return config


@pytest.fixture
def place(sshd: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Place:
    base = tmp_path_factory.mktemp("remote") / "made" / "by us"

    def plant(key: str, data: bytes) -> None:
        (base / key).parent.mkdir(parents=True, exist_ok=True)
        (base / key).write_bytes(data)

    def at(port: int | None) -> Config:
        return Config(f"ssh://{getpass.getuser()}@127.0.0.1:{port}{base}", {})

    return Place(at=at, port=sshd.port, plant=plant, wrong_credentials=None, http=False)


class TestSftp(RemoteSuite):
    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place



def test_dvc_and_we_read_what_the_other_wrote(sshd: Sshd, place: Place, tmp_path: Path) -> None:
    check_both_ways(Config(place.config.url, {"keyfile": str(sshd.key)}), tmp_path)
