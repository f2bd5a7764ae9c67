"""Every S3 option of DVC: what goes over the wire because of it, or by which words it is refused."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from dvc.config_schema import REMOTE_SCHEMAS

from dvcexp.errors import ConfigError, DvcexpError
from dvcexp.remotes.base import AccessDenied, Download, RemoteMissing, UnsupportedOption, Untrusted
from tests.support.http_recorder import Answer, Asked, Recorder, recorder
from tests.support.remote_suite import Config, failures, key_of, uploads_of
from tests.support.storage_servers import Nginx, nginx_server

KEYS = {"access_key_id": "AKID", "secret_access_key": "the-secret"}
CREDENTIALS = """\
[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key = s1
[work]
aws_access_key_id = AKWORK
aws_secret_access_key = s2
aws_session_token = token-of-work
"""


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


def sent(server: Recorder, tmp_path: Path, options: Mapping[str, str], *, put: bool = True) -> Asked:
    """The request of an upload (or of a question) with these options beside endpoint and region."""
    config = Config("s3://bucket/x", {"endpointurl": f"http://127.0.0.1:{server.port}", "region": "r1", **options})
    remote = config.open()
    if put:
        assert failures(remote.upload(uploads_of(tmp_path, [b"data"]))) == []
        return server.the("PUT")
    remote.exists([key_of(b"data")])
    return server.the("HEAD")


def signer(asked: Asked) -> str:
    """The access key id that signed the request."""
    return asked.headers["authorization"].partition("Credential=")[2].partition("/")[0]


def test_keys_region_and_session_token(server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = sent(server, tmp_path, {**KEYS, "session_token": "tok", "region": "eu-north-1"})
    assert (signer(asked), asked.headers["x-amz-security-token"]) == ("AKID", "tok")
    assert "/eu-north-1/s3/" in asked.headers["authorization"]
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another key")
    assert "x-amz-security-token" not in sent(server, tmp_path, KEYS).headers


def test_the_environment_gives_keys_and_region(
    server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "tok")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-9")
    asked = sent(server, tmp_path, {"region": ""})
    assert (signer(asked), asked.headers["x-amz-security-token"]) == ("AKENV", "tok")
    assert "/eu-west-9/s3/" in asked.headers["authorization"]
    assert signer(sent(server, tmp_path, KEYS)) == "AKID"


def test_anonymous_requests_are_not_signed(server: Recorder, tmp_path: Path) -> None:
    assert "authorization" not in sent(server, tmp_path, {**KEYS, "allow_anonymous_login": "true"}).headers


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({"sse": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"sse": "aws:kms", "sse_kms_key_id": "k1"},
            {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "k1"},
        ),
        ({"sse_kms_key_id": "k1"}, {"x-amz-server-side-encryption": "aws:kms"}),
        ({"acl": "bucket-owner-full-control"}, {"x-amz-acl": "bucket-owner-full-control"}),
        (
            {"grant_read": "id=1", "grant_full_control": "id=2", "grant_read_acp": "id=3", "grant_write_acp": "id=4"},
            {
                "x-amz-grant-read": "id=1",
                "x-amz-grant-full-control": "id=2",
                "x-amz-grant-read-acp": "id=3",
                "x-amz-grant-write-acp": "id=4",
            },
        ),
    ],
)
def test_encryption_and_access_are_asked_for_on_uploads_only(
    server: Recorder, tmp_path: Path, options: dict[str, str], headers: dict[str, str]
) -> None:
    asked = sent(server, tmp_path, {**KEYS, **options})
    assert headers.items() <= asked.headers.items()
    assert all(name in asked.headers["authorization"] for name in headers), "a proxy cannot take it out"
    assert not headers.keys() & sent(server, tmp_path, {**KEYS, **options}, put=False).headers.keys()


def test_a_customer_key_goes_with_uploads_and_questions(server: Recorder, tmp_path: Path) -> None:
    options = {**KEYS, "sse_customer_key": base64.b64encode(b"k" * 32).decode(), "sse_customer_algorithm": "AES256"}
    for put in (True, False):
        asked = sent(server, tmp_path, options, put=put)
        assert asked.headers["x-amz-server-side-encryption-customer-key"] == options["sse_customer_key"]
        assert asked.headers["x-amz-server-side-encryption-customer-algorithm"] == "AES256"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sse_customer_algorithm": "ROT13", "sse_customer_key": "a2V5"}, "sse_customer_algorithm"),
        ({"sse_customer_algorithm": "AES256"}, "sse_customer_algorithm"),
        ({"sse_customer_key": "a2V5", "sse_kms_key_id": "k"}, "sse_customer_key"),
        ({"sse": "rot13"}, "sse"),
        ({"sse": "AES256", "sse_kms_key_id": "k"}, "sse_kms_key_id"),
        ({"acl": "private", "grant_read": "id=1"}, "grant_read"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(options: dict[str, str], named: str) -> None:
    with pytest.raises(UnsupportedOption, match=f"'{named}'") as refused:
        Config("s3://bucket", {**KEYS, "region": "r", **options}).open()
    assert refused.value.hints


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"endpointurl": "ftp://x"}, "endpointurl"),
        ({"use_ssl": "maybe"}, "use_ssl"),
        ({"read_timeout": "soon"}, "read_timeout"),
        ({"ssl_verify": "/no/such/file.pem"}, "/no/such/file.pem"),
        ({"profile": "nobody"}, "nobody"),
        ({"secret_access_key": ""}, "secret_access_key"),
        ({"sse_customer_key": "the-secret"}, "options"),
        ({"ssl_verify": __file__}, "options"),
    ],
)
def test_a_value_that_means_nothing_is_named_and_secrets_are_not(options: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Config("s3://bucket", {**KEYS, "region": "r", **options}).open()
    assert named in refused.value.message
    assert refused.value.hints
    assert "the-secret" not in str(refused.value.hints) + refused.value.message


def test_every_option_of_dvc_is_known() -> None:
    """An option that DVC has and we have never heard of would be refused as unknown."""
    values = {"use_ssl": "true", "listobjects": "false", "allow_anonymous_login": "false", "cache_regions": "true"}
    values |= {"read_timeout": "5", "connect_timeout": "5", "jobs": "3", "checksum_jobs": "2", "verify": "true"}
    values |= {"ssl_verify": "true", "worktree": "false", "version_aware": "false", "no_traverse": "false"}
    alone = {"url", "acl", "sse_customer_key", "sse_customer_algorithm", "sse", "sse_kms_key_id", "endpointurl"}
    alone |= {"profile", "credentialpath", "configpath"}
    names = {str(getattr(option, "schema", option)) for option in REMOTE_SCHEMAS["s3"]}
    Config("s3://bucket", {name: values.get(name, "x") for name in names - alone}).open().close()


class TestProfiles:
    @pytest.fixture(autouse=True)
    def files(self, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = Path(os.environ["HOME"]) / ".aws"
        folder.mkdir()
        (folder / "credentials").write_text(CREDENTIALS)
        return folder

    def test_the_default_profile_is_used_without_being_named(self, server: Recorder, tmp_path: Path) -> None:
        assert signer(sent(server, tmp_path, {})) == "AKDEFAULT"

    def test_a_named_profile_comes_before_the_environment(
        self, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        asked = sent(server, tmp_path, {"profile": "work"})
        assert (signer(asked), asked.headers["x-amz-security-token"]) == ("AKWORK", "token-of-work")

    def test_the_environment_names_a_profile(
        self, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "work")
        assert signer(sent(server, tmp_path, {})) == "AKWORK"

    def test_other_files_can_be_named(self, server: Recorder, tmp_path: Path) -> None:
        (tmp_path / "keys").write_text("[default]\naws_access_key_id=AKOTHER\naws_secret_access_key=x\n")
        (tmp_path / "conf").write_text("[default]\nregion = eu-central-7\n")
        options = {"credentialpath": str(tmp_path / "keys"), "configpath": str(tmp_path / "conf"), "region": ""}
        asked = sent(server, tmp_path, options)
        assert signer(asked) == "AKOTHER"
        assert "/eu-central-7/" in asked.headers["authorization"]

    def test_a_profile_may_name_the_endpoint_and_the_addressing(
        self, server: Recorder, tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
        profile = "region = r2\nendpoint_url = http://s3.example.invalid\ns3 =\n  addressing_style = virtual\n"
        (files / "config").write_text(f"[default]\n{profile}")
        asked = sent(server, tmp_path, {"endpointurl": "", "region": ""})
        assert asked.path.startswith("http://bucket.s3.example.invalid/x/files/md5/")

    def test_a_credential_process_is_run_by_botocore(self, server: Recorder, tmp_path: Path, files: Path) -> None:
        keys = '{"Version": 1, "AccessKeyId": "AKPROCESS", "SecretAccessKey": "x", "SessionToken": "t"}'
        (tmp_path / "helper.py").write_text(f"print('''{keys}''')")
        (files / "config").write_text(f"[profile p]\ncredential_process = {sys.executable} {tmp_path}/helper.py\n")
        assert signer(sent(server, tmp_path, {"profile": "p"})) == "AKPROCESS"

    def test_a_failing_process_is_told_and_its_words_are_not(self, files: Path) -> None:
        (files / "config").write_text("[profile p]\ncredential_process = sh -c 'echo the-secret >&2; exit 3'\n")
        with pytest.raises(ConfigError) as refused:
            Config("s3://b", {"profile": "p", "region": "r"}).open()
        assert "'p'" in refused.value.message
        assert "the-secret" not in refused.value.message

    def test_credentials_that_end_while_they_are_in_use_are_told(
        self, server: Recorder, tmp_path: Path, files: Path
    ) -> None:
        """botocore is asked again by obstore, on a thread of its own."""
        script = tmp_path / "once.sh"
        keys = '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "x", "Expiration": "2001-01-01T00:00:00Z"}'
        script.write_text(f"test -e {tmp_path}/ran && exit 3\ntouch {tmp_path}/ran\necho '{keys}'\n")
        (files / "config").write_text(f"[profile p]\ncredential_process = sh {script}\n")
        with pytest.raises(DvcexpError) as refused:
            sent(server, tmp_path, {"profile": "p"})
        assert isinstance(refused.value, (AccessDenied, ConfigError))

    def test_without_botocore_the_extra_is_named(self, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (files / "config").write_text("[profile p]\nsso_session = company\n")
        monkeypatch.setitem(sys.modules, "botocore.session", None)
        with pytest.raises(ConfigError) as refused:
            Config("s3://b", {"profile": "p", "region": "r"}).open()
        assert "sso_session" in refused.value.message
        assert "dvcexp[s3-profiles]" in refused.value.hints[0]

    def test_a_file_that_cannot_be_read_is_named_and_not_quoted(self, files: Path) -> None:
        (files / "credentials").write_text("aws_secret_access_key = the-secret\n")
        with pytest.raises(ConfigError) as refused:
            Config("s3://b", {"region": "r"}).open()
        assert str(files / "credentials") in refused.value.message
        assert "the-secret" not in refused.value.message


def test_without_any_credentials_it_says_so_at_once_and_how_to_set_them() -> None:
    with pytest.raises(AccessDenied) as denied:
        Config("s3://bucket", {"region": "r"}).open()
    assert "aws configure" in denied.value.hints[0]


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "s3://b//x", "s3://b/../x", "s3://key:secret@b/x"])
def test_a_url_that_names_no_place_in_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(DvcexpError) as refused:
        Config(url, {**KEYS, "region": "r"}).open()
    assert "secret" not in refused.value.message


def test_a_version_is_asked_for_by_its_id(server: Recorder, tmp_path: Path) -> None:
    server.answer = lambda asked: Answer(body=b"old")
    remote = Config("s3://b", {**KEYS, "endpointurl": f"http://127.0.0.1:{server.port}", "region": "r"}).open()
    (outcome,) = remote.download([Download("data/model.bin", str(tmp_path / "t"), version="v.1+2")])
    assert outcome.error is None
    assert (tmp_path / "t").read_bytes() == b"old"
    assert server.the("GET").path == "/b/data/model.bin?versionId=v.1%2B2"


def test_a_bucket_in_another_region_says_which_option_to_set(server: Recorder) -> None:
    server.answer = lambda asked: Answer(301, headers=())
    remote = Config("s3://b", {**KEYS, "endpointurl": f"http://127.0.0.1:{server.port}", "region": "r"}).open()
    with pytest.raises(DvcexpError) as missing:
        remote.exists([key_of(b"x")])
    assert "another region" in missing.value.message
    assert "region <region>" in missing.value.hints[0]


def test_the_words_of_a_server_are_not_repeated(server: Recorder) -> None:
    body = b"<Error><Code>InternalThing</Code><Message>Authorization the-secret</Message></Error>"
    server.answer = lambda asked: Answer(400, body, ())
    remote = Config("s3://b", {**KEYS, "endpointurl": f"http://127.0.0.1:{server.port}", "region": "r"}).open()
    (outcome,) = remote.download([Download(key_of(b"x"), os.devnull + "-not")])
    error: Any = outcome.error
    assert "status 400 InternalThing" in error.message
    assert "the-secret" not in error.message


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx_server(tmp_path_factory.mktemp("nginx")) as server:
        yield server


class TestTrust:
    """`ssl_verify`, against a server that knows TLS but not S3: when it is trusted, there is no such bucket."""

    def ask(self, nginx: Nginx, **options: str) -> None:
        settings = {**KEYS, "endpointurl": f"https://localhost:{nginx.tls}", "region": "r", **options}
        Config("s3://bucket", settings).open().exists([key_of(b"x")])

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, nginx: Nginx) -> None:
        with pytest.raises(Untrusted) as refused:
            self.ask(nginx)
        assert "ssl_verify <ca-file>" in refused.value.hints[0]

    def test_a_file_vouches_for_it(self, nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(RemoteMissing):
            self.ask(nginx, ssl_verify=str(nginx.ca))
        monkeypatch.setenv("AWS_CA_BUNDLE", str(nginx.ca))
        with pytest.raises(RemoteMissing):
            self.ask(nginx)
        with pytest.raises(Untrusted):
            self.ask(nginx, ssl_verify="true")

    def test_nobody_is_asked_where_that_is_wanted(self, nginx: Nginx) -> None:
        with pytest.raises(RemoteMissing):
            self.ask(nginx, ssl_verify="false")
