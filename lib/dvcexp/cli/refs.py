"""Changing local experiment refs: all at once or not at all, and only those that are still what was read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dvcexp.follow import deal_with
from dvcexp.git.repository import Repository
from dvcexp.notes import Note

# DVC notes here what `dvc exp apply` applied last, and forgets it with the experiment.
_APPLIED = "refs/exps/exec/EXEC_APPLY"


def update(
    repository: Repository, written: Mapping[str, str], *, deleted: Mapping[str, str], known: Mapping[str, str]
) -> None:
    """Write the refs `written` (-> tip), delete the refs `deleted` (-> the tip they have).

    known: what the refs were when the decision was made; GitError where one of them has been changed since.
    """
    commands = [f"update {ref}\0{tip}\0{known.get(ref, '0' * len(tip))}\0" for ref, tip in written.items()]
    commands += [f"delete {ref}\0{tip}\0" for ref, tip in deleted.items()]
    repository.git("update-ref", "--stdin", "-z", stdin=os.fsencode("".join(commands)))
    deal_with(repository, deleted)


def delete(repository: Repository, tips: Mapping[str, str]) -> None:
    """Delete the experiments `tips` (full ref -> tip), and DVC's note of them; `git exp prune` may free their data."""
    gone = set(tips.values())
    notes = {ref: tip for ref, tip in repository.refs(_APPLIED).items() if tip in gone}
    update(repository, {}, deleted={**tips, **notes}, known={})
    Note(repository.common_dir, "removed").add(gone)
