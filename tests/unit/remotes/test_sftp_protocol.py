"""SFTP packets: what we send is what the draft says, what comes is taken apart whatever the pieces."""

from __future__ import annotations

import contextlib
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvcexp.remotes import sftp_protocol as sftp


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


HELLO = packet(2, struct.pack(">I", 3) + text(b"posix-rename@openssh.com") + text(b"1"))
STREAM = b"".join(
    [
        HELLO,
        packet(101, struct.pack(">II", 1, 2) + text(b"No such file") + text(b"en")),
        packet(102, struct.pack(">I", 2) + text(b"\0handle")),
        packet(103, struct.pack(">I", 3) + text(b"bytes")),
        packet(105, struct.pack(">IIQII", 4, 1 | 4, 1 << 40, 0o40755, 0)[:-4]),
        packet(
            104,
            struct.pack(">II", 5, 2)
            + (text(b"a") + text(b"-rw a") + struct.pack(">I", 0))
            + (text("é".encode()) + text(b"") + struct.pack(">IQIIIII", 0x1F & 0xB, 7, 1, 2, 3, 4, 0)[:-4]),
        ),
        packet(201, struct.pack(">I", 6) + struct.pack(">QQQQ", 1, 2, 3, 4)),
        packet(101, struct.pack(">II", 7, 0)),
    ]
)
REPLIES = [
    (1, sftp.Status(sftp.NO_SUCH_FILE, "No such file")),
    (2, sftp.Handle(b"\0handle")),
    (3, sftp.Data(b"bytes")),
    (4, sftp.Attrs(1 << 40, 0o40755)),
    (5, sftp.Entries((("a", sftp.Attrs(-1, 0)), ("é", sftp.Attrs(7, 0))))),
    (6, sftp.Extended(struct.pack(">QQQQ", 1, 2, 3, 4))),
    (7, sftp.Status(sftp.OK, "")),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_replies_are_the_same_whatever_the_pieces(cuts: list[int]) -> None:
    parser = sftp.Parser()
    bounds = [0, *sorted(cuts), len(STREAM)]
    replies = [r for a, b in itertools.pairwise(bounds) for r in parser.feed(STREAM[a:b])]
    assert replies == REPLIES
    assert parser.extensions == {"posix-rename@openssh.com"}
    assert sftp.Attrs(1, 0o40755).is_folder
    assert not sftp.Attrs(1, 0o100644).is_folder


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_reply_or_a_protocol_error(noise: bytes) -> None:
    parser = sftp.Parser()
    with contextlib.suppress(sftp.ProtocolError):
        list(parser.feed(HELLO + noise))


@pytest.mark.parametrize(
    "bad",
    [
        packet(103, struct.pack(">I", 1) + struct.pack(">I", 100) + b"short"),
        packet(101, struct.pack(">I", 1)),
        packet(99, struct.pack(">I", 1)),
        struct.pack(">IB", 1 << 30, 101),
        struct.pack(">I", 0),
        packet(104, struct.pack(">II", 1, 0xFFFFFFFF)),
        packet(105, struct.pack(">III", 1, 0x80000000, 0xFFFFFFFF)),
    ],
)
def test_lengths_and_counts_that_lie_are_caught(bad: bytes) -> None:
    parser = sftp.Parser()
    with pytest.raises(sftp.ProtocolError):
        list(parser.feed(HELLO + bad))


def test_a_greeting_is_quoted_as_the_cause() -> None:
    with pytest.raises(sftp.ProtocolError, match="but with 'Last login: today'"):
        list(sftp.Parser().feed(b"Last login: today\nmore"))


def test_requests_are_as_the_draft_has_them() -> None:
    assert sftp.init() == bytes.fromhex("000000050100000003")
    assert sftp.open_file("é", sftp.WRITE | sftp.CREATE).packet(7) == bytes.fromhex(
        "00000013030000000700000002c3a90000000a00000000"
    )
    handle = sftp.Handle(b"h")
    assert sftp.write(handle, 5, b"xy").packet(1) == bytes.fromhex(
        "00000018060000000100000001680000000000000005000000027879"
    )
    assert sftp.read(handle, 1 << 33, 4).packet(1) == bytes.fromhex(
        "0000001605000000010000000168000000020000000000000004"
    )
    assert b"posix-rename@openssh.com" in sftp.posix_rename("a", "b").packet(1)


def test_numbers_of_extensions() -> None:
    assert sftp.longest_transfer(sftp.Extended(struct.pack(">QQQQ", 0, 300, 200, 0))) == 200
    assert sftp.free_bytes(sftp.Extended(struct.pack(">11Q", 4096, 512, 100, 50, 10, 1, 1, 1, 0, 0, 255))) == 5120
    with pytest.raises(sftp.ProtocolError):
        sftp.free_bytes(sftp.Extended(b"short"))
