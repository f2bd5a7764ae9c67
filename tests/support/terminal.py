"""Commands on a terminal: a pty of their own, and all that they wrote to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Shown(NamedTuple):
    """The exit code, and the text in order, `\\r\\n` made `\\n`; a lone `\\r` is a meter that goes back."""

    code: int
    text: str


def on_terminal(
    *argv: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    answers: Sequence[tuple[str, str]] = (),
    columns: int = 120,
) -> Shown:
    """Run `argv` with a terminal of 24 lines for stdin, stdout and stderr. stdin: what is typed at once. answers: what
    is typed when these questions are shown, one after the other."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environ = {**os.environ, "TERM": "xterm", **(env or {})}
    process = subprocess.Popen(
        [str(arg) for arg in argv],
        cwd=cwd,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    if stdin:
        os.write(ours, stdin)
    seen = bytearray()
    expected = list(answers)

    def read() -> None:
        with contextlib.suppress(OSError):  # Linux tells the end of a pty by EIO
            while data := os.read(ours, 65536):
                seen.extend(data)
                if expected and seen.endswith(expected[0][0].encode()):
                    os.write(ours, f"{expected.pop(0)[1]}\n".encode())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        code = process.wait(timeout=120)
    finally:
        process.kill()
        reader.join(timeout=30)
        os.close(ours)
    return Shown(code, seen.decode("utf-8", "replace").replace("\r\n", "\n"))
