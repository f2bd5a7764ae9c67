"""The parts of HTTP that need no server."""

from __future__ import annotations

import io
import time
from email.utils import formatdate

import pytest

from dvcexp.remotes.base import RemoteError
from dvcexp.remotes.http_auth import HeaderAuth
from dvcexp.remotes.http_client import _seconds, client_base
from dvcexp.remotes.http_session import Sent, ShrunkError


@pytest.mark.parametrize(("value", "seconds"), [(None, None), ("7", 7.0), (" 0 ", 0.0), ("soon", None), ("-3", None)])
def test_retry_after_in_seconds(value: str | None, seconds: float | None) -> None:
    assert _seconds(value) == seconds


def test_retry_after_as_a_date() -> None:
    assert 25 < (_seconds(formatdate(time.time() + 30, usegmt=True)) or 0) <= 30
    assert _seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_a_file_is_sent_as_long_as_it_was_announced() -> None:
    """One that grows is cut; one that shrinks must end the connection, as the server waits for the rest."""
    grown = Sent(io.BytesIO(b"12345"), 3)
    assert (len(grown), grown.read(2), grown.read(2), grown.read(2)) == (3, b"12", b"3", b"")
    shrunk = Sent(io.BytesIO(b"12"), 3)
    assert shrunk.read() == b"12"
    with pytest.raises(ShrunkError):
        shrunk.read()


def test_the_base_of_a_url_has_neither_secret_nor_slash_at_its_end() -> None:
    assert client_base("s", "http://ada:hush@host:1/a/b/") == "http://host:1/a/b"
    with pytest.raises(RemoteError, match="host is missing"):
        client_base("s", "http:///a")


def test_a_secret_header_is_not_in_its_repr() -> None:
    assert "hush" not in repr(HeaderAuth("X-Token", "hush"))
