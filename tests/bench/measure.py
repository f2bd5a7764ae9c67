"""What a command costs: time, processor, memory; and, in runs of their own, what it starts and opens."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_LAUNCH = Path(__file__).with_name("launch.py")
_CALLS = re.compile(r"^\d+ +(?:<\.\.\. )?(execve|clone3?|v?fork|open(?:at)?)\b(.*)")


class Cost(NamedTuple):
    """Of one run. cpu: seconds, of all processes. peak: bytes, of the largest of them. Both as wait4(2) has them."""

    seconds: float
    cpu: float
    peak: int


class Counts(NamedTuple):
    """Of one run. processes: started, the command's own among them. opened: files, by name, that were there."""

    processes: int
    opened: int


class CommandFailed(Exception):
    """A measured command did not do what it was to do; what it said is the message."""


def run(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Cost:
    """Run `argv` to its end; CommandFailed if that is a bad one."""
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as said, os.fdopen(reader) as report:
        launch = [sys.executable, "-IS", str(_LAUNCH), str(writer)]
        subprocess.run([*launch, *argv], cwd=cwd, env=env, stdout=said, stderr=said, pass_fds=[writer], check=False)
        os.close(writer)
        told = report.read()
        said.seek(0)
        words = said.read().decode("utf-8", "replace")
    cost = json.loads(told) if told else {"code": None}
    if cost.pop("code") != 0:
        raise CommandFailed(f"{' '.join(argv)}:\n{words[-2000:]}")
    return Cost(**cost)


def count(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Counts | None:
    """Run `argv` once more under strace; None where there is none, or it may not trace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    calls = "execve,clone,clone3,vfork,fork,open,openat"
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        done = subprocess.run(
            [strace, "-f", "-qq", "--seccomp-bpf", "-e", f"trace={calls}", "-o", log.name, "--", *argv],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode != 0:
            return None
        return _read(log.read().splitlines())


def _read(log: Sequence[str]) -> Counts:
    processes, opened = 1, 0
    for line in log:
        match = _CALLS.match(line)
        if match is None or " = -1" in line or "unfinished" in line:
            continue
        if match[1].startswith("open"):
            opened += 1
        elif match[1] != "execve" and "CLONE_THREAD" not in line:
            processes += 1
    return Counts(processes, opened)
