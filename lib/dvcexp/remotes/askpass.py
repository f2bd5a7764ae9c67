"""Answering the questions of an `ssh` that we started: passwords and passphrases, without leaving them anywhere.

OpenSSH asks through a program, SSH_ASKPASS. What that program needs to know must reach it somehow: not by its
arguments or the environment (other programs see those, and ssh hands the environment on to a ProxyCommand), not by a
file (it stays after a crash), not by an inherited descriptor (ssh closes all). So the program, a few lines of shell
and Python, brings the question to a Unix socket in a folder that only this user can enter, and we answer it there.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable

SOCKET = "DVCEXP_ASKPASS_SOCKET"

# Asked by the ssh we started: its process is the parent. One that it started itself (a ProxyJump) is another process
# and gets another's secret never.
_PROGRAM = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.connect(os.environ["DVCEXP_ASKPASS_SOCKET"])
    s.sendall(b"%d\\n%s" % (os.getppid(), os.fsencode(" ".join(sys.argv[1:]))))
    s.shutdown(socket.SHUT_WR)
    answer = b""
    while data := s.recv(4096):
        answer += data
if not answer.startswith(b"+"):
    sys.exit(1)
sys.stdout.buffer.write(answer[1:] + b"\\n")
"""


class Askpass:
    """Answers while it is open; `respond(asker's process id, question)` gives the answer or None for "nobody knows"."""

    def __init__(self, respond: Callable[[int, str], str | None]) -> None:
        self._respond = respond
        self._folder = tempfile.mkdtemp(prefix="dvcexp-")  # mode 0700
        path = os.path.join(self._folder, "s")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen()
        program = os.path.join(self._folder, "askpass")
        with os.fdopen(os.open(program, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "w") as file:
            file.write(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -c {shlex.quote(_PROGRAM)} "$@"\n')
        self.environment = {
            SOCKET: path,
            "SSH_ASKPASS": program,
            "SSH_ASKPASS_REQUIRE": "force",  # since OpenSSH 8.4; before, a DISPLAY and no terminal
            "DISPLAY": os.environ.get("DISPLAY") or ":",
        }

    def fileno(self) -> int:
        """Readable when somebody asks."""
        return self._socket.fileno()

    def answer_one(self) -> None:
        """Answer whoever asks now."""
        asker, _ = self._socket.accept()
        with asker, contextlib.suppress(OSError, ValueError):
            asker.settimeout(10)
            question = b""
            while len(question) < 4096 and (data := asker.recv(4096)):
                question += data
            process, _, text = question.partition(b"\n")
            answer = self._respond(int(process), text.decode("utf-8", "replace"))
            if answer is not None:
                asker.sendall(b"+" + os.fsencode(answer))

    def close(self) -> None:
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)
