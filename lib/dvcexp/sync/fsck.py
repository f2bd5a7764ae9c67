"""Is what experiments use whole? Hashes in the cache, presence on the DVC remotes, and the cache mended from there.

A damaged file is replaced by a whole one alone. Where nobody has that, it goes to `<cache>/damaged/`, for under its
name DVC would take it for whole. So does one that could be written to: a link into the cache may have led an editor
there, and the edit be somebody's only copy.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from dvcexp.dvc.objects import Entry, Object
from dvcexp.errors import ConfigError, DvcexpError
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress
from dvcexp.settings import Settings
from dvcexp.sync import manifests
from dvcexp.sync.complete import CompleteCommits
from dvcexp.sync.completion import Completion, Gaps
from dvcexp.sync.demand import Part, Selection, Use, by_store
from dvcexp.sync.paths import PathFilter
from dvcexp.sync.plan import Demand, UploadPlan, broken
from dvcexp.sync.shelf import Finding, Shelf
from dvcexp.sync.stores import Store, Stores
from dvcexp.sync.transfer import upload

_ROUNDS = 3  # a manifest that was fetched anew names files, which may be damaged; a third look finds nothing new


@dataclass(slots=True)
class Report:
    """How many objects of how many bytes were read, what is wrong with which, and why others could not be checked."""

    objects: int = 0
    size: int = 0
    findings: list[Finding] = field(default_factory=list)
    problems: dict[str, DvcexpError] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Is everything as it should be, at the latest by now?"""
        return not self.problems and all(finding.harmless for finding in self.findings)

    def problem(self, error: DvcexpError) -> None:
        """Note why something could not be checked, each reason once."""
        self.problems.setdefault(error.message, error)


def fsck(
    repository: Repository,
    tips: Mapping[str, str],
    *,
    git_remote: str,
    settings: Settings,
    progress: Progress,
    repair: bool,
    ask_remotes: bool,
    send: bool = False,
) -> Report:
    """Check what `tips` use: an experiment's full ref, or any other word, -> a commit that is here.

    repair: make up for what is damaged or missing here. ask_remotes: also ask the DVC remotes for every object, without
    taking a directory's presence for that of its files. send: upload what they lack and the cache has whole.
    """
    if repository.work_tree is None:
        raise DvcexpError("a bare repository has no cache to check", "run this in a clone with a work tree")
    report = Report()
    selection = Selection(repository, tips)
    selection.read(progress)
    for commit in selection.commits():
        for root in selection.roots(commit):
            for error in root.errors:
                report.problem(DvcexpError(f"commit {commit[:10]}: {error.message}", *error.hints))
    with Stores(repository, settings, git_remote) as stores:
        shelves = _check_here(selection, stores, settings, progress, report, repair=repair)
        if ask_remotes:
            _check_there(selection, stores, shelves, settings, progress, report, send=send)
    for shelf in shelves.values():
        shelf.protect(repair=repair)
        report.objects += shelf.objects
        report.size += shelf.size
        report.findings += shelf.findings.values()
    _name_uses(report.findings, selection, shelves.values())
    if any(finding.state in ("damaged", "missing") and not finding.mended for finding in report.findings):
        CompleteCommits.forget(repository)
    return report


def _check_here(
    selection: Selection, stores: Stores, settings: Settings, progress: Progress, report: Report, *, repair: bool
) -> dict[str, Shelf]:
    """Look at all that is used, make up for what is not whole, and look at what came to light by that."""
    paths = PathFilter.of(settings)
    parts = by_store(selection, stores, lambda use: True, lambda use, error: report.problem(error), unshared=True)
    fetched = by_store(selection, stores, paths.may_want, lambda use, error: None)
    shelves: dict[str, Shelf] = {}
    for store in parts:
        if store.cache is not None:
            shelves.setdefault(store.cache.directory, Shelf(store.cache))
    for _ in range(_ROUNDS):
        _examine(shelves, parts, progress)
        bad = {store: _bad(shelves, store, part, fetched.get(store), paths) for store, part in parts.items()}
        if not repair or not any(bad.values()):
            break
        for store, objects in bad.items():
            if objects and store.cache is not None:
                shelf = shelves[store.cache.directory]
                part = _narrowed(fetched.get(store), objects, shelf)
                _Repair(shelf, objects).run(store, part, stores, paths, progress)
    return shelves


def _check_there(
    selection: Selection,
    stores: Stores,
    shelves: Mapping[str, Shelf],
    settings: Settings,
    progress: Progress,
    report: Report,
    *,
    send: bool,
) -> None:
    """Ask the DVC remotes for all that is shared."""
    for store, part in by_store(selection, stores, lambda use: True, lambda use, error: None).items():
        shelf = shelves[store.cache.directory] if store.cache is not None else None
        try:
            absent = _absent(store, part, shelf, stores, progress)
            report.findings += absent.values()
            if send and shelf is not None:
                _send(store, part, shelf, absent, stores, settings, progress)
        except DvcexpError as error:
            report.problem(error)


def _examine(shelves: Mapping[str, Shelf], parts: Mapping[Store, Part], progress: Progress) -> None:
    """Look at what has not been looked at; first the manifests, to know the files."""
    for store, part in parts.items():
        if store.cache is None:
            continue
        shelf = shelves[store.cache.directory]
        with progress.phase("Checking directories", len(shelf.unseen(part.demand.directories))) as phase:
            shelf.look_at_directories(part.demand.directories, phase)
        files = part.demand.files.union(*(shelf.members.get(item, ()) for item in part.demand.directories))
        with progress.phase("Checking objects", len(shelf.unseen(files))) as phase:
            shelf.look_at_files(files, phase)


def _bad(shelves: Mapping[str, Shelf], store: Store, part: Part, shared: Part | None, paths: PathFilter) -> set[Object]:
    """What is to be made up for in one store, and has not been tried.

    What is missing counts only where a fetch would bring it; of the rest nothing more is said.
    """
    if store.cache is None:
        return set()
    shelf = shelves[store.cache.directory]
    listed = (shelf.members.get(item, frozenset()) for item in part.demand.directories)
    used = part.demand.files.union(part.demand.directories, *listed)
    wrong = {item for item in used & shelf.findings.keys() if not shelf.findings[item].mended}
    missing = {item for item in wrong if shelf.findings[item].state == "missing"}
    if missing:
        for item in missing - paths.expected(shared, shelf.members, shelf.cache):
            del shelf.findings[item]
            wrong.discard(item)
    return {item for item in wrong - shelf.tried if shelf.findings[item].state in ("damaged", "missing")}


def _narrowed(part: Part | None, bad: Collection[Object], shelf: Shelf) -> Part:
    """Of `part` that which has something to do with `bad`."""
    narrowed = Part()
    for item, use in part.uses.items() if part is not None else ():
        if item in bad or not shelf.members.get(item, frozenset()).isdisjoint(bad):
            narrowed.add(use, item)
    return narrowed


class _Repair:
    """Fetches what is `bad` on one shelf, and settles what becomes of the findings."""

    def __init__(self, shelf: Shelf, bad: AbstractSet[Object]) -> None:
        self._shelf = shelf
        self._bad = bad
        self._before = {item: shelf.identity(item) for item in bad}
        self._edited = {shelf.cache.path(item): item for item in bad if shelf.is_writable(item)}

    def run(self, store: Store, part: Part, stores: Stores, paths: PathFilter, progress: Progress) -> None:
        """Fetch what `part` has of it. What nobody has goes aside, what could not be fetched stays as it is."""
        gaps = Gaps()
        cache = self._shelf.cache
        doomed: DvcexpError | None = None
        try:
            Completion(store, cache, part, stores, paths, progress, gaps, self._bad, self._keep).run()
        except DvcexpError as error:
            doomed = error
        self._shelf.tried |= self._bad
        for item in self._bad:
            finding = self._shelf.findings[item]
            failed = gaps.failed[item][1] if item in gaps.failed else doomed
            now = self._shelf.identity(item)
            finding.mended = now is not None and now != self._before[item]
            if finding.mended:
                finding.cause = None
                self._shelf.look_again(item)
            elif failed is not None:
                finding.cause = failed.message
            elif item.is_dir and item not in gaps.missing and gaps.failed:
                finding.cause = next(iter(gaps.failed.values()))[1].message
            else:
                self._give_up(finding, store)

    def _keep(self, final: str) -> None:
        """A file is about to be replaced that somebody may have edited."""
        item = self._edited.pop(final, None)
        if item is not None and os.path.lexists(final):
            self._shelf.findings[item].kept = self._shelf.cache.set_aside(final)

    def _give_up(self, finding: Finding, store: Store) -> None:
        config = store.destination
        finding.cause = f"not on DVC remote '{store.name}'" if config is not None else "no DVC remote is configured"
        if finding.state == "damaged" and finding.kept is None:
            try:
                finding.kept = self._shelf.cache.set_aside(finding.place)
            except OSError as error:
                finding.cause += f", and it cannot be moved aside: {error.strerror}"


def _absent(store: Store, part: Part, shelf: Shelf | None, stores: Stores, progress: Progress) -> dict[Object, Finding]:
    """What the DVC remote lacks. A directory's presence is not taken for that of its files."""
    config = store.destination
    if config is None:
        raise ConfigError("no DVC remote is configured", "dvc remote add -d <name> <url>")
    if config.is_versioned:
        raise ConfigError(
            f"DVC remote '{store.name}' is cloud-versioned: there are no objects that could be asked for",
            "to check the cache alone: git exp fsck",
        )
    listed = (shelf.members.get(item, frozenset()) if shelf else frozenset() for item in part.demand.directories)
    by_key = {item.key: item for item in part.demand.files.union(part.demand.directories, *listed)}
    with progress.phase(f"Checking DVC remote '{store.name}'", len(by_key)) as phase:
        there = stores.remote(config).exists(by_key.keys(), phase.advance)
    return {item: Finding(item, "absent", store.name) for key, item in sorted(by_key.items()) if key not in there}


def _send(
    store: Store,
    part: Part,
    shelf: Shelf,
    absent: Mapping[Object, Finding],
    stores: Stores,
    settings: Settings,
    progress: Progress,
) -> None:
    """Upload what is whole here; a directory only if it then has all of its files."""
    demand = Demand(directories={item: shelf.members.get(item) for item in part.demand.directories})
    whole = {item for item in absent if shelf.has_whole(item)}
    lost = absent.keys() - whole
    directories = {item for item in whole if item.is_dir}
    withheld = broken(demand, directories, lost)
    plan = UploadPlan(
        frozenset(whole - directories), frozenset(directories - withheld), frozenset(lost), frozenset(withheld), 0
    )
    done = upload(stores.remote(store.target()), shelf.cache, plan, demand, settings.verify, part.sizes, progress)
    unsent = withheld | broken(demand, directories, done.failed)
    for item, finding in absent.items():
        if item in done.failed:
            finding.cause = done.failed[item].message
        elif item in lost:
            finding.cause = "nor is it here"
        else:
            finding.mended = item not in unsent


def _name_uses(findings: Collection[Finding], selection: Selection, shelves: Collection[Shelf]) -> None:
    """Who uses the objects with which something is wrong, and under which paths."""
    if not findings:
        return
    by_item: dict[Object, list[Finding]] = {}
    for finding in findings:
        by_item.setdefault(finding.item, []).append(finding)
    listed: dict[Object, list[Entry]] = {}
    for ref, chain in selection.chains.items():
        for item, path in _places(selection.uses(chain.commits), by_item, shelves, listed):
            for finding in by_item[item]:
                if (ref, path) not in finding.uses:
                    finding.uses.append((ref, path))


def _places(
    uses: Iterable[Use],
    wanted: Mapping[Object, object],
    shelves: Collection[Shelf],
    listed: dict[Object, list[Entry]],
) -> Iterator[tuple[Object, str]]:
    """The paths at which `uses` have one of `wanted`. listed: what directories list of them, filled on the way."""
    for use in uses:
        item = use.output.object
        if item is None or not use.output.cached:
            continue
        if item in wanted:
            yield item, use.output.path
        if not item.is_dir:
            continue
        if item not in listed:
            listed[item] = _listed(item, wanted, shelves)
        for entry in listed[item]:
            yield Object(entry.md5, item.hash), f"{use.output.path}/{entry.relpath}"


def _listed(directory: Object, wanted: Mapping[Object, object], shelves: Collection[Shelf]) -> list[Entry]:
    """The entries of `directory` that are `wanted`."""
    for shelf in shelves:
        if not shelf.members.get(directory, frozenset()).isdisjoint(wanted):
            entries = manifests.entries_in_cache(shelf.cache, directory) or []
            return [entry for entry in entries if Object(entry.md5, directory.hash) in wanted]
    return []
