"""The fsspec adapter on a real file system, the options of its kinds, and WebHDFS against a small stand-in.

Neither OSS nor Google Drive has a server that tests could start; Hadoop has its own job, tests/hadoop.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from dvcexp.errors import ConfigError
from dvcexp.remotes import open_remote
from dvcexp.remotes.base import (
    AccessDenied,
    ObjectMissing,
    RemoteError,
    RemoteFull,
    RemoteUnavailable,
    UnsupportedOption,
    Untrusted,
)
from dvcexp.remotes.filesystem import KINDS, FilesystemRemote, Kind, Settings
from dvcexp.remotes.filesystem_errors import meaning
from tests.support.remote_suite import Config, Place, RemoteSuite, failures, key_of, uploads_of


class Disk(LocalFileSystem):  # type: ignore[misc]
    """A file system of this machine in the place of a far one."""

    protocol = "disk"


def on_disk(renames: bool, seeks: bool) -> Kind:
    def settings(given: Any, place: Any) -> Settings:
        return Settings(place.path, {})

    return Kind(__name__, "Disk", "disk", settings, jobs=4, renames=renames, seeks=seeks, endless=renames)


class OnDisk(RemoteSuite):
    small_objects = 300
    renames = True
    seeks = True

    def test_many_objects_are_looked_for_folder_by_folder(
        self, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        present = uploads_of(tmp_path, [str(n).encode() for n in range(0, 3000, 100)])
        wanted = [key_of(str(n).encode()) for n in range(3000)]
        remote = place.config.open()
        assert failures(remote.upload(present)) == []
        monkeypatch.setattr(FilesystemRemote, "exists_one", None)  # nothing is asked for by itself
        assert remote.exists(wanted) == {upload.key for upload in present}

    @pytest.fixture(autouse=True)
    def kinds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(KINDS, "hdfs", on_disk(self.renames, self.seeks))

    @pytest.fixture
    def place(self, kinds: None, tmp_path_factory: pytest.TempPathFactory) -> Place:
        base = tmp_path_factory.mktemp("far") / "base"

        def plant(key: str, data: bytes) -> None:
            (base / key).parent.mkdir(parents=True, exist_ok=True)
            (base / key).write_bytes(data)

        return Place(at=lambda port: Config(f"hdfs://far{base}", {}), port=None, plant=plant, http=False)


class TestWhereUploadsAreRenamed(OnDisk):
    def test_no_temporary_file_stays(self, place: Place, tmp_path: Path) -> None:
        assert failures(place.config.open().upload(uploads_of(tmp_path, [b"a", b"b"]))) == []
        base = Path("/" + place.config.url.split("/", 3)[3])
        assert len([path for path in base.rglob("*") if path.is_file()]) == 2

    def test_a_rename_that_is_refused_without_a_word_is_noticed(
        self, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """WebHDFS answers `{"boolean": false}` with status 200."""
        monkeypatch.setattr(Disk, "mv", lambda self, old, new, **options: None)
        (upload,) = uploads_of(tmp_path, [b"a"])
        (outcome,) = place.config.open().upload([upload])
        assert isinstance(outcome.error, RemoteError)
        place.plant(upload.key, b"a")
        assert failures(place.config.open().upload([upload])) == []
        base = Path("/" + place.config.url.split("/", 3)[3])
        assert [path.name for path in base.rglob("*") if path.is_file()] == [upload.key.rpartition("/")[2]]


class TestWhereUploadsAppearWhole(OnDisk):
    renames = False
    tells_bytes = False
    seeks = False


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, Any]]]:
    """Stands in for every kind's library, and keeps what its class was made with."""
    made: dict[str, dict[str, Any]] = {}
    for scheme, kind in KINDS.items():
        module = types.ModuleType(kind.module)

        def make(scheme: str = scheme, **arguments: Any) -> Disk:
            made[scheme] = {
                key: value
                for key, value in arguments.items()
                if value not in (None, False) and key != "skip_instance_cache"
            }
            return Disk()

        setattr(module, kind.name, make)
        monkeypatch.setitem(sys.modules, kind.module, module)
    yield made


def used(url: str, options: dict[str, str]) -> None:
    """Let the remote make its file system."""
    open_remote("storage", url, options).exists(["a"])


def test_the_options_of_dvc_become_those_of_the_libraries(
    library: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.create_connection", lambda address, timeout: socket.socket())
    used("hdfs://ada@node:9000/p?replication=2", {"user": "grace", "kerb_ticket": "/tmp/ticket"})
    once = {"dfs.client.failover.max.attempts": "1"}
    assert library["hdfs"] == {"host": "node", "port": 9000, "dfs.replication": "2", **once}
    assert (os.environ.pop("HADOOP_USER_NAME"), os.environ.pop("KRB5CCNAME")) == ("grace", "/tmp/ticket")
    used("webhdfs://node/p", {"user": "ada", "password": "x", "use_https": "true", "ssl_verify": "/ca.pem"})
    assert library["webhdfs"] == {
        "host": "node",
        "port": 50070,
        "use_https": True,
        "user": "ada",
        "password": "x",
        "session_verify": "/ca.pem",
    }
    used("webhdfs://node:1/p", {"kerberos": "true", "kerberos_principal": "p@R", "data_proxy_target": "http://t"})
    assert library["webhdfs"] == {
        "host": "node",
        "port": 1,
        "kerberos": True,
        "session_verify": True,
        "kerb_kwargs": {"principal": "p@R"},
        "data_proxy": {"http://node:1/webhdfs/v1": "http://t"},
    }
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", "from-environment")
    used("oss://bucket/p", {"oss_key_id": "id", "oss_endpoint": "http://oss"})
    assert library["oss"] == {"key": "id", "secret": "from-environment", "endpoint": "http://oss"}
    used("gdrive://root/p", {"gdrive_client_id": "i", "gdrive_client_secret": "s", "gdrive_trash_only": "true"})
    assert library["gdrive"] == {"path": "root/p", "client_id": "i", "client_secret": "s", "trash_only": True}
    service = {"gdrive_use_service_account": "true", "gdrive_service_account_json_file_path": "/k.json"}
    used("gdrive://root/p", {**service, "gdrive_service_account_user_email": "a@b"})
    assert library["gdrive"] == {
        "path": "root/p",
        "use_service_account": True,
        "client_json_file_path": "/k.json",
        "client_user_email": "a@b",
    }


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("url", "options", "named"),
    [
        ("hdfs://node/p?blocksize=1", {}, "url"),
        ("webhdfs://node/p", {"token": "hush", "user": "ada"}, "token"),
        ("webhdfs://node/p", {"kerberos": "true", "user": "ada"}, "user"),
        ("webhdfs://node/p", {"password": "hush"}, "password"),
        ("oss://bucket/p", {}, "oss_endpoint"),
        ("gdrive://root/p", {}, "gdrive_client_id"),
        ("gdrive://root/p", {"gdrive_use_service_account": "true"}, "gdrive_service_account_json_file_path"),
        ("gdrive://root/p", {"gdrive_use_service_account": "perhaps"}, "gdrive_use_service_account"),
    ],
)
def test_options_that_do_not_fit_together_are_refused_by_name(url: str, options: dict[str, str], named: str) -> None:
    with pytest.raises((ConfigError, UnsupportedOption), match=named) as refused:
        open_remote("storage", url, options)
    assert "hush" not in refused.value.message + "".join(refused.value.hints)


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hdfs_native", None)
    with pytest.raises(RemoteError, match=r"needs a library that is not there \(hdfs_native") as missing:
        open_remote("storage", "hdfs://node:1/p", {})
    assert missing.value.hints == ("install it with: pip install 'dvcexp[hdfs]', or ./install.sh --with hdfs",)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    remote = Config("webhdfs://127.0.0.1:1/p", {"token": "hush"}).open()
    with pytest.raises(RemoteUnavailable, match="connection refused") as unavailable:
        remote.exists(["a"])
    assert "hush" not in unavailable.value.message


def test_a_server_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    """The library would wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        remote = Config(f"webhdfs://127.0.0.1:{silent.getsockname()[1]}/x", {"user": "ada"}).open()
        assert isinstance(remote, FilesystemRemote)
        remote.stall = 0.2
        with pytest.raises(RemoteUnavailable, match="timed out"):
            remote.exists([key_of(b"a")])
        (failed,) = failures(remote.upload(uploads_of(tmp_path, [b"a"])))
        assert isinstance(failed.error, RemoteUnavailable)


class WithStatus(Exception):
    def __init__(self, **attributes: object) -> None:
        super().__init__("GET http://host/?token=hush")
        self.__dict__.update(attributes)


class SSLError(OSError):
    pass


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError(), ObjectMissing),
        (PermissionError(), AccessDenied),
        (OSError(errno.ENOSPC, "full"), RemoteFull),
        (TimeoutError(), RemoteUnavailable),
        (ConnectionResetError(errno.ECONNRESET, "reset"), RemoteUnavailable),
        (SSLError(), Untrusted),
        (WithStatus(status=403), AccessDenied),
        (WithStatus(status_code=404), ObjectMissing),
        (WithStatus(response=types.SimpleNamespace(status_code=503)), RemoteUnavailable),
        (WithStatus(resp=types.SimpleNamespace(status=429)), RemoteUnavailable),
        (WithStatus(error={"code": 401}), AccessDenied),
        (WithStatus(status=418), RemoteError),
        (ValueError("token=hush"), RemoteError),
    ],
)
def test_what_the_errors_of_libraries_mean(error: Exception, kind: type) -> None:
    found, cause = meaning(error)
    assert found is kind
    assert "hush" not in cause
    assert len(cause) > 5
