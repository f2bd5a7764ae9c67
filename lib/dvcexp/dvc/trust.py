"""What a repository may say of a DVC remote, and what only its user may.

`.dvc/config` comes with the repository, by clone or pull, and a commit's own with the commit: anybody may have written
them. They name places to read from and to write to, as in DVC. They neither run a command here, nor lead a secret of
the user's to a host that the user has not chosen. `config.local`, the user's file and the system's are the user's word.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, NamedTuple

from dvcexp.errors import printable

# machine: the user's file and the system's, which know remotes by name alone. local: `.dvc/config.local`, written with
# the repository in view. repository: `.dvc/config`. commit: a commit's `.dvc/config`.
Origin = Literal["machine", "local", "repository", "commit"]

# Secrets that whoever answers at the remote gets to see. Others prove something without being shown: keys that sign
# (S3, OSS, Azure accounts), private keys of ssh and TLS.
_SHOWN = ("password", "token", "sas_token", "bearer_token_command", "sse_customer_key")
_LEADING = ("url", "endpointurl", "proxy_to", "data_proxy_target")
# Files that may name commands (AWS: `credential_process`), or files to send and where to (Google: external accounts).
_POWERFUL_FILES = ("configpath", "credentialpath")


class Said(NamedTuple):
    """The value of an option, and who said it."""

    value: str
    origin: Origin


class Objection(NamedTuple):
    """Why a remote is not used as configured. keys: what the user has to say himself, to allow it."""

    reason: str
    keys: tuple[str, ...]


def objection(options: Mapping[str, Said], root: str | None) -> Objection | None:
    """What is to be said against the remote with these options, `url` among them; paths in them are absolute.

    root: the DVC root, where there is a work tree.
    """
    foreign = {key for key, said in options.items() if said.origin in ("repository", "commit")}
    if "bearer_token_command" in foreign:
        key = "bearer_token_command"
        return Objection(f"its {key} came with the repository, and would run here", (key,))
    for key in _POWERFUL_FILES:
        if key in foreign and root is not None and _is_inside(options[key].value, _top(root)):
            return Objection(f"its {key} is a file that came with the repository, and could run commands", (key,))
    if "endpointurl" in foreign and options["url"].value.startswith("gs://") and _shows_google_token(options):
        key = "endpointurl"
        where = _host(options[key].value)
        return Objection(f"its {key} came with the repository, and your Google token would go to '{where}'", (key,))
    leading = tuple(key for key in _LEADING if key in foreign)
    secret = next((key for key in _SHOWN if key in options and options[key].origin == "machine"), None)
    if leading and secret is not None:
        where = _host(options[leading[-1]].value)
        reason = f"its {leading[-1]} came with the repository, and your {secret} would go to '{where}'"
        return Objection(reason, leading)
    return None


def _top(root: str) -> str:
    """The folder whose files came with the repository: the Git work tree around a DVC root, as far as a look tells."""
    folder = root
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return root
        folder = parent
    return folder


def _is_inside(path: str, folder: str) -> bool:
    """By name, or by where links lead."""
    return any(
        resolve(path).startswith(os.path.join(resolve(folder), "")) for resolve in (os.path.abspath, os.path.realpath)
    )


def _shows_google_token(options: Mapping[str, Said]) -> bool:
    """Would whoever answers at the endpoint, which is not Google, get a token? Over plain http only that of a
    `credentialpath` is sent (remotes/gcs_auth.py)."""
    anonymous = options.get("allow_anonymous_login")
    scheme, host = _scheme_and_host(options["endpointurl"].value)
    if anonymous is not None and anonymous.value.lower() == "true":
        return False
    if scheme == "http":
        return "credentialpath" in options
    return not host.endswith(".googleapis.com")


def _scheme_and_host(url: str) -> tuple[str, str]:
    """Both empty for a text that is no URL; no host for a path."""
    from urllib.parse import urlsplit  # most configurations have nothing to object to

    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "")
    except ValueError:
        return "", ""


def _host(url: str) -> str:
    """The host of a URL, or what stands in its place, for a message: without user and password."""
    return printable(_scheme_and_host(url)[1] or url.rpartition("@")[2].rpartition("://")[2])
