"""What a Git URL means, read as Git reads it (connect.c parse_connect_url, transport.c transport_get). No I/O but one
look whether a local path is a bundle file."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from dvcexp.errors import DvcexpError, printable

if TYPE_CHECKING:
    from dvcexp.git.repository import GitConfig

PREFIX = "dvcexp::"
_SCHEME = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)://")
_HELPER = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)::")
_SSH_SCHEMES = ("ssh", "git+ssh", "ssh+git")
_BUNDLE_SIGNATURES = (b"# v2 git bundle\n", b"# v3 git bundle\n")


class UrlError(DvcexpError):
    """A URL that Git would refuse too, with its words and its exit code."""

    exit_code = 128


class LocalPath(NamedTuple):
    """A repository on this machine: a plain path or `file://`."""

    path: str

    @property
    def transport(self) -> str:
        """The name that Git's policy knows it by."""
        return "file"


class BundleFile(NamedTuple):
    """A file made by `git bundle`."""

    path: str

    @property
    def transport(self) -> str:
        """The name that Git's policy knows it by."""
        return "file"


class SshHost(NamedTuple):
    """host: with `user@` if the URL has it. path: as the far shell shall see it, once unquoted."""

    host: str
    port: str | None
    path: str

    @property
    def transport(self) -> str:
        """The name that Git's policy knows it by."""
        return "ssh"


class DaemonHost(NamedTuple):
    """A `git://` server. virtual_host: host and port as written in the URL, which is what the server is told."""

    host: str
    port: str
    path: str
    virtual_host: str

    @property
    def transport(self) -> str:
        """The name that Git's policy knows it by."""
        return "git"


class Helper(NamedTuple):
    """A URL for `git remote-<transport>`. url: without a `<transport>::` prefix."""

    transport: str
    url: str


Target = LocalPath | BundleFile | SshHost | DaemonHost | Helper


def parse(url: str) -> Target:
    """Where `url` leads. UrlError for what Git refuses: no path, or a host or path that begins with `-`."""
    while url.startswith(PREFIX):
        url = url.removeprefix(PREFIX)
    prefix = _HELPER.match(url)
    if prefix is not None:
        return Helper(prefix[1], url[prefix.end() :])
    scheme = _SCHEME.match(url)
    if scheme is None:
        return _local(url) if _is_local(url) else _scp_like(url)
    if scheme[1] in _SSH_SCHEMES:
        return _ssh(*_authority_and_path(url))
    if scheme[1] == "git":
        return _daemon(*_authority_and_path(url))
    if scheme[1] == "file":
        _, slash, path = _decode(url).removeprefix("file://").partition("/")  # Git passes over a host
        return LocalPath(_safe_path(slash + path, url))
    if scheme[1] == "dvcexp":
        raise UrlError(f"'{printable(url)}' names no transport", "write dvcexp::<url>, with the whole URL behind it")
    return Helper(scheme[1], url)


def rewrite(url: str, config: GitConfig) -> str:
    """`url` under the longest matching `url.<base>.insteadOf`, as Git does once."""
    changed, longest = url, ""
    for key, value in config.items():
        if (
            key.startswith("url.")
            and key.endswith(".insteadof")
            and url.startswith(value)
            and len(value) > len(longest)
        ):
            longest = value
            changed = key.removeprefix("url.").removesuffix(".insteadof") + url.removeprefix(value)
    return changed


def fetch_url(git_remote: str, config: GitConfig) -> str:
    """Where `git fetch <git remote>` goes, by name or URL: what `git ls-remote --get-url` prints."""
    urls = config.get_all(f"remote.{git_remote}.url")
    return rewrite(urls[0] if urls else git_remote, config)


def _is_local(url: str) -> bool:
    """As url_is_local_not_ssh: no colon, or a slash before the first one."""
    colon, slash = url.find(":"), url.find("/")
    return colon < 0 or 0 <= slash < colon


def _local(path: str) -> LocalPath | BundleFile:
    path = _safe_path(path, path)
    try:
        with open(path, "rb") as file:
            if file.readline(64) in _BUNDLE_SIGNATURES:
                return BundleFile(path)
    except OSError:
        pass
    return LocalPath(path)


def _scp_like(url: str) -> SshHost:
    colon = url.find(":", _bracket_end(url))
    if colon < 0:
        raise _no_path()
    path = url[colon + 1 :]
    return _ssh(url[:colon], path.removeprefix("/") if path.startswith("/~") else path, url)


def _authority_and_path(url: str) -> tuple[str, str, str]:
    """The part between `://` and the path, the path, and the URL."""
    rest = _decode(url).partition("://")[2]
    slash = rest.find("/", _bracket_end(rest))
    if slash < 0:
        raise _no_path()
    path = rest[slash:]
    return rest[:slash], path.removeprefix("/") if path.startswith("/~") else path, url


def _ssh(authority: str, path: str, url: str) -> SshHost:
    host, port = _split_port(authority)
    if port is None:
        inner, colon, number = host.partition(":")  # scp-like with a port: [host:port]:path
        if colon and _is_port(number):
            host, port = inner, number
    _refuse_option("hostname", host)
    return SshHost(host, port, _safe_path(path, url))


def _daemon(authority: str, path: str, url: str) -> DaemonHost:
    if "\n" in authority or "\n" in path:
        raise UrlError("newline is forbidden in git:// hosts and repo paths")
    host, port = _split_port(authority)
    _refuse_option("hostname", host)
    return DaemonHost(host, port or "9418", _safe_path(path, url), authority)


def _split_port(authority: str) -> tuple[str, str | None]:
    """Host without brackets, and the port. What follows a colon and is no number belongs to the host."""
    start = _bracket_start(authority)
    end = _bracket_end(authority)
    if end:
        host, rest = authority[:start] + authority[start + 1 : end], authority[end + 1 :]
        return host, rest[1:] if rest.startswith(":") and _is_port(rest[1:]) else None
    host, colon, port = authority.partition(":")
    if colon and (not port or _is_port(port)):
        return host, port or None
    return authority, None


def _bracket_start(text: str) -> int:
    return text.find("@[") + 1  # 0 where there is no user


def _bracket_end(text: str) -> int:
    """Where the closing bracket of an IPv6 address stands; 0 without one. Colons before it separate nothing."""
    start = _bracket_start(text)
    return max(text.find("]", start), 0) if text[start : start + 1] == "[" else 0


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 65536


def _decode(url: str) -> str:
    """Percent-decoding after the scheme, as url_decode: a `%` without two hex digits, and `%00`, stay as they are."""
    scheme, colon, rest = url.partition(":")

    def byte(match: re.Match[bytes]) -> bytes:
        return bytes([int(match[1], 16)])

    decoded = re.sub(rb"%(?!00)([0-9A-Fa-f]{2})", byte, os.fsencode(rest))
    return scheme + colon + os.fsdecode(decoded)


def _safe_path(path: str, url: str) -> str:
    if not path:
        raise _no_path()
    if path.startswith("-"):
        raise UrlError(f"strange pathname '{printable(path)}' blocked")
    if "\0" in path:
        raise UrlError(f"'{printable(url)}': a path cannot hold a null byte")
    return path


def _refuse_option(what: str, value: str) -> None:
    if value.startswith("-"):
        raise UrlError(f"strange {what} '{printable(value)}' blocked")


def _no_path() -> UrlError:
    return UrlError("no path specified; see 'git help pull' for valid url syntax")
