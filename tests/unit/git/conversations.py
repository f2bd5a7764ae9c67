"""Streams of upload-pack and receive-pack, as bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dvcexp.git.pktline import encode

A, B, C, ZERO = "a" * 40, "b" * 40, "c" * 40, "0" * 40
EXP = f"refs/exps/{'1' * 2}/{'1' * 38}/exp"
OTHER = f"refs/exps/{'1' * 2}/{'1' * 38}/exp-2"
NAMESPACE = "refs/exps/"


def stream(*items: str | bytes | int) -> bytes:
    """Text and bytes become packets, 0, 1 and 2 the special ones."""
    return b"".join(b"%04d" % item if isinstance(item, int) else encode(item) for item in items)


def in_pieces(send: Callable[[bytes], bytes], data: bytes, size: int) -> bytes:
    """What `send` gives for `data` in pieces of `size` bytes."""
    return b"".join(send(data[start : start + size]) for start in range(0, len(data), size))


def advertisement(
    refs: Sequence[tuple[str, str]], capabilities: str = "side-band-64k report-status-v2 atomic"
) -> bytes:
    """As v0 opens."""
    first, *others = [f"{sha} {ref}" for ref, sha in refs] or [f"{ZERO} capabilities^{{}}"]
    return stream(f"{first}\0{capabilities}\n", *(f"{line}\n" for line in others), 0)
