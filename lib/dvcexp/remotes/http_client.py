"""HTTP as DVC remotes need it: one connection pool for all threads; every answer is good or one of our errors."""

from __future__ import annotations

import contextlib
import os
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from dvcexp.errors import ConfigError, printable
from dvcexp.remotes.base import (
    AccessDenied,
    CorruptTransfer,
    ObjectMissing,
    RemoteError,
    RemoteFull,
    RemoteUnavailable,
    Untrusted,
)
from dvcexp.remotes.http_auth import CommandAuth, renewal
from dvcexp.remotes.http_session import Sent, Session
from dvcexp.remotes.options import split, without_secrets

E = TypeVar("E", bound=RemoteError)

# "Busy", "later" and the like; 52x are those of a well-known proxy network for an origin that does not answer.
_LATER = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}
_DENIED = {401, 403, 407, 511}
_NOT_ALLOWED = {405, 501}

_WORTH_READING = 1 << 16
_CHUNK = 1 << 18


class MethodRefused(AccessDenied):
    """The server does not do this kind of request at this URL."""


class HttpClient:
    """Requests below the URL `base`, which is safe to print. Threads may share it.

    auth: who we are. verify: as `ssl_verify`. cert: client certificate, or certificate and key, as paths. timeout:
    seconds to connect, and to wait for the next bytes; None for no limit.
    """

    def __init__(
        self,
        name: str,
        base: str,
        *,
        jobs: int,
        auth: AuthBase | None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        timeout: tuple[float | None, float | None] = (60.0, 60.0),
    ) -> None:
        self.name = name
        self.base = base
        self.url = base
        self._accepted: set[str] = set()  # methods that our credentials were good for
        self._session = Session(timeout)
        # Proxies and the like are looked up once: doing so on each request halves the rate of small objects.
        ambient = self._session.merge_environment_settings(self.base, {}, None, None, None)
        self._session.trust_env = False
        self._session.proxies = dict(ambient["proxies"])
        self._session.verify = self._authorities(verify, ambient["verify"] or True)
        self._session.cert = cert
        self._auth = self._session.auth = auth
        self._session.headers.update({"User-Agent": "dvcexp", "Accept": "*/*", "Accept-Encoding": "identity"})
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=jobs + 1)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def close(self) -> None:
        self._session.close()

    @contextlib.contextmanager
    def request(
        self,
        method: str,
        key: str,
        *,
        good: Collection[int] = range(200, 300),
        headers: Mapping[str, str] | None = None,
        body: Sent | bytes | None = None,
        url: str | None = None,
    ) -> Iterator[requests.Response]:
        """The answer to `method` on `key`, if its status is one of `good`; its body is yet to be read.

        url: in place of the one that `key` gives. Raises a RemoteError for everything else.
        """
        response = self._send(method, key, url or self.url_of(key), headers, body)
        with contextlib.closing(response):
            self._check_method(response, method, key)
            if response.status_code in good:
                self._check_page(response, key)
                self._accepted.add(method)
                yield response
            # An unread body costs the connection; a long one (of a GET that only asks) is not worth reading.
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                response.raw.read(_WORTH_READING, decode_content=False)
        if response.status_code not in good:
            raise self.refused(response, key)

    def chunks(self, response: requests.Response, key: str) -> Iterator[bytes]:
        """The body of an answer as it comes."""
        try:
            while chunk := response.raw.read(_CHUNK, decode_content=self.is_encoded(response)):
                yield chunk
        except urllib3.exceptions.HTTPError as error:
            raise self.broken(error, key) from None

    def is_encoded(self, response: requests.Response) -> bool:
        """Did the server compress it although it was asked not to?"""
        return bool(response.headers.get("Content-Encoding", "identity") != "identity")

    def url_of(self, key: str) -> str:
        return f"{self.base}/{quote(key)}"

    def error(self, kind: type[E], cause: str, *hints: str, key: str | None = None) -> E:
        """An error of this remote."""
        return kind(self.name, self.url, cause, *hints, key=key)

    def refused(self, response: requests.Response, key: str) -> RemoteError:
        """The error that an answer's status stands for."""
        status = response.status_code
        cause = f"{status} {responses.get(status, '')}".rstrip()  # not the server's words: they may quote what was sent
        if status in _DENIED:
            return self._denied(response, cause, key)
        if status in (404, 410):
            return self.error(ObjectMissing, cause, key=key)
        if status in _LATER:
            unavailable = self.error(RemoteUnavailable, cause, "run the same command again to resume", key=key)
            unavailable.retry_after = _seconds(response.headers.get("Retry-After"))
            return unavailable
        if status == 507:
            return self.error(RemoteFull, cause, "make room there, then run the same command again")
        if status in _NOT_ALLOWED:
            verb = response.request.method
            return self.error(MethodRefused, f"the server does not accept {verb} here ({cause})", key=key)
        return self.error(RemoteError, cause, key=key)

    def broken(self, error: Exception, key: str | None) -> RemoteError:
        """The error for a connection that was not made, or ended too soon."""
        chain = list(_chain(error))
        for cause in chain:
            if isinstance(cause, ssl.SSLCertVerificationError):
                hint = (
                    f"if the server has a certificate of your own: dvc remote modify {self.name} ssl_verify <ca-file>"
                )
                return self.error(Untrusted, f"certificate not accepted: {cause.verify_message}", hint)
        for cause in chain:
            if isinstance(cause, urllib3.exceptions.DecodeError):
                return self.error(CorruptTransfer, "the answer is not in the encoding it claims", key=key)
        return self.error(RemoteUnavailable, _phrase(chain), "run the same command again to resume", key=key)

    def _send(
        self, method: str, key: str, url: str, headers: Mapping[str, str] | None, body: Sent | bytes | None
    ) -> requests.Response:
        # Only an answer of 401 to a token that a command printed is worth a second request: the token may be too old.
        for last in (not isinstance(self._session.auth, CommandAuth), True):
            try:
                response = self._session.ask(method, url, headers or {}, body)
            except (requests.exceptions.InvalidHeader, UnicodeError):
                raise ConfigError(
                    f"DVC remote '{printable(self.name)}': user, password or token has characters no header can carry",
                    f"look at them with: dvc config --list | grep remote.{self.name}",
                ) from None
            except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
                hint = f"set it with: dvc remote modify {self.name} url <url>"
                raise self.error(RemoteError, f"not a usable address ({type(error).__name__})", hint) from None
            except requests.exceptions.TooManyRedirects:
                raise self.error(RemoteError, "too many redirects", key=key) from None
            except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
                raise self.broken(error, key) from None
            if last or response.status_code != 401:
                return response
            response.close()
            assert isinstance(self._session.auth, CommandAuth)
            self._session.auth.expire(response.request.headers.get("Authorization"))
            if isinstance(body, Sent):
                body.seek(0)
        raise AssertionError("unreachable")

    def _check_method(self, response: requests.Response, method: str, key: str) -> None:
        """Refuse an answer to another question: a redirected upload may arrive as a GET (that is what 301, 302 and 303
        mean to clients), so that neither success nor failure says anything."""
        if response.history and response.request.method != method:
            hint = f"if that is the right place: dvc remote modify {self.name} url <its url>"
            there = without_secrets(response.url)
            raise self.error(RemoteError, f"{method} is redirected to {there}", hint, key=key)

    def _check_page(self, response: requests.Response, key: str) -> None:
        """Refuse what looks like success and is none: a request without the right cookies may arrive at the page where
        people log in."""
        page = response.headers.get("Content-Type", "").startswith("text/html")
        if response.history and page and not split(response.url).path.endswith(key.rpartition("/")[2]):
            there = without_secrets(response.url)
            raise self.error(AccessDenied, f"redirected to a web page, {there}", *self._credential_hints())

    def _denied(self, response: requests.Response, cause: str, key: str) -> AccessDenied:
        if response.status_code == 407:
            return self.error(AccessDenied, f"the proxy wants to know you: {cause}", "see http_proxy and https_proxy")
        if self._auth is None:
            return self.error(AccessDenied, f"{cause}, and no credentials are set", *self._credential_hints())
        if response.status_code == 401 and self._has_expired(response):
            again = "then run the same command again: it goes on where it stopped"
            hints = (renewal(self._auth, self.name), again)
            return self.error(AccessDenied, f"the credentials have expired, or were withdrawn: {cause}", *hints)
        hint = f"check them, and whether they may do this: dvc config --list | grep remote.{self.name}"
        return self.error(AccessDenied, f"the credentials are refused: {cause}", hint, key=key)

    def _has_expired(self, response: requests.Response) -> bool:
        """Were the credentials good for the same kind of request a moment ago, or does the server say so? (RFC 6750)"""
        said = response.headers.get("WWW-Authenticate", "")
        return response.request.method in self._accepted or 'error="invalid_token"' in said

    def _credential_hints(self) -> tuple[str, ...]:
        modify = f"dvc remote modify --local {self.name}"
        return (f"set them with: {modify} user <user>, {modify} password <password>",)

    def _authorities(self, wanted: bool | str, ambient: bool | str) -> bool | str:
        """The certificates to trust: the option's, else REQUESTS_CA_BUNDLE's, else those OpenSSL trusts as in DVC."""
        if wanted is False:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # asked for in the config
            return False
        if isinstance(wanted, str):
            path = os.path.expanduser(wanted)
            if not os.path.exists(path):
                raise ConfigError(
                    f"DVC remote '{printable(self.name)}': option 'ssl_verify' names '{printable(path)}', "
                    "which does not exist",
                    f"set it with: dvc remote modify {self.name} ssl_verify <ca-file>",
                )
            return path
        if isinstance(ambient, str):
            return ambient
        system = ssl.get_default_verify_paths()
        return system.cafile or system.capath or True


def client_base(name: str, url: str) -> str:
    """`url` without its user and password, and without a `/` at the end; refused if a path cannot follow it."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or not parts.hostname:
        cause = "the host is missing" if not parts.hostname else "a url with '?' or '#' has no place for a path"
        raise RemoteError(name, without_secrets(url), cause, f"set it with: dvc remote modify {name} url <url>")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it wraps, outermost first; `requests` has urllib3's error as an argument, that its `reason`."""
    seen: set[int] = set()
    current: Any = error
    while isinstance(current, BaseException) and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = [current.args[-1]] if current.args else []
        candidates = [getattr(current, "reason", None), *inner, current.__cause__, current.__context__]
        current = next((c for c in candidates if isinstance(c, BaseException)), None)


def _phrase(chain: list[BaseException]) -> str:
    """What went wrong with a connection, in a few words and without the URL, which may hold a secret."""
    for cause in chain:
        if isinstance(cause, urllib3.exceptions.NewConnectionError):  # a time-out by its bases, but not by its meaning
            break
        if isinstance(cause, (urllib3.exceptions.ConnectTimeoutError, requests.exceptions.ConnectTimeout)):
            return "no connection in time"
        if isinstance(cause, (urllib3.exceptions.TimeoutError, requests.exceptions.Timeout, TimeoutError)):
            return "no answer in time"
    for cause in chain:
        if isinstance(cause, urllib3.exceptions.NameResolutionError):
            return "the host name is not known"
        if isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed"):
            return f"the proxy does not let us through ({cause})"
    for cause in reversed(chain):
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) and cause.strerror:
            return cause.strerror.lower()
    return "the connection ended too soon"


def _seconds(retry_after: str | None) -> float | None:
    """The seconds that a Retry-After header asks for: it has a number of them, or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
