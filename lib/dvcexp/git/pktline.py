"""pkt-line framing (Git's gitprotocol-common): bytes to packets and back. No I/O.

A packet is four hex digits, the length of the whole with themselves, and its data; lengths 0, 1 and 2 are the flush,
delimiter and response-end packets, which carry none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from dvcexp.errors import DvcexpError, printable

Kind = Literal["data", "flush", "delim", "end"]

FLUSH = b"0000"
DELIM = b"0001"
RESPONSE_END = b"0002"
MAX_DATA = 65516  # LARGE_PACKET_DATA_MAX of Git's pkt-line.h

_SPECIAL: dict[int, Kind] = {0: "flush", 1: "delim", 2: "end"}
_HEX = frozenset(b"0123456789abcdefABCDEF")


class Packet(NamedTuple):
    """One packet. `data` is without its length, and as it came: text may or may not end in a newline.

    length: as it was written, where Git would not write it so: in capitals, or larger than a packet should be.
    """

    kind: Kind
    data: bytes = b""
    length: bytes = b""

    @property
    def text(self) -> str:
        """The data as text, without its final newline; bytes that are no UTF-8 become surrogates."""
        return self.data.removesuffix(b"\n").decode("utf-8", "surrogateescape")


class MalformedPacket(DvcexpError):
    """What should be a packet's length is none: the stream is not, or no longer, in pkt-lines."""

    def __init__(self, prefix: bytes) -> None:
        super().__init__(f"protocol error: bad line length character: {printable(prefix.decode('latin-1'))}")


class Parser:
    """Cuts a stream that arrives in pieces of any size into packets. What is not yet whole stays in `rest`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def rest(self) -> bytes:
        """What was fed and has not been returned as packets."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        self._buffer += data

    def next(self) -> Packet | None:
        """The next whole packet, None if it has not all arrived. MalformedPacket leaves `rest` as it is."""
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        prefix = bytes(buffer[:4])
        length = _length(prefix)
        if length <= 2:
            del buffer[:4]
            return Packet(_SPECIAL[length])
        if len(buffer) < length:
            return None
        data = bytes(buffer[4:length])
        del buffer[:length]
        return Packet("data", data, prefix if prefix != prefix.lower() or len(data) > MAX_DATA else b"")


class Walker:
    """Steps over the packets of a stream without keeping them: what a pack of gigabytes can afford."""

    def __init__(self) -> None:
        self._prefix = b""
        self._skip = 0

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The packets that begin in `data`, each with no more than the first byte of its data; MalformedPacket."""
        position, end = 0, len(data)
        while position < end:
            if self._skip:
                step = min(self._skip, end - position)
                self._skip -= step
                position += step
                continue
            # One byte more than the length: a data packet is told with its first byte. A special one ends before it.
            wanted = 4 - len(self._prefix) if len(self._prefix) < 4 else 1
            self._prefix += data[position : position + wanted]
            position += min(wanted, end - position)
            if len(self._prefix) < 4:
                return
            length = _length(self._prefix[:4])
            if length <= 4:
                self._prefix = b""
                yield Packet(_SPECIAL.get(length, "data"))
            elif len(self._prefix) == 5:
                self._skip = length - 5
                first, self._prefix = self._prefix[4:], b""
                yield Packet("data", first)


def _length(prefix: bytes) -> int:
    """The length of a packet. Strict: int() would take `+123`, ` 123` and `0x1f`, and a negative length would make the
    parser run in circles. 3 has no meaning in Git."""
    if not _HEX.issuperset(prefix):
        raise MalformedPacket(prefix)
    length = int(prefix, 16)
    if length == 3:
        raise MalformedPacket(prefix)
    return length


def encode(data: bytes | str) -> bytes:
    """One data packet."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    assert len(data) <= MAX_DATA
    return b"%04x" % (len(data) + 4) + data


def encode_packet(packet: Packet) -> bytes:
    """A packet as it came."""
    if packet.kind == "data":
        return packet.length + packet.data if packet.length else encode(packet.data)
    return {"flush": FLUSH, "delim": DELIM, "end": RESPONSE_END}[packet.kind]
