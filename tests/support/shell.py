"""Commands as a user types them, and what came of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_LAUNCH = Path(__file__).parent.parent / "bench" / "launch.py"


class Done(NamedTuple):
    """What a command wrote, and its exit code."""

    code: int
    stdout: str
    stderr: str


def sh(
    *argv: str | Path,
    cwd: Path,
    check: bool = True,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Done:
    """Run `argv` in `cwd`; `env` adds to the test's environment. `check`: a failure fails the test, in its words."""
    done = subprocess.run(
        [str(arg) for arg in argv],
        cwd=cwd,
        input=stdin.encode(),
        capture_output=True,
        env={**os.environ, **(env or {})},
        check=False,
        timeout=120,
    )
    result = Done(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
    if check and result.code != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {result.code}\n{result.stdout}{result.stderr}")
    return result


def git(*args: str | Path, cwd: Path, check: bool = True, env: Mapping[str, str] | None = None) -> str:
    """What `git args...` prints, without the last newline."""
    return sh("git", *args, cwd=cwd, check=check, env=env).stdout.removesuffix("\n")


def write_program(path: Path, text: str, mode: int = 0o755) -> Path:
    """An executable file, a hook for one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def peak_memory(*argv: str | Path, cwd: Path, stderr: Path | None = None) -> tuple[int, int]:
    """Exit code, and the most bytes of memory that any one process of a command had; what it says goes to `stderr`.

    A small process starts it and looks: Linux counts the memory of whoever starts a program as the program's.
    """
    read, write = os.pipe()
    with open(stderr or os.devnull, "wb") as said:
        launch = [sys.executable, "-S", str(_LAUNCH), str(write), *map(str, argv)]
        subprocess.run(launch, cwd=cwd, pass_fds=[write], stdout=said, stderr=said, check=True, timeout=300)
    os.close(write)
    with open(read, "rb") as answer:
        cost = json.load(answer)
    return cost["code"], cost["peak"]
