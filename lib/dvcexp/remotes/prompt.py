"""Asking the user for a secret of a DVC remote, the way Git asks for one of its own."""

from __future__ import annotations

import functools


@functools.cache
def ask_password(protocol: str, host: str, user: str) -> str | None:
    """What the user answers to "Password for '<protocol>://<user>@<host>': "; None if there is nobody to ask.

    Git does the asking: GIT_ASKPASS, core.askPass, SSH_ASKPASS, then the terminal unless GIT_TERMINAL_PROMPT=0. Its
    credential helpers are left out, as `ask_password` means to be asked. Once a process: the answer is remembered.
    """
    import subprocess

    if any(c in "\n\0" for c in protocol + host + user):
        return None  # Git's protocol has a line a value; such a value could add lines of its own
    question = f"protocol={protocol}\nhost={host}\nusername={user}\n\n"
    filled = subprocess.run(
        ["git", "-c", "credential.helper=", "credential", "fill"], input=question.encode(), stdout=subprocess.PIPE
    )
    for line in filled.stdout.splitlines():
        key, _, value = line.partition(b"=")
        if key == b"password":
            return value.decode(errors="surrogateescape")
    return None
