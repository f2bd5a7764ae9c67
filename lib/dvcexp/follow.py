"""Following the team (`git exp install --follow`): refs fetched into `refs/dvcexp/<git remote>/*` become experiments.

The copies under refs/dvcexp/ are what `git fetch --prune` may take away; those under refs/exps/ never are. Each
is dealt with once: what the user then removes or changes is the user's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from dvcexp.errors import printable
from dvcexp.experiments import NAMESPACE
from dvcexp.git.refspec import destinations
from dvcexp.git.repository import GitError, Repository
from dvcexp.notes import Note
from dvcexp.progress import Progress, plural


def followed(repository: Repository, tips: Mapping[str, str], git_remote: str) -> dict[str, str]:
    """Those of the experiments `tips` that the refspecs of `git_remote` copy and that have not been dealt with."""
    refspecs = repository.config.get_all(f"remote.{git_remote}.fetch")
    copied = [ref for ref in tips if copy_of(ref, git_remote) in destinations(refspecs, ref)]
    done = Note(repository.common_dir, "followed").read() if copied else set()
    return {ref: tips[ref] for ref in copied if _line(ref, tips[ref]) not in done}


def deal_with(repository: Repository, tips: Mapping[str, str]) -> None:
    """The experiments `tips` have been the user's: what a Git remote has of them need not become experiments again."""
    if any("refs/dvcexp/" in value for key, value in repository.config.items() if key.endswith(".fetch")):
        Note(repository.common_dir, "followed").add(_line(ref, tip) for ref, tip in tips.items())


def copy_of(ref: str, git_remote: str) -> str:
    """Where following has the experiment `ref` of `git_remote` fetched to."""
    return f"refs/dvcexp/{git_remote}/{ref.removeprefix(NAMESPACE)}"


def follow(repository: Repository, tips: Mapping[str, str], git_remote: str, progress: Progress) -> None:
    """Make the experiments `tips`, whose commits and data are here; name those that are here with another tip."""
    new, here = _create(repository, tips)
    Note(repository.common_dir, "followed").add(_line(ref, tip) for ref, tip in tips.items())
    if new:
        progress.note(f"{plural(len(new), 'new experiment')} from '{printable(git_remote)}'")
    for ref, tip in tips.items():
        if here.get(ref, tip) != tip:
            name = printable(ref)
            progress.warning(
                f"'{name}' is another experiment here than on '{printable(git_remote)}', it stays as it is",
                f"to take theirs: git fetch {printable(git_remote)} '+{name}:{name}'",
            )


def _create(repository: Repository, tips: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Make those of `tips` that are not here, all at once: what was made, and what else is here.

    Nothing is overwritten: where one came into being in the meantime, by another fetch or by hand, the rest are made.
    """
    here = repository.refs(NAMESPACE)
    while new := {ref: tip for ref, tip in tips.items() if ref not in here}:
        commands = "".join(f"create {ref} {tip}\n" for ref, tip in new.items())
        try:
            repository.git("update-ref", "-m", "fetch: followed", "--stdin", stdin=os.fsencode(commands))
            break
        except GitError:
            here = repository.refs(NAMESPACE)
            if here.keys().isdisjoint(new):
                raise
    return new, here


def _line(ref: str, tip: str) -> str:
    return f"{tip} {ref}"
