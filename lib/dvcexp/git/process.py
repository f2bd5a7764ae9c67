"""Starting a program with both ends of its pipes in our hands.

`os.posix_spawn` instead of `subprocess`: every ordinary `git fetch` pays for what the helper imports, and subprocess
with what it drags in is some 5 ms of it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dvcexp.trace import trace

# Python ignores these; a program that it starts would inherit that, and then write into a closed pipe for ever.
_DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ]


class Process(NamedTuple):
    """A running program: what it reads from, and what it writes to."""

    pid: int
    stdin: int
    stdout: int

    def wait(self) -> int:
        """Its exit code, negative for a signal. Close its pipes before, or it may never end."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def start(argv: Sequence[str], environ: Mapping[str, str]) -> Process:
    """Run `argv`, found on the PATH, with pipes for stdin and stdout. FileNotFoundError, PermissionError if it cannot.

    All other descriptors of ours are closed in it, for Python opens every one of them close-on-exec.
    """
    trace("run", " ".join(argv))
    stdin, to_program = os.pipe()
    from_program, stdout = os.pipe()
    try:
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)]
        pid = os.posix_spawnp(argv[0], [*argv], environ, file_actions=actions, setsigdef=_DEFAULT_SIGNALS)
    except OSError:
        os.close(to_program)
        os.close(from_program)
        raise
    finally:
        os.close(stdin)
        os.close(stdout)
    return Process(pid, to_program, from_program)


def output(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[int, bytes]:
    """Run `argv` to its end, with nothing to read: its exit code and what it wrote to stdout."""
    process = start(argv, environ)
    os.close(process.stdin)
    with os.fdopen(process.stdout, "rb") as stdout:
        written = stdout.read()
    return process.wait(), written
