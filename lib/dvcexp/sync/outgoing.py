"""Data before refs, out: everything that the experiments use is on the DVC remotes, or their refs are refused."""

from __future__ import annotations

from collections.abc import Mapping

from dvcexp.errors import DvcexpError, printable
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, format_size, plural
from dvcexp.settings import Settings
from dvcexp.sync.demand import Part, Selection, by_store
from dvcexp.sync.lacking import NOWHERE, make_plan
from dvcexp.sync.plan import broken
from dvcexp.sync.refusals import Refusals
from dvcexp.sync.stores import Store, Stores, is_absent
from dvcexp.sync.transfer import Transferred, unreadable, upload


def push(
    repository: Repository, tips: Mapping[str, str], *, git_remote: str, settings: Settings, progress: Progress
) -> dict[str, str]:
    """As `sync.push`, which calls it."""
    selection = Selection(repository, tips)
    selection.read(progress)
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
                refusals.store_failed(part, unreadable(store.cache or NOWHERE, error))
        if settings.run_cache:
            from dvcexp.sync import outgoing_runs

            outgoing_runs.push(selection, stores, settings, progress, refusals)
    return refusals.reasons


def _push_to(
    store: Store, part: Part, stores: Stores, settings: Settings, progress: Progress, refusals: Refusals
) -> None:
    config = store.target()
    if store.recorded is not None and (not store.recorded.from_commit or config.is_projects_own):
        progress.warning(
            f"the data goes to DVC remote '{store.name}' ({config.url}), but the experiment's own .dvc/config names"
            f" '{printable(store.recorded.name)}' ({printable(store.recorded.url)}), where plain DVC looks for it"
        )
    remote = stores.remote(config)
    cache = store.cache or NOWHERE
    plan = make_plan(remote, cache, part, progress, refusals.damaged)
    if plan.work and is_absent(config):
        progress.note(f"DVC remote '{store.name}': making '{printable(config.url)}', which is not there")
    done = (
        upload(remote, cache, plan, part.demand, settings.verify, part.sizes, progress) if plan.work else Transferred()
    )
    if done.objects:
        there = f", {plan.there} already there" if plan.there else ""
        progress.note(f"uploaded {plural(done.objects, 'object')} ({format_size(done.size)}) to '{store.name}'{there}")
    withheld = broken(part.demand, plan.directories, done.failed)
    refusals.objects(part, store, lost=plan.lost, withheld=plan.withheld | withheld, failed=done.failed)
