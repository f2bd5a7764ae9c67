"""The options of a DVC remote: each is taken by the kind that honours it, and what nobody took is refused.

An option that is silently ignored could send data to the wrong place or in the clear. So a kind takes what it knows,
one call an option, and ends with `done()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dvcexp.concealed import conceal
from dvcexp.errors import ConfigError, printable
from dvcexp.remotes.base import RemoteError, UnsupportedOption

if TYPE_CHECKING:
    from urllib.parse import SplitResult  # imported where there is a URL: a folder needs none of it

# Where the user of the URL is a plain name; elsewhere it may be a token.
_NAMED_USERS = {"ssh", "hdfs", "webhdfs"}


_SECRETS = {
    *("password", "passphrase", "token", "secret_access_key", "session_token", "sse_customer_key", "account_key"),
    *("sas_token", "connection_string", "client_secret", "oss_key_secret", "gdrive_client_secret"),
}


def split(url: str) -> SplitResult:
    """The parts of `url`; all of them empty for a text that is no URL (`http://[`)."""
    from urllib.parse import SplitResult, urlsplit

    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def without_secrets(url: str) -> str:
    """`url` as it may be shown: no password, no query (shared access signatures), no user that could be a token."""
    if "://" not in url:
        return url
    from urllib.parse import urlunsplit

    parts = split(url)
    if not parts.scheme:
        return f"{url.partition('://')[0]}://..."
    user, at, host = parts.netloc.rpartition("@")
    keep = f"{user.split(':', 1)[0]}@" if at and parts.scheme in _NAMED_USERS else ""
    return urlunsplit((parts.scheme, keep + host, parts.path, "", ""))


class Options:
    """The options of the remote `name`, as text from DVC's config. `url` is made safe to print."""

    def __init__(self, name: str, url: str, values: Mapping[str, str]) -> None:
        self.name = name
        self.url = without_secrets(url)
        self._given = values
        conceal(*(values[key] for key in _SECRETS & values.keys()))
        if "://" in url:
            parts = split(url)
            conceal(parts.password)
            if parts.password is None and parts.scheme not in _NAMED_USERS:
                conceal(parts.username)
        self._left = dict(values)

    def text(self, key: str) -> str | None:
        """The value, None where it is not set or empty."""
        return self._left.pop(key, None) or None

    def peek(self, key: str) -> str | None:
        """The value, without taking it."""
        return self._left.get(key) or None

    def named(self, key: str) -> bool:
        """Is it set, taken or not?"""
        return bool(self._given.get(key))

    def flag(self, key: str, default: bool = False) -> bool:
        """`true` or `false` in any case: DVC accepts no other words."""
        value = self.text(key)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise self.invalid(key, value, "true or false")
        return value.lower() == "true"

    def count(self, key: str) -> int | None:
        """A whole number of at least 1."""
        value = self.text(key)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            raise self.invalid(key, value, "a whole number above 0")
        return int(value)

    def seconds(self, key: str) -> float | None:
        """A length of time; 0 means no limit where the kind has such a thing."""
        value = self.text(key)
        if value is None:
            return None
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < float("inf"):
            raise self.invalid(key, value, "a number of seconds")
        return seconds

    def flag_or_path(self, key: str) -> bool | str:
        """As `ssl_verify`: true (also when not set), false, or the path of a file with CA certificates."""
        value = self.text(key)
        if value is None or value.lower() in ("true", "false"):
            return value is None or value.lower() == "true"
        return value

    def invalid(self, key: str, value: str, wanted: str) -> ConfigError:
        """The error for a value that means nothing. Not for options that hold a secret: the value is shown."""
        return ConfigError(
            f"DVC remote '{printable(self.name)}': option '{key}' is '{printable(value)}', not {wanted}",
            f"set it with: dvc remote modify {self.name} {key} <value>",
        )

    def unsupported(self, key: str, reason: str, *hints: str) -> UnsupportedOption:
        """The error for an option, or a value of it, that this kind cannot honour."""
        hints = hints or (f"if you can do without it: dvc remote modify --unset {self.name} {key}",)
        return UnsupportedOption(self.name, self.url, f"option '{key}' {reason}", *hints)

    def done(self) -> None:
        """Refuse what nobody took."""
        for key in sorted(self._left):
            raise self.unsupported(key, "is not supported for this kind of remote")


def bucket_and_prefix(given: Options, url: str, base: str) -> tuple[str, str]:
    """`<scheme>://<base>/<path>` as base and `<path>/`, or no path. As in DVC, one slash at its end does not count."""
    bucket, _, path = url.split("://", 1)[1].partition("/")
    path = path[:-1] if path.endswith("/") else path
    hint = f"correct it with: dvc remote modify {given.name} url <url>"
    if not bucket or "@" in bucket:
        raise RemoteError(given.name, given.url, f"the URL does not name a {base}", hint)
    if path and any(part in ("", ".", "..") for part in path.split("/")):
        raise RemoteError(given.name, given.url, "the URL has an empty part, '.' or '..' in its path", hint)
    return bucket, path and f"{path}/"
