"""Where a remote's ref goes by the configured refspecs (refspec.c, remote.c match_name_with_pattern). No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Update(NamedTuple):
    """A local ref that a fetch updates; `forced`: also to what does not descend from it."""

    destination: str
    forced: bool


def covers(refspecs: Sequence[str], ref: str) -> bool:
    """Is `ref` fetched at all? A source may lack its `refs/`."""
    sources = [refspec.removeprefix("+").partition(":")[0] for refspec in refspecs if not refspec.startswith("^")]
    named = any(_match(source, ref) is not None or f"refs/{source}" == ref for source in sources)
    return named and not _excluded(refspecs, ref)


def destinations(refspecs: Sequence[str], ref: str) -> list[str]:
    """The local refs that fetching `ref` updates, in the order of the refspecs; none if a negative one excludes it."""
    return [update.destination for update in updates(refspecs, ref)]


def updates(refspecs: Sequence[str], ref: str) -> list[Update]:
    """As `destinations`, with what the refspecs allow."""
    if _excluded(refspecs, ref):
        return []
    found = []
    for refspec in refspecs:
        source, colon, destination = refspec.removeprefix("+").partition(":")
        star = _match(source, ref)
        if star is not None and colon and destination:
            found.append(Update(destination.replace("*", star, 1), refspec.startswith("+")))
    return found


def _excluded(refspecs: Sequence[str], ref: str) -> bool:
    return any(_match(refspec[1:], ref) is not None for refspec in refspecs if refspec.startswith("^"))


def _match(pattern: str, ref: str) -> str | None:
    """What the star of `pattern` stands for in `ref`, slashes included; empty without a star, None if they differ."""
    head, star, tail = pattern.partition("*")
    if not star:
        return "" if ref == pattern else None
    if len(ref) < len(head) + len(tail) or not ref.startswith(head) or not ref.endswith(tail):
        return None
    return ref[len(head) : len(ref) - len(tail)]
