"""Data before refs, in: what the experiments use is in the cache, every hash checked, before Git updates a ref."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dvcexp.dvc.objects import Object
from dvcexp.errors import DvcexpError, printable
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, plural
from dvcexp.settings import Settings
from dvcexp.sync import lock
from dvcexp.sync.complete import CompleteCommits, IncompleteFetch
from dvcexp.sync.completion import Completion, Gaps
from dvcexp.sync.demand import Selection, Use, by_store
from dvcexp.sync.paths import NamedOutput, NamedPaths, PathFilter
from dvcexp.sync.stores import Stores

_SHOWN = 10


def fetch(
    repository: Repository,
    tips: Mapping[str, str],
    *,
    git_remote: str,
    settings: Settings,
    progress: Progress,
    recheck: bool = False,
    named: Sequence[NamedOutput] | None = None,
) -> None:
    """As `sync.fetch`, which calls it."""
    complete = CompleteCommits(repository, settings)
    todo = {ref: tip for ref, tip in tips.items() if recheck or tip not in complete}
    if not todo:
        return
    lock.share(repository.common_dir)
    selection = Selection(repository, todo)
    selection.read(progress)
    paths = PathFilter.of(settings) if named is None else NamedPaths(named)
    gaps = Gaps()
    _check_commits(selection, progress)

    def failed(use: Use, error: DvcexpError) -> None:
        if use.output.object is not None:
            gaps.failed.setdefault(use.output.object, (use.output.path, error))

    with Stores(repository, settings, git_remote) as stores:
        parts = by_store(selection, stores, paths.may_want, failed)
        for store, part in parts.items():
            if store.cache is not None:
                Completion(store, store.cache, part, stores, paths, progress, gaps).run()
        if settings.run_cache and not gaps.failed:
            from dvcexp.sync import incoming_runs

            incoming_runs.fetch(selection, stores, paths, progress, gaps)
    if gaps.missing or gaps.failed:
        CompleteCommits.forget(repository)  # what was complete once need not be so now
    if gaps.missing:
        _warn_of_missing(gaps, progress)
    if gaps.failed:
        raise _failure(gaps.failed)
    if not gaps.missing and named is None:
        complete.add(todo.values())


def _check_commits(selection: Selection, progress: Progress) -> None:
    for commit in selection.commits():
        for found in selection.roots(commit):
            for error in found.errors:
                progress.warning(f"commit {commit[:10]}: {error.message}; its data is not fetched", *error.hints)


def _warn_of_missing(gaps: Gaps, progress: Progress) -> None:
    missing = gaps.missing
    remotes = sorted({name for _, name in missing.values()})
    where = "no DVC remote is configured" if remotes == ["(none)"] else f"not on DVC remote '{', '.join(remotes)}'"
    for item, (path, _) in list(missing.items())[:_SHOWN]:
        progress.warning(f"'{printable(path)}' ({item.oid}): {where}")
    if len(missing) > _SHOWN:
        progress.warning(f"... and {len(missing) - _SHOWN} more objects")
    progress.warning(
        f"{plural(len(missing), 'object')} of fetched experiments could not be had",
        *(f"there is no folder '{printable(url)}': if it is on a share, is that mounted?" for url in gaps.absent),
        "whoever made the experiment can push its data: git push, with this software, or dvc push",
        "then complete it here: git exp fetch",
    )


def _failure(failed: Mapping[Object, tuple[str, DvcexpError]]) -> IncompleteFetch:
    causes: dict[str, list[str]] = {}
    for path, error in dict.fromkeys(failed.values()):
        causes.setdefault(error.message, []).append(path)
    lines = [
        f"'{printable(paths[0])}'" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "") + f": {cause}"
        for cause, paths in list(causes.items())[:_SHOWN]
    ]
    hints = dict.fromkeys(hint for _, error in failed.values() for hint in error.hints)
    again = "run the same command again: it goes on where it stopped"
    return IncompleteFetch(f"data of experiments not fetched: {'; '.join(lines)}", *hints, again)
