"""SFTP version 3 as OpenSSH has it (draft-ietf-secsh-filexfer-02, OpenSSH's PROTOCOL): bytes and values, no I/O.

A packet is `uint32 length, byte type, uint32 request id, ...`; strings are `uint32 length` and so many bytes.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from typing import NamedTuple

VERSION = 3

_INIT, _VERSION, _OPEN, _CLOSE, _READ, _WRITE = 1, 2, 3, 4, 5, 6
_OPENDIR, _READDIR, _REMOVE, _MKDIR, _STAT, _RENAME, _EXTENDED = 11, 12, 13, 14, 17, 18, 200
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS, _EXTENDED_REPLY = 101, 102, 103, 104, 105, 201

READ, WRITE, CREATE, TRUNCATE = 0x01, 0x02, 0x08, 0x10

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE = range(5)

POSIX_RENAME, FSYNC, STATVFS, LIMITS = (
    "posix-rename@openssh.com",
    "fsync@openssh.com",
    "statvfs@openssh.com",
    "limits@openssh.com",
)

# OpenSSH sends no packet longer than this; one that claims to be is not SFTP (text that a login script prints, say).
LONGEST_PACKET = 256 * 1024 + 1024

_U32 = struct.Struct(">I")
_HEADER = struct.Struct(">IBI")
_NO_ATTRS = bytes(4)


class ProtocolError(ValueError):
    """What came is not SFTP."""


class Request(NamedTuple):
    """A packet yet without length and id."""

    kind: int
    body: bytes

    def packet(self, number: int) -> bytes:
        """The bytes to send as request `number`."""
        return _HEADER.pack(len(self.body) + 5, self.kind, number) + self.body


class Status(NamedTuple):
    """How a request ended; `code` is OK, EOF, NO_SUCH_FILE..., `message` the server's words for it."""

    code: int
    message: str


class Handle(NamedTuple):
    """An open file or folder."""

    value: bytes


class Data(NamedTuple):
    """Bytes of a file; fewer than asked for, though not none, is allowed."""

    value: bytes


class Attrs(NamedTuple):
    """Of a file: `size` is -1 and `mode` 0 where the server does not tell."""

    size: int
    mode: int

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)


class Entries(NamedTuple):
    """Some names in a folder."""

    value: tuple[tuple[str, Attrs], ...]


class Extended(NamedTuple):
    """The answer to an extended request, in that extension's own format."""

    value: bytes


Reply = Status | Handle | Data | Attrs | Entries | Extended


def init() -> bytes:
    """The first packet from us."""
    return struct.pack(">IBI", 5, _INIT, VERSION)


def open_file(path: str, flags: int) -> Request:
    """Flags: READ, WRITE, CREATE, TRUNCATE. A new file gets the server's usual mode, as DVC's do."""
    return Request(_OPEN, _text(path) + _U32.pack(flags) + _NO_ATTRS)


def close(handle: Handle) -> Request:
    return Request(_CLOSE, _string(handle.value))


def read(handle: Handle, offset: int, size: int) -> Request:
    return Request(_READ, _string(handle.value) + struct.pack(">QI", offset, size))


def write(handle: Handle, offset: int, data: bytes) -> Request:
    return Request(_WRITE, b"".join((_string(handle.value), struct.pack(">QI", offset, len(data)), data)))


def open_folder(path: str) -> Request:
    return Request(_OPENDIR, _text(path))


def read_folder(handle: Handle) -> Request:
    return Request(_READDIR, _string(handle.value))


def remove(path: str) -> Request:
    return Request(_REMOVE, _text(path))


def make_folder(path: str) -> Request:
    return Request(_MKDIR, _text(path) + _NO_ATTRS)


def stat_path(path: str) -> Request:
    """Follows symbolic links."""
    return Request(_STAT, _text(path))


def rename(old: str, new: str) -> Request:
    """Fails where `new` exists."""
    return Request(_RENAME, _text(old) + _text(new))


def posix_rename(old: str, new: str) -> Request:
    """Replaces `new` where it exists."""
    return Request(_EXTENDED, _text(POSIX_RENAME) + _text(old) + _text(new))


def fsync(handle: Handle) -> Request:
    return Request(_EXTENDED, _text(FSYNC) + _string(handle.value))


def statvfs(path: str) -> Request:
    return Request(_EXTENDED, _text(STATVFS) + _text(path))


def limits() -> Request:
    return Request(_EXTENDED, _text(LIMITS))


def free_bytes(reply: Extended) -> int:
    """What the answer to `statvfs` says is left for ordinary users."""
    _, fragment, _, _, available = _unpack(">QQQQQ", reply.value)
    return fragment * available


def longest_transfer(reply: Extended) -> int:
    """The longest READ and WRITE that the answer to `limits` allows; 0 where it sets none."""
    _, longest_read, longest_write, _ = _unpack(">QQQQ", reply.value)
    return min(longest_read, longest_write)


class Parser:
    """Bytes from the server, in pieces of any size -> replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.extensions: frozenset[str] | None = None  # None until the server's first packet

    def feed(self, data: bytes) -> Iterator[tuple[int, Reply]]:
        """The (request number, reply) pairs that are complete now. Raises ProtocolError."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= 4:
            (length,) = _U32.unpack_from(buffer, start)
            if not 5 <= length <= LONGEST_PACKET:
                raise ProtocolError(_as_text(bytes(buffer[:80])))
            end = start + 4 + length
            if len(buffer) < end:
                break
            kind, body = buffer[start + 4], bytes(buffer[start + 5 : end])
            start = end
            if self.extensions is None:
                self.extensions = _first_packet(kind, body)
            else:
                yield _U32.unpack_from(body)[0], _reply(kind, body)
        del buffer[:start]


def _first_packet(kind: int, body: bytes) -> frozenset[str]:
    if kind != _VERSION or _U32.unpack_from(body)[0] < VERSION:
        raise ProtocolError("the server speaks another version of SFTP")
    reader = _Reader(body, 4)
    names = set()
    while not reader.at_end:
        names.add(reader.string().decode("ascii", "replace"))
        reader.string()
    return frozenset(names)


def _reply(kind: int, body: bytes) -> Reply:
    reader = _Reader(body, 4)
    if kind == _STATUS:
        code = reader.number()
        return Status(code, "" if reader.at_end else reader.string().decode("utf-8", "replace"))
    if kind == _DATA:
        return Data(reader.string())
    if kind == _HANDLE:
        return Handle(reader.string())
    if kind == _ATTRS:
        return reader.attrs()
    if kind == _NAME:
        return Entries(tuple(reader.entry() for _ in range(reader.number())))
    if kind == _EXTENDED_REPLY:
        return Extended(body[4:])
    raise ProtocolError(f"a packet of unknown type {kind}")


class _Reader:
    """The fields of one packet, in order; ProtocolError where it ends too soon."""

    def __init__(self, body: bytes, offset: int) -> None:
        self._body = body
        self._offset = offset

    @property
    def at_end(self) -> bool:
        return self._offset >= len(self._body)

    def number(self, form: str = ">I") -> int:
        try:
            (value,) = struct.unpack_from(form, self._body, self._offset)
        except struct.error:
            raise ProtocolError("a packet ends too soon") from None
        self._offset += struct.calcsize(form)
        return int(value)

    def string(self) -> bytes:
        length = self.number()
        value = self._body[self._offset : self._offset + length]
        if len(value) < length:
            raise ProtocolError("a packet ends too soon")
        self._offset += length
        return value

    def attrs(self) -> Attrs:
        flags = self.number()
        size = self.number(">Q") if flags & 1 else -1
        if flags & 2:  # owner and group
            self.number(">Q")
        mode = self.number() if flags & 4 else 0
        if flags & 8:  # times
            self.number(">Q")
        if flags & 0x80000000:
            for _ in range(2 * self.number()):
                self.string()
        return Attrs(size, mode)

    def entry(self) -> tuple[str, Attrs]:
        name = self.string().decode("utf-8", "surrogateescape")
        self.string()  # a line as `ls -l` has it
        return name, self.attrs()


def _unpack(form: str, value: bytes) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, value)
    except struct.error:
        raise ProtocolError("a packet ends too soon") from None


def _string(value: bytes) -> bytes:
    return _U32.pack(len(value)) + value


def _text(value: str) -> bytes:
    return _string(value.encode("utf-8", "surrogateescape"))


def _as_text(start: bytes) -> str:
    """What a server that does not speak SFTP seems to say."""
    line = start.decode("ascii", "replace").split("\n")[0].strip()
    return f"the server does not answer with SFTP but with '{line}'; does a login script there print something?"
