"""Google Cloud Storage: credentials and every option of DVC, by what goes over the wire."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from dvc.config_schema import REMOTE_SCHEMAS
from google.oauth2 import credentials as google_user

from dvcexp.errors import ConfigError, DvcexpError
from dvcexp.remotes.base import AccessDenied, Download
from tests.support.cloud_servers import service_account
from tests.support.http_recorder import Answer, Asked, Recorder, recorder
from tests.support.remote_suite import Config, failures, key_of, uploads_of


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with recorder() as running:
        running.answer = google
        # A user's file cannot name another place for tokens than Google's own.
        monkeypatch.setattr(google_user, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"http://127.0.0.1:{running.port}/token")
        yield running


def google(asked: Asked) -> Answer:
    """Tokens for whoever asks, and storage."""
    if asked.path == "/token":
        body = {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}
        return Answer(200, json.dumps(body).encode(), (("Content-Type", "application/json"),))
    return Answer(200, b"{}")


def user_file(folder: Path, _: Recorder) -> Path:
    """Credentials as `gcloud auth application-default login` leaves them."""
    path = folder / "user.json"
    info = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "the-secret"}
    path.write_text(json.dumps(info))
    return path


def service_file(folder: Path, server: Recorder) -> Path:
    """A service account's key."""
    return service_account(folder / "service.json", server.port)


def sent(server: Recorder, tmp_path: Path, options: Mapping[str, str]) -> Asked:
    """The request of an upload with these options."""
    config = Config("gs://box/x", {"endpointurl": f"http://127.0.0.1:{server.port}", **options})
    assert failures(config.open().upload(uploads_of(tmp_path, [b"data"]))) == []
    return server.asked[-1]


@pytest.mark.parametrize("make", [user_file, service_file])
def test_a_key_file_gets_a_token(server: Recorder, tmp_path: Path, make: object) -> None:
    assert callable(make)
    asked = sent(server, tmp_path, {"credentialpath": str(make(tmp_path, server))})
    assert asked.headers["authorization"] == "Bearer a-token"
    assert asked.path.startswith("/upload/storage/v1/b/box/o?uploadType=media&name=x%2Ffiles%2Fmd5%2F")
    assert [a.path for a in server.asked].count("/token") == 1


def test_anonymous_requests_carry_no_token(server: Recorder, tmp_path: Path) -> None:
    options = {"credentialpath": str(user_file(tmp_path, server)), "allow_anonymous_login": "true"}
    assert "authorization" not in sent(server, tmp_path, options).headers


def test_the_credentials_of_the_machine_are_not_sent_in_the_clear(
    server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(user_file(tmp_path, server)))
    assert "authorization" not in sent(server, tmp_path, {}).headers


def test_an_emulator_is_found_by_its_variable(
    server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"127.0.0.1:{server.port}")
    assert sent(server, tmp_path, {"endpointurl": ""}).path.startswith("/upload/storage/v1/b/box/")


def test_refused_tokens_are_told_without_the_key(server: Recorder, tmp_path: Path) -> None:
    server.answer = lambda asked: Answer(400, b'{"error": "invalid_grant", "error_description": "the-secret"}')
    options = {"endpointurl": f"http://127.0.0.1:{server.port}", "credentialpath": str(user_file(tmp_path, server))}
    with pytest.raises(AccessDenied) as denied:
        Config("gs://box/x", options).open().exists([key_of(b"x")])
    assert "credentialpath" in denied.value.hints[0]
    assert "the-secret" not in denied.value.message


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_credentials_say_what_to_set(server: Recorder, status: int) -> None:
    server.answer = lambda asked: Answer(status, b"the-secret")
    options = {"endpointurl": f"http://127.0.0.1:{server.port}", "allow_anonymous_login": "true"}
    with pytest.raises(AccessDenied) as denied:
        Config("gs://box/x", options).open().exists([key_of(b"x")])
    assert "gcloud auth application-default login" in denied.value.hints[0]
    assert "the-secret" not in denied.value.message


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("{}", {}),
        ("not json, the-secret", {}),
        ('["the-secret"]', {}),
        ('{"type": "authorized_user", "refresh_token": "the-secret"}', {}),
        ('{"type": "service_account", "client_email": "a", "token_uri": "b", "private_key": "the-secret"}', {}),
        (None, {}),
        ("{}", {"endpointurl": "ftp://x", "credentialpath": ""}),
        ("{}", {"endpointurl": "https://u:the-secret@x", "credentialpath": ""}),
    ],
)
def test_what_cannot_be_used_is_named_and_not_quoted(tmp_path: Path, text: str | None, options: dict[str, str]) -> None:
    path = tmp_path / "key.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        Config("gs://box/x", {"credentialpath": str(path), **options}).open()
    assert "'storage'" in refused.value.message
    assert "the-secret" not in refused.value.message + "".join(refused.value.hints)


@pytest.mark.parametrize("url", ["gs://", "gs://b//x", "gs://b/.."])
def test_a_url_that_names_no_place_in_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(DvcexpError):
        Config(url, {"allow_anonymous_login": "true"}).open()


def test_every_option_of_dvc_is_known(server: Recorder, tmp_path: Path) -> None:
    """An option that DVC has and we have never heard of would be refused as unknown."""
    names = {str(getattr(option, "schema", option)) for option in REMOTE_SCHEMAS["gs"]} - {"url"}
    numbers = {"jobs", "checksum_jobs"}
    texts = {"projectname": "p", "endpointurl": f"http://127.0.0.1:{server.port}"}
    texts |= {"credentialpath": str(user_file(tmp_path, server))}
    values = {name: texts.get(name, "7" if name in numbers else "false") for name in names}
    Config("gs://box", values).open().close()


def test_a_generation_is_asked_for_by_its_number(server: Recorder, tmp_path: Path) -> None:
    server.answer = lambda asked: Answer(body=b"old")
    options = {"endpointurl": f"http://127.0.0.1:{server.port}", "allow_anonymous_login": "true"}
    remote = Config("gs://box", options).open()
    (outcome,) = remote.download([Download("data/model.bin", str(tmp_path / "t"), version="1700000000000001")])
    assert outcome.error is None
    path = server.the("GET").path
    assert path == "/storage/v1/b/box/o/data%2Fmodel.bin?alt=media&generation=1700000000000001"


def test_an_upload_session_that_broke_off_is_taken_up_again(server: Recorder, tmp_path: Path) -> None:
    data = os.urandom(20 << 20)
    got = bytearray()
    broken = iter([False, True])  # the second part is lost half-way: the server keeps 1 MiB of it

    def answer(asked: Asked) -> Answer:
        if asked.method == "POST":
            return Answer(200, headers=(("Location", f"http://127.0.0.1:{server.port}/session?upload_id=1"),))
        content_range = asked.headers["content-range"]
        if not content_range.startswith("bytes */"):
            assert int(content_range.removeprefix("bytes ").partition("-")[0]) == len(got)
            if next(broken, False):
                got.extend(asked.body[: 1 << 20])
                return Answer(503)
            got.extend(asked.body)
        if len(got) == len(data):
            return Answer(200, b"{}")
        return Answer(308, headers=(("Range", f"bytes=0-{len(got) - 1}"),))

    server.answer = answer
    options = {"endpointurl": f"http://127.0.0.1:{server.port}", "allow_anonymous_login": "true"}
    (upload,) = uploads_of(tmp_path, [data])
    assert failures(Config("gs://box", options).open().upload([upload])) == []
    assert bytes(got) == data
    assert [asked.method for asked in server.asked].count("POST") == 1
