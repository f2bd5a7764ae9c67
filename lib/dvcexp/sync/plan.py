"""What to move: sets in, a plan out. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from dvcexp.dvc.objects import Object


class Demand:
    """The objects that some commits use on one DVC remote.

    files: single files. directories: each `.dir` object with the files it lists, None while its manifest has not been
    read. A file may stand in several places; it moves once.
    """

    def __init__(
        self, files: Iterable[Object] = (), directories: Mapping[Object, frozenset[Object] | None] | None = None
    ) -> None:
        self.files = set(files)
        self.directories = dict(directories or {})

    def members(self) -> set[Object]:
        """Every file that any directory lists."""
        return set().union(*(members for members in self.directories.values() if members))


class UploadPlan(NamedTuple):
    """files go first, then directories. lost: neither here nor there. there: how many the remote has already.

    withheld: directories that must not be sent, because a file they list is lost; their presence would vouch for it.
    """

    files: frozenset[Object]
    directories: frozenset[Object]
    lost: frozenset[Object]
    withheld: frozenset[Object]
    there: int

    @property
    def work(self) -> int:
        """How many objects there are to send."""
        return len(self.files) + len(self.directories)


def plan_upload(demand: Demand, on_remote: Collection[Object], in_cache: Collection[Object]) -> UploadPlan:
    """`demand.directories` that are on the remote stand for their files, as in DVC; the others are looked into."""
    absent = {directory for directory in demand.directories if directory not in on_remote}
    files = set(demand.files)
    for directory in absent:
        files |= demand.directories[directory] or frozenset()
    missing = files.difference(on_remote)
    lost_files = missing.difference(in_cache)
    lost_directories = absent.difference(in_cache)
    withheld = broken(demand, absent - lost_directories, lost_files)
    return UploadPlan(
        files=frozenset(missing - lost_files),
        directories=frozenset(absent - lost_directories - withheld),
        lost=frozenset(lost_files | lost_directories),
        withheld=frozenset(withheld),
        there=len(files) - len(missing) + len(demand.directories) - len(absent),
    )


def broken(demand: Demand, directories: Iterable[Object], bad: Collection[Object]) -> set[Object]:
    """Those of `directories` that list one of the `bad` files."""
    if not bad:
        return set()
    return {
        directory for directory in directories if not (demand.directories[directory] or frozenset()).isdisjoint(bad)
    }


def missing_files(demand: Demand, in_cache: Mapping[Object, object] | Collection[Object]) -> set[Object]:
    """The files that a fetch has to bring; a manifest in the cache does not vouch for the files it lists."""
    return (demand.files | demand.members()).difference(in_cache)
