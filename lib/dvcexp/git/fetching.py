"""Reading along while Git and upload-pack talk, in protocols v0, v1 and v2. No I/O: bytes in, bytes to pass on.

A fetch is understood from two things. The listing: v2's answer to `ls-refs`, v0's advertisement. It is held back when
it is whole, for it is the one place where Git can always be made to stop before it updates a ref. And the `want` lines,
which tell what v2's `ref-prefix` lines do not say in v0: that experiments are being fetched.

All else passes unread, packs in particular.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from dvcexp.git import pktline
from dvcexp.git.advertisement import Advertisement, add_ref
from dvcexp.git.pktline import MalformedPacket, Packet, Parser, Walker

State = Literal["greeting", "advertisement", "through", "listing", "held"]
Pack = Literal["awaited", "complete", "raw"]


class Listing(NamedTuple):
    """The remote's refs of our namespace. asked: a fetch asked for them (v2), else it may be any command (v0)."""

    refs: dict[str, str]
    asked: bool


class FetchConversation:
    """One connection to upload-pack. `listing` is set while one is held: answer with `release`.

    namespace: the refs that count, as a prefix, `refs/exps/`.
    """

    def __init__(self, namespace: str) -> None:
        self.listing: Listing | None = None
        self.wants: set[str] = set()
        self._namespace = namespace
        self._asked: dict[str, str] = {}  # advertised under a prefix that a fetch asked for
        self._shown: dict[str, str] = {}  # advertised to anybody
        self._state: State = "greeting"
        self._version = 0
        self._server = Parser()
        self._held = bytearray()
        self._advertisement = Advertisement()
        self._listed: dict[str, str] = {}
        self._client = _Requests()
        self._pack = _PackEnd()
        self._request = _Request()  # the `ls-refs` that is being answered

    @property
    def pack(self) -> Pack:
        """How far what was wanted has come; `raw` where it cannot be told, without sideband, which old servers lack."""
        return self._pack.state

    @property
    def fetched(self) -> dict[str, str]:
        """The refs of the namespace that Git may be about to update, as far as the stream tells.

        In v0 and v1, which have no prefixes: all of them if one of them was wanted, else none.
        """
        if self._version == 2:
            return self._asked
        return self._shown if self.wants.intersection(self._shown.values()) else {}

    @property
    def unwanted(self) -> dict[str, str]:
        """v0 and v1: the refs of the namespace, where Git wanted nothing: it had all commits, or only looked."""
        return self._shown if self._version != 2 and not self.wants else {}

    def from_git(self, data: bytes) -> bytes:
        """What to pass to the server: always all of it."""
        for request in self._client.feed(data, self._version):
            self.wants |= request.wants
            if request.wants:
                self._pack = _PackEnd()  # for v2 wants again in each round
            if request.command == "ls-refs" and request.asks_for(self._namespace):
                self._request = request
                self._state = "listing"
        return data

    def from_server(self, data: bytes) -> bytes:
        """What to pass to Git now."""
        if self._state == "through":
            if self.wants:
                self._pack.feed(data)
            return data
        self._server.feed(data)
        try:
            return self._read()
        except MalformedPacket:
            return self._let_go()

    def release(self, error: str | None) -> bytes:
        """What to pass to Git for the held listing: itself, or an `ERR` packet that makes Git stop with `error`."""
        assert self.listing is not None
        self.listing = None
        if error is None:
            return self._let_go()
        self._held.clear()
        self._let_go()
        return pktline.encode(f"ERR {error}\n")

    def end(self) -> bytes:
        """The server has closed: what is still held back goes to Git as it is."""
        return self._let_go()

    def _let_go(self) -> bytes:
        held = bytes(self._held) + self._server.rest
        self._held.clear()
        self._server = Parser()
        self._state = "through"
        return held

    def _read(self) -> bytes:
        while self._state != "held":
            packet = self._server.next()
            if packet is None:
                return b""
            self._held += pktline.encode_packet(packet)
            if self._state == "greeting":
                self._greet(packet)
            elif self._state == "advertisement":
                self._advertise(packet)
            elif self._state == "listing":
                self._list(packet)
            if self._state == "through":
                return self._let_go()
        return b""

    def _greet(self, packet: Packet) -> None:
        """The server's first packet tells its version, whatever was asked for."""
        if packet.text == "version 2":
            self._version = 2
            self._state = "through"
            return
        self._version = 1 if packet.text == "version 1" else 0
        self._state = "advertisement"
        self._advertise(packet)

    def _advertise(self, packet: Packet) -> None:
        self._advertisement.add(packet)
        if self._advertisement.failed:
            self._state = "through"
        elif self._advertisement.complete:
            self._shown = self._ours(self._advertisement.refs)
            self._hold(Listing(self._shown, asked=False))

    def _list(self, packet: Packet) -> None:
        if packet.kind == "data":
            if packet.data.startswith(b"ERR "):
                self._state = "through"
            else:
                add_ref(self._listed, packet.text)
            return
        asked = self._request.matching(self._ours(self._listed))
        self._listed = {}
        self._asked.update(asked)
        self._hold(Listing(asked, asked=True))

    def _hold(self, listing: Listing) -> None:
        if listing.refs:
            self.listing = listing
            self._state = "held"
        else:
            self._state = "through"

    def _ours(self, refs: dict[str, str]) -> dict[str, str]:
        return {ref: sha for ref, sha in refs.items() if ref.startswith(self._namespace)}


class _PackEnd:
    """Waits for the end of a pack in what the server sends: the flush behind sideband data."""

    def __init__(self) -> None:
        self.state: Pack = "awaited"
        self._walker = Walker()
        self._begun = False

    def feed(self, data: bytes) -> None:
        """What the server sent next."""
        if self.state != "awaited":
            return
        try:
            for packet in self._walker.feed(data):
                if packet.kind == "data":
                    self._begun |= packet.data == b"\x01"
                elif packet.kind == "flush" and self._begun:
                    self.state = "complete"
                    return
        except MalformedPacket:
            self.state = "raw"


class _Request:
    """One request of Git's. command: `ls-refs`, `fetch`, ... in v2; `want` in v0."""

    def __init__(self, command: str = "") -> None:
        self.command = command
        self.wants: set[str] = set()
        self.prefixes: set[str] = set()

    def asks_for(self, namespace: str) -> bool:
        """Is this the listing of a fetch that may update refs below `namespace`?

        Only a fetch sends prefixes that lead there; `git ls-remote` sends none, or those of branches and tags.
        """
        return any(prefix.startswith(namespace) for prefix in self.prefixes) or any(
            namespace.startswith(prefix) for prefix in self.prefixes if not self._is_name(prefix)
        )

    def matching(self, refs: dict[str, str]) -> dict[str, str]:
        """Those that a prefix asks for. A name given in full stands for itself alone, not for longer ones."""
        patterns = tuple(prefix for prefix in self.prefixes if not self._is_name(prefix))
        return {ref: sha for ref, sha in refs.items() if ref in self.prefixes or ref.startswith(patterns)}

    def _is_name(self, prefix: str) -> bool:
        """Was this asked for by name, not by a pattern? A name goes out in the six spellings of Git's refs.c
        (ref_rev_parse_rules): itself, then behind `refs/`, `refs/tags/`, `refs/heads/`, ..."""
        names = (prefix, prefix.removeprefix("refs/"))
        return not prefix.endswith("/") and any(f"refs/heads/{name}" in self.prefixes for name in names)


class _Requests:
    """Git's side of the stream."""

    def __init__(self) -> None:
        self._parser = Parser()
        self._request = _Request()
        self._done = False

    def feed(self, data: bytes, version: int) -> list[_Request]:
        """The requests that `data` completes."""
        if self._done:
            return []
        self._parser.feed(data)
        complete = []
        try:
            while not self._done and (packet := self._parser.next()) is not None:
                if packet.kind == "data":
                    self._note(packet.text)
                elif packet.kind == "flush":
                    complete.append(self._request)
                    self._request = _Request()
                    self._done = version != 2  # after its wants, v0 has nothing more to tell
        except MalformedPacket:
            self._done = True
        return complete

    def _note(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word.startswith("command="):
            self._request.command = word.removeprefix("command=")
        elif word == "want":
            self._request.wants.add(rest.partition(" ")[0])
        elif word == "ref-prefix":
            self._request.prefixes.add(rest)
