"""What people call commits: Git revisions, and experiments by name or full ref. Many of them cost one process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from dvcexp.cli.names import AmbiguousExperiment, Names, UnknownExperiment, experiments_here
from dvcexp.errors import DvcexpError, printable
from dvcexp.git.repository import Repository


class UnknownRevision(DvcexpError):
    """Neither a revision nor an experiment."""

    def __init__(self, rev: str) -> None:
        super().__init__(f"'{printable(rev)}' is neither a revision nor an experiment", "git exp list --all-commits")


def resolve(repository: Repository, revs: Sequence[str]) -> list[str | DvcexpError]:
    """The commit that each of `revs` names, or why it names none.

    As `dvc exp apply` has it, a revision that Git knows comes before an experiment of that name; of several
    experiments the one based on HEAD is meant.
    """
    asked = [rev if _can_ask(rev) else "" for rev in revs]
    listing = "".join(f"{rev}^{{commit}}\n" for rev in asked)
    answers = repository.git("cat-file", "--batch-check=%(objectname)", stdin=os.fsencode(listing)).splitlines()
    # An answer to what Git does not know repeats the question; one to what it does is an id and nothing else.
    found = [os.fsdecode(answer) if b" " not in answer else None for answer in answers]
    if None not in found:
        return [commit for commit in found if commit is not None]
    here = experiments_here(repository)
    names = Names(repository, here)
    return [commit or _tip(rev, names, here) for rev, commit in zip(revs, found, strict=True)]


def _can_ask(rev: str) -> bool:
    """Can it stand on a line of its own? (`rev^{commit}` of an empty line is asked too, and unknown.)"""
    return "\n" not in rev and "\0" not in rev


def _tip(rev: str, names: Names, here: Mapping[str, str]) -> str | DvcexpError:
    try:
        return here[names.find(rev)]
    except UnknownExperiment:
        return UnknownRevision(rev)
    except AmbiguousExperiment as error:
        return error
