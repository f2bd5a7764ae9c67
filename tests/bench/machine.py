"""Where a benchmark was made, for its page."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path


def machine(folder: Path) -> str:
    """The computer, and the file system of `folder`."""
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    system = _said("df", "--output=fstype", str(folder)).split()[-1]
    kernel = platform.release().partition("-")[0]
    return f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GB of memory, Linux {kernel}, {system}"


def versions() -> str:
    """Of what was measured."""
    git = _said("git", "--version").split()[2]
    return f"dvcexp {version('dvcexp')}, DVC {version('dvc')}, Python {platform.python_version()}, Git {git}"


def _said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
