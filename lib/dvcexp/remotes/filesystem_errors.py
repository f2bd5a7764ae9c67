"""What the exceptions of fsspec file systems mean. Each library has its own; most carry the status of an HTTP answer.

Their texts are not shown: they hold URLs with tokens, and what the server said.
"""

from __future__ import annotations

import errno
import os

from dvcexp.remotes.base import AccessDenied, ObjectMissing, RemoteError, RemoteFull, RemoteUnavailable, Untrusted

_LATER = {408, 425, 429, 500, 502, 503, 504}
_FULL = {errno.ENOSPC, errno.EDQUOT}

# By name, so that no library is imported for its errors.
_UNAVAILABLE = {"ConnectionError", "ConnectTimeout", "ReadTimeout", "Timeout", "RequestError", "ServerNotFoundError"}
_DENIED = {"GDriveAuthError", "AuthError", "RefreshError", "InvalidCredentialsError"}


def meaning(error: Exception) -> tuple[type[RemoteError], str]:
    """The kind of error that `error` is, and a short phrase for it."""
    names = {cls.__name__ for cls in type(error).__mro__}
    status = _status(error)
    if "SSLError" in names:
        return Untrusted, "the certificate is not accepted"
    if status in (401, 403) or isinstance(error, PermissionError) or names & _DENIED:
        return AccessDenied, f"access denied{f' ({status})' if status else ''}"
    if status in (404, 410) or isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return ObjectMissing, "no such object"
    if status == 507 or getattr(error, "errno", None) in _FULL:
        return RemoteFull, "no space left"
    if status is not None:
        return (RemoteUnavailable if status in _LATER else RemoteError), f"the server answers with status {status}"
    if isinstance(error, (OSError, TimeoutError)) or names & _UNAVAILABLE:
        number = getattr(error, "errno", None)
        return RemoteUnavailable, os.strerror(number).lower() if number else "the connection failed"
    return RemoteError, f"its library failed with {type(error).__name__}"


def _status(error: Exception) -> int | None:
    """requests, oss2, googleapiclient and pydrive2 each keep it somewhere else."""
    for holder in (error, getattr(error, "response", None), getattr(error, "resp", None)):
        for name in ("status_code", "status"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and 100 <= value < 600:
                return value
    details = getattr(error, "error", None)
    code = details.get("code") if isinstance(details, dict) else None
    return code if isinstance(code, int) else None
