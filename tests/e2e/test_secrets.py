"""Credentials appear in nothing that is written or started: messages, traces, arguments, environments, files, reports.

strace shows every program that starts, with its arguments and environment, and every byte that goes into a file, a
temporary one too. That the secrets were used all the same is seen on the server.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.support.cloud_servers import service_account
from tests.support.http_recorder import Answer, Asked, Recorder, recorder
from tests.support.patches import patch, shorten_backoff
from tests.support.sharing import Sharing
from tests.support.shell import sh, write_program
from tests.support.storage_servers import PASSWORD, USER, rclone_sftp

SECRET = "hunter2/+s3cret"
ACCOUNT_KEY = base64.b64encode(SECRET.encode() * 3).decode()
ENCRYPTION_KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Kind(NamedTuple):
    """options: of the DVC remote, with places to fill in. secrets: what they hold. shown: which the server gets to see,
    as it appears in a request's headers."""

    options: str
    secrets: tuple[str, ...] = (SECRET,)
    shown: str = SECRET


HTTP, WEBDAV = "url = http://127.0.0.1:{port}/x\n", "url = webdav://127.0.0.1:{port}/x\n"
BASIC = base64.b64encode(f"ada:{SECRET}".encode()).decode()
S3 = """url = s3://box/x
endpointurl = http://127.0.0.1:{port}
region = r
access_key_id = AK
secret_access_key = '{secret}'
session_token = 'session-{secret}'
sse_customer_key = {encryption}
"""
AZURE = """url = azure://box/x
connection_string = 'AccountName=ada;AccountKey={account};BlobEndpoint=http://127.0.0.1:{port}/ada;'
"""
KINDS = {
    "http basic": Kind(f"{HTTP}auth = basic\nuser = ada\npassword = '{{secret}}'\n", shown=BASIC),
    "http custom": Kind(f"{HTTP}auth = custom\ncustom_auth_header = X-Key\npassword = '{{secret}}'\n"),
    "http url": Kind("url = http://ada:{quoted}@127.0.0.1:{port}/x\n", shown=BASIC),
    "webdav token": Kind(f"{WEBDAV}token = '{{secret}}'\n"),
    "webdav command": Kind(f"{WEBDAV}bearer_token_command = cat '{{file}}'\n"),
    "webdav asked": Kind(f"{WEBDAV}user = ada\nask_password = true\n", shown=BASIC),
    "s3": Kind(S3, (SECRET, ENCRYPTION_KEY)),
    "azure key": Kind(AZURE, (ACCOUNT_KEY,), shown="SharedKey ada:"),
    "gs": Kind("url = gs://box/x\nendpointurl = http://127.0.0.1:{port}\ncredentialpath = {google}\n"),
}


class Watched(NamedTuple):
    """What a command said, and what strace saw it and all its children do."""

    said: str
    calls: list[str]

    def leaks(self, secrets: tuple[str, ...]) -> list[str]:
        """Where one of `secrets` stands: in what was said, as an argument or variable, in a file."""
        words = [word for secret in secrets for word in spellings(secret)]
        said = [line for line in self.said.splitlines() if any(word in line for word in words)]
        return said + [call for call in self.calls if any(word in call for word in words)]


def spellings(secret: str) -> list[str]:
    """As it is, in a URL, and as Basic authentication packs it."""
    return [secret, quote(secret, safe=""), base64.b64encode(f"ada:{secret}".encode()).decode()]


# Bytes that go to a file, or a program that starts; pipes and sockets are how secrets reach whom they are for.
_NOTABLE = re.compile(r"\d+ +(?:(?:write|pwrite64|writev|pwritev)\(\d+<(?!/dev/(?:null|tty))/|execve\(.* = 0\Z)")


def watch(log: Path, *argv: str | Path, cwd: Path) -> Watched:
    """Run `argv` under strace."""
    tracer = ["strace", "-f", "-qq", "-y", "-v", "-s", "1000000", "-e", "trace=execve,write,pwrite64,writev,pwritev"]
    done = subprocess.run([*tracer, "-o", log, *map(str, argv)], cwd=cwd, capture_output=True, check=False, timeout=240)
    calls = log.read_text(errors="replace").splitlines()
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert "strace:" not in said, said
    return Watched(said, [call for call in calls if _NOTABLE.match(call)])


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


@pytest.fixture
def sharing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sharing:
    monkeypatch.setenv("DVCEXP_TRACE", str(tmp_path / "trace"))
    monkeypatch.setenv("GIT_ASKPASS", str(write_program(tmp_path / "ask", f"#!/bin/sh\ncat {tmp_path}/file\n")))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    shorten_backoff(tmp_path, monkeypatch)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "file").write_text(SECRET)
    return Sharing(tmp_path, helper=True)


def configure(sharing: Sharing, kind: Kind, port: int) -> None:
    file, google = sharing.base / "file", sharing.base / "google"
    if "{google}" in kind.options:
        service_account(google, port)
    values = {"secret": SECRET, "quoted": quote(SECRET, safe=""), "account": ACCOUNT_KEY, "encryption": ENCRYPTION_KEY}
    options = kind.options.format(port=port, file=file, google=google, **values)
    (sharing.alice / ".dvc" / "config.local").write_text(f"['remote \"storage\"']\n{options}")


def echo(status: int) -> Callable[[Asked], Answer]:
    """The worst of servers: its answers quote all that it was sent. As Google it first gives a token."""

    def answer(asked: Asked) -> Answer:
        if asked.path == "/token":
            token = {"access_token": SECRET, "expires_in": 3600, "token_type": "Bearer"}
            return Answer(200, json.dumps(token).encode(), (("Content-Type", "application/json"),))
        headers = " ".join(f"{name}={value}" for name, value in asked.headers.items())
        return Answer(status, headers.encode(), reason=headers[:2000])

    return answer


COMMANDS = (
    ("git", "push", "origin", "refs/exps/*"),
    ("git", "exp", "status"),
    ("git", "exp", "env"),
    ("git", "exp", "pull", "-A", "origin"),
    ("git", "exp", "fsck", "--remote"),
)


@pytest.mark.parametrize("status", [200, 403, 500])
@pytest.mark.parametrize("name", KINDS)
def test_what_a_remote_is_told_stays_with_it(
    sharing: Sharing, server: Recorder, tmp_path: Path, name: str, status: int
) -> None:
    kind = KINDS[name]
    configure(sharing, kind, server.port)
    server.answer = echo(status)
    leaks = []
    for command in COMMANDS[: 2 if status == 500 else None]:
        leaks += watch(tmp_path / "strace", *command, cwd=sharing.alice).leaks(kind.secrets)
    assert leaks == []
    assert any(kind.shown in " ".join(asked.headers.values()) for asked in server.asked)
    own = {sharing.alice / ".dvc" / "config.local", *(tmp_path / name for name in ("file", "google", "strace"))}
    words = [word.encode() for secret in kind.secrets for word in spellings(secret)]
    for path in tmp_path.rglob("*"):
        if path.is_file() and path not in own:
            content = path.read_bytes()
            assert not any(word in content for word in words), path
    assert (tmp_path / "trace").exists()


def test_a_password_for_ssh_reaches_ssh_alone(
    sharing: Sharing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tmp_path / "known_hosts"
    (tmp_path / "rclone").mkdir()
    with rclone_sftp(tmp_path / "rclone") as far:
        write_program(
            tmp_path / "bin" / "ssh",
            f'#!/bin/sh\nexec /usr/bin/ssh -F none -oUserKnownHostsFile={known} -oStrictHostKeyChecking=no "$@"\n',
        )
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        (sharing.alice / ".dvc" / "config.local").write_text(
            f"['remote \"storage\"']\nurl = ssh://{USER}@127.0.0.1:{far.port}/x\npassword = {PASSWORD}\n"
        )
        watched = watch(tmp_path / "strace", "git", "push", "origin", "refs/exps/*", cwd=sharing.alice)
        assert "uploaded" in watched.said
        assert watched.leaks((PASSWORD,)) == []


def test_a_report_of_a_fault_of_ours_has_no_secret(sharing: Sharing, server: Recorder, tmp_path: Path) -> None:
    """The exception quotes the secret in a way that no pattern could know."""
    configure(sharing, KINDS["http basic"], server.port)
    broken = tmp_path / "broken"
    broken.mkdir()
    env = patch(
        broken,
        "import dvcexp.remotes.http_client as module\n"
        "def fail(self, method, key, **_):\n"
        "    raise RuntimeError(f'<<{self._session.auth.password}>>')\n"
        "module.HttpClient.request = fail\n",
    )
    done = sh("git", "push", "origin", "refs/exps/*", cwd=sharing.alice, check=False, env=env)
    report = (sharing.alice / ".git" / "dvcexp" / "report.md").read_text()
    assert "RuntimeError" in done.stderr
    assert "RuntimeError" in report
    assert SECRET not in done.stderr + report


def test_what_leaks_is_seen(tmp_path: Path) -> None:
    """As an argument, in the environment, in a file that is gone afterwards, on the terminal."""
    script = f"X={SECRET} true; true {SECRET}; echo {SECRET} >gone; rm gone; cat {tmp_path}/file"
    (tmp_path / "file").write_text(f"{SECRET}\n")
    write_program(tmp_path / "script", script)
    watched = watch(tmp_path / "strace", "sh", "script", cwd=tmp_path)
    assert len(watched.leaks((SECRET,))) == 2  # `true` and `echo` are the shell's own
    watched = watch(tmp_path / "strace", "env", f"X={SECRET}", "env", "true", SECRET, cwd=tmp_path)
    assert len(watched.leaks((SECRET,))) == 3
