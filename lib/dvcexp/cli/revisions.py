"""What people call commits: Git revisions, and experiments by name or full ref. Many of them cost one process."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dvcexp.errors import DvcexpError, printable
from dvcexp.experiments import NAMESPACE, Experiment
from dvcexp.git.repository import Repository


class UnknownRevision(DvcexpError):
    """Neither a revision nor an experiment."""

    def __init__(self, rev: str) -> None:
        super().__init__(f"'{printable(rev)}' is neither a revision nor an experiment", "git exp list --all-commits")


class AmbiguousExperiment(DvcexpError):
    """Several experiments of one name, none of them based on HEAD."""

    def __init__(self, name: str, refs: Sequence[str]) -> None:
        super().__init__(
            f"there are {len(refs)} experiments called '{printable(name)}'",
            *(f"use {printable(ref)}" for ref in sorted(refs)),
        )


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
    by_name: dict[str, list[tuple[str, str]]] = {}
    for ref, commit in repository.refs(NAMESPACE).items():
        experiment = Experiment.parse(ref)
        if experiment is not None:
            by_name.setdefault(experiment.name, []).append((ref, commit))
    head = repository.resolve("HEAD")
    return [commit or _by_name(rev, by_name.get(rev, []), head) for rev, commit in zip(revs, found, strict=True)]


def _can_ask(rev: str) -> bool:
    """Can it stand on a line of its own? (`rev^{commit}` of an empty line is asked too, and unknown.)"""
    return "\n" not in rev and "\0" not in rev


def _by_name(name: str, experiments: Sequence[tuple[str, str]], head: str | None) -> str | DvcexpError:
    if not experiments:
        return UnknownRevision(name)
    here = [
        (ref, commit) for ref, commit in experiments if (parsed := Experiment.parse(ref)) and parsed.baseline == head
    ]
    chosen = here if len(experiments) > 1 else experiments
    if len(chosen) != 1:
        return AmbiguousExperiment(name, [ref for ref, _ in experiments])
    return chosen[0][1]
