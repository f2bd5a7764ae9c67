"""Which experiment commits have all their data here: a note that saves work, and is never trusted for a push.

One line a commit in `<common git dir>/dvcexp/complete`: a scope (which cache and path filters) and the commit id.
The file may be deleted at any time; lines that make no sense are passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping

from dvcexp.errors import DvcexpError
from dvcexp.git.repository import Repository
from dvcexp.settings import Settings


class IncompleteFetch(DvcexpError):
    """Some data could not be transferred; what arrived stays, and running the same command again goes on."""


class CompleteCommits:
    """The commits known to be complete in this work tree with these path filters."""

    def __init__(self, repository: Repository, settings: Settings) -> None:
        self._path = os.path.join(repository.common_dir, "dvcexp", "complete")
        chosen = (settings.fetch_include, settings.fetch_exclude, *(["runs"] if settings.run_cache else []))
        scope = repr((repository.work_tree, *chosen))
        self._scope = hashlib.sha256(scope.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._known: set[str] | None = None

    @staticmethod
    def forget(repository: Repository) -> None:
        """Data has gone: nothing is known to be complete any more, in any work tree."""
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(repository.common_dir, "dvcexp", "complete"))

    def __contains__(self, commit: str) -> bool:
        return commit in self._read()

    def add(self, commits: Iterable[str]) -> None:
        """Remember `commits`. Where the file cannot be written nothing is lost but time."""
        new = set(commits).difference(self._read())
        if not new:
            return
        self._read().update(new)
        lines = "".join(f"{self._scope} {commit}\n" for commit in sorted(new))
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(self._path, "ab", buffering=0) as file:
                file.write(lines.encode("ascii"))
        except OSError:
            return

    def _read(self) -> set[str]:
        if self._known is None:
            prefix = f"{self._scope} ".encode("ascii")
            try:
                with open(self._path, "rb") as file:
                    lines = file.read().splitlines()
            except OSError:
                lines = []
            self._known = {line[len(prefix) :].decode("ascii", "replace") for line in lines if line.startswith(prefix)}
        return self._known


def incomplete(
    repository: Repository,
    tips: Mapping[str, str],
    settings: Settings,
    here: Callable[[], Collection[str]] | None = None,
) -> dict[str, str]:
    """Those of `tips` (full ref -> tip) whose commits are here, but whose data is not known to be complete.

    What was complete once is trusted for the commits that experiments here have, which is what `here` tells where the
    caller knows it: `dvc gc` frees the data of what is removed, and knows nothing of our note.
    """
    if not settings.moves_data:
        return {}
    complete = CompleteCommits(repository, settings)
    known = {tip for tip in tips.values() if tip in complete}
    if known:
        known.intersection_update(here() if here is not None else tips_here(repository))
    return {ref: tip for ref, tip in tips.items() if tip not in known and repository.objects.has_commit(tip)}


def tips_here(repository: Repository) -> set[str]:
    """The commits that experiments here, or copies of a Git remote's, have."""
    return set(repository.refs("refs/exps/", "refs/dvcexp/").values())
