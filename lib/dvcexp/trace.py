"""DVCEXP_TRACE: what the helper does, as it happens; `1` for stderr, else the file to append to.

One line an event: time, process, where, what. Secrets are taken out. Without the variable it costs nothing.
"""

from __future__ import annotations

import os

_TO_STDERR = ("1", "2", "true")
_OFF = ("", "0", "false")


def trace(where: str, what: str) -> None:
    """Note an event. Meant for few of them: lines of a conversation, programs started, decisions."""
    destination = os.environ.get("DVCEXP_TRACE", "")
    if destination not in _OFF:
        _write(destination, where, what)


def _write(destination: str, where: str, what: str) -> None:
    import time

    from dvcexp.concealed import scrub
    from dvcexp.errors import printable

    now = time.time()
    clock = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1e6):06d}"
    line = f"{clock} dvcexp[{os.getpid()}] {where}: {printable(scrub(what))}\n".encode("utf-8", "backslashreplace")
    try:
        if destination in _TO_STDERR:
            os.write(2, line)
            return
        descriptor = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError:
        return  # a trace that cannot be written stops nobody
