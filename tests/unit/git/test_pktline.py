"""pkt-line framing: strict, and the same however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvcexp.git.pktline import MAX_DATA, MalformedPacket, Packet, Parser, Walker, encode, encode_packet

SPECIAL = [Packet("flush"), Packet("delim"), Packet("end")]
packets = st.lists(st.one_of(st.binary(max_size=300).map(lambda data: Packet("data", data)), st.sampled_from(SPECIAL)))


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """`data` cut after the sizes, in turn."""
    cut, position = [], 0
    while position < len(data):
        size = sizes[len(cut) % len(sizes)] if sizes else len(data)
        cut.append(data[position : position + size])
        position += size
    return cut


@given(packets, st.lists(st.integers(1, 7)))
def test_what_is_encoded_is_parsed_however_it_is_cut(stream: list[Packet], sizes: list[int]) -> None:
    parser = Parser()
    found = []
    for piece in pieces(b"".join(map(encode_packet, stream)), sizes):
        parser.feed(piece)
        while (packet := parser.next()) is not None:
            found.append(packet)
    assert found == stream
    assert parser.rest == b""


@given(packets, st.lists(st.integers(1, 7)))
def test_the_walker_tells_kind_and_first_byte_however_it_is_cut(stream: list[Packet], sizes: list[int]) -> None:
    walker = Walker()
    found = [p for piece in pieces(b"".join(map(encode_packet, stream)), sizes) for p in walker.feed(piece)]
    assert found == [Packet(packet.kind, packet.data[:1]) for packet in stream]


@pytest.mark.parametrize("prefix", [b"+00a", b" 00a", b"0x0a", b"-001", b"zzzz", b"0003", b"\n\n\n\n"])
def test_a_length_is_four_hex_digits_and_nothing_else(prefix: bytes) -> None:
    parser = Parser()
    parser.feed(prefix + b"data")
    with pytest.raises(MalformedPacket):
        parser.next()
    assert parser.rest == prefix + b"data"
    with pytest.raises(MalformedPacket):
        list(Walker().feed(prefix + b"data"))


@pytest.mark.parametrize("packet", [b"000AHello\n", b"000ahello\n", b"ffff" + b"x" * 65531])
def test_a_packet_goes_on_as_it_came_however_odd_its_length(packet: bytes) -> None:
    parser = Parser()
    parser.feed(packet)
    parsed = parser.next()
    assert parsed is not None
    assert encode_packet(parsed) == packet


def test_the_largest_packet_has_gits_largest_length() -> None:
    assert encode(b"x" * MAX_DATA).startswith(b"fff0")


def test_text_loses_its_newline_and_keeps_bytes_that_are_no_text() -> None:
    assert Packet("data", b"caf\xe9\n").text == "caf\udce9"
    assert encode("caf\udce9") == b"0008caf\xe9"
