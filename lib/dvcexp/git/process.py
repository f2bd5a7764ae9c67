"""Starting a program with both ends of its pipes in our hands.

`os.posix_spawn` instead of `subprocess`: every ordinary `git fetch` pays for what the helper imports, and subprocess
with what it drags in is some 5 ms of it.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from dvcexp.trace import trace

# Python ignores these; a program that it starts would inherit that, and then write into a closed pipe for ever.
_DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ]


_PIECE = 65536


class Process(NamedTuple):
    """A running program: what it reads from, and what it writes to."""

    pid: int
    stdin: int
    stdout: int

    def wait(self) -> int:
        """Its exit code, negative for a signal. Close its pipes before, or it may never end."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def terminate(self) -> None:
        """Ask it to end, and what it has started: a shell may stand before ssh. Not after `wait`."""
        for pid in (*_children(self.pid), self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _children(pid: int) -> list[int]:
    """The processes that `pid` has started, as far as the system tells."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


class Finished(NamedTuple):
    """A program that has ended: its exit code, negative for a signal, and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


def start(argv: Sequence[str], environ: Mapping[str, str], *, stderr: int = 2) -> Process:
    """Run `argv`, found on the PATH, with pipes for stdin and stdout. FileNotFoundError, PermissionError if it cannot.

    All other descriptors of ours are closed in it, for Python opens every one of them close-on-exec. stderr: where that
    goes, ours as a rule.
    """
    trace("run", " ".join(argv))
    stdin, to_program = os.pipe()
    from_program, stdout = os.pipe()
    try:
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)]
        if stderr != 2:
            actions.append((os.POSIX_SPAWN_DUP2, stderr, 2))
        pid = os.posix_spawnp(argv[0], [*argv], environ, file_actions=actions, setsigdef=_DEFAULT_SIGNALS)
    except OSError:
        os.close(to_program)
        os.close(from_program)
        raise
    finally:
        os.close(stdin)
        os.close(stdout)
    return Process(pid, to_program, from_program)


def run(argv: Sequence[str], environ: Mapping[str, str], stdin: bytes = b"") -> Finished:
    """Run `argv` to its end on `stdin`; what it does not read of that is lost."""
    said, stderr = os.pipe()
    try:
        process = start(argv, environ, stderr=stderr)
    except OSError:
        os.close(said)
        raise
    finally:
        os.close(stderr)
    written: dict[int, bytearray] = {process.stdout: bytearray(), said: bytearray()}
    try:
        _converse(process.stdin, stdin, written)
    finally:
        for descriptor in written:
            os.close(descriptor)
    return Finished(process.wait(), *map(bytes, written.values()))


def _converse(sink: int, data: bytes, sources: Mapping[int, bytearray]) -> None:
    """Write `data` and close `sink`, read `sources` to their ends, whichever is ready."""
    os.set_blocking(sink, False)
    poll = select.poll()
    poll.register(sink, select.POLLOUT)
    for source in sources:
        poll.register(source, select.POLLIN)
    unfinished = len(sources) + 1
    while unfinished:
        for descriptor, _ in poll.poll():
            if descriptor == sink:
                try:
                    data = data[os.write(sink, data[:_PIECE]) :] if data else data
                except BrokenPipeError:
                    data = b""
                over = not data
                if over:
                    os.close(sink)
            else:
                piece = os.read(descriptor, _PIECE)
                sources[descriptor] += piece
                over = not piece
            if over:
                poll.unregister(descriptor)
                unfinished -= 1


def output(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[int, bytes]:
    """Run `argv` to its end, with nothing to read: its exit code and what it wrote to stdout."""
    process = start(argv, environ)
    os.close(process.stdin)
    with os.fdopen(process.stdout, "rb") as stdout:
        written = stdout.read()
    return process.wait(), written
