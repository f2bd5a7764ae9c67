"""DVC's options of an SSH remote -> the `ssh` command that the user would have typed, and what its failures mean.

OpenSSH does all of it: ~/.ssh/config, agents, ProxyJump, certificates, security keys, host keys. Only what DVC's config
sets is passed as an option, so everything else stays as the user has configured it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from dvcexp.errors import ConfigError, printable
from dvcexp.remotes.base import AccessDenied, RemoteError, RemoteUnavailable, Untrusted
from dvcexp.remotes.options import Options
from dvcexp.remotes.prompt import ask, may_ask_terminal
from dvcexp.remotes.sftp_channel import Lost

Respond = Callable[[bool, str], str | None]

# As sftp(1) does, so that nothing of the user's set-up for shells gets in the way: no terminal, no command of a
# `RemoteCommand` in place of SFTP, no forwarding that could fail or be abused by the server.
_ALWAYS = ("-x", "-a", "-T", "-oClearAllForwardings=yes", "-oPermitLocalCommand=no", "-oRemoteCommand=none")


class SshCommand(NamedTuple):
    """argv starts SFTP; login is what to type to try the same by hand.

    responder() makes who answers the questions of one connection; None leaves them to ssh.
    """

    argv: tuple[str, ...]
    login: str
    responder: Callable[[], Respond | None]


class Place(NamedTuple):
    """`ssh://user:password@host:port/path` in its parts. The host keeps its case: ssh_config's patterns see it."""

    host: str
    user: str | None
    password: str | None
    port: str | None
    path: str


def parse_url(url: str) -> Place:
    """The parts of `url`; an empty path is the folder where a login begins."""
    authority, slash, path = url.split("://", 1)[1].partition("/")
    who, _, where = authority.rpartition("@")
    user, _, password = who.partition(":")
    if where.startswith("["):
        host, _, port = where[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = where.partition(":")
    return Place(host, unquote(user) or None, unquote(password) or None, port or None, slash + path)


def ssh_command(place: Place, options: Options) -> SshCommand:
    """Takes the options of an SSH remote that concern the connection."""
    argv = ["ssh", *_ALWAYS]
    login = ["ssh"]
    if port := options.count("port") or place.port:
        login += ["-p", str(port)]
    user = options.text("user") or place.user
    if user:
        login += ["-l", user]
    if keyfile := options.text("keyfile"):
        keyfile = os.path.expanduser(keyfile)
        if not os.path.exists(keyfile):
            raise _config_error(options, f"option 'keyfile' names '{keyfile}', which does not exist", "keyfile <file>")
        login += ["-i", keyfile]
        argv.append("-oIdentitiesOnly=yes")  # as in DVC; an agent full of other keys would use up the attempts
    if (timeout := options.seconds("timeout")) is not None:
        argv.append(f"-oConnectTimeout={int(timeout)}")
    if options.flag("gss_auth"):
        argv.append("-oGSSAPIAuthentication=yes")
    if not options.flag("allow_agent", default=True):
        argv.append("-oIdentityAgent=none")
    options.count("max_sessions")  # a limit: one session is used
    host = place.host
    if not host or host.startswith("-") or (user or "").startswith("-") or not str(port or 1).isdigit():
        raise _config_error(options, "its url is not ssh://[<user>@]<host>[:<port>]/<path>", "url <url>")
    answers = _Answers(f"{user}@{host}" if user else host, place.password, options)
    if not answers and not may_ask_terminal():
        argv.append("-oBatchMode=yes")
    argv += [*login[1:], "-s", "--", host, "sftp"]
    return SshCommand(tuple(argv), " ".join([*login, host]), answers.responder)


class _Answers:
    """What DVC's config has to say to the questions of ssh. Without a secret in it, ssh asks as it always does."""

    def __init__(self, who: str, password: str | None, options: Options) -> None:
        self._who = who
        self._secrets = {"password": options.text("password") or password, "passphrase": options.text("passphrase")}
        self._asks = {kind for kind in self._secrets if options.flag(f"ask_{kind}")}

    def __bool__(self) -> bool:
        return bool(self._asks) or any(self._secrets.values())

    def responder(self) -> Respond | None:
        """Answers the questions of one connection.

        A secret is for the ssh that we started, not for one that ssh starts to reach a host between, and given once:
        if it is asked for again, it was wrong.
        """
        if not self:
            return None
        given: set[str] = set()

        def respond(ours: bool, question: str) -> str | None:
            kind = "passphrase" if "passphrase for" in question.lower() else "password"
            is_secret = question.rstrip().endswith(":")  # not "are you sure you want to continue connecting (yes/no)?"
            if not ours or not is_secret:
                return ask(question)
            if kind in given:
                return None
            given.add(kind)
            if secret := self._secrets[kind]:
                return secret
            if kind in self._asks and kind == "password":
                return ask(f"Password for 'ssh://{self._who}': ")
            return ask(question)

        return respond


def failure(name: str, url: str, command: SshCommand, lost: Lost) -> RemoteError:
    """What it means that a connection was not made or has ended, from what ssh and the server said about it."""
    said = [line for line in lost.said if not line.startswith(("Warning: Permanently added", "** "))]
    text = "\n".join(said)
    last = said[-1] if said else lost.cause
    by_hand = f"try it by hand: {command.login}"
    for signs, kind, hint in _MEANINGS:
        line = next((line for line in reversed(said) if any(sign in line for sign in signs)), None)
        if line is not None:
            return kind(name, url, line.strip(), f"{hint}: {command.login}")
    if not lost.connected and "sftp" not in lost.cause.lower() and any(sign in text for sign in _NETWORK):
        return RemoteUnavailable(name, url, last.strip(), by_hand)
    if lost.connected or not said:
        return RemoteUnavailable(name, url, f"{lost.cause}{f': {last.strip()}' if said else ''}", by_hand)
    return RemoteError(name, url, last.strip(), by_hand)


_MEANINGS: tuple[tuple[tuple[str, ...], type[RemoteError], str], ...] = (
    (
        ("Host key verification failed", "HOST IDENTIFICATION HAS CHANGED", "No matching host key"),
        Untrusted,
        "check the host's key and accept it once with",
    ),
    (
        ("Permission denied", "Too many authentication failures", "No supported authentication methods"),
        AccessDenied,
        "see whether you can log in with",
    ),
    (("subsystem request failed",), RemoteError, "the server offers no SFTP; ask its administrator, or look with"),
)
_NETWORK = (
    *("Connection refused", "Connection timed out", "Connection closed", "Connection reset", "Operation timed out"),
    *("No route to host", "Network is unreachable", "Could not resolve hostname", "kex_exchange_identification"),
    *("Broken pipe", "banner exchange", "Connection to", "client_loop"),
)


def _config_error(options: Options, what: str, example: str) -> ConfigError:
    return ConfigError(
        f"DVC remote '{printable(options.name)}': {printable(what)}",
        f"set it with: dvc remote modify {options.name} {example}",
    )
