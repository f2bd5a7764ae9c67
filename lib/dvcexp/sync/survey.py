"""What is where: which objects experiments lack here, and which their DVC remotes lack. Nothing is moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dvcexp.dvc.objects import Object
from dvcexp.errors import ConfigError, DvcexpError
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress
from dvcexp.settings import Settings
from dvcexp.sync.demand import Part, Selection, Use, by_store, is_shared
from dvcexp.sync.lacking import NOWHERE, expand, make_plan
from dvcexp.sync.paths import PathFilter
from dvcexp.sync.refusals import Refusals
from dvcexp.sync.stores import Store, Stores


@dataclass(slots=True)
class Standing:
    """Of one experiment. missing: objects that are not in the cache. unsent: those that are not on the DVC remote.

    problem: why the answer is not whole, the first reason; None as a rule. The files of a directory whose `.dir` object
    is missing are not known, so they are not counted there. objects: how many it uses, as far as DVC's files tell that;
    size: what they come to, in bytes. readable: False where a DVC file could not be read, so that there may be more.
    """

    objects: int = 0
    size: int = 0
    missing: set[Object] = field(default_factory=set)
    unsent: set[Object] = field(default_factory=set)
    problem: DvcexpError | None = None
    readable: bool = True


def survey(
    repository: Repository,
    tips: Mapping[str, str],
    *,
    git_remote: str,
    settings: Settings,
    progress: Progress,
    ask_remotes: bool = True,
    limited: bool = False,
) -> dict[str, Standing]:
    """How each of the experiments `tips` (full ref -> tip) stands. ask_remotes: without, `unsent` stays empty. limited:
    what `dvcexp.fetchInclude` and `dvcexp.fetchExclude` leave out is not missing."""
    selection = Selection(repository, tips)
    selection.read(progress)
    standings = {ref: Standing() for ref in tips}

    def failed(use: Use, error: DvcexpError) -> None:
        _note_unreadable(standings, selection.refs_of(use.commit), error)

    for commit in selection.commits():
        for found in selection.roots(commit):
            for error in found.errors:
                _note_unreadable(standings, selection.refs_of(commit), error)
    refusals = Refusals(selection, settings, progress)
    with Stores(repository, settings, git_remote) as stores:
        paths = PathFilter.of(settings)
        fetched = by_store(selection, stores, paths.may_want, lambda use, error: None) if limited else {}
        for store, part in by_store(selection, stores, lambda use: True, failed).items():
            missing = _missing(store, part, refusals)
            if limited and store.cache is not None:
                missing &= paths.expected(fetched.get(store), part.demand.directories, store.cache)
            unsent: set[Object] = set()
            problem = None
            if ask_remotes:
                try:
                    unsent = _unsent(store, part, stores, progress, refusals)
                except DvcexpError as error:
                    problem = error
            for ref, used in _by_experiment(selection, part):
                _add(standings[ref], part, used, missing, unsent)
                if problem is not None:
                    _note(standings, [ref], problem)
    return standings


def _add(standing: Standing, part: Part, used: set[Object], missing: set[Object], unsent: set[Object]) -> None:
    """Count in what an experiment uses of one store."""
    objects = _with_members(part, used)
    standing.missing |= objects & missing
    standing.unsent |= objects & unsent
    standing.objects += len(objects) + sum(_unknown_members(part, item) for item in used)
    standing.size += sum(part.uses[item].output.size or 0 for item in used)


def _missing(store: Store, part: Part, refusals: Refusals) -> set[Object]:
    demand = part.demand
    if store.cache is None:
        return {*demand.files, *demand.directories}
    expand(demand, store.cache, list(demand.directories), refusals.damaged)
    everything = {*demand.files, *demand.directories, *demand.members()}
    return (everything - store.cache.present(everything)) | refusals.damaged.keys()


def _unsent(store: Store, part: Part, stores: Stores, progress: Progress, refusals: Refusals) -> set[Object]:
    if store.destination is None:
        raise ConfigError("no DVC remote is configured", "dvc remote add -d <name> <url>")
    plan = make_plan(stores.remote(store.destination), store.cache or NOWHERE, part, progress, refusals.damaged)
    return {*plan.files, *plan.directories, *plan.lost, *plan.withheld}


def _by_experiment(selection: Selection, part: Part) -> Iterator[tuple[str, set[Object]]]:
    """Every experiment that uses something of `part`, with the files and directories that it uses."""
    for ref, found in selection.chains.items():
        used = {use.output.object for use in selection.uses(found.commits) if is_shared(use.output)}
        objects = {item for item in used if item is not None and item in part.uses}
        if objects:
            yield ref, objects


def _with_members(part: Part, used: set[Object]) -> set[Object]:
    """`used` with the files of the directories in it."""
    return used.union(*(part.demand.directories.get(item) or () for item in used))


def _unknown_members(part: Part, item: Object) -> int:
    """How many files the record of a directory counts, where its list is not here."""
    known = not item.is_dir or part.demand.directories[item] is not None
    return 0 if known else part.uses[item].output.nfiles or 0


def _note_unreadable(standings: Mapping[str, Standing], refs: list[str], problem: DvcexpError) -> None:
    _note(standings, refs, problem)
    for ref in refs:
        standings[ref].readable = False


def _note(standings: Mapping[str, Standing], refs: list[str], problem: DvcexpError) -> None:
    for ref in refs:
        if standings[ref].problem is None:
            standings[ref].problem = problem
