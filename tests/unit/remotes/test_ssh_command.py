"""DVC's options become the ssh command that a user would have typed; ssh's last words become our errors."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dvcexp.remotes.askpass import Askpass
from dvcexp.remotes.base import AccessDenied, RemoteError, RemoteUnavailable, Untrusted
from dvcexp.remotes.options import Options
from dvcexp.remotes.sftp_channel import Lost
from dvcexp.remotes.ssh_command import Place, SshCommand, failure, parse_url, ssh_command


def command(url: str, **options: str) -> SshCommand:
    return ssh_command(parse_url(url), Options("storage", url, options))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("ssh://Host/p/q", Place("Host", None, None, None, "/p/q")),
        ("ssh://ada@host:2222/p", Place("host", "ada", None, "2222", "/p")),
        ("ssh://ada:p%40ss@host/", Place("host", "ada", "p@ss", None, "/")),
        ("ssh://host", Place("host", None, None, None, "")),
        ("ssh://[::1]:22/p", Place("::1", None, None, "22", "/p")),
    ],
)
def test_a_url_in_its_parts(url: str, place: Place) -> None:
    assert parse_url(url) == place


def test_only_what_the_config_sets_becomes_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "1")
    always = command("ssh://host/p").argv[:7]
    assert command("ssh://host/p").argv == (*always, "-s", "--", "host", "sftp")
    assert command("ssh://a@host:1/p", user="b", port="2").argv == (
        *(*always, "-p", "2", "-l", "b"),
        *("-s", "--", "host", "sftp"),
    )
    key = tmp_path / "key"
    key.touch()
    assert command("ssh://host/p", keyfile=str(key), gss_auth="true", allow_agent="false", timeout="30").argv == (
        *(*always, "-oIdentitiesOnly=yes", "-oConnectTimeout=30", "-oGSSAPIAuthentication=yes"),
        *("-oIdentityAgent=none", "-i", str(key), "-s", "--", "host", "sftp"),
    )
    assert command("ssh://a@host:1/p").login == "ssh -p 1 -l a host"


def test_without_a_terminal_ssh_does_not_wait_for_one() -> None:
    """GIT_TERMINAL_PROMPT=0, as in every test."""
    assert "-oBatchMode=yes" in command("ssh://host/p").argv
    assert "-oBatchMode=yes" not in command("ssh://host/p", password="x").argv


def test_secrets_are_told_to_our_own_ssh_and_once() -> None:
    respond = command("ssh://ada@host/p", password="pass", passphrase="phrase").responder()
    assert respond is not None
    assert respond(False, "ada@between's password: ") is None, "a host between asks"
    assert respond(True, "Are you sure you want to continue connecting (yes/no/[fingerprint])? ") is None
    assert respond(True, "Enter passphrase for key '/k': ") == "phrase"
    assert respond(True, "ada@host's password: ") == "pass"
    assert respond(True, "ada@host's password: ") is None
    again = command("ssh://ada:pass@host/p").responder()
    assert again is not None
    assert again(True, "(ada@host) Password: ") == "pass"
    assert command("ssh://host/p").responder() is None


@pytest.mark.parametrize(
    ("said", "connected", "kind"),
    [
        (["ada@host: Permission denied (publickey)."], False, AccessDenied),
        (["Received disconnect from ::1: 2: Too many authentication failures"], False, AccessDenied),
        (["No ED25519 host key is known", "Host key verification failed."], False, Untrusted),
        (["ssh: connect to host h port 22: Connection refused"], False, RemoteUnavailable),
        (["ssh: Could not resolve hostname h: Name or service not known"], False, RemoteUnavailable),
        (["kex_exchange_identification: Connection closed by remote host"], False, RemoteUnavailable),
        ([], False, RemoteUnavailable),
        (["Timeout, server h not responding."], True, RemoteUnavailable),
        (["subsystem request failed on channel 0"], False, RemoteError),
        (["/home/ada/.ssh/config: line 1: Bad configuration option: hots"], False, RemoteError),
    ],
)
def test_the_last_words_of_ssh_tell_what_is_the_matter(said: list[str], connected: bool, kind: type) -> None:
    ssh = command("ssh://host/p")
    error = failure("storage", "ssh://host/p", ssh, Lost("the connection ended", said, connected=connected))
    assert type(error) is kind
    assert error.hints[0].endswith("ssh host")
    assert not said or said[-1] in error.message


def test_the_askpass_program_brings_the_answer_of_this_process() -> None:
    import os
    import threading

    questions: list[tuple[int, str]] = []

    def respond(asker: int, question: str) -> str | None:
        questions.append((asker, question))
        return "s3cret é" if "password" in question else None

    askpass = Askpass(respond)
    answering = threading.Thread(target=lambda: (askpass.answer_one(), askpass.answer_one()))
    answering.start()
    environment = {**os.environ, **askpass.environment}
    program = askpass.environment["SSH_ASKPASS"]
    told = subprocess.run([program, "the password: "], env=environment, capture_output=True)
    refused = subprocess.run([program, "something else"], env=environment, capture_output=True)
    answering.join()
    assert (told.returncode, told.stdout.decode()) == (0, "s3cret é\n")
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert questions == [(os.getpid(), "the password: "), (os.getpid(), "something else")]
    folder = Path(program).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    askpass.close()
    assert not folder.exists()
