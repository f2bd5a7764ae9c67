"""What a power cut would leave, from the order of a program's system calls.

The model is the harshest that POSIX allows: until the file system was flushed (syncfs, or fsync of that file), anything
written may be lost, and anything else of the same time may be kept: a new name without its content, a later file
without an earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from tests.support.fault_points import Step

_WRITTEN = re.compile(r"(?:\d+<[^>]*>, (?:NULL|\[\d+\]), )?\d+<(/[^>]*|\./[^>]*)>")
_OPENED = re.compile(r"= \d+<([^>]*)>")
_RENAMED = re.compile(r'"([^"]*)", (?:AT_FDCWD<[^>]*>, )?"([^"]*)"')


def lost(steps: Sequence[Step], *, handed_over: Callable[[Step], bool]) -> Iterator[str]:
    """Each object that could get its name before its content, each manifest before its files, and what a ref could come
    before. handed_over(step): from this step on, a ref may be written by somebody else; the end of the run is one."""
    dirty: set[str] = set()  # content that may be lost
    named: set[str] = set()  # final names that may be lost
    for step in steps:
        if step.call in ("syncfs", "sync"):
            dirty.clear()
            named.clear()
        elif step.call in ("fsync", "fdatasync"):
            dirty -= set(_WRITTEN.findall(step.text))
        elif step.call.startswith("rename"):
            before, after = _RENAMED.findall(step.text)[0]
            if "/files/md5/" in after:
                if before in dirty:
                    yield f"{after} gets its name before its content"
                if after.endswith(".dir") and (files := {name for name in named if not name.endswith(".dir")}):
                    yield f"{after} gets its name before {files}"
                named.add(after)
        elif step.call == "openat" and step.changes:
            dirty.update(_OPENED.findall(step.text))
        elif step.changes:
            dirty.update(_WRITTEN.findall(step.text)[:1])
        if named and handed_over(step):
            yield f"a ref may come before {named}: {step}"
    if named:
        yield f"a ref may come before {named}"
