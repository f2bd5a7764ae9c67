"""The lines that Git and a remote helper speak (gitremote-helpers), to values and back. No I/O but the line reader.

Ids and refs stand as text; bytes that are no UTF-8 become surrogates.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from dvcexp.errors import DvcexpError, printable
from dvcexp.git.advertisement import add_ref
from dvcexp.trace import trace

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class HelperProtocolError(DvcexpError):
    """A line that is not what the protocol has at this point."""

    exit_code = 128

    def __init__(self, expected: str, line: str) -> None:
        super().__init__(f"protocol error: expected {expected}, got '{printable(line)}'")


class Lines:
    """Lines that `peer` writes. One read may give more than a line: who takes the descriptor takes `rest` first."""

    def __init__(self, descriptor: int, peer: str) -> None:
        self._descriptor = descriptor
        self._peer = peer
        self._buffer = b""

    def next(self) -> str | None:
        """The next line without its newline, None at the end of the stream. A last line without newline is none."""
        while b"\n" not in self._buffer:
            data = os.read(self._descriptor, 65536)
            if not data:
                return None
            self._buffer += data
        raw, _, self._buffer = self._buffer.partition(b"\n")
        line = raw.decode("utf-8", "surrogateescape")
        trace(f"{self._peer} says", line)
        return line

    def until_blank(self) -> list[str]:
        """Lines up to a blank one, which is left out. EOFError if the stream ends before it."""
        lines = []
        while line := self.next():
            lines.append(line)
        if line is None:
            raise EOFError
        return lines

    def rest(self) -> bytes:
        """What was read ahead; it is no longer here then."""
        rest, self._buffer = self._buffer, b""
        return rest


class PushSpec(NamedTuple):
    """`push [+]<source>:<ref>`. source: a ref or an id here, empty for a deletion."""

    source: str
    ref: str
    force: bool

    @classmethod
    def parse(cls, line: str) -> PushSpec:
        """From the whole line."""
        spec = line.removeprefix("push ")
        source, colon, ref = spec.removeprefix("+").partition(":")
        if spec == line or not colon:
            raise HelperProtocolError("push <source>:<ref>", line)
        return cls(source, ref, spec.startswith("+"))


def parse_fetch(line: str) -> tuple[str, str]:
    """Ref and id of `fetch <id> <ref>`."""
    word, _, rest = line.partition(" ")
    sha, _, ref = rest.partition(" ")
    if word != "fetch" or not ref:
        raise HelperProtocolError("fetch <id> <ref>", line)
    return ref, sha


def parse_list(lines: Sequence[str]) -> dict[str, str]:
    """Full ref -> id from the answer to `list`, without symbolic refs (`@<target> <ref>`), refs of unknown value
    (`? <ref>`) and keywords (`:object-format ...`)."""
    refs: dict[str, str] = {}
    for line in lines:
        if not line.startswith(("@", "?", ":")):
            add_ref(refs, line)
    return refs


def refusal(ref: str, reason: str) -> str:
    """`error <ref> <reason>`, the answer to a push that is refused; the reason is quoted as C does it."""
    escaped = reason.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'error {ref} "{escaped}"'


def encode(lines: Sequence[str]) -> bytes:
    """Each line with its newline."""
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def unquote(text: str) -> str:
    """An option's value: as it is, or in C's quotes (quote.c unquote_c_style) if it begins with one."""
    if not (len(text) >= 2 and text.startswith('"') and text.endswith('"')):
        return text
    raw = text[1:-1].encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescape, raw).decode("utf-8", "surrogateescape")


def _unescape(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    return bytes([int(escape, 8) & 0xFF]) if len(escape) == 3 else _ESCAPED.get(escape, escape)
