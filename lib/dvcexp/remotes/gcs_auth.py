"""Who we are to Google Cloud Storage: google-auth's credentials as `requests` authentication."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest
from requests.auth import AuthBase

from dvcexp.concealed import conceal
from dvcexp.errors import ConfigError, printable
from dvcexp.remotes.base import AccessDenied, RemoteUnavailable
from dvcexp.remotes.options import Options

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)


class GoogleAuth(AuthBase):
    """A token that google-auth renews before it expires; one thread does, the others wait for it."""

    def __init__(self, remote: str, url: str, credentials: Credentials) -> None:
        from google.auth.transport.requests import Request

        self._remote, self._url = remote, url
        self._credentials = credentials
        self._request = Request()
        self._lock = threading.Lock()

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        from google.auth.exceptions import GoogleAuthError, TransportError

        try:
            with self._lock:
                self._credentials.before_request(  # type: ignore[no-untyped-call]
                    self._request, request.method, request.url, request.headers
                )
                conceal(self._credentials.token)
        except TransportError:
            cause = "the server that gives Google's tokens cannot be reached"
            raise RemoteUnavailable(self._remote, self._url, cause) from None
        except GoogleAuthError as error:  # its text may quote the key
            over = ": the login has expired, or was withdrawn" if "invalid_grant" in str(error) else ""
            cause = f"no token for these Google credentials ({type(error).__name__}){over}"
            raise AccessDenied(self._remote, self._url, cause, *next_steps(self._remote)) from None
        return request


def next_steps(remote: str) -> tuple[str, ...]:
    """What to do about credentials."""
    file = f"dvc remote modify --local {remote} credentialpath <file>"
    return (
        f"set a key file: {file}; or log in: gcloud auth application-default login",
        "they need the right to read, create and list objects",
    )


def google_auth(given: Options, *, secure: bool) -> AuthBase | None:
    """As DVC finds credentials: the key file, else those of this machine, else none (public buckets).

    Those of this machine are not sent in the clear: not `secure` means none, which is what emulators want.
    """
    path = given.text("credentialpath")
    if given.flag("allow_anonymous_login"):
        return None
    if path is not None:
        return GoogleAuth(given.name, given.url, _from_file(given, os.path.expanduser(path)))
    if not secure:
        return None
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    try:
        credentials, _ = google.auth.default(scopes=_SCOPES)
    except DefaultCredentialsError:
        if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            raise ConfigError(
                f"DVC remote '{printable(given.name)}': the file that GOOGLE_APPLICATION_CREDENTIALS names "
                "has no usable Google credentials",
                *next_steps(given.name),
            ) from None
        return None
    except GoogleAuthError as error:
        cause = f"the Google credentials of this machine cannot be used ({type(error).__name__})"
        raise AccessDenied(given.name, given.url, cause, *next_steps(given.name)) from None
    return GoogleAuth(given.name, given.url, credentials)


def _from_file(given: Options, path: str) -> Credentials:
    try:
        with open(path, encoding="utf-8") as file:
            info: Any = json.load(file)
        if not isinstance(info, dict):
            raise ValueError
        return _from_info(info, path)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except Exception as error:  # google-auth raises many kinds for a bad file, and quotes it
        reason = f"has no usable Google credentials ({type(error).__name__})"
    raise ConfigError(
        f"DVC remote '{printable(given.name)}': '{printable(path)}', its credentialpath, {reason}",
        f"set another: dvc remote modify --local {given.name} credentialpath <file>",
    ) from None


def _from_info(info: dict[str, Any], path: str) -> Credentials:
    if info.get("type") == "service_account":
        from google.oauth2.service_account import Credentials as ServiceAccount

        return ServiceAccount.from_service_account_info(info, scopes=_SCOPES)  # type: ignore[no-any-return, no-untyped-call]
    if info.get("type") == "authorized_user":
        from google.oauth2.credentials import Credentials as User

        return User.from_authorized_user_info(info, scopes=_SCOPES)  # type: ignore[no-any-return, no-untyped-call]
    import google.auth

    credentials, _ = google.auth.load_credentials_from_dict(info, scopes=_SCOPES)  # type: ignore[no-untyped-call]
    return credentials  # type: ignore[no-any-return]
