"""SSH remotes, against OpenSSH's sshd."""

from __future__ import annotations

import dataclasses
import getpass
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvcexp.errors import ConfigError
from dvcexp.remotes.base import (
    AccessDenied,
    Download,
    RemoteError,
    RemoteFull,
    RemoteUnavailable,
    Untrusted,
    Upload,
)
from dvcexp.remotes.sftp import SftpRemote
from tests.support.dvc_roundtrip import check_both_ways
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.remote_dvc import check_run_cache
from tests.support.remote_faults import RemoteFaults
from tests.support.remote_scale import RemoteScale
from tests.support.remote_suite import Config, Place, RemoteSuite, failures, fetched, key_of, uploads_of
from tests.support.storage_servers import PASSPHRASE, PASSWORD, USER, RcloneSftp, Sshd, rclone_sftp, ssh_server


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with ssh_server(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RcloneSftp]:
    with rclone_sftp(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An sshd whose SFTP has none of OpenSSH's extensions that we use."""
    subsystem = "/usr/lib/openssh/sftp-server -P posix-rename,fsync,statvfs,limits"
    with ssh_server(tmp_path_factory.mktemp("plain"), subsystem=subsystem) as server:
        yield server


@pytest.fixture(autouse=True)
def ssh_config(
    sshd: Sshd, rclone: RcloneSftp, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An ssh that reads a configuration of the test's own, whatever the HOME of the password database has."""
    programs = tmp_path_factory.mktemp("programs")
    config = programs / "ssh_config"
    config.write_text(
        f"UserKnownHostsFile {programs}/known\nGlobalKnownHostsFile none\nIdentityFile {sshd.key}\n"
        "IdentitiesOnly yes\nUpdateHostKeys no\nHostKeyAlias storage\n"
    )
    keys = [(server / "host.pub").read_text() for server in (sshd.folder, rclone.root.parent)]
    (programs / "known").write_text("".join(f"storage {key}" for key in keys))
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


class TestSftp(RemoteSuite, RemoteFaults, RemoteScale):
    hopeless = Fault(cut_up=200_000, reset=True)  # an upload goes on where it broke: more would get it through

    @pytest.fixture
    def place(self, place: Place, sshd: Sshd) -> Place:
        wrong = Config(f"ssh://nobody-here@127.0.0.1:{sshd.port}/x", {})
        return dataclasses.replace(place, wrong_credentials=wrong)


class TestSftpByOtherHands(RemoteSuite):
    """A server that is not OpenSSH, and a password."""

    small_objects = 300

    @pytest.fixture
    def place(self, rclone: RcloneSftp) -> Place:
        base = f"/{uuid.uuid4().hex[:8]}/base"

        def plant(key: str, data: bytes) -> None:
            path = rclone.root / base[1:] / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

        def at(port: int | None) -> Config:
            return Config(f"ssh://{USER}@127.0.0.1:{port}{base}", {"password": PASSWORD, "allow_agent": "false"})

        wrong = Config(at(rclone.port).url, {"password": "wrong-one"})
        return Place(
            at=at, port=rclone.port, plant=plant, wrong_credentials=wrong, secrets=(PASSWORD, "wrong-one"), http=False
        )


class TestWithoutExtensions(RemoteSuite):
    """A server that can neither replace by renaming, nor flush, nor tell its limits."""

    small_objects = 300

    @pytest.fixture
    def place(self, place: Place, plain: Sshd, ssh_config: Path) -> Place:
        trust(plain, ssh_config)
        return dataclasses.replace(place, port=plain.port)

    def test_what_is_there_already_is_replaced(self, place: Place, tmp_path: Path) -> None:
        (upload,) = uploads_of(tmp_path, [b"whole"])
        place.plant(upload.key, b"hal")
        remote = place.config.open()
        assert failures(remote.upload([upload])) == []
        assert fetched(remote, [upload.key], tmp_path) == [b"whole"]
        remote.close()


class TestLogin:
    """Whatever ssh can do to log in; and the words when it cannot."""

    def test_a_key_with_a_passphrase(self, sshd: Sshd, place: Place, tmp_path: Path) -> None:
        options = {"keyfile": str(sshd.locked_key), "passphrase": PASSPHRASE, "user": getpass.getuser()}
        self.works(Config(place.config.url, options), tmp_path)

    def test_a_wrong_passphrase_is_tried_once(self, sshd: Sshd, place: Place, ssh_config: Path) -> None:
        only(sshd.locked_key, ssh_config)
        with pytest.raises(AccessDenied, match="Permission denied") as denied:
            Config(place.config.url, {"keyfile": str(sshd.locked_key), "passphrase": "wrong"}).open().exists(["a"])
        assert denied.value.hints[0].startswith("see whether you can log in with: ssh -p ")

    def test_a_passphrase_is_asked_for_through_askpass_once(
        self, sshd: Sshd, place: Place, tmp_path: Path, ssh_config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        only(sshd.locked_key, ssh_config)
        asked = fake_askpass(tmp_path, PASSPHRASE, monkeypatch)
        for _ in range(2):
            self.works(Config(place.config.url, {"keyfile": str(sshd.locked_key), "ask_passphrase": "true"}), tmp_path)
        assert asked.read_text().count("passphrase") == 1

    def test_a_password_is_asked_for_through_askpass_once(
        self, rclone: RcloneSftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = fake_askpass(tmp_path, PASSWORD, monkeypatch)
        for _ in range(2):
            config = Config(f"ssh://127.0.0.1:{rclone.port}/ask", {"user": USER, "ask_password": "true"})
            self.works(config, tmp_path)
        assert asked.read_text() == f"Password for 'ssh://{USER}@127.0.0.1': \n"

    def test_a_password_serves_every_new_connection(self, rclone: RcloneSftp, tmp_path: Path) -> None:
        with FaultProxy(rclone.port) as proxy:
            proxy.next(Fault(cut_up=1_000_000))
            url = f"ssh://{USER}@127.0.0.1:{proxy.port}/again"
            remote = Config(url, {"password": PASSWORD}).open()
            assert failures(remote.upload(uploads_of(tmp_path, [os.urandom(3_000_000)]))) == []
            assert proxy.connections == 2
            remote.close()

    def test_through_another_host(self, sshd: Sshd, place: Place, tmp_path: Path, ssh_config: Path) -> None:
        """ProxyJump, from ssh_config; the jump asks with our configuration too, as it is the one ssh is given."""
        text = ssh_config.read_text()
        jump = f"ssh -F {ssh_config}.jump -p {sshd.port} -W %h:%p 127.0.0.1"
        Path(f"{ssh_config}.jump").write_text(text)
        ssh_config.write_text(f"Host behind\n  HostName 127.0.0.1\n  ProxyCommand {jump}\nHost *\n{text}")
        before = sshd.log.count("Accepted publickey")
        self.works(Config(place.config.url.replace("127.0.0.1", "behind"), {}), tmp_path)
        assert sshd.log.count("Accepted publickey") == before + 2

    def test_a_password_is_never_told_to_the_host_between(
        self, rclone: RcloneSftp, tmp_path: Path, ssh_config: Path
    ) -> None:
        """The attack: whoever runs the jump host asks for a password, and gets that of the host behind it."""
        jump = f"ssh -F {ssh_config}.jump -p {rclone.port} -l {USER} -W %h:%p 127.0.0.1"
        Path(f"{ssh_config}.jump").write_text(ssh_config.read_text())
        ssh_config.write_text(f"ProxyCommand {jump}\n{ssh_config.read_text()}")
        remote = Config(f"ssh://{USER}@127.0.0.1:{rclone.port}/x", {"password": PASSWORD}).open()
        with pytest.raises(AccessDenied, match="Permission denied"):
            remote.exists(["a"])

    def test_no_secret_is_in_arguments_environment_or_files(
        self, rclone: RcloneSftp, tmp_path: Path, ssh_config: Path
    ) -> None:
        seen = tmp_path / "seen"
        ssh = ssh_config.parent / "ssh"
        ssh.write_text(
            f'#!/bin/sh\nenv >{seen}; echo "$@" >>{seen}; cat "$SSH_ASKPASS" >>{seen}\n'
            f'exec /usr/bin/ssh -F {ssh_config} "$@"\n'
        )
        self.works(Config(f"ssh://{USER}:{PASSWORD}@127.0.0.1:{rclone.port}/s", {}), tmp_path)
        text = seen.read_text()
        assert "DVCEXP_ASKPASS_SOCKET=" in text
        assert PASSWORD not in text
        folder = next(line for line in text.splitlines() if line.startswith("SSH_ASKPASS=")).partition("=")[2]
        assert not Path(folder).parent.exists(), "removed at the end"

    def test_an_unknown_host_is_not_trusted(self, place: Place, ssh_config: Path) -> None:
        """DVC accepts every host key."""
        ssh_config.write_text(f"{ssh_config.read_text()}UserKnownHostsFile none\n".replace("UserKnownHostsFile /", "#"))
        with pytest.raises(Untrusted, match="Host key verification failed") as untrusted:
            place.config.open().exists(["a"])
        assert untrusted.value.hints[0].startswith("check the host's key and accept it once with: ssh ")

    def test_a_host_whose_key_has_changed_is_not_trusted(
        self, sshd: Sshd, place: Place, ssh_config: Path, tmp_path: Path
    ) -> None:
        others = tmp_path / "known"
        others.write_text(f"storage {(sshd.folder / 'client.pub').read_text()}")
        ssh_config.write_text(f"UserKnownHostsFile {others}\n{ssh_config.read_text()}")
        with pytest.raises(Untrusted):
            place.config.open().exists(["a"])

    def test_a_host_that_is_not_there_is_unavailable(self) -> None:
        with pytest.raises(RemoteUnavailable, match="Connection refused"):
            Config("ssh://127.0.0.1:1/x", {}).open().exists(["a"])
        with pytest.raises(RemoteUnavailable, match="resolve"):
            Config("ssh://no-such-host.invalid/x", {}).open().exists(["a"])

    def test_a_server_without_sftp_says_so(
        self, place: Place, ssh_config: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        with ssh_server(tmp_path_factory.mktemp("none"), subsystem="/bin/echo Welcome, dear user!") as server:
            trust(server, ssh_config)
            with pytest.raises(RemoteError, match="does not answer with SFTP but with 'Welcome, dear user!'"):
                place.at(server.port).open().exists(["a"])

    def test_without_an_ssh_command_it_is_named(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(RemoteError, match="no 'ssh' command"):
            place.config.open().exists(["a"])

    @staticmethod
    def works(config: Config, folder: Path) -> None:
        remote = config.open()
        (upload,) = uploads_of(folder, [b"logged in"])
        assert failures(remote.upload([upload])) == []
        assert fetched(remote, [upload.key], folder) == [b"logged in"]
        remote.close()


class TestBadNetwork:
    @pytest.fixture
    def proxy(self, sshd: Sshd) -> Iterator[FaultProxy]:
        with FaultProxy(sshd.port) as proxy:
            yield proxy

    @pytest.mark.parametrize("reset", [False, True])
    def test_what_has_come_is_not_asked_for_again(
        self, proxy: FaultProxy, place: Place, tmp_path: Path, reset: bool
    ) -> None:
        data = os.urandom(12_000_000)
        place.plant(key_of(data), data)
        proxy.next(Fault(cut_down=7_000_000, reset=reset), Fault(cut_down=100), Fault(cut_down=3_000_000))
        remote = place.at(proxy.port).open()
        assert fetched(remote, [key_of(data)], tmp_path) == [data]
        assert proxy.connections == 4
        assert proxy.bytes_down < len(data) * 1.4
        remote.close()

    def test_what_was_confirmed_is_not_sent_again(self, proxy: FaultProxy, place: Place, tmp_path: Path) -> None:
        data = os.urandom(40_000_000)
        (upload,) = uploads_of(tmp_path, [data])
        proxy.next(Fault(cut_up=30_000_000), Fault(cut_up=9_000_000, reset=True))
        remote = place.at(proxy.port).open()
        assert failures(remote.upload([upload])) == []
        assert fetched(remote, [upload.key], tmp_path) == [data]
        assert proxy.bytes_up < len(data) * 1.9
        remote.close()
        assert temporary_files(place) == []

    def test_thousands_of_small_objects_over_a_line_that_breaks(
        self, proxy: FaultProxy, place: Place, tmp_path: Path
    ) -> None:
        uploads = uploads_of(tmp_path, [b"%d" % n for n in range(800)])
        proxy.next(*(Fault(cut_up=60_000 + 9000 * n) for n in range(3)))
        remote = place.at(proxy.port).open()
        outcomes = list(remote.upload(uploads))
        assert failures(outcomes) == []
        assert len(outcomes) == len({o.key for o in outcomes}) == 800
        proxy.cut_all()
        proxy.next(*(Fault(cut_down=20_000 + 9000 * n) for n in range(3)))
        assert remote.exists([u.key for u in uploads]) == {u.key for u in uploads}
        assert fetched(remote, [u.key for u in uploads], tmp_path) == [Path(u.source).read_bytes() for u in uploads]
        remote.close()
        assert proxy.connections >= 4

    def test_a_line_that_stays_broken_is_given_up_and_leaves_no_file(
        self, proxy: FaultProxy, place: Place, tmp_path: Path
    ) -> None:
        data = os.urandom(3_000_000)
        place.plant(key_of(data), data)
        proxy.always = Fault(cut_down=200_000)
        with pytest.raises(RemoteUnavailable) as gone:
            list(place.at(proxy.port).open().download([Download(key_of(data), str(tmp_path / "t"))]))
        assert gone.value.hints
        assert not (tmp_path / "t").exists()

    def test_a_peer_that_falls_silent_is_given_up(self, proxy: FaultProxy, place: Place, tmp_path: Path) -> None:
        data = os.urandom(3_000_000)
        place.plant(key_of(data), data)
        proxy.next(Fault(stall_down=1_000_000))
        remote = place.at(proxy.port).open()
        assert isinstance(remote, SftpRemote)
        remote.stall = 1.0
        assert fetched(remote, [key_of(data)], tmp_path) == [data]
        remote.close()

    def test_who_loses_interest_leaves_no_temporary_files(self, place: Place, tmp_path: Path) -> None:
        uploads = uploads_of(tmp_path, [b"%d" % n * 50_000 for n in range(100, 300)])
        remote = place.config.open()
        outcomes = remote.upload(uploads)
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
        assert temporary_files(place) == []
        remote.close()


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of one MiB."""
    folder = tmp_path_factory.mktemp("disk")
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder]).returncode:
        pytest.skip("this user may not mount file systems")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_over_there_is_told_and_leaves_nothing(sshd: Sshd, small_disk: Path, tmp_path: Path) -> None:
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{sshd.port}{small_disk}"
    remote = Config(url, {}).open()
    with pytest.raises(RemoteFull, match="no space left"):
        list(remote.upload(uploads_of(tmp_path, [os.urandom(3_000_000)])))
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
    remote.close()


def test_a_folder_nobody_may_write_to_is_named(sshd: Sshd, small_disk: Path, tmp_path: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    remote = Config(f"ssh://{getpass.getuser()}@127.0.0.1:{sshd.port}{small_disk}", {}).open()
    outcomes = list(remote.upload(uploads_of(tmp_path, [b"a"])))
    assert len(failures(outcomes)) == 1
    remote.close()


def test_the_disk_of_the_reader_being_full_is_no_fault_of_the_remote(place: Place, small_disk: Path) -> None:
    data = os.urandom(3_000_000)
    place.plant(key_of(data), data)
    remote = place.config.open()
    with pytest.raises(OSError, match="No space left"):
        list(remote.download([Download(key_of(data), str(small_disk / "t"))]))
    assert list(small_disk.iterdir()) == []
    remote.close()


def test_a_source_that_cannot_be_read_is_an_outcome_not_the_end(place: Place, tmp_path: Path) -> None:
    remote = place.config.open()
    sources = [Upload("gone", str(tmp_path / "gone"), 1), *uploads_of(tmp_path, [b"q"])]
    outcomes = {outcome.key: outcome.error for outcome in remote.upload(sources)}
    assert "cannot be read" in str(outcomes["gone"])
    assert outcomes[key_of(b"q")] is None
    remote.close()


@pytest.mark.parametrize(
    ("url", "options", "named"),
    [
        ("ssh://-oProxyCommand=evil/x", {}, "url"),
        ("ssh://-l@host/x", {}, "url"),
        ("ssh://host:port/x", {}, "url"),
        ("ssh:///x", {}, "url"),
        ("ssh://host/x", {"keyfile": "/no/such/key"}, "/no/such/key"),
        ("ssh://host/x", {"port": "many"}, "port"),
        ("ssh://host/x", {"max_sessions": "0"}, "max_sessions"),
        ("ssh://host/x", {"gss_auth": "perhaps"}, "gss_auth"),
    ],
)
def test_what_would_become_an_option_of_ssh_or_means_nothing_is_refused(
    url: str, options: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        Config(url, options).open()


def trust(server: Sshd, config: Path) -> None:
    """Let the ssh of this test know `server`'s host key too."""
    key = server.known_hosts.read_text().split(" ", 1)[1]
    text = config.read_text()
    path = Path(text.split("UserKnownHostsFile ")[1].split("\n")[0])
    extended = config.parent / "known_hosts"
    extended.write_text(f"{path.read_text()}storage {key}")
    keys = (server.folder / "authorized_keys").open("a")
    with keys:
        keys.write(Path(text.split("IdentityFile ")[1].split("\n")[0] + ".pub").read_text())
    config.write_text(text.replace(f"UserKnownHostsFile {path}", f"UserKnownHostsFile {extended}"))


def only(key: Path, config: Path) -> None:
    """Let the ssh of this test have no key but `key`."""
    config.write_text("\n".join(line for line in config.read_text().split("\n") if "IdentityFile" not in line))
    config.write_text(f"{config.read_text()}IdentityFile {key}\n")


def fake_askpass(folder: Path, answer: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A GIT_ASKPASS that gives `answer`; the file that it writes the questions to."""
    asked = folder / "asked"
    program = folder / "git-askpass"
    program.write_text(f'#!/bin/sh\necho "$1" >>{asked}\necho {answer}\n')
    program.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(program))
    return asked


def temporary_files(place: Place) -> list[Path]:
    base = Path("/" + place.config.url.split("/", 3)[3])
    return [path for path in base.rglob("*") if path.name.endswith(".tmp")]


def test_dvc_and_we_read_what_the_other_wrote(sshd: Sshd, place: Place, tmp_path: Path) -> None:
    check_both_ways(Config(place.config.url, {"keyfile": str(sshd.key)}), tmp_path)


def test_the_run_cache_is_shared_with_dvc(sshd: Sshd, place: Place, tmp_path: Path) -> None:
    check_run_cache(Config(place.config.url, {"keyfile": str(sshd.key)}), tmp_path)
