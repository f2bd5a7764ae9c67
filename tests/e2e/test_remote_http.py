"""HTTP(S) remotes, against nginx and apache2."""

from __future__ import annotations

import os
import pty
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dvcexp.errors import ConfigError
from dvcexp.remotes.base import (
    AccessDenied,
    CorruptTransfer,
    Download,
    RemoteError,
    RemoteMissing,
    RemoteUnavailable,
    UnsupportedOption,
    Untrusted,
    Upload,
)
from dvcexp.remotes.http_client import HttpClient
from dvcexp.remotes.pool import PerObjectRemote
from dvcexp.remotes.retry import Backoff
from tests.support.dvc_roundtrip import check_both_ways
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.http_recorder import Answer, recorder
from tests.support.remote_dvc import check_run_cache
from tests.support.remote_faults import RemoteFaults
from tests.support.remote_scale import RemoteScale
from tests.support.remote_suite import Config, Place, RemoteSuite, failures, fetched, key_of, uploads_of
from tests.support.storage_servers import HEADER, PASSWORD, TOKEN, USER, Apache, Nginx, apache_server, nginx_server

PUT = {"method": "PUT"}
BASIC = {**PUT, "auth": "basic", "user": USER, "password": PASSWORD}


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx_server(tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture(scope="module")
def apache() -> Iterator[Apache]:
    with apache_server() as server:
        yield server


def make_place(root: Path, port: int, options: Mapping[str, str], wrong: Mapping[str, str] | None = None) -> Place:
    """A folder of its own below `root`, which the server at `port` serves."""
    base = f"place-{uuid.uuid4().hex[:8]}"

    def plant(key: str, data: bytes) -> None:
        path = root / base / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def at(port: int | None) -> Config:
        return Config(f"http://127.0.0.1:{port}/{base}", options)

    return Place(
        at=at,
        port=port,
        plant=plant,
        wrong_credentials=Config(at(port).url, {**options, **wrong}) if wrong else None,
        secrets=(PASSWORD, TOKEN),
        lists=False,
        impatient={"read_timeout": "1", "connect_timeout": "1"},
    )


class TestPlain(RemoteSuite, RemoteFaults, RemoteScale):
    @pytest.fixture
    def place(self, nginx: Nginx) -> Place:
        return make_place(nginx.root, nginx.plain, PUT)


class TestBasic(RemoteSuite):
    small_objects = 50

    @pytest.fixture
    def place(self, nginx: Nginx) -> Place:
        return make_place(nginx.root, nginx.basic, BASIC, wrong={"password": "wrong-one"})


class TestCustomHeader(RemoteSuite):
    small_objects = 50

    @pytest.fixture
    def place(self, nginx: Nginx) -> Place:
        options = {**PUT, "auth": "custom", "custom_auth_header": HEADER, "password": TOKEN}
        return make_place(nginx.root, nginx.header, options, wrong={"password": "wrong-one"})


class TestDigest(RemoteSuite):
    """DVC's schema has `digest`, and DVC then raises NotImplementedError."""

    small_objects = 50

    @pytest.fixture
    def place(self, apache: Apache) -> Place:
        options = {**BASIC, "auth": "digest"}
        place = make_place(apache.root, apache.digest, options, wrong={"password": "wrong-one"})
        folder = apache.root / place.config.url.rpartition("/")[2]
        for number in range(256):  # mod_dav wants folders to be made by MKCOL: they are, where HTTP is for WebDAV
            (folder / "files" / "md5" / f"{number:02x}").mkdir(parents=True)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777)
        return place


def test_tls_with_a_certificate_of_ones_own(nginx: Nginx, tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{nginx.tls}/tls"
    remote = Config(url, {**PUT, "ssl_verify": str(nginx.ca)}).open()
    uploads = uploads_of(tmp_path, [b"over tls"])
    assert failures(remote.upload(uploads)) == []
    assert fetched(remote, [uploads[0].key], tmp_path) == [b"over tls"]
    unverified = Config(url, {"ssl_verify": "false"}).open()
    assert unverified.exists([uploads[0].key]) == {uploads[0].key}


def test_a_certificate_that_is_not_trusted_stops_all_and_names_the_option(nginx: Nginx, tmp_path: Path) -> None:
    remote = Config(f"https://127.0.0.1:{nginx.tls}/tls", PUT).open()
    with pytest.raises(Untrusted, match="certificate") as untrusted:
        list(remote.upload(uploads_of(tmp_path, [b"a", b"b"])))
    assert "ssl_verify" in untrusted.value.hints[0]


def test_a_ca_file_that_is_not_there_is_named_before_anything_is_sent(nginx: Nginx) -> None:
    with pytest.raises(ConfigError, match=r"no-such\.pem"):
        Config(f"https://127.0.0.1:{nginx.tls}/", {"ssl_verify": "/no-such.pem"}).open()


def test_user_and_password_without_auth_are_used(nginx: Nginx, tmp_path: Path) -> None:
    """DVC ignores them without `auth`, and every object is "missing"."""
    config = Config(f"http://127.0.0.1:{nginx.basic}/x", {**PUT, "user": USER, "password": PASSWORD})
    assert failures(config.open().upload(uploads_of(tmp_path, [b"a"]))) == []


def test_credentials_in_the_url_and_in_netrc_are_used(nginx: Nginx, tmp_path: Path, home: Path) -> None:
    by_url = Config(f"http://{USER}:{PASSWORD}@127.0.0.1:{nginx.basic}/x", PUT).open()
    assert PASSWORD not in by_url.url
    assert failures(by_url.upload(uploads_of(tmp_path, [b"a"]))) == []
    netrc = home / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    netrc.chmod(0o600)
    assert Config(f"http://127.0.0.1:{nginx.basic}/x", PUT).open().exists([key_of(b"a")]) == {key_of(b"a")}


def test_the_proxy_of_the_environment_is_used(nginx: Nginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultProxy(nginx.plain, record=True) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        remote = Config("http://storage.invalid/by-proxy", PUT).open()
        uploads = uploads_of(tmp_path, [b"a", b"b", b"c"])  # the first goes another way than those after it
        assert failures(remote.upload(uploads)) == []
        assert proxy.recorded.count(b"PUT http://storage.invalid/by-proxy/files") == 3
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        before = proxy.connections
        assert Config(f"http://127.0.0.1:{nginx.plain}/by-proxy", PUT).open().exists([key_of(b"a")])
        assert proxy.connections == before


@pytest.fixture
def home() -> Path:
    return Path.home()


def test_no_credentials_are_no_missing_objects(nginx: Nginx) -> None:
    """DVC takes 401, 403, 5xx and refused connections for "not there" and ends with success."""
    with pytest.raises(AccessDenied, match="no credentials are set") as denied:
        Config(f"http://127.0.0.1:{nginx.basic}/x", PUT).open().exists([key_of(b"a")])
    assert "dvc remote modify --local storage user" in denied.value.hints[0]


def test_a_server_that_does_not_know_post_is_said_to_want_put(nginx: Nginx, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match="does not accept POST") as denied:
        list(Config(f"http://127.0.0.1:{nginx.plain}/x", {}).open().upload(uploads_of(tmp_path, [b"a"])))
    assert denied.value.hints == ("the server may want the other method: dvc remote modify storage method PUT",)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"auth": "basic", "user": "ada"}, "password"),
        ({"auth": "basic", "password": "x"}, "'user'"),
        ({"auth": "custom", "password": "x"}, "custom_auth_header"),
        ({"auth": "kerberos", "user": "ada", "password": "x"}, "kerberos"),
        ({"password": "x"}, "'user'"),
        ({"method": "PATCH"}, "PATCH"),
        ({"connect_timeout": "soon"}, "soon"),
    ],
)
def test_options_that_do_not_fit_together_are_refused_by_name(options: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Config("http://127.0.0.1:1/x", options).open()


def test_a_url_that_no_path_can_follow_is_refused_without_its_secret() -> None:
    with pytest.raises(RemoteError) as refused:
        Config("http://127.0.0.1:1/x?signature=hush", {}).open()
    assert "hush" not in refused.value.message


def test_the_missing_password_is_asked_for_once(nginx: Nginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    askpass = tmp_path / "askpass"
    askpass.write_text(f'#!/bin/sh\necho "$1" >>{asked}\necho {PASSWORD}\n')
    askpass.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(askpass))
    options = {**PUT, "auth": "basic", "user": USER, "ask_password": "true"}
    for _ in range(2):
        remote = Config(f"http://127.0.0.1:{nginx.basic}/ask", options).open()
        assert failures(remote.upload(uploads_of(tmp_path, [b"a", b"b"]))) == []
    assert asked.read_text() == f"Password for 'http://{USER}@127.0.0.1': \n"


def test_a_terminal_is_asked_once_and_only_where_git_may_ask_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_ASKPASS", raising=False)
    monkeypatch.delenv("SSH_ASKPASS", raising=False)
    code = "from dvcexp.remotes.prompt import ask_password as a; print([a('http', 'h', 'ada') for _ in range(2)])"
    question = "Password for 'http://ada@h': "
    for allowed, answers in (("1", "['hush', 'hush']"), ("0", "[None, None]")):
        child, terminal = pty.fork()
        if child == 0:
            os.execve(sys.executable, [sys.executable, "-c", code], {**os.environ, "GIT_TERMINAL_PROMPT": allowed})
        shown = ""
        try:
            while data := os.read(terminal, 65536).decode():
                if question not in shown and question in shown + data:
                    os.write(terminal, b"hush\n")
                shown += data
        except OSError:  # Linux tells the end of a pty by EIO
            pass
        os.close(terminal)
        assert os.waitpid(child, 0)[1] == 0, shown
        assert shown.count(question) == int(allowed)
        assert answers in shown


def test_without_anybody_to_ask_the_option_is_named(nginx: Nginx) -> None:
    """GIT_TERMINAL_PROMPT=0, as in every test, and no askpass."""
    options = {"auth": "basic", "user": "grace", "ask_password": "true"}
    with pytest.raises(AccessDenied, match="nobody to ask") as denied:
        Config(f"http://127.0.0.1:{nginx.basic}/ask", options).open()
    assert "password" in denied.value.hints[0]


def test_a_busy_server_is_given_the_time_it_asks_for(nginx: Nginx, tmp_path: Path) -> None:
    remote = Config(f"http://127.0.0.1:{nginx.busy}/busy", PUT).open(jobs=2)
    assert failures(remote.upload(uploads_of(tmp_path, [str(n).encode() for n in range(25)]))) == []
    assert any(line.startswith(f"{nginx.busy} ") and line.endswith(" 429") for line in nginx.requests)


def test_503_is_tried_again_and_never_means_missing(nginx: Nginx, tmp_path: Path) -> None:
    remote = Config(f"http://127.0.0.1:{nginx.flaky}/flaky", PUT).open()
    assert isinstance(remote, PerObjectRemote)
    remote.backoff = Backoff(attempts=12, first=0.01, longest=0.05)
    uploads = uploads_of(tmp_path, [str(n).encode() for n in range(60)])
    assert failures(remote.upload(uploads)) == []
    assert remote.exists([u.key for u in uploads]) == {u.key for u in uploads}


class TestBehindAFaultyNetwork:
    """The plain server through the fault proxy."""

    @pytest.fixture
    def proxy(self, nginx: Nginx) -> Iterator[FaultProxy]:
        with FaultProxy(nginx.plain) as proxy:
            yield proxy

    @pytest.fixture
    def place(self, nginx: Nginx) -> Place:
        return make_place(nginx.root, nginx.plain, PUT)

    @pytest.mark.parametrize("reset", [False, True])
    def test_a_broken_download_is_continued_not_begun_again(
        self, proxy: FaultProxy, place: Place, tmp_path: Path, reset: bool
    ) -> None:
        data = bytes(range(256)) * 40_000
        place.plant(key_of(data), data)
        proxy.next(Fault(cut_down=4_000_000, reset=reset), Fault(cut_down=3_000_000), Fault(cut_down=1000))
        remote = place.at(proxy.port).open()
        assert fetched(remote, [key_of(data)], tmp_path) == [data]
        # Begun again it would be 1.68 times the data; a reset loses what the kernel had not handed over yet.
        assert proxy.bytes_down < len(data) * 1.5

    def test_a_broken_upload_is_sent_again_and_leaves_nothing_half(
        self, nginx: Nginx, proxy: FaultProxy, place: Place, tmp_path: Path
    ) -> None:
        (upload,) = uploads_of(tmp_path, [bytes(range(256)) * 10_000])
        proxy.next(Fault(cut_up=1_000_000), Fault(cut_up=10, reset=True))
        remote = place.at(proxy.port).open()
        assert failures(remote.upload([upload])) == []
        assert fetched(remote, [upload.key], tmp_path) == [Path(upload.source).read_bytes()]
        proxy.always = Fault(cut_up=1_000_000)
        (again,) = uploads_of(tmp_path, [b"x" * 2_000_000])
        (outcome,) = place.at(proxy.port).open().upload([again])
        assert isinstance(outcome.error, RemoteUnavailable)
        assert place.config.open().exists([again.key]) == set()

    def test_a_server_that_is_not_there_is_no_missing_object(self, place: Place, proxy: FaultProxy) -> None:
        proxy.always = Fault(refuse=True)
        with pytest.raises(RemoteUnavailable, match="reset"):
            place.at(proxy.port).open().exists([key_of(b"a")])
        with pytest.raises(RemoteUnavailable, match="refused"):
            place.at(1).open().exists([key_of(b"a")])

    def test_a_silent_server_is_given_up_after_the_time_out(self, place: Place, proxy: FaultProxy) -> None:
        proxy.always = Fault(blackhole=True)
        config = place.at(proxy.port)
        remote = Config(config.url, {**config.options, "read_timeout": "0.2"}).open()
        with pytest.raises(RemoteUnavailable, match="no answer in time"):
            remote.exists([key_of(b"a")])

    def test_a_page_to_log_in_is_no_object(self, place: Place, proxy: FaultProxy) -> None:
        """Many a portal answers a request without its cookie with a redirect to a page, and that with 200."""
        html = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
        moved = b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        proxy.next(Fault(reply=moved), Fault(reply=html))
        with pytest.raises(AccessDenied, match="redirected to a web page"):
            place.at(proxy.port).open().exists([key_of(b"a")])

    def test_an_upload_that_a_redirect_turns_into_a_get_is_not_taken_for_done(
        self, place: Place, proxy: FaultProxy, tmp_path: Path
    ) -> None:
        moved = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        fine = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        proxy.next(Fault(reply=moved), Fault(reply=fine))
        (outcome,) = place.at(proxy.port).open().upload(uploads_of(tmp_path, [b"a"]))
        assert outcome.error is not None
        assert "PUT is redirected" in outcome.error.message

    def test_a_redirect_and_a_cookie_count_whenever_they_come(self) -> None:
        """The first answer has neither: requests then take the short way, until an answer has to do with others."""
        answers = {
            "/a": Answer(307, headers=(("Location", "/moved/a"),)),
            "/b": Answer(201, headers=(("Set-Cookie", "ticket=1; Path=/"),)),
        }
        with recorder() as server:
            server.answer = lambda asked: answers.get(asked.path, Answer(201))
            client = HttpClient("storage", f"http://127.0.0.1:{server.port}", jobs=1, auth=None)
            for key in ("first", "a", "b", "c"):
                with client.request("PUT", key, body=key.encode()) as response:
                    assert response.status_code == 201
        bodies = [(asked.path, asked.body, asked.headers.get("cookie")) for asked in server.asked]
        assert bodies == [
            ("/first", b"first", None),
            ("/a", b"a", None),
            ("/a", b"a", None),
            ("/moved/a", b"a", None),
            ("/b", b"b", None),
            ("/c", b"c", "ticket=1"),
        ]

    def test_an_address_that_a_server_gave_may_lack_a_path(self) -> None:
        """As where a hostile one says that an upload goes on."""
        with recorder() as server:
            client = HttpClient("storage", f"http://127.0.0.1:{server.port}/x", jobs=1, auth=None)
            for url in (None, f"http://127.0.0.1:{server.port}"):
                with client.request("GET", "first", url=url):
                    pass
            with pytest.raises(RemoteError), client.request("GET", "k", url="http://"):
                pass
        assert [asked.path for asked in server.asked] == ["/x/first", "/"]

    @pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
    def test_uploads_to_nowhere_name_the_url_to_set(
        self, place: Place, proxy: FaultProxy, tmp_path: Path, status: str
    ) -> None:
        proxy.always = Fault(reply=f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        with pytest.raises(RemoteMissing, match="no place to store") as missing:
            list(place.at(proxy.port).open().upload(uploads_of(tmp_path, [b"a"])))
        assert "dvc remote modify storage url" in missing.value.hints[0]

    def test_a_secret_header_stays_with_its_host(self, nginx: Nginx, proxy: FaultProxy, tmp_path: Path) -> None:
        with FaultProxy(nginx.plain, record=True) as elsewhere:
            to = f"http://localhost:{elsewhere.port}/not/there".encode()
            moved = b"HTTP/1.1 307 Temporary\r\nLocation: " + to + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            proxy.always = Fault(reply=moved)
            url = f"http://127.0.0.1:{proxy.port}/x"
            for auth in ({"custom_auth_header": HEADER}, {"user": USER}):
                options = {**PUT, **auth, "password": TOKEN}
                assert Config(url, options).open().exists([key_of(b"a")]) == set()
            assert b"HEAD /not/there" in elsewhere.recorded
            assert HEADER.lower().encode() not in elsewhere.recorded.lower()
            assert b"authorization" not in elsewhere.recorded.lower()

    def test_a_compressed_answer_is_taken_apart_and_bounded(
        self, place: Place, proxy: FaultProxy, tmp_path: Path
    ) -> None:
        import gzip

        packed = gzip.compress(b"0" * 100_000)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\nConnection: close\r\n\r\n"
        )
        proxy.always = Fault(reply=head.encode() + packed)
        remote = place.at(proxy.port).open()
        (whole,) = remote.download([Download("k", str(tmp_path / "whole"))])
        assert (whole.size, whole.error) == (100_000, None)
        (bomb,) = remote.download([Download("k", str(tmp_path / "bomb"), limit=5000)])
        assert isinstance(bomb.error, CorruptTransfer)
        assert not (tmp_path / "bomb").exists()

    def test_a_server_that_knows_no_head_is_asked_by_get(self, place: Place, proxy: FaultProxy) -> None:
        place.plant(key_of(b"a"), b"a")
        proxy.next(Fault(reply=b"HTTP/1.1 405 Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
        remote = place.at(proxy.port).open()
        assert remote.exists([key_of(b"a"), key_of(b"b")]) == {key_of(b"a")}


def test_a_source_that_cannot_be_read_is_an_outcome_not_the_end(nginx: Nginx, tmp_path: Path) -> None:
    remote = Config(f"http://127.0.0.1:{nginx.plain}/x", PUT).open()
    outcomes = {
        o.key: o for o in remote.upload([Upload("gone", str(tmp_path / "gone"), 1), *uploads_of(tmp_path, [b"q"])])
    }
    assert "cannot be read" in (outcomes["gone"].error or RemoteError("", "", "")).message
    assert outcomes[key_of(b"q")].error is None


def test_a_web_server_cannot_be_listed(nginx: Nginx) -> None:
    with pytest.raises(UnsupportedOption, match="no way to list"):
        list(Config(f"http://127.0.0.1:{nginx.plain}/x", PUT).open().list(""))


@pytest.mark.parametrize("way", ["basic", "header", "tls"])
def test_dvc_and_we_read_what_the_other_wrote(nginx: Nginx, tmp_path: Path, way: str) -> None:
    url, options = {
        "basic": (f"http://127.0.0.1:{nginx.basic}", BASIC),
        "header": (
            f"http://127.0.0.1:{nginx.header}",
            {**PUT, "auth": "custom", "custom_auth_header": HEADER, "password": TOKEN},
        ),
        "tls": (f"https://127.0.0.1:{nginx.tls}", {**PUT, "ssl_verify": str(nginx.ca)}),
    }[way]
    check_both_ways(Config(f"{url}/dvc-{way}", options), tmp_path)


def test_the_run_cache_is_shared_though_dvc_has_none_there(nginx: Nginx, tmp_path: Path) -> None:
    check_run_cache(Config(f"http://127.0.0.1:{nginx.basic}/runs-{tmp_path.name}", BASIC), tmp_path, by_dvc=False)
