"""What obstore's exceptions mean: they carry no status, only text, so the text is read here and nowhere else.

None of that text reaches the user: it holds URLs with their queries (an Azure SAS is one) and what the server said.
"""

from __future__ import annotations

import re

from dvcexp.remotes.base import (
    AccessDenied,
    ObjectMissing,
    RemoteError,
    RemoteFull,
    RemoteMissing,
    RemoteUnavailable,
    Untrusted,
)

_STATUS = re.compile(r"Server returned (?:non-2xx status code|error response): (\d{3})|status: (\d{3}),")
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_OS_ERROR = re.compile(r'message: "([^"\\]{1,80})"')
_BASE_MISSING = {"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted", "AccountNotFound"}
_FULL = {"QuotaExceeded", "XMinioStorageFull", "AccountLimitExceeded"}
_LATER = {408, 425, 429, 500, 502, 503, 504}
# Codes that come with other statuses than 401 and 403 but say the same.
_DENIED = {
    *("AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"),
    *("TokenRefreshRequired", "RequestTimeTooSkewed"),
    *("AuthenticationFailed", "UnsupportedAlgorithm", "NoAuthenticationInformation", "AuthorizationFailure"),
}
_EXPIRED = {"ExpiredToken", "TokenRefreshRequired"}
# How Azure puts it, in the detail of AuthenticationFailed.
_EXPIRED_SAS = re.compile(r"Signature not valid in the specified (?:time frame|key time)")
_SKEWED = {"RequestTimeTooSkewed"}
# AuthorizationHeaderMalformed names the right region where that is what is wrong.
_REGION = re.compile(r"<Region>([a-z0-9-]{1,32})</Region>")
_ELSEWHERE = {"PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException"}
_REFUSALS = {"UnauthenticatedError", "PermissionDeniedError"}
_METADATA = "http://169.254."  # where containers and instances get credentials


class Refusal:
    """An exception of obstore, read: `status` of the server's answer (None: there was none) and its error `code`."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._text = str(error)
        found = _STATUS.search(self._text)
        self.status = int(found[1] or found[2]) if found else None
        code = _CODE.search(self._text)
        self.code = code[1] if code else None

    @property
    def kind(self) -> type[RemoteError]:
        """The kind of error this is."""
        if self.code in _BASE_MISSING or self.is_elsewhere:
            return RemoteMissing
        if self._refused:
            return AccessDenied
        if self.status == 404 or isinstance(self._error, FileNotFoundError):
            return ObjectMissing
        if self.status == 507 or self.code in _FULL:
            return RemoteFull
        if self.status is not None:
            return RemoteUnavailable if self.status in _LATER else RemoteError
        if self._untrusted:
            return Untrusted
        return RemoteUnavailable if self._broken else RemoteError

    @property
    def ignored_range(self) -> bool:
        """Did the server send all of an object where a part of it was asked for?"""
        return "NotPartial" in self._text

    @property
    def has_expired(self) -> bool:
        """Were the credentials good, and are they no more?"""
        return self.code in _EXPIRED or _EXPIRED_SAS.search(self._text) is not None

    @property
    def is_skewed(self) -> bool:
        """Does the clock here differ too much from the server's?"""
        return self.code in _SKEWED

    @property
    def region(self) -> str | None:
        """Where the bucket is, if the server tells."""
        found = _REGION.search(self._text)
        return found[1] if found else None

    @property
    def cause(self) -> str:
        """A short phrase, without anything secret."""
        if self.is_elsewhere:
            return f"the bucket is in another region{f', {self.region}' if self.region else ''}"
        if self.status is not None:
            status = f"status {self.status} {self.code}" if self.code else f"status {self.status}"
            if self.is_skewed:
                return f"the clock of this machine differs too much from the server's: {status}"
            return f"no token for these credentials: {status}" if self._about_a_token else status
        if self._refused:
            return "no credentials could be had"
        if self._untrusted:
            return "the server's certificate is not accepted"
        if "kind: Timeout" in self._text or "TimedOut" in self._text:
            return "no answer in time"
        if "dns error" in self._text:
            return "the host name is not known"
        messages = _OS_ERROR.findall(self._text)
        if messages:
            return str(messages[-1]).lower()
        return "the connection ended too soon" if self._broken else f"the client gave up ({type(self._error).__name__})"

    @property
    def _refused(self) -> bool:
        if self.status in (401, 403) or self.code in _DENIED:
            return True
        if self.status is None:
            return type(self._error).__name__ in _REFUSALS or _METADATA in self._text
        return self._about_a_token and self.status not in _LATER

    @property
    def _about_a_token(self) -> bool:
        return "source: TokenRequest {" in self._text

    @property
    def is_elsewhere(self) -> bool:
        """Is the bucket in another region?"""
        if self.code == "AuthorizationHeaderMalformed":
            return self.region is not None
        return "BareRedirect" in self._text or self.status in (301, 307, 308) or self.code in _ELSEWHERE

    @property
    def _untrusted(self) -> bool:
        return "InvalidCertificate" in self._text or "certificate verify failed" in self._text

    @property
    def _broken(self) -> bool:
        return "HttpError {" in self._text
