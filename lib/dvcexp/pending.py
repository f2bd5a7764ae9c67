"""Tips whose download began and has not ended well: a note for protocols in which a fetch looks like a listing.

In v0 and v1, and with helpers that speak in lines, Git asks for nothing when a fetch is repeated, for it has the
commits. A listing that shows one of these tips is then taken for that fetch. One id a line in
`<common git dir>/dvcexp/pending`; the file may be deleted at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable


class PendingTips:
    """The note of one repository."""

    def __init__(self, common_dir: str) -> None:
        self._path = os.path.join(common_dir, "dvcexp", "pending")

    def __contains__(self, tip: str) -> bool:
        return tip in self._read()

    def add(self, tips: Iterable[str]) -> None:
        """The download of `tips` begins."""
        self._write(self._read() | set(tips))

    def remove(self, tips: Iterable[str]) -> None:
        """The download of `tips` has ended well."""
        noted = self._read()
        if not noted.isdisjoint(left := set(tips)):
            self._write(noted - left)

    def _read(self) -> set[str]:
        try:
            with open(self._path, encoding="ascii", errors="replace") as file:
                return set(file.read().split())
        except OSError:
            return set()

    def _write(self, tips: set[str]) -> None:
        """Where the note cannot be written, a repeated fetch in an old protocol may pass without its data."""
        temporary = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(temporary, "w", encoding="ascii") as file:
                file.writelines(f"{tip}\n" for tip in sorted(tips))
            os.replace(temporary, self._path)
        except OSError:
            return
