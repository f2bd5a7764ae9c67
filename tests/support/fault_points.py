"""Faults by number: every step of a program that changes or asks the world outside it, and a run that fails at one.

strace numbers the system calls and makes the n-th of a kind fail, so the program under test is the shipped one and no
luck is involved. A step is named by its system call and its place among the calls of that name in one thread; a clean
run tells which steps there are. Killed before step n is killed after step n - 1, so all the places in between are met.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT
from tests.support.shell import Done

_CHANGES = {
    *("write", "pwrite64", "writev", "sendto", "sendmsg", "sendfile", "copy_file_range", "ftruncate"),
    *("mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "link", "symlink"),
    *("chmod", "fchmod", "fchmodat", "fsync", "fdatasync", "syncfs", "vfork", "clone", "clone3", "connect", "shutdown"),
    "kill",
}
_ASKS = {"read", "pread64", "readv", "recvfrom", "recvmsg", "openat", "newfstatat", "getdents64", "readlink", "access"}
_LINE = re.compile(r"(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)")
_NAME = re.compile(r"/([^/<>\"]+)[>\"]")
_RANDOM = re.compile(r"\.[\w-]{22}\.tmp|\d{3,}")
_WORKERS = 2


class Step(NamedTuple):
    """The `nth` system call `call` of a thread. text: the call as strace shows it. changes: it may change something
    outside, else it only asks."""

    call: str
    nth: int
    text: str
    changes: bool

    @property
    def on_socket(self) -> bool:
        return "<TCP" in self.text or "<socket" in self.text or self.call in ("connect", "shutdown")

    @property
    def on_pipe(self) -> bool:
        return "<pipe:" in self.text

    @property
    def subject(self) -> str:
        """`pipe`, `socket`, or the last file's name, without what is random in it."""
        if self.on_pipe or self.on_socket:
            return "pipe" if self.on_pipe else "socket"
        return _RANDOM.sub("*", next(reversed(_NAME.findall(self.text)), ""))

    def __str__(self) -> str:
        return f"{self.call} {self.nth}: {self.text[:100]}"


class Fault(NamedTuple):
    """What happens at a step, as strace has it: `signal=KILL` before it; `error=EIO`, `retval=0` instead of it."""

    what: str

    def at(self, step: Step) -> list[str]:
        """strace's options for it."""
        return ["-e", f"inject={step.call}:{self.what}:when={step.nth}"]


KILL, CTRL_C, END_OF_FILE = Fault("signal=KILL"), Fault("signal=INT"), Fault("retval=0")
STOP = Fault("signal=STOP")  # at the end of the call; somebody else must let it go on
Choose = Callable[[Step, int], "Fault | None"]
_FILE_ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT", "ESTALE")


def fault_at(step: Step, number: int) -> Fault | None:
    """What can really go wrong with this call, another kind for each `number`; None if nothing can.

    A pipe ends where the program at its other end dies; to write into one whose reader lives cannot fail.
    """
    if step.call in ("vfork", "clone", "clone3"):
        return Fault("error=EAGAIN")
    if step.call in ("access", "readlink", "kill") or "<anon_inode:" in step.text:
        return None
    if step.on_socket:
        # Not ECONNRESET where we send: the server would know of it, and this one goes on waiting.
        errors = ("ECONNREFUSED", "EHOSTUNREACH") if step.call == "connect" else ("ETIMEDOUT", "EHOSTUNREACH")
        return Fault(f"error={errors[number % 2]}")
    if step.on_pipe:
        return END_OF_FILE if step.call == "read" else None
    errors = _FILE_ERRORS if step.changes or step.call == "openat" else ("EIO", "EACCES", "ESTALE")
    return Fault(f"error={errors[number % len(errors)]}")


class Strace:
    """Programs of ours under strace, git's and others' left alone. `folder`: for the wrappers and their logs.

    world: steps on files count where they are below it.
    """

    def __init__(self, folder: Path, world: Path) -> None:
        self._folder = folder
        self._world = str(world)
        (folder / "bin").mkdir(parents=True)
        assert shutil.which("strace"), "strace is missing"
        for program in ("git-remote-dvcexp", "git-exp"):
            wrapper = folder / "bin" / program
            # Detached at execve: what we start is not followed.
            wrapper.write_text(
                '#!/bin/sh\nexec strace -f -b execve -qq -y -s 200 -o "$FAULTS_LOG" -E PATH="$FAULTS_PATH"'
                f' $FAULTS_OPTIONS {sys.executable} {ROOT}/helpers/{program} "$@"\n'
            )
            wrapper.chmod(0o755)

    def environment(self, log: Path, options: Sequence[str]) -> dict[str, str]:
        """What makes git start our programs under strace, once: what they start themselves runs free."""
        path = os.environ["PATH"]
        return {
            "PATH": f"{self._folder / 'bin'}{os.pathsep}{path}",
            "FAULTS_PATH": path,
            "FAULTS_LOG": str(log),
            "FAULTS_OPTIONS": " ".join(options),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def steps(self, run: Callable[[dict[str, str]], Done]) -> list[Step]:
        """The steps of a clean run, in order. run: the command, given what to add to its environment."""
        log = self._folder / "clean"
        done = run(self.environment(log, ["-e", f"trace={','.join(sorted(_CHANGES | _ASKS))}"]))
        assert done.code == 0, done.stderr
        return self._parse(log.read_text(errors="replace").splitlines())

    def run(
        self, number: int, step: Step, fault: Fault, command: Callable[[dict[str, str]], Done]
    ) -> tuple[Done, bool]:
        """The command with `fault` at `step`; and whether it came so far."""
        log = self.log(number)
        options = ["-e", f"trace={step.call}", *fault.at(step)]
        done = command(self.environment(log, options))
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        # How much a pipe gives at a time is chance, so the number may have led to another call of that name.
        met = [found for found in self._parse(lines) if found.nth == step.nth and found.subject == step.subject]
        return done, bool(met)

    def log(self, number: int) -> Path:
        """What strace tells of run `number`, while that lasts."""
        return self._folder / f"fault-{number}"

    def _parse(self, lines: Iterable[str]) -> list[Step]:
        counts: dict[tuple[str, str], int] = {}
        steps: dict[tuple[str, int], Step] = {}
        for line in lines:
            match = _LINE.match(line)
            if match is None or match["call"] == "resumed":
                continue
            key = (match["thread"], match["call"])
            counts[key] = counts.get(key, 0) + 1
            step = self._step(match["call"], counts[key], match["rest"])
            if step is not None:
                steps.setdefault((step.call, step.nth), step)
        return list(steps.values())

    def _step(self, call: str, nth: int, rest: str) -> Step | None:
        text = rest.replace(f"AT_FDCWD<{self._world}", "AT_FDCWD<.")
        changes = call in _CHANGES or (call == "openat" and "O_CREAT" in text)
        outside = self._world in text or "<pipe:" in text or "<TCP" in text or "<socket" in text
        if changes or (call in _ASKS and outside):
            return Step(call, nth, text.replace(self._world, "."), changes)
        return None


def killed(step: Step, number: int) -> Fault | None:
    """kill -9 before each step that changes something: between two of them nothing outside differs."""
    return KILL if step.changes else None


def interrupted(step: Step, number: int) -> Fault | None:
    """Ctrl-C there, which leaves time to tidy up."""
    return CTRL_C if step.changes else None


def each(work: Callable[[int, Step], str | None], steps: Sequence[Step]) -> list[str]:
    """What `work` has to say against any of the steps."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        return [words for words in pool.map(work, range(len(steps)), steps) if words]


def spread(steps: Sequence[Step], most: int) -> list[Step]:
    """At most so many of them, evenly over the whole run."""
    return [steps[i * len(steps) // most] for i in range(most)] if len(steps) > most else list(steps)
