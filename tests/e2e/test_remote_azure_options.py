"""Every Azure option of DVC: what goes over the wire because of it, or by which words it is refused."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from dvc.config_schema import REMOTE_SCHEMAS

from dvcexp.errors import ConfigError, DvcexpError
from dvcexp.remotes.base import AccessDenied, Download
from tests.support.cloud_servers import AZURE_KEY
from tests.support.http_recorder import Answer, Asked, Recorder, recorder
from tests.support.remote_suite import Config, failures, key_of, uploads_of

SAS = "?sv=2022-11-02&sp=rwl&sig=the%2Fsecret"


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


def sent(server: Recorder, tmp_path: Path, options: Mapping[str, str], url: str = "azure://box/x") -> Asked:
    """The request of an upload with these options."""
    server.answer = lambda asked: Answer(201)
    assert failures(Config(url, options).open().upload(uploads_of(tmp_path, [b"data"]))) == []
    return server.the("PUT")


def string(server: Recorder, credentials: str) -> str:
    return (
        f"DefaultEndpointsProtocol=http;AccountName=acc;BlobEndpoint=http://127.0.0.1:{server.port}/acc;{credentials}"
    )


def test_a_connection_string_with_a_key_signs(server: Recorder, tmp_path: Path) -> None:
    asked = sent(server, tmp_path, {"connection_string": string(server, f"AccountKey={AZURE_KEY}")})
    assert asked.headers["authorization"].startswith("SharedKey acc:")
    assert asked.path.startswith("/acc/box/x/files/md5/")


def test_a_connection_string_with_a_signature_appends_it(server: Recorder, tmp_path: Path) -> None:
    asked = sent(server, tmp_path, {"connection_string": string(server, f"SharedAccessSignature={SAS[1:]}")})
    assert "sig=the%2Fsecret" in asked.path
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("options", "authorization"),
    [
        ({"account_key": AZURE_KEY}, "SharedKey acc:"),
        ({"sas_token": SAS}, None),
        ({"allow_anonymous_login": "true"}, None),
    ],
)
def test_an_account_name_goes_with_a_key_a_signature_or_nobody(
    server: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    authorization: str | None,
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{server.port}")
    asked = sent(server, tmp_path, {"account_name": "acc", **options})
    assert asked.headers.get("authorization", "").startswith(authorization or "")
    assert ("authorization" in asked.headers) == (authorization is not None)
    assert ("sig=the%2Fsecret" in asked.path) == ("sas_token" in options)


def test_a_client_secret_gets_a_token(server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method != "POST":
            return Answer(201)
        body = {"token_type": "Bearer", "expires_in": 3600, "access_token": "a-token"}
        return Answer(200, json.dumps(body).encode(), (("Content-Type", "application/json"),))

    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"http://127.0.0.1:{server.port}")
    server.answer = answer
    options = {"account_name": "acc", "tenant_id": "ten", "client_id": "cli", "client_secret": "sec"}
    assert failures(Config("azure://box/x", options).open().upload(uploads_of(tmp_path, [b"data"]))) == []
    assert server.the("POST").path == "/ten/oauth2/v2.0/token"
    assert b"client_secret=sec" in server.the("POST").body
    assert server.the("PUT").headers["authorization"] == "Bearer a-token"


@pytest.mark.parametrize("status", [400, 401])
def test_a_client_secret_that_is_refused_is_told_as_such(
    server: Recorder, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"http://127.0.0.1:{server.port}")
    server.answer = lambda asked: Answer(status, b'{"error": "invalid_client", "error_description": "the-secret"}')
    options = {"account_name": "acc", "tenant_id": "ten", "client_id": "cli", "client_secret": "the-secret"}
    with pytest.raises(AccessDenied, match=f"no token for these credentials: status {status}") as denied:
        Config("azure://box", options).open().exists([key_of(b"x")])
    assert "the-secret" not in denied.value.message


def test_what_az_is_set_to_stands_in(server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(os.environ["HOME"]) / ".azure"
    folder.mkdir()
    own = string(server, f"AccountKey={AZURE_KEY}")
    (folder / "config").write_text(f"[storage]\nconnection_string = {own}\ncontainer_name = crate\n")
    assert sent(server, tmp_path, {}, "azure://").path.startswith("/acc/crate/files/md5/")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", own.replace("AccountName=acc", "AccountName=env"))
    assert sent(server, tmp_path, {}).headers["authorization"].startswith("SharedKey env:")


def test_without_an_account_it_says_which_option_to_set() -> None:
    with pytest.raises(AccessDenied, match="account_name") as denied:
        Config("azure://box", {}).open()
    assert "account_name" in denied.value.hints[0]


def test_the_login_of_the_machine_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(ConfigError) as refused:
        Config("azure://box", {"account_name": "acc"}).open()
    assert "dvcexp[azure]" in refused.value.hints[0]


def test_the_login_of_the_machine_is_asked_with_dvcs_exclusions(
    server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import azure.identity
    from azure.core.credentials import AccessToken

    made: dict[str, bool] = {}

    class Chain:
        def __init__(self, **options: bool) -> None:
            made.update(options)

        def get_token(self, scope: str) -> AccessToken:
            assert scope == "https://storage.azure.com/.default"
            return AccessToken("chain-token", 4_000_000_000)

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Chain)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{server.port}")
    options = {"account_name": "acc", "exclude_managed_identity_credential": "true"}
    assert sent(server, tmp_path, options).headers["authorization"] == "Bearer chain-token"
    assert made["exclude_managed_identity_credential"] is True
    assert made["exclude_environment_credential"] is False


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("azure://box", {"connection_string": "AccountKey=the-secret"}),
        ("azure://box", {"connection_string": "the-secret"}),
        ("azure://", {"account_name": "acc", "account_key": "the-secret"}),
        ("azure://box//x", {"account_name": "acc", "account_key": "the-secret"}),
        ("azure://box", {"account_name": "acc", "account_key": "the-secret, not base64"}),
        ("azure://box", {"account_name": "acc", "client_secret": "the-secret"}),
        ("azure://box", {"account_name": "acc", "account_key": AZURE_KEY, "timeout": "soon"}),
    ],
)
def test_what_cannot_be_used_is_told_without_the_secret(url: str, options: dict[str, str]) -> None:
    with pytest.raises(DvcexpError) as refused:
        Config(url, options).open().exists([key_of(b"x")])
    said = refused.value.message + "".join(refused.value.hints)
    assert "'storage'" in said
    assert "the-secret" not in said


def test_every_option_of_dvc_is_known() -> None:
    """An option that DVC has and we have never heard of would be refused as unknown."""
    names = {str(getattr(option, "schema", option)) for option in REMOTE_SCHEMAS["azure"]} - {"url"}
    flags = {name for name in names if name.startswith(("exclude_", "allow_"))}
    flags |= {"verify", "no_traverse", "worktree", "version_aware"}
    numbers = {"jobs", "checksum_jobs", "timeout", "read_timeout", "connection_timeout"}
    values = {name: "false" if name in flags else "7" if name in numbers else "x" for name in names}
    values |= {"account_key": AZURE_KEY, "connection_string": f"AccountName=a;AccountKey={AZURE_KEY}"}
    Config("azure://box", values).open().close()


def test_a_version_is_asked_for_by_its_id(server: Recorder, tmp_path: Path) -> None:
    server.answer = lambda asked: Answer(body=b"old")
    remote = Config("azure://box", {"connection_string": string(server, f"AccountKey={AZURE_KEY}")}).open()
    version = "2026-01-02T03:04:05.6789012Z"
    (outcome,) = remote.download([Download("data/model.bin", str(tmp_path / "t"), version=version)])
    assert outcome.error is None
    assert server.the("GET").path.startswith("/acc/box/data/model.bin?")
    assert "versionid=2026-01-02T03%3A04%3A05.6789012Z" in server.the("GET").path
