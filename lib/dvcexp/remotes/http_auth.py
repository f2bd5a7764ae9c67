"""Who we are to a web server: DVC's options of HTTP and WebDAV remotes as `requests` authentication.

Every class here keeps its secret out of its repr.
"""

from __future__ import annotations

import base64
import subprocess
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from dvcexp.concealed import conceal
from dvcexp.errors import ConfigError, printable
from dvcexp.remotes.base import AccessDenied
from dvcexp.remotes.options import Options
from dvcexp.remotes.prompt import ask_password


@dataclass(frozen=True)
class HeaderAuth(AuthBase):
    """The secret in a header of the server's choice, as DVC's `custom_auth_header` has it."""

    header: str
    value: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self.header] = self.value
        return request


class CommandAuth(AuthBase):
    """A bearer token that a command prints; the command runs again once the server refuses the token.

    Shared by threads: one runs the command, the others wait for its answer.
    """

    def __init__(self, remote: str, command: str, timeout: float | None) -> None:
        self._remote = printable(remote)
        self._command = command
        self._timeout = timeout
        self._token: str | None = None
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        with self._lock:
            if self._token is None:
                self._token = self._run()
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def expire(self, used: str | None) -> None:
        """The server refused the Authorization header `used`: the next request gets another token."""
        with self._lock:
            if used == f"Bearer {self._token}":
                self._token = None

    def _run(self) -> str:
        try:
            # DVC's option is a shell command line. It comes from a config that the user wrote: `dvc.config` drops it
            # from a config that was fetched.
            done = subprocess.run(
                ["sh", "-c", self._command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=self._timeout
            )
        except subprocess.TimeoutExpired:
            raise ConfigError(f"DVC remote '{self._remote}': its 'bearer_token_command' did not end in time") from None
        token = done.stdout.decode("ascii", "replace").strip()
        if done.returncode or not token:
            raise ConfigError(
                f"DVC remote '{self._remote}': its 'bearer_token_command' gave no token (exit code {done.returncode})",
                "run the command yourself to see why",
            )
        conceal(token)
        return token


def renewal(auth: AuthBase, remote: str) -> str:
    """The next step where these credentials are no longer good."""
    if isinstance(auth, CommandAuth):
        return "see what its bearer_token_command gives: run it yourself"
    option = "token" if isinstance(auth, HeaderAuth) and auth.header == "Authorization" else "password"
    return f"set new ones: dvc remote modify --local {remote} {option} <{option}>"


def basic(user: str, password: str) -> HTTPBasicAuth:
    """Basic authentication; text that Latin-1 cannot carry goes as UTF-8."""
    try:
        pair = user.encode("latin-1"), password.encode("latin-1")
    except UnicodeEncodeError:
        pair = user.encode(), password.encode()
    conceal(password, base64.b64encode(b":".join(pair)).decode())
    return HTTPBasicAuth(*pair)


def http_auth(url: str, options: Options) -> AuthBase | None:
    """The authentication that the options of an HTTP remote ask for; `url` is the real one.

    Without `auth`, DVC ignores `user`, `password` and `custom_auth_header`. Who sets them means them: a user is taken
    for `basic`, a header for `custom`. Where nothing is set, ~/.netrc is asked, as DVC does.
    """
    parts = urlsplit(url)
    method = (options.text("auth") or "").lower()
    user = options.text("user") or unquote(parts.username or "") or None
    header = options.text("custom_auth_header")
    password = options.text("password") or unquote(parts.password or "") or None
    ask = options.flag("ask_password")
    if not method:
        method = "custom" if header else "basic" if user else ""
    if not method:
        if password is not None or ask:
            raise _lacks(options, "password", "a 'user' or a 'custom_auth_header'", "user <user>")
        return netrc_auth(url)
    if method == "custom":
        if header is None:
            raise _lacks(options, "auth = custom", "a 'custom_auth_header'", "custom_auth_header <header>")
        return HeaderAuth(header, password or asked(options, parts.hostname, header, ask))
    if method not in ("basic", "digest"):
        raise options.invalid("auth", method, "basic, digest or custom")
    if user is None:
        raise _lacks(options, f"auth = {method}", "a 'user'", "user <user>")
    password = password or asked(options, parts.hostname, user, ask)
    return HTTPDigestAuth(user, password) if method == "digest" else basic(user, password)


def webdav_auth(url: str, options: Options, timeout: float | None) -> AuthBase | None:
    """As DVC: the token command, else the token, else user and password, else the custom header, else ~/.netrc."""
    parts = urlsplit(url)
    command, token = options.text("bearer_token_command"), options.text("token")
    user = options.text("user") or unquote(parts.username or "") or None
    header = options.text("custom_auth_header")
    password = options.text("password") or unquote(parts.password or "") or None
    ask = options.flag("ask_password")
    if command is not None:
        return CommandAuth(options.name, command, timeout)
    if token is not None:
        return HeaderAuth("Authorization", f"Bearer {token}")
    if user is not None:
        return basic(user, password or asked(options, parts.hostname, user, ask))
    if header is not None:
        return HeaderAuth(header, password or asked(options, parts.hostname, header, ask))
    if password is not None or ask:
        raise _lacks(options, "password", "a 'user' or a 'custom_auth_header'", "user <user>")
    return netrc_auth(url)


def netrc_auth(url: str) -> AuthBase | None:
    """What ~/.netrc (or $NETRC) has for the host."""
    found: Any = requests.utils.get_netrc_auth(url)
    return basic(*found) if found else None


def asked(options: Options, host: str | None, user: str, ask: bool) -> str:
    """The password that is missing from the config, from the user if `ask`."""
    hint = f"dvc remote modify --local {options.name} password <password>"
    if not ask:
        raise ConfigError(
            f"DVC remote '{printable(options.name)}': a password is needed for '{printable(user)}'",
            f"set it with: {hint}",
            f"or be asked for it: dvc remote modify --local {options.name} ask_password true",
        )
    protocol = options.url.partition("://")[0].replace("webdav", "http")
    password = ask_password(protocol, host or "", user)
    if password is None:
        cause = f"no password for '{user}': there is nobody to ask"
        raise AccessDenied(options.name, options.url, cause, f"set it with: {hint}")
    return password


def _lacks(options: Options, what: str, needed: str, example: str) -> ConfigError:
    return ConfigError(
        f"DVC remote '{printable(options.name)}': '{what}' needs {needed}",
        f"set it with: dvc remote modify {options.name} {example}",
    )
