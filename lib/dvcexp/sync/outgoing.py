"""Data before refs, out: everything that the experiments use is on the DVC remotes, or their refs are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.config import RemoteConfig
from dvcexp.dvc.objects import Object, UnsafeManifest
from dvcexp.errors import ConfigError, DvcexpError, printable
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, format_size, plural
from dvcexp.remotes.base import Remote
from dvcexp.settings import Settings
from dvcexp.sync import manifests
from dvcexp.sync.demand import Part, Selection, by_store
from dvcexp.sync.plan import Demand, UploadPlan, broken, plan_upload
from dvcexp.sync.refusals import Refusals
from dvcexp.sync.stores import Store, Stores
from dvcexp.sync.transfer import Transferred, upload
from dvcexp.sync.versioned import is_versioned

_NOWHERE = Cache("")  # the cache of a repository that has none: no object is in it


def push(
    repository: Repository, tips: Mapping[str, str], *, git_remote: str, settings: Settings, progress: Progress
) -> dict[str, str]:
    """As `sync.push`, which calls it."""
    selection = Selection(repository, tips)
    refusals = Refusals(selection, settings, progress)
    refusals.check_commits()
    with Stores(repository, settings, git_remote) as stores:
        parts = by_store(selection, stores, lambda use: True, refusals.no_store)
        for store, part in parts.items():
            try:
                _push_to(store, part, stores, settings, progress, refusals)
            except DvcexpError as error:
                refusals.store_failed(part, error)
            except OSError as error:
                cause = f"cannot read the cache: '{printable(str(error.filename))}': {error.strerror}"
                refusals.store_failed(part, DvcexpError(cause, "give access to it, then run the same command again"))
    return refusals.reasons


def _push_to(
    store: Store, part: Part, stores: Stores, settings: Settings, progress: Progress, refusals: Refusals
) -> None:
    config = _target(store)
    if store.recorded is not None and not store.recorded.from_commit:
        progress.warning(
            f"the data goes to DVC remote '{store.name}' ({config.url}), but the experiment's own .dvc/config names"
            f" '{printable(store.recorded.name)}' ({printable(store.recorded.url)}), where plain DVC looks for it"
        )
    remote = stores.remote(config)
    cache = store.cache or _NOWHERE
    plan = make_plan(remote, cache, part, progress, refusals)
    done = (
        upload(remote, cache, plan, part.demand, settings.verify, part.sizes, progress) if plan.work else Transferred()
    )
    if done.objects:
        there = f", {plan.there} already there" if plan.there else ""
        progress.note(f"uploaded {plural(done.objects, 'object')} ({format_size(done.size)}) to '{store.name}'{there}")
    withheld = broken(part.demand, plan.directories, done.failed)
    refusals.objects(part, store, lost=plan.lost, withheld=plan.withheld | withheld, failed=done.failed)


def _target(store: Store) -> RemoteConfig:
    """Where to write; ConfigError where that is nowhere, or a folder of this machine that a commit alone names."""
    config = store.config
    if config is None:
        raise ConfigError(
            "no DVC remote is configured, so the data has nowhere to go",
            "dvc remote add -d <name> <url>",
            "to push the refs alone: DVCEXP_SKIP=1 git push ...",
        )
    if config.from_commit and "://" not in config.url:
        raise ConfigError(
            f"DVC remote '{store.name}' is the folder '{printable(config.url)}' that only the commit names",
            f"to allow writing there: dvc remote add --global {store.name} {printable(config.url)}",
        )
    if is_versioned(config):
        raise ConfigError(
            f"DVC remote '{store.name}' is cloud-versioned: it keeps one version of each path, not experiments",
            "add a DVC remote without version_aware and worktree, and name it: git config dvcexp.remote <name>",
        )
    return config


def make_plan(remote: Remote, cache: Cache, part: Part, progress: Progress, refusals: Refusals) -> UploadPlan:
    """What to send. Directories that are on the remote are not opened: there they stand for their files."""
    demand = part.demand
    with progress.phase(f"Checking DVC remote '{printable(remote.name)}'") as phase:
        there = _there(remote, [*demand.directories, *demand.files], phase.advance)
        absent = [directory for directory in demand.directories if directory not in there]
        expand(demand, cache, absent, refusals)
        listed = set().union(*(demand.directories[directory] or () for directory in absent)) - demand.files
        there |= _there(remote, listed, phase.advance)
    wanted = {*absent, *demand.files, *listed} - there - refusals.damaged.keys()
    return plan_upload(demand, there, cache.present(wanted) if cache is not _NOWHERE else set())


def expand(demand: Demand, cache: Cache, directories: Iterable[Object], refusals: Refusals) -> None:
    """Read the manifests of `directories`; one that is damaged counts as not here."""
    for directory in directories:
        try:
            entries = manifests.entries_in_cache(cache, directory)
        except UnsafeManifest as error:
            refusals.damaged[directory] = error
            continue
        if entries is not None:
            demand.directories[directory] = manifests.members(directory, entries)


def _there(remote: Remote, wanted: Iterable[Object], tick: Callable[[int], object]) -> set[Object]:
    by_key = {item.key: item for item in wanted}
    return {by_key[key] for key in remote.exists(by_key.keys(), tick)} if by_key else set()
