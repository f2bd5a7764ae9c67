"""Long output goes through the pager that Git would use: GIT_PAGER, `core.pager`, PAGER, or Git's default.

`git --no-pager exp`, `git -p exp` and `pager.exp` are Git's own doing: it sets GIT_PAGER to `cat`, or starts the pager
before us. So here is only what Git does in its own listing commands, setup_pager() of its pager.c.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

    from dvcexp.git.repository import Repository

# Git hands a command with one of these to the shell (run-command.c), and starts any other itself.
_FOR_THE_SHELL = frozenset("|&;<>()$`\\\"' \t\n*?[#~=%")
_DEFAULTS = {"LESS": "FRX", "LV": "-c"}  # Git's PAGER_ENV
_IN_USE = "GIT_PAGER_IN_USE"


@contextlib.contextmanager
def pager(repository: Repository) -> Iterator[None]:
    """What is printed inside goes through the pager if stdout is a terminal, warnings too; it ends when the user quits.

    Open it when the first line is there: meters and questions belong before.
    """
    process = _start(repository) if sys.stdout is not None and sys.stdout.isatty() else None
    if process is None or process.stdin is None:
        yield
        return
    kept = sys.stdout, sys.stderr, os.environ.get(_IN_USE)
    sys.stdout = process.stdin
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr = process.stdin
    os.environ[_IN_USE] = "true"
    try:
        yield
    finally:
        # Ctrl-C is for the pager while it runs, and its input must be closed for it to end.
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process.stdin.close()
        finally:
            process.wait()
            signal.signal(signal.SIGINT, interrupt)
            sys.stdout, sys.stderr, before = kept
            _restore(before)


def in_use() -> bool:
    """Is our output on its way to a terminal through a pager?"""
    return os.environ.get(_IN_USE, "").lower() in ("true", "yes", "on", "1")


def _start(repository: Repository) -> subprocess.Popen[str] | None:
    """The running pager; None if there is none to be used, or it cannot be started."""
    import subprocess

    command = os.fsdecode(repository.git("var", "GIT_PAGER", check=False)).strip()
    if command in ("", "cat"):
        return None
    argv = ["sh", "-c", command] if _FOR_THE_SHELL.intersection(command) else [command]
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            env={**_DEFAULTS, **os.environ},
            encoding=sys.stdout.encoding,
            errors=sys.stdout.errors,
        )
    except OSError:
        return None


def _restore(in_use: str | None) -> None:
    if in_use is None:
        os.environ.pop(_IN_USE, None)
    else:
        os.environ[_IN_USE] = in_use
