"""Which Git the user has. Asked only where something is installed: a push or a fetch has no process to spare for it."""

from __future__ import annotations

import re
import subprocess

from dvcexp.errors import DvcexpError, printable

Version = tuple[int, int]
# `git config --fixed-value` and `git rev-parse --end-of-options` came with it; tests/gits/run tests with it.
MINIMUM: Version = (2, 30)


def git_version() -> Version:
    """Major and minor number; an error if Git is too old for us."""
    said = subprocess.run(["git", "version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout
    text = said.decode("utf-8", "replace").strip()
    match = re.search(r"(\d+)\.(\d+)", text)
    if match is None:
        raise DvcexpError(f"cannot read Git's version from '{printable(text)}'")
    version = int(match[1]), int(match[2])
    if version < MINIMUM:
        raise DvcexpError(
            f"dvcexp needs Git {dotted(MINIMUM)} or newer, and 'git' on PATH is {dotted(version)}",
            "install a newer one, or put its folder first on PATH, then run this again",
        )
    return version


def dotted(version: Version) -> str:
    """As Git writes it."""
    return f"{version[0]}.{version[1]}"
