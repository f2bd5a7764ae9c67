"""Reading along while Git and receive-pack talk, and refusing what must not be pushed. No I/O: bytes in, bytes out.

Git's commands are held back until they are all there, so that data can be uploaded before the server hears of a ref.
They then go on as they came; or, where some are refused, without those, and the server's report is completed for Git;
or, where all are refused, not at all, and the report is ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from dvcexp.git import pktline
from dvcexp.git.advertisement import Advertisement
from dvcexp.git.pktline import FLUSH, MalformedPacket, Packet, Parser

ClientState = Literal["commands", "options", "held", "through", "swallow"]

_BAND_DATA = b"\x01"
_MAX_BAND = pktline.MAX_DATA - 1


class Command(NamedTuple):
    """`<old> <new> <ref>`: ids in hex, all zeros for a ref that is not there, or is to be no more."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        """Is the ref to be removed?"""
        return not self.new.strip("0")


class Verdict(NamedTuple):
    """What must not reach the server. refused: ref -> reason, one line. withheld: refs that are passed over, and Git is
    told that they went well, for they are of no use to anybody else."""

    refused: Mapping[str, str] = {}
    withheld: frozenset[str] = frozenset()


class Decision(NamedTuple):
    """What to send now. close: the server gets nothing more, and Git's report is in `to_git`."""

    to_server: bytes
    to_git: bytes = b""
    close: bool = False


class PushConversation:
    """One connection to receive-pack. `commands` is set while they are held: answer with `decide`."""

    def __init__(self, namespace: str, *, watched: bool = False) -> None:
        """watched: `accepted` is wanted at the end."""
        self._watched = watched
        self.commands: list[Command] | None = None
        self.advertisement = Advertisement()
        self.signed = False
        self.can_report = False
        self._namespace = namespace
        self._state: ClientState = "commands"
        self._client = Parser()
        self._server = Parser()
        self._listed: list[Command] = []
        self._before: list[Packet] = []  # shallow lines, which come first
        self._options: list[Packet] = []  # push options, with their flush
        self._certificate = False  # are we inside one?
        self._raw = bytearray()
        self._capabilities: list[str] = []
        self._report: _Report | None = None

    def from_git(self, data: bytes) -> bytes:
        """What to pass to the server now. The pack behind the commands passes unread."""
        if self._state == "through":
            return data
        if self._state == "swallow":
            return b""
        self._client.feed(data)
        while self._reading and (packet := self._client.next()) is not None:
            self._raw += pktline.encode_packet(packet)
            if self._state == "commands":
                self._note(packet)
            else:
                self._options.append(packet)
                if packet.kind == "flush":
                    self._complete()
        return b"" if self._held else self._let_go()

    def from_server(self, data: bytes) -> bytes:
        """What to pass to Git now: the advertisement as it comes, the report completed where we refused a ref."""
        if self._report is not None:
            return self._report.feed(data)
        if not self.advertisement.complete:
            self._server.feed(data)
            try:
                while not self.advertisement.complete and (packet := self._server.next()) is not None:
                    self.advertisement.add(packet)
            except MalformedPacket:
                self.advertisement.complete = True
        return data

    def decide(self, verdict: Verdict) -> Decision:
        """Go on without the refs that the verdict names; with none at all if Git wants all or nothing."""
        assert self.commands is not None
        self.commands = None
        if not verdict.refused and not verdict.withheld:
            self._state = "through"
            return Decision(self._let_go())
        refused = {**verdict.refused, **self._drawn_in(verdict)}
        kept = [
            command for command in self._listed if command.ref not in refused and command.ref not in verdict.withheld
        ]
        answers = _answers([command.ref for command in self._listed], refused, verdict.withheld)
        if kept:
            return self._go_on_with(kept, answers)
        self._state = "swallow"
        return Decision(FLUSH, self._whole_report(answers), close=True)

    @property
    def accepted(self) -> list[Command]:
        """What the server has reported to be done; nothing if it does not report, or nobody watched."""
        done = self._report.accepted if self._report is not None else set()
        return [command for command in self._listed if command.ref in done]

    def end(self) -> bytes:
        """The server has closed: what is held back of its report goes to Git."""
        return self._report.end() if self._report is not None else b""

    def _note(self, packet: Packet) -> None:
        if packet.kind == "flush":
            if "push-options" in self._capabilities:
                self._state = "options"
            else:
                self._complete()
            return
        line, null, capabilities = packet.text.partition("\0")
        if null:
            self._capabilities = capabilities.split()
            self.can_report = any(word.startswith("report-status") for word in self._capabilities)
        if line == "push-cert" and null:
            self.signed = self._certificate = True
        elif line == "push-cert-end":
            self._certificate = False
        elif line.startswith("shallow "):
            self._before.append(packet)
        else:
            self._note_command(line)

    def _note_command(self, line: str) -> None:
        """A command; inside a certificate, whose other lines are headers and a signature, only what looks like one."""
        old, _, rest = line.partition(" ")
        new, _, ref = rest.partition(" ")
        if self._certificate and not (_is_id(old) and _is_id(new) and ref.startswith("refs/")):
            return
        self._listed.append(Command(old, new, ref))

    def _complete(self) -> None:
        if any(command.ref.startswith(self._namespace) for command in self._listed):
            self.commands = self._listed
            self._state = "held"
        else:
            self._state = "through"

    def _let_go(self) -> bytes:
        if self._watched and self.can_report and self._report is None:
            self._report = _Report(b"", banded=self._banded)
        held = bytes(self._raw) + self._client.rest
        self._raw.clear()
        self._client = Parser()
        return held

    def _drawn_in(self, verdict: Verdict) -> dict[str, str]:
        """The refs that fall with those refused (an atomic push) or left out (a signed one, whose list is fixed)."""
        if self.signed:
            reason = "the push is signed, and goes as a whole or not at all"
        elif verdict.refused and "atomic" in self._capabilities:
            reason = "the push is atomic, and another ref was refused"
        else:
            return {}
        return {command.ref: reason for command in self._listed if command.ref not in verdict.refused}

    def _go_on_with(self, kept: list[Command], answers: bytes) -> Decision:
        pack = self._client.rest
        capabilities = " ".join(["", *self._capabilities])
        lines = [f"{command.old} {command.new} {command.ref}" for command in kept]
        packets = [pktline.encode_packet(packet) for packet in self._before]
        packets += [pktline.encode(lines[0] + "\0" + capabilities), *map(pktline.encode, lines[1:]), FLUSH]
        packets += [pktline.encode_packet(packet) for packet in self._options]
        self._client = Parser()
        self._report = _Report(answers, banded=self._banded)
        if all(command.deletes for command in kept):
            self._state = "swallow"  # the pack is for the others; the server expects none
            return Decision(b"".join(packets))
        self._state = "through"
        return Decision(b"".join(packets) + pack)

    @property
    def _reading(self) -> bool:
        return self._state in ("commands", "options")

    @property
    def _held(self) -> bool:
        return self._state != "through"

    @property
    def _banded(self) -> bool:
        return "side-band-64k" in self._capabilities

    def _whole_report(self, answers: bytes) -> bytes:
        if not self.can_report:
            return b""
        report = pktline.encode("unpack ok\n") + answers + FLUSH
        return _in_band(report) + FLUSH if self._banded else report


class _Report:
    """The server's report on its way to Git, with our answers put in before its end."""

    def __init__(self, answers: bytes, *, banded: bool) -> None:
        self._answers = answers
        self._banded = banded
        self._outer = Parser()
        self._inner = Parser()
        self._done = False
        self.accepted: set[str] = set()

    def feed(self, data: bytes) -> bytes:
        """What to pass to Git now."""
        if self._done:
            return data
        passed = bytearray()
        self._outer.feed(data)
        try:
            while not self._done and (packet := self._outer.next()) is not None:
                passed += self._take(packet)
        except MalformedPacket:
            self._done = True
        return bytes(passed) + (self.end() if self._done else b"")

    def end(self) -> bytes:
        """What is left, as it is: a report that broke off stays one."""
        self._done = True
        rest = self._outer.rest
        self._outer = Parser()
        return rest

    def _take(self, packet: Packet) -> bytes:
        if not self._banded:
            return self._line(packet)
        if packet.kind != "data" or packet.data[:1] != _BAND_DATA:
            return pktline.encode_packet(packet)
        self._inner.feed(packet.data[1:])
        report = b""
        while (line := self._inner.next()) is not None:
            report += self._line(line)
        return _in_band(report)

    def _line(self, line: Packet) -> bytes:
        """A line of the report. Ours come before the flush that ends it."""
        if line.kind != "flush":
            if line.text.startswith("ok "):
                self.accepted.add(line.text.removeprefix("ok "))
            return pktline.encode_packet(line)
        self._done = not self._banded
        return self._answers + FLUSH


def _answers(refs: Sequence[str], refused: Mapping[str, str], withheld: Collection[str]) -> bytes:
    """The lines of a report for what the server is not asked."""
    lines = [
        f"ng {ref} {refused[ref]}\n" if ref in refused else f"ok {ref}\n"
        for ref in refs
        if ref in refused or ref in withheld
    ]
    return b"".join(map(pktline.encode, lines))


def _in_band(data: bytes) -> bytes:
    pieces = [data[start : start + _MAX_BAND] for start in range(0, len(data), _MAX_BAND)]
    return b"".join(pktline.encode(_BAND_DATA + piece) for piece in pieces)


def _is_id(text: str) -> bool:
    return len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)
