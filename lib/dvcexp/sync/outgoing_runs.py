"""The run-cache entries of experiments' stages, out: each follows the objects that it names.

DVC sends every entry there is, each time, and none of their objects, so that most of them are of no use elsewhere. Here
an experiment takes the entries of its own stages along, found by the names that its dvc.lock gives them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import NamedTuple

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.objects import Object
from dvcexp.dvc.runcache import Run, named_objects
from dvcexp.errors import ConfigError, DvcexpError, FormatError
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, format_size, plural
from dvcexp.remotes.base import Remote, RemoteError, Upload
from dvcexp.settings import Settings
from dvcexp.sync import gittracked
from dvcexp.sync.demand import Part, Runs, Selection, parts_of, runs_by_store
from dvcexp.sync.lacking import make_plan
from dvcexp.sync.plan import broken
from dvcexp.sync.refusals import Refusals
from dvcexp.sync.stores import Store, Stores
from dvcexp.sync.transfer import Transferred, upload


def push(selection: Selection, stores: Stores, settings: Settings, progress: Progress, refusals: Refusals) -> None:
    """Send the entries of the experiments that may be pushed; those whose entries do not get there are refused."""
    accepted = [c for c in selection.commits() if any(r not in refusals.reasons for r in selection.refs_of(c))]
    for store, runs in runs_by_store(selection, accepted, stores).items():
        try:
            new = unsent(store, runs, stores)
            if new and store.cache is not None:
                _Sending(selection, stores, settings, progress).send(store, store.cache, new)
        except ConfigError as error:
            progress.warning(f"run-cache entries are not shared: {error.message}", *error.hints)
        except DvcexpError as error:
            refusals.runs_failed([use for uses in runs.values() for use in uses], error)


def count_unsent(repository: Repository, tips: Mapping[str, str], git_remote: str, settings: Settings) -> int:
    """How many entries a push of the experiments `tips` (full ref -> tip) would send, if all their objects are here."""
    selection = Selection(repository, tips)
    with Stores(repository, settings, git_remote) as stores:
        by_store = runs_by_store(selection, selection.commits(), stores)
        return sum(len(unsent(store, runs, stores)) for store, runs in by_store.items())


def unsent(store: Store, runs: Runs, stores: Stores) -> Runs:
    """Those of `runs` that are in the cache and not on the DVC remote; ConfigError where there is none to send to."""
    here = store.cache.present(runs.keys()) if store.cache is not None else set()
    there = stores.remote(store.target()).exists([run.key for run in here]) if here else set()
    return {run: runs[run] for run in here if run.key not in there}


class _Entry(NamedTuple):
    """An entry of the cache, checked."""

    size: int
    objects: list[Object]


class _Sending:
    """Sends the new entries of one store."""

    def __init__(self, selection: Selection, stores: Stores, settings: Settings, progress: Progress) -> None:
        self._selection = selection
        self._stores = stores
        self._settings = settings
        self._progress = progress
        self._moved = Transferred()

    def send(self, store: Store, cache: Cache, new: Runs) -> None:
        """The objects that entries name, then the entries that have them all; RemoteError where one did not go."""
        found = self._read(cache, new)
        uses = [use for run in found for use in new[run]]
        with contextlib.suppress(OSError):  # what the cache does not take stays missing
            gittracked.bring(self._selection, uses, cache)
        lost: set[Object | None] = {use.output.object for use in uses if not use.output.push}
        for place, part in parts_of(self._selection, uses, self._stores).items():
            lost |= self._send_objects(place, part)
        whole = {run: entry for run, entry in found.items() if lost.isdisjoint(entry.objects)}
        size = self._send_entries(self._stores.remote(store.target()), cache, whole)
        if whole:
            more = f" with {plural(self._moved.objects, 'object')}" if self._moved.objects else ""
            amount = format_size(size + self._moved.size)
            self._progress.note(f"uploaded {entries(len(whole))}{more} ({amount}) to '{store.name}'")
        if len(whole) < len(found):
            left = entries(len(found) - len(whole))
            self._progress.warning(f"{left} not shared: not every object named there can be on the DVC remote")

    def _read(self, cache: Cache, new: Runs) -> dict[Run, _Entry]:
        """The entries but for those that are damaged."""
        found = {}
        for run in new:
            try:
                data = cache.read(run)
                if data is not None:
                    found[run] = _Entry(len(data), named_objects(data, run))
            except FormatError as error:
                self._progress.warning(f"run-cache entry {error.message}; it is not shared")
        return found

    def _send_objects(self, store: Store, part: Part) -> set[Object]:
        """Those that are not on the DVC remote afterwards, because they are not here or are damaged."""
        if store.cache is None:
            return set(part.uses)
        remote = self._stores.remote(store.target())
        damaged: dict[Object, DvcexpError] = {}
        plan = make_plan(remote, store.cache, part, self._progress, damaged)
        if not plan.work:
            return {*plan.lost, *plan.withheld}
        done = upload(remote, store.cache, plan, part.demand, self._settings.verify, part.sizes, self._progress)
        for error in done.failed.values():
            if isinstance(error, RemoteError):
                raise error
        self._moved.objects += done.objects
        self._moved.size += done.size
        return {*plan.lost, *plan.withheld, *done.failed, *broken(part.demand, plan.directories, done.failed)}

    def _send_entries(self, remote: Remote, cache: Cache, whole: Mapping[Run, _Entry]) -> int:
        """How many bytes they are in all. They are not protected: DVC does not protect them either."""
        uploads = (Upload(run.key, cache.path(run), entry.size, protect=False) for run, entry in whole.items())
        size = 0
        for outcome in remote.upload(uploads):
            if outcome.error is not None:
                raise outcome.error
            size += outcome.size
        remote.make_durable()
        return size


def entries(count: int) -> str:
    """`1 run-cache entry`, `2 run-cache entries`."""
    return f"{count} run-cache entr{'y' if count == 1 else 'ies'}"
