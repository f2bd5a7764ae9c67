"""WebDAV(S) remotes, against nginx, apache2 and `rclone serve webdav`."""

from __future__ import annotations

import base64
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dvcexp.errors import ConfigError
from dvcexp.remotes.base import AccessDenied, RemoteUnavailable
from tests.support.dvc_roundtrip import check_both_ways
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.remote_dvc import check_run_cache
from tests.support.remote_faults import RemoteFaults
from tests.support.remote_scale import RemoteScale
from tests.support.remote_suite import Config, Place, RemoteSuite, failures, fetched, key_of, uploads_of
from tests.support.storage_servers import (
    PASSWORD,
    TOKEN,
    USER,
    Apache,
    Nginx,
    apache_server,
    nginx_server,
    rclone_webdav,
)

LOGIN = {"user": USER, "password": PASSWORD}


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx_server(tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture(scope="module")
def apache() -> Iterator[Apache]:
    with apache_server() as server:
        yield server


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with rclone_webdav(tmp_path_factory.mktemp("rclone")) as port:
        yield port


def make_place(
    scheme: str, port: int, options: Mapping[str, str], wrong: Mapping[str, str] | None = None, root: Path | None = None
) -> Place:
    """A base that nobody has made yet, two levels below the server's root."""
    base = f"team-{uuid.uuid4().hex[:8]}/some where"

    def at(port: int | None) -> Config:
        return Config(f"{scheme}://127.0.0.1:{port}/{base}", options)

    def plant(key: str, data: bytes) -> None:
        if root is not None:
            (root / base / key).parent.mkdir(parents=True, exist_ok=True)
            (root / base / key).write_bytes(data)
            return
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        parts = f"{base.replace(' ', '%20')}/{key}".split("/")
        for depth in range(1, len(parts) + 1):
            method, body = ("PUT", data) if depth == len(parts) else ("MKCOL", None)
            url = f"http://127.0.0.1:{port}/" + "/".join(parts[:depth])
            request = urllib.request.Request(url, body, {"Authorization": f"Basic {login}"}, method=method)
            urllib.request.urlopen(request).close()

    return Place(
        at=at,
        port=port,
        plant=plant,
        wrong_credentials=Config(at(port).url, {**options, **wrong}) if wrong else None,
        secrets=(PASSWORD, TOKEN),
        impatient={"timeout": "1"},
    )


class TestNginx(RemoteSuite, RemoteFaults, RemoteScale):
    small_objects = 600

    @pytest.fixture
    def place(self, nginx: Nginx) -> Place:
        return make_place("webdav", nginx.dav, {}, root=nginx.root)


class TestNginxTlsAndPassword(RemoteSuite):
    small_objects = 50

    @pytest.fixture
    def place(self, nginx: Nginx) -> Place:
        options = {**LOGIN, "ssl_verify": str(nginx.ca)}
        return make_place("webdavs", nginx.davs, options, wrong={"password": "wrong-one"}, root=nginx.root)


class TestNginxToken(RemoteSuite):
    small_objects = 50

    @pytest.fixture
    def place(self, nginx: Nginx) -> Place:
        return make_place("webdav", nginx.dav_token, {"token": TOKEN}, wrong={"token": "wrong-one"}, root=nginx.root)


class TestApache(RemoteSuite):
    small_objects = 300

    @pytest.fixture
    def place(self, apache: Apache) -> Place:
        return make_place("webdav", apache.dav, {}, root=apache.root)


class TestRclone(RemoteSuite):
    small_objects = 300

    @pytest.fixture
    def place(self, rclone: int) -> Place:
        return make_place("webdav", rclone, LOGIN, wrong={"password": "wrong-one"})


def test_a_client_certificate_is_shown(nginx: Nginx, tmp_path: Path) -> None:
    url = f"webdavs://127.0.0.1:{nginx.mutual}/mutual"
    own = {"cert_path": str(nginx.client_cert), "key_path": str(nginx.client_key)}
    remote = Config(url, {"ssl_verify": str(nginx.ca), **own}).open()
    uploads = uploads_of(tmp_path, [b"known by its certificate"])
    assert failures(remote.upload(uploads)) == []
    assert fetched(remote, [uploads[0].key], tmp_path) == [b"known by its certificate"]
    with pytest.raises(ConfigError, match=r"key_path.*nowhere"):
        Config(url, {"cert_path": str(nginx.client_cert), "key_path": "/nowhere"}).open()


def test_a_token_comes_from_a_command_and_is_renewed_when_refused(nginx: Nginx, tmp_path: Path) -> None:
    count = tmp_path / "count"
    command = f"echo x >>{count}; if [ $(wc -l <{count}) = 1 ]; then echo too-old; else echo {TOKEN}; fi"
    remote = Config(f"webdav://127.0.0.1:{nginx.dav_token}/cmd", {"bearer_token_command": command}).open()
    assert failures(remote.upload(uploads_of(tmp_path, [b"a", b"b", b"c"]))) == []
    assert count.read_text() == "x\nx\n"


@pytest.mark.parametrize("command", ["exit 3", "true"])
def test_a_token_command_that_gives_none_is_named(nginx: Nginx, command: str) -> None:
    remote = Config(f"webdav://127.0.0.1:{nginx.dav_token}/cmd", {"bearer_token_command": command}).open()
    with pytest.raises(ConfigError, match="'storage': its 'bearer_token_command' gave no token"):
        remote.exists([key_of(b"a")])


def test_many_objects_are_looked_for_by_listing_folders(nginx: Nginx, tmp_path: Path) -> None:
    place = make_place("webdav", nginx.dav, {}, root=nginx.root)
    keys = [f"files/md5/{n % 2:02x}/{n:030x}" for n in range(600)]
    for key in keys[::2]:
        place.plant(key, b"")
    before = len(nginx.requests)
    assert place.config.open().exists(keys) == set(keys[::2])
    assert len(nginx.requests) - before < 10


def test_an_upload_that_breaks_off_leaves_neither_object_nor_temporary_file(nginx: Nginx, tmp_path: Path) -> None:
    place = make_place("webdav", nginx.dav, {}, root=nginx.root)
    (upload,) = uploads_of(tmp_path, [b"x" * 3_000_000])
    with FaultProxy(nginx.dav) as proxy:
        proxy.always = Fault(cut_up=1_000_000)
        (outcome,) = place.at(proxy.port).open().upload([upload])
        assert isinstance(outcome.error, RemoteUnavailable)
        proxy.always = Fault()
        assert failures(place.at(proxy.port).open().upload([upload])) == []
    base = nginx.root / place.config.url.split("/", 3)[3]
    assert [path.name for path in base.rglob("*") if path.is_file()] == [upload.key.rpartition("/")[2]]


def test_a_server_that_cannot_move_is_given_the_object_directly(nginx: Nginx, tmp_path: Path) -> None:
    """nginx's plain port knows PUT and DELETE alone; its folders come by themselves."""
    place = make_place("webdav", nginx.plain, {}, root=nginx.root)
    uploads = uploads_of(tmp_path, [b"a", b"bb", b"c" * 500_000])
    base = nginx.root / place.config.url.split("/", 3)[3]
    for upload in uploads:
        (base / upload.key).parent.mkdir(parents=True)
    remote = place.config.open()
    assert failures(remote.upload(uploads)) == []
    assert {str(p.relative_to(base)) for p in base.rglob("*") if p.is_file()} == {u.key for u in uploads}


def test_no_credentials_are_no_missing_objects(nginx: Nginx) -> None:
    with pytest.raises(AccessDenied, match="no credentials are set"):
        Config(f"webdav://127.0.0.1:{nginx.dav_token}/x", {}).open().exists([key_of(b"a")])


def test_dvc_and_we_read_what_the_other_wrote_on_nginx(nginx: Nginx, tmp_path: Path) -> None:
    config = Config(f"webdav://127.0.0.1:{nginx.dav_token}/dvc", {"token": TOKEN})
    check_both_ways(config, tmp_path, base=nginx.root / "dvc")


def test_dvc_and_we_read_what_the_other_wrote_on_rclone(rclone: int, tmp_path: Path) -> None:
    """DVC wants its base to exist; an object of ours at each place makes it."""
    config = Config(f"webdav://127.0.0.1:{rclone}/dvc", LOGIN)
    for name in ("theirs", "ours"):
        made = Config(f"{config.url}/{name}", LOGIN).open()
        assert failures(made.upload(uploads_of(tmp_path, [b"makes the base"]))) == []
    check_both_ways(config, tmp_path)


def test_the_run_cache_is_shared_with_dvc_on_nginx(nginx: Nginx, tmp_path: Path) -> None:
    (nginx.root / "dvc" / "runs").mkdir(parents=True)
    check_run_cache(Config(f"webdav://127.0.0.1:{nginx.dav_token}/dvc/runs", {"token": TOKEN}), tmp_path)
