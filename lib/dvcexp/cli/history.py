"""How experiments here stand to those of the same refs elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from dvcexp.git.repository import Repository


class Comparison(NamedTuple):
    """Full ref -> tip, on the first side. ahead: the other side's tip is an ancestor, nothing there would be lost."""

    new: dict[str, str]
    same: dict[str, str]
    ahead: dict[str, str]
    diverged: dict[str, str]


def compare(repository: Repository, tips: Mapping[str, str], others: Mapping[str, str]) -> Comparison:
    """`tips` beside `others`; commits of either that are not here are taken for unrelated."""
    found = Comparison({}, {}, {}, {})
    for ref, tip in tips.items():
        other = others.get(ref)
        if other is None:
            found.new[ref] = tip
        elif other == tip:
            found.same[ref] = tip
        elif is_ancestor(repository, other, tip):
            found.ahead[ref] = tip
        else:
            found.diverged[ref] = tip
    return found


def is_ancestor(repository: Repository, ancestor: str, descendant: str) -> bool:
    """Does the history of `descendant` have `ancestor`? Both are ids of commits; False for one that is not here."""
    objects = repository.objects
    if not objects.has_commit(ancestor) or not objects.has_commit(descendant):
        return False
    bases = repository.git("merge-base", "--all", ancestor, descendant, check=False)
    return ancestor in os.fsdecode(bases).split()
