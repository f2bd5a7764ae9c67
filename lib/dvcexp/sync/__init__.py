"""Experiments' data between the cache and the DVC remotes: the sequence that helper, hook and command line share.

What reads DVC's formats is imported when there is something to move: most fetches find everything complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dvcexp.sync.complete import IncompleteFetch, incomplete, tips_here

if TYPE_CHECKING:
    from dvcexp.git.repository import Repository
    from dvcexp.progress import Progress
    from dvcexp.settings import Settings
    from dvcexp.sync.paths import NamedOutput

__all__ = ["IncompleteFetch", "fetch", "incomplete", "push", "tips_here"]


def push(
    repository: Repository, tips: Mapping[str, str], *, git_remote: str, settings: Settings, progress: Progress
) -> dict[str, str]:
    """Upload what the experiments `tips` (full ref -> tip) use, to the DVC remotes; `git_remote` is a name or URL.

    Returns the refs that must not be pushed, each with a reason on one line; what is the matter in detail has been said
    through `progress` by then.
    """
    if not settings.moves_data or not tips:
        return {}
    from dvcexp.sync import outgoing

    return outgoing.push(repository, tips, git_remote=git_remote, settings=settings, progress=progress)


def fetch(
    repository: Repository,
    tips: Mapping[str, str],
    *,
    git_remote: str,
    settings: Settings,
    progress: Progress,
    recheck: bool = False,
    named: Sequence[NamedOutput] | None = None,
) -> None:
    """Bring what the experiments `tips` (full ref -> tip, whose commits are here) use into the cache.

    Raises IncompleteFetch where a transfer failed; objects that no DVC remote has are named in a warning. recheck: look
    also at experiments that are known to be complete. named: these outputs alone, whatever the settings leave out.
    """
    if not settings.moves_data or not tips:
        return
    from dvcexp.sync import incoming

    incoming.fetch(
        repository,
        tips,
        git_remote=git_remote,
        settings=settings,
        progress=progress,
        recheck=recheck,
        named=named,
    )
