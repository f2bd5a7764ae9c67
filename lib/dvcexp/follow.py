"""Following the team (`git exp install --follow`): refs fetched into `refs/dvcexp/<git remote>/*` become experiments.

The copies under refs/dvcexp/ are what `git fetch --prune` may take away; those under refs/exps/ never are. One
is made when its copy is new or has moved: an experiment that the user removed does not come back by itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from dvcexp.errors import printable
from dvcexp.experiments import NAMESPACE
from dvcexp.git.refspec import destinations
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, plural

_TRACKING = "refs/dvcexp/"


def followed(repository: Repository, tips: Mapping[str, str], git_remote: str) -> dict[str, str]:
    """Those of the experiments `tips` that the refspecs of `git_remote` copy; none unless following is switched on."""
    refspecs = repository.config.get_all(f"remote.{git_remote}.fetch")
    if not any(_TRACKING in refspec for refspec in refspecs):
        return {}
    return {ref: tip for ref, tip in tips.items() if _copy(ref, git_remote) in destinations(refspecs, ref)}


def follow(repository: Repository, tips: Mapping[str, str], git_remote: str, progress: Progress) -> None:
    """Make experiments of `tips`, which are followed and whose commits and data are here.

    To be called before Git updates the copies. An experiment that is here with another tip stays, and is named.
    """
    copies = {ref: _copy(ref, git_remote) for ref in tips}
    here = repository.refs(NAMESPACE, f"{_TRACKING}{git_remote}/")
    news = [ref for ref in tips if here.get(copies[ref]) != tips[ref] and here.get(ref) != tips[ref]]
    new = [ref for ref in news if ref not in here]
    _create(repository, {ref: tips[ref] for ref in new})
    if new:
        progress.note(f"{plural(len(new), 'new experiment')} from '{printable(git_remote)}'")
    for ref in news:
        if ref in here:
            name = printable(ref)
            progress.warning(
                f"'{name}' is another experiment here than on '{printable(git_remote)}', it stays as it is",
                f"to take theirs: git fetch {printable(git_remote)} '+{name}:{name}'",
            )


def _copy(ref: str, git_remote: str) -> str:
    return f"{_TRACKING}{git_remote}/{ref.removeprefix(NAMESPACE)}"


def _create(repository: Repository, refs: Mapping[str, str]) -> None:
    """All at once; one that came into being in the meantime makes it fail, and nothing is overwritten."""
    if refs:
        commands = "".join(f"create {ref} {tip}\n" for ref, tip in refs.items())
        repository.git("update-ref", "-m", "fetch: followed", "--stdin", stdin=os.fsencode(commands))
