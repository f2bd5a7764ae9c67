"""The list of refs that upload-pack and receive-pack open with in protocols v0 and v1 (gitprotocol-pack). No I/O."""

from __future__ import annotations

from dvcexp.git.pktline import Packet

_NO_REFS = "capabilities^{}"  # stands beside a null id where there is no ref to hang the capabilities on


class Advertisement:
    """Filled packet by packet. refs: full ref -> id, without peeled tags and `.have` lines."""

    def __init__(self) -> None:
        self.refs: dict[str, str] = {}
        self.capabilities: tuple[str, ...] = ()
        self.complete = False
        self.failed = False

    def add(self, packet: Packet) -> None:
        """The next packet. A flush makes it complete; an `ERR` packet makes it failed, and nothing more is to come."""
        if packet.kind != "data":
            self.complete = True
            return
        line, null, capabilities = packet.text.partition("\0")
        if null:
            self.capabilities = tuple(capabilities.split())
        if line.startswith("ERR "):
            self.failed = True
        elif not line.startswith(("version ", "shallow ")):
            add_ref(self.refs, line)

    def __contains__(self, capability: str) -> bool:
        return capability in self.capabilities


def add_ref(refs: dict[str, str], line: str) -> None:
    """Note `<id> <ref>` of an advertisement, an ls-refs answer (more words may follow) or a helper's list."""
    sha, _, rest = line.partition(" ")
    ref = rest.partition(" ")[0]
    if ref and ref != _NO_REFS and not ref.endswith("^{}") and not ref.startswith(".have"):
        refs[ref] = sha
