"""The run-cache entries of experiments' stages, in: each gets its name when all that it names is in the cache.

Of the entries that fit a stage DVC looks at one, the newest: without its objects it would hide another that has them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.objects import Object, UnsafeManifest
from dvcexp.dvc.runcache import MAX_SIZE, Run, named_objects
from dvcexp.errors import FormatError, printable
from dvcexp.progress import Progress, format_size
from dvcexp.remotes.base import CorruptTransfer, Download, ObjectMissing, Remote
from dvcexp.sync import gittracked, manifests
from dvcexp.sync.completion import Completion, Gaps, writing
from dvcexp.sync.demand import Selection, parts_of, runs_by_store
from dvcexp.sync.outgoing_runs import entries
from dvcexp.sync.paths import PathFilter
from dvcexp.sync.stores import Store, Stores

_SHARED_MODE = 0o664  # DVC does not protect entries; without `cache.shared` the umask decides


class _Entry(NamedTuple):
    """An entry that has come, checked. source: the DVC remote's name."""

    data: bytes
    objects: list[Object]
    source: str


def fetch(selection: Selection, stores: Stores, paths: PathFilter, progress: Progress, gaps: Gaps) -> None:
    """Bring the entries that the cache lacks, of stages whose outputs are wanted.

    RemoteError where one does not come; `gaps.failed` gets the objects that do not.
    """
    for store, runs in runs_by_store(selection, selection.commits(), stores).items():
        if store.config is not None and store.config.is_versioned:
            progress.warning(f"DVC remote '{store.name}' is cloud-versioned: it has no run-cache")
        if store.cache is not None:
            wanted = {run: uses for run, uses in runs.items() if all(paths.may_want(use) for use in uses)}
            lacking = wanted.keys() - store.cache.present(wanted.keys())
            arrived = _download(store, store.cache, lacking, stores, progress)
            uses = [use for run in arrived for use in wanted[run]]
            with writing(store.cache):
                gittracked.bring(selection, uses, store.cache)
            for place, part in parts_of(selection, uses, stores).items():
                if place.cache is not None:
                    # What is missing shows below, by the entry that names it.
                    Completion(place, place.cache, part, stores, paths, progress, Gaps(gaps.failed)).run()
            _keep(store.cache, arrived, progress)


def _download(
    store: Store, cache: Cache, lacking: Iterable[Run], stores: Stores, progress: Progress
) -> dict[Run, _Entry]:
    """Those of `lacking` that the DVC remote or a colleague's cache has; one that nobody has is no gap."""
    arrived: dict[Run, _Entry] = {}
    for config in (store.config, store.colleague):
        left = [run for run in lacking if run not in arrived]
        if config is None or config.is_versioned or not left:
            continue
        arrived |= _read(stores.remote(config), cache, left, progress)
    return arrived


def _read(remote: Remote, cache: Cache, runs: Iterable[Run], progress: Progress) -> dict[Run, _Entry]:
    found: dict[Run, _Entry] = {}
    with writing(cache), cache.staging() as staging:
        targets = {run.key: (run, staging.temporary(cache.path(run))) for run in runs}
        requests = (Download(key, temporary, MAX_SIZE) for key, (_, temporary) in targets.items())
        for outcome in remote.download(requests):
            run, temporary = targets[outcome.key]
            if isinstance(outcome.error, ObjectMissing):
                continue
            try:
                if outcome.error is not None:
                    raise outcome.error
                with open(temporary, "rb") as file:
                    data = file.read()
                found[run] = _Entry(data, named_objects(data, run), printable(remote.name))
            except CorruptTransfer as error:
                progress.warning(f"{error.message}; this run-cache entry is left out")
            except FormatError as error:
                where = f"on DVC remote '{printable(remote.name)}'"
                progress.warning(f"{error.message}; this run-cache entry {where} is left out")
    return found


def _keep(cache: Cache, arrived: Mapping[Run, _Entry], progress: Progress) -> None:
    """Give those their names whose objects are all in the cache."""
    whole: dict[Object, bool] = {}
    for item in {item for entry in arrived.values() for item in entry.objects}:
        whole[item] = _is_whole(cache, item)
    kept = {run: entry for run, entry in arrived.items() if all(whole[item] for item in entry.objects)}
    with writing(cache), cache.staging() as staging:
        for run, entry in kept.items():
            temporary = staging.temporary(cache.path(run))
            with open(temporary, "xb") as file:
                file.write(entry.data)
            if cache.shared:
                os.chmod(temporary, _SHARED_MODE)
            staging.keep(temporary, cache.path(run), len(entry.data))
    for source, count in Counter(entry.source for entry in kept.values()).items():
        size = sum(len(entry.data) for entry in kept.values() if entry.source == source)
        progress.note(f"downloaded {entries(count)} ({format_size(size)}) from '{source}'")
    if len(kept) < len(arrived):
        left = entries(len(arrived) - len(kept))
        progress.warning(f"{left} left out: not every object named there is to be had")


def _is_whole(cache: Cache, item: Object) -> bool:
    """Is the object here, and if it is a directory, every file of it?"""
    if not item.is_dir:
        return bool(cache.present([item]))
    try:
        listed = manifests.entries_in_cache(cache, item)
    except UnsafeManifest:
        return False
    if listed is None:
        return False
    members = manifests.members(item, listed)
    return len(cache.present(members)) == len(members)
