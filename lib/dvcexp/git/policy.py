"""May a URL inside ours be used? Git asks that only of `dvcexp` itself; what is nested is our duty.

The rule is Git's (transport.c is_transport_allowed): GIT_ALLOW_PROTOCOL alone if it is set, else
`protocol.<name>.allow`, else `protocol.allow`, else a default by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from dvcexp.errors import DvcexpError, printable

_DEFAULTS = {"http": "always", "https": "always", "git": "always", "ssh": "always", "ext": "never"}


class Config(Protocol):
    """The part of `git.repository.GitConfig` that is needed here."""

    def get(self, key: str) -> str | None:
        """The value of `key` that counts."""


class TransportRefused(DvcexpError):
    """Git's policy forbids this transport."""

    exit_code = 128

    def __init__(self, transport: str) -> None:
        super().__init__(f"transport '{printable(transport)}' not allowed")
        self.transport = transport


def check(transport: str, config: Config, environ: Mapping[str, str]) -> None:
    """TransportRefused unless the user's configuration lets `transport` be used here."""
    allowed = environ.get("GIT_ALLOW_PROTOCOL")
    if allowed is not None:
        if transport not in allowed.split(":"):
            raise TransportRefused(transport)
        return
    choice = _choice(transport, config)
    if choice == "never" or (choice == "user" and not _from_user(environ)):
        raise TransportRefused(transport)


def _choice(transport: str, config: Config) -> str:
    for key in (f"protocol.{transport}.allow", "protocol.allow"):
        value = config.get(key)
        if value is not None:
            if value.lower() not in ("always", "never", "user"):
                raise DvcexpError(f"unknown value for config '{printable(key)}': {printable(value)}")
            return value.lower()
    return _DEFAULTS.get(transport, "user")


def _from_user(environ: Mapping[str, str]) -> bool:
    """Did the user type this URL? Git clears the variable where the URL comes from a repository (submodules)."""
    return environ.get("GIT_PROTOCOL_FROM_USER", "1").lower() not in ("0", "false", "no", "off", "")
