"""The one place where an exception becomes words and an exit code. Every program of ours runs inside `run`.

Exit codes are Git's where Git has one: 128 plus the signal's number, 129 for a wrong command line.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from dvcexp.errors import DvcexpError, printable

INTERRUPTED = 130
BROKEN_PIPE = 141
UNEXPECTED = 3
_REFUSALS = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE),
    *(errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    *(errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT),  # of a network share
}


def run(main: Callable[[], int]) -> int:
    """What `main` returns; for what it raises, a message on stderr and the exit code that belongs to it.

    SystemExit passes: it is argparse's answer to `-h`.
    """
    try:
        code = main()
        # A reader that has gone away shows only when the buffer is written out; stdout is None where it was closed.
        if sys.stdout is not None:
            sys.stdout.flush()
    except DvcexpError as error:
        _say(error.message, *error.hints)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return BROKEN_PIPE
    except Exception as error:
        _close_stdout()
        if (words := _of_the_system(error)) is not None:
            _say(words, "run the same command again when that is mended: what has been done is not done twice")
            return DvcexpError.exit_code
        _say(*_unexpected(error))
        return UNEXPECTED
    return code


def leave(code: int) -> NoReturn:
    """End the process with this exit code, without the interpreter's own end: it frees module after module, which takes
    as long as a tenth of a short command. Pools of threads are shut down by who made them."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or None
            stream.flush()
    os._exit(code)


def _of_the_system(error: Exception) -> str | None:
    """The words for what a machine may refuse at any place: nothing that a fault of ours would lead to."""
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = f"'{error.filename}': " if error.filename is not None else ""
        return f"{where}{(error.strerror or str(error)).lower()}"
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return "the system allows no more threads"
    return None


def _say(message: str, *hints: str) -> None:
    """`error:` and `hint:` lines on stderr; a line of the text that follows another keeps Git's prefix."""
    from dvcexp.concealed import hide

    lines = [f"error: {line}" for line in message.splitlines()]
    lines += [f"hint: {line}" for hint in hints for line in hint.splitlines()]
    try:
        sys.stderr.write("".join(f"{printable(hide(line))}\n" for line in lines))
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass  # stderr is closed or gone: the exit code still tells


def _close_stdout() -> None:
    """Let the interpreter's last flush go nowhere: it would complain on stderr about the same broken pipe."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
    except OSError:
        pass


def _unexpected(error: Exception) -> tuple[str, ...]:
    """The words for a fault of ours: what happened, and where the report is."""
    from dvcexp import report
    from dvcexp.concealed import scrub

    summary = scrub(f"{type(error).__name__}: {error}")
    text = report.compose(error)
    path = report.save(text)
    message = f"unexpected error, a fault in dvcexp: {summary}"
    if path is None:
        return message, "no folder for a report could be written; this is what it would say:", text
    return message, f"please report it with the file '{path}'"
