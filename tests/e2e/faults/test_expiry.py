"""Credentials that were good when a push or a fetch began, and are not any more: named as what they are, and with new
ones it goes on where it stopped."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import pytest

from dvcexp.remotes.base import AccessDenied, Download, Remote, RemoteError, RemoteMissing
from tests.e2e.faults.conftest import MakeWorld
from tests.support.cloud_servers import AZURE_ACCOUNT, AZURE_KEY, service_account
from tests.support.fault_remotes import Far
from tests.support.fault_sweeps import FETCH, PUSH
from tests.support.handmade import oids
from tests.support.http_gate import Gate, http_gate
from tests.support.http_recorder import Answer, Asked, Recorder, recorder
from tests.support.remote_suite import Config, key_of, uploads_of

OLD, NEW = "t0ken-of-yesterday", "t0ken-of-today"
AGAIN = "run the same command again"


def s3_error(status: int, code: str, more: str = "") -> Answer:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>No.</Message>{more}</Error>'
    return Answer(status, body.encode(), (("Content-Type", "application/xml"),))


class Kind(NamedTuple):
    """options: of the DVC remote, for a token. shown: how a request shows that. refusal: the answer to one that has
    expired. stores: the request by which an object gets its name. renewal: what the user is told to do."""

    options: Callable[[str], dict[str, str]]
    shown: Callable[[str], str]
    refusal: Answer
    stores: str
    renewal: str


KINDS = {
    "http": Kind(
        lambda token: {"auth": "basic", "user": "ada", "password": token},
        lambda token: "Basic " + base64.b64encode(f"ada:{token}".encode()).decode(),
        Answer(401),
        "PUT",
        "hint: set new ones: dvc remote modify --local storage password <password>",
    ),
    "webdav": Kind(
        lambda token: {"token": token},
        lambda token: f"Bearer {token}",
        Answer(401, headers=(("WWW-Authenticate", 'Bearer error="invalid_token"'),)),
        "MOVE",
        "hint: set new ones: dvc remote modify --local storage token <token>",
    ),
    "s3": Kind(
        lambda token: {"session_token": token},
        lambda token: token,
        s3_error(400, "ExpiredToken"),
        "PUT",
        "hint: get new ones, and set all three: dvc remote modify --local storage access_key_id, secret_access_key",
    ),
}


def expire_after(gate: Gate, kind: Kind, method: str, times: int) -> None:
    """The old token is good until so many requests of that method have gone well."""

    def answer(asked: Asked) -> Answer | None:
        shown = asked.headers.get("x-amz-security-token", asked.headers.get("authorization"))
        if shown == kind.shown(OLD) and len(objects(gate, method)) >= times:
            return kind.refusal
        return None if shown in (kind.shown(OLD), kind.shown(NEW)) else Answer(403)

    gate.answer = answer


def objects(gate: Gate, method: str) -> list[str]:
    """The paths of objects that were moved by requests with this method."""
    return [path for path in gate.done(method) if "/files/md5/" in path and "?" not in path]


@pytest.mark.parametrize("places", KINDS, indirect=True)
class TestInTheMiddle:
    def test_of_a_push(self, places: Callable[[], Far], make_world: MakeWorld, request: pytest.FixtureRequest) -> None:
        kind = KINDS[request.node.callspec.params["places"]]
        far = places()
        world = make_world("path", far, shared=False)
        with http_gate(far.port) as gate:
            expire_after(gate, kind, kind.stores, 2)
            far.configure(world.project, gate.port, kind.options(OLD))
            done = PUSH.run(world)
            assert done.code == 1
            assert_told(done.stderr, kind)
            assert [*world.wrongs(temporary_files=True)] == []
            assert len([oid for oid in oids(world.storage) if not oid.endswith(".tmp")]) == 2
            far.configure(world.project, gate.port, kind.options(NEW))
            again = PUSH.run(world)
            assert again.code == 0, again.stderr
            assert PUSH.gaps(world) == []
            assert len(objects(gate, kind.stores)) == len(world.seed.objects), "an object has gone twice"

    def test_of_a_fetch(self, places: Callable[[], Far], make_world: MakeWorld, request: pytest.FixtureRequest) -> None:
        kind = KINDS[request.node.callspec.params["places"]]
        far = places()
        far.fill(make_world(shared=True).storage)
        world = make_world("path", far, shared=True)
        world.forget_directory()
        with http_gate(far.port) as gate:
            expire_after(gate, kind, "GET", 3)
            far.configure(world.bob, gate.port, kind.options(OLD))
            done = FETCH.run(world)
            assert done.code != 0
            assert_told(done.stderr, kind)
            assert [*world.wrongs(temporary_files=False)] == []
            far.configure(world.bob, gate.port, kind.options(NEW))
            again = FETCH.run(world)
            assert again.code == 0, again.stderr
            assert FETCH.gaps(world) == []
            files = [path for path in objects(gate, "GET") if not path.endswith(".dir")]
            assert len(files) == len(set(files)), "a file has come twice"


def assert_told(said: str, kind: Kind) -> None:
    assert "the credentials have expired" in said
    assert kind.renewal in said
    assert AGAIN in said
    assert OLD not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("places", ["azure"], indirect=True)
def test_a_signature_of_azure_that_is_over_is_told_by_its_date(
    places: Callable[[], Far], make_world: MakeWorld
) -> None:
    """Azure tells it in the same words as a wrong key."""
    from azure.storage.blob import generate_container_sas

    far = places()
    world = make_world("path", far, shared=False)
    container = far.at(None).url.partition("://")[2]

    def configure(expires: timedelta) -> None:
        until = datetime.now(timezone.utc) + expires
        begin = until - timedelta(days=2)
        sas = generate_container_sas(AZURE_ACCOUNT, container, AZURE_KEY, None, "racwl", expiry=until, start=begin)
        endpoint = f"http://127.0.0.1:{far.port}/{AZURE_ACCOUNT}"
        string = f"BlobEndpoint={endpoint};AccountName={AZURE_ACCOUNT};SharedAccessSignature={sas}"
        far.configure(world.project, None, {"connection_string": f"'{string}'"})

    configure(timedelta(hours=-1))
    done = PUSH.run(world)
    assert done.code == 1
    assert "the credentials have expired: status 403" in done.stderr
    assert "hint: get new ones: dvc remote modify --local storage sas_token <token>" in done.stderr
    assert "sig=" not in done.stderr
    configure(timedelta(hours=1))
    assert PUSH.run(world).code == 0
    assert PUSH.gaps(world) == []


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


def failures(remote: Remote, folder: Path) -> list[RemoteError]:
    """Of each thing that can be asked of it."""
    found = []
    key = key_of(b"a")
    for ask in (
        lambda: remote.exists([key]),
        lambda: [outcome.error for outcome in remote.upload(uploads_of(folder, [b"a"]))],
        lambda: [outcome.error for outcome in remote.download([Download(key, str(folder / "t"))])],
    ):
        try:
            found += [error for error in ask() if isinstance(error, RemoteError)]
        except RemoteError as error:
            found.append(error)
    remote.close()
    return found


@pytest.mark.parametrize(
    ("answer", "kind", "cause", "hint"),
    [
        (s3_error(403, "AccessDenied"), AccessDenied, "status 403 AccessDenied", "they need s3:ListBucket"),
        (s3_error(400, "ExpiredToken"), AccessDenied, "the credentials have expired: status 400 ExpiredToken", AGAIN),
        (s3_error(403, "RequestTimeTooSkewed"), AccessDenied, "the clock of this machine differs", "set the clock"),
        (
            s3_error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
            RemoteMissing,
            "the bucket is in another region, eu-west-1",
            "dvc remote modify storage region eu-west-1",
        ),
        (s3_error(301, "PermanentRedirect"), RemoteMissing, "in another region", "modify storage region <region>"),
        (s3_error(404, "NoSuchBucket"), RemoteMissing, "NoSuchBucket", "make the bucket, or name the right one"),
    ],
    ids=lambda value: None if isinstance(value, (Answer, str)) else value.__name__,
)
def test_what_s3_refuses_is_told_apart_also_where_a_head_has_no_body(
    server: Recorder, tmp_path: Path, answer: Answer, kind: type[RemoteError], cause: str, hint: str
) -> None:
    server.answer = lambda asked: answer
    keys = {"access_key_id": "k", "secret_access_key": "s", "session_token": "t", "region": "us-east-1"}
    remote = Config("s3://bucket/x", {"endpointurl": f"http://127.0.0.1:{server.port}", **keys}).open()
    errors = failures(remote, tmp_path)
    assert len(errors) == 3
    for error in errors:
        assert isinstance(error, kind), error
        assert cause in error.message
        assert any(hint in words for words in error.hints), error.hints


def test_a_login_at_google_that_is_over_is_told(server: Recorder, tmp_path: Path) -> None:
    body = json.dumps({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}).encode()
    server.answer = lambda asked: Answer(400, body, (("Content-Type", "application/json"),))
    key = service_account(tmp_path / "key", server.port)
    place = {"endpointurl": f"http://127.0.0.1:{server.port}", "credentialpath": str(key)}
    errors = failures(Config("gs://bucket/x", place).open(), tmp_path)
    assert len(errors) == 3
    for error in errors:
        assert isinstance(error, AccessDenied)
        assert "the login has expired, or was withdrawn" in error.message
        assert "gcloud auth application-default login" in error.hints[0]
