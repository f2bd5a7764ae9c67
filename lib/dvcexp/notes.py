"""Small sets of lines that outlive a command, in `<common git dir>/dvcexp/<name>`. Deleting a file does no harm.

pending: tips whose download began and has not ended well. In old protocols, where Git asks for nothing when a fetch is
    repeated, they tell that a listing may be that fetch.
followed: `<tip> <ref>` of what following has dealt with, so that an experiment which the user removes stays away.
removed: tips of experiments that the user has removed, which `git exp prune` could not all tell by their messages.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal


class Note:
    """One of them. Where it cannot be written, it is as if it had been deleted."""

    def __init__(self, common_dir: str, name: Literal["pending", "followed", "removed"]) -> None:
        self._path = os.path.join(common_dir, "dvcexp", name)

    def read(self) -> set[str]:
        """Its lines."""
        try:
            with open(self._path, encoding="utf-8", errors="surrogateescape") as file:
                return set(file.read().splitlines())
        except OSError:
            return set()

    def add(self, lines: Iterable[str]) -> None:
        """Put `lines` in."""
        before = self.read()
        self._write(before, before | set(lines))

    def remove(self, lines: Iterable[str]) -> None:
        """Take `lines` out."""
        before = self.read()
        self._write(before, before - set(lines))

    def _write(self, before: set[str], after: set[str]) -> None:
        if before == after:
            return
        temporary = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.writelines(f"{line}\n" for line in sorted(after))
            os.replace(temporary, self._path)
        except OSError:
            return
