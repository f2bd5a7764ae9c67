"""An experiment: its ref as a value, and which refs under `refs/exps/` are none.

The grammar and DVC's internal namespaces are those of dvc/repo/experiments/refs.py (DVC 3.67.1).
"""

from __future__ import annotations

import re
from typing import NamedTuple

NAMESPACE = "refs/exps/"
_REF = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38}|[0-9a-f]{62})/([^/]+)\Z")
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
