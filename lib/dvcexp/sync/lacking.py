"""What a DVC remote lacks of what some commits use, and whether the cache can give it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.objects import Object, UnsafeManifest
from dvcexp.errors import DvcexpError, printable
from dvcexp.progress import Progress
from dvcexp.remotes.base import Remote
from dvcexp.sync import manifests
from dvcexp.sync.demand import Part
from dvcexp.sync.plan import Demand, UploadPlan, plan_upload

NOWHERE = Cache("")  # the cache of a repository that has none: no object is in it


def make_plan(
    remote: Remote, cache: Cache, part: Part, progress: Progress, damaged: dict[Object, DvcexpError]
) -> UploadPlan:
    """What to send. Directories that are on the remote are not opened: there they stand for their files.

    Manifests that cannot be used are added to `damaged`.
    """
    demand = part.demand
    with progress.phase(f"Checking DVC remote '{printable(remote.name)}'") as phase:
        there = _there(remote, [*demand.directories, *demand.files], phase.advance)
        absent = [directory for directory in demand.directories if directory not in there]
        expand(demand, cache, absent, damaged)
        listed = set().union(*(demand.directories[directory] or () for directory in absent)) - demand.files
        there |= _there(remote, listed, phase.advance)
    wanted = {*absent, *demand.files, *listed} - there - damaged.keys()
    return plan_upload(demand, there, cache.present(wanted) if cache is not NOWHERE else set())


def expand(demand: Demand, cache: Cache, directories: Iterable[Object], damaged: dict[Object, DvcexpError]) -> None:
    """Read the manifests of `directories`; one that is damaged counts as not here."""
    for directory in directories:
        try:
            entries = manifests.entries_in_cache(cache, directory)
        except UnsafeManifest as error:
            damaged[directory] = error
            continue
        if entries is not None:
            demand.directories[directory] = manifests.members(directory, entries)


def _there(remote: Remote, wanted: Iterable[Object], tick: Callable[[int], object]) -> set[Object]:
    by_key = {item.key: item for item in wanted}
    return {by_key[key] for key in remote.exists(by_key.keys(), tick)} if by_key else set()
