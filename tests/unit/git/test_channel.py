"""A connection that ends before it has begun is an error like any other."""

from __future__ import annotations

import os

import pytest

from dvcexp.git import channel
from dvcexp.git.repository import GitConfig
from dvcexp.git.url import DaemonHost


def test_a_daemon_that_hangs_up_before_it_was_asked_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seldom enough: the reset has to come between connecting and the first bytes."""
    reader, unread = os.pipe()
    gone, writer = os.pipe()
    os.close(gone)
    monkeypatch.setattr(channel, "_dial", lambda target, service: channel.Channel(reader, writer))
    target = DaemonHost("host", "9418", "/x", "host")
    with pytest.raises(channel.CannotConnect, match="host hung up: Broken pipe"):
        channel.open_channel(target, channel.Service("git-upload-pack", "git-upload-pack"), GitConfig(b""), {})
    os.close(unread)
