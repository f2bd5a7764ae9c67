"""An experiment: its ref as a value, and which refs under `refs/exps/` are none.

The grammar and DVC's internal namespaces are those of dvc/repo/experiments/refs.py (DVC 3.67.1).
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, Protocol

NAMESPACE = "refs/exps/"
_REF = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38}|[0-9a-f]{62})/([^/\x00-\x20\x7f~^:?*\[\\]+)\Z")
_INTERNAL = re.compile(r"refs/exps/(?:apply|celery|exec|temp|stash\Z|stash/)")


class Experiment(NamedTuple):
    """The baseline commit an experiment started from, in hex, and its name."""

    baseline: str
    name: str

    @classmethod
    def parse(cls, ref: str) -> Experiment | None:
        """The experiment that a full ref names; None for any other ref, DVC's internal ones included."""
        match = _REF.match(ref)
        return cls(match[1] + match[2], match[3]) if match else None

    @property
    def ref(self) -> str:
        """The full ref, `refs/exps/<2 hex>/<rest>/<name>`."""
        return f"{NAMESPACE}{self.baseline[:2]}/{self.baseline[2:]}/{self.name}"


def is_internal(ref: str) -> bool:
    """Is this one of the refs DVC keeps for itself (exec, apply, stash, celery, temp), never to be shared?"""
    return _INTERNAL.match(ref) is not None


class Commits(Protocol):
    """Where commits are read; raises LookupError for one that is not here."""

    def parents(self, sha: str) -> tuple[str, ...]:
        """The ids of its parents, in order."""


class Chain(NamedTuple):
    """The commits whose data belong to an experiment, tip first.

    gap: None as a rule; `unrelated` where the baseline is no first-parent ancestor of the tip, `shallow` where the
    history ends before the baseline is met.
    """

    commits: tuple[str, ...]
    gap: Literal["unrelated", "shallow"] | None = None


# DVC 2 checkpoints gave experiments of some hundred commits; a baseline further away than this is none.
_LONGEST = 10_000


def chain(store: Commits, baseline: str, tip: str) -> Chain:
    """From `tip` along first parents to `baseline`, which is left out: side branches of merges bring no data.

    DVC walks to the root commit where the baseline is not met, and takes all of history's data along; here that is the
    tip alone.
    """
    found: list[str] = []
    sha = tip
    while sha != baseline:
        try:
            parents = store.parents(sha)
        except LookupError:
            return Chain(tuple(found), "shallow")
        found.append(sha)
        if not parents or len(found) == _LONGEST:
            return Chain((tip,), "unrelated")
        sha = parents[0]
    return Chain(tuple(found))
