"""Asking the user for a secret of a DVC remote, the way Git asks for one of its own."""

from __future__ import annotations

import contextlib
import functools
import os

from dvcexp.concealed import conceal


def ask_password(protocol: str, host: str, user: str) -> str | None:
    """The password of `user` at a server; None if there is nobody to ask."""
    return ask(f"Password for '{protocol}://{user}@{host}': ")


@functools.cache
def ask(question: str) -> str | None:
    """What the user answers to `question`; None if there is nobody to ask. Once a process: the answer is remembered.

    Asked through GIT_ASKPASS, core.askPass, SSH_ASKPASS, else on the terminal, unless GIT_TERMINAL_PROMPT forbids it:
    gitcredentials(7) has this order.
    """
    import subprocess

    program = os.environ.get("GIT_ASKPASS") or _core_askpass() or os.environ.get("SSH_ASKPASS")
    if program:
        with contextlib.suppress(OSError):
            answered = subprocess.run([program, question], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            if answered.returncode == 0:
                return _concealed(os.fsdecode(answered.stdout).rstrip("\r\n"))
    return _concealed(_ask_terminal(question)) if may_ask_terminal() else None


def _concealed(answer: str | None) -> str | None:
    conceal(answer)
    return answer


def may_ask_terminal() -> bool:
    """GIT_TERMINAL_PROMPT, a boolean as Git reads it."""
    return os.environ.get("GIT_TERMINAL_PROMPT", "true").lower() not in ("0", "false", "no", "off", "")


def _core_askpass() -> str | None:
    import subprocess

    found = subprocess.run(["git", "config", "--type=path", "core.askPass"], stdout=subprocess.PIPE)
    return os.fsdecode(found.stdout).rstrip("\n") or None


def _ask_terminal(question: str) -> str | None:
    import getpass

    # getpass alone would fall back to stdin, which may be Git's end of a conversation.
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        return getpass.getpass(question)
    except (OSError, EOFError):
        return None
