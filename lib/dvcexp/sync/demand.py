"""Which objects some experiments use, of which store: the experiments' side of every transfer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property, partial
from typing import NamedTuple

from dvcexp.dvc.objects import MAX_MANIFEST_SIZE, Object
from dvcexp.dvc.outputs import Output, OutputsReader, RootOutputs
from dvcexp.dvc.runcache import Run
from dvcexp.errors import ConfigError, DvcexpError
from dvcexp.experiments import Chain, Experiment, chain
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress
from dvcexp.sync.plan import Demand
from dvcexp.sync.stores import Store, Stores

_SLACK = 1 << 20
_LONGEST_ROW = 25_000  # a path of 4,096 characters that are all escaped


class Use(NamedTuple):
    """One output of one commit, and the DVC root that it belongs to."""

    commit: str
    root: str
    output: Output


# Run-cache entry -> the outputs of its stage.
Runs = Mapping[Run, tuple[Use, ...]]


class Selection:
    """The commits of some experiments and what they use. Each tree is read once, however many commits share it."""

    def __init__(self, repository: Repository, tips: Mapping[str, str]) -> None:
        """`tips`: full experiment ref -> the commit it points to, which is here."""
        self._objects = repository.objects
        self._reader = OutputsReader(repository.objects)
        self._roots: dict[str, tuple[RootOutputs, ...]] = {}
        self._trees: dict[str, str] = {}
        self.chains = {ref: self._chain(ref, tip) for ref, tip in tips.items()}

    def _chain(self, ref: str, tip: str) -> Chain:
        experiment = Experiment.parse(ref)
        return chain(self._objects, experiment.baseline, tip) if experiment is not None else Chain((tip,))

    def read(self, progress: Progress) -> None:
        """Read what is going to be asked for, which takes its time where there are many."""
        commits = self.commits()
        with progress.phase("Reading experiments", len(commits)) as phase:
            for commit in commits:
                self.roots(commit)
                phase.advance()

    def commits(self) -> list[str]:
        """Every commit of every experiment, each once."""
        return list(dict.fromkeys(commit for found in self.chains.values() for commit in found.commits))

    def tree(self, commit: str) -> str:
        """The tree of a commit."""
        if commit not in self._trees:
            self._trees[commit] = self._objects.commit(commit).tree
        return self._trees[commit]

    def roots(self, commit: str) -> tuple[RootOutputs, ...]:
        """What each DVC root of the commit says."""
        tree = self.tree(commit)
        if tree not in self._roots:
            self._roots[tree] = self._reader.read(tree)
        return self._roots[tree]

    def uses(self, commits: Iterable[str]) -> Iterator[Use]:
        """Every output of `commits`."""
        for commit in commits:
            for found in self.roots(commit):
                for output in found.outputs:
                    yield Use(commit, found.root, output)

    def runs(self, commit: str) -> Iterator[tuple[Run, tuple[Use, ...]]]:
        """The run-cache entries of the stages of `commit`, with the stages' outputs, all of which have their hashes."""
        stages: dict[tuple[str, str], list[Use]] = {}
        for use in self.uses([commit]):
            if use.output.stage is not None:
                stages.setdefault((use.output.defined_in, use.output.stage), []).append(use)
        for (pipeline, stage), uses in stages.items():
            run = self._reader.runs(self.tree(commit), pipeline).get(stage)
            if run is not None and all(use.output.object is not None for use in uses):
                yield run, tuple(uses)

    def content_in_git(self, use: Use) -> dict[str, Callable[[], bytes]]:
        """What Git has of an output: path below it ('' for the output itself) -> a way to read it."""
        blobs = self._reader.blobs(self.tree(use.commit), use.output.path)
        return {path: partial(self._objects.read, blob) for path, blob in blobs.items()}

    def carried_by_nobody(self, commit: str) -> list[str]:
        """The paths of outputs that neither Git nor DVC's cache takes."""
        tree = self.tree(commit)
        return [
            use.output.path
            for use in self.uses([commit])
            if not use.output.cached and self._reader.carrier(tree, use.output) == "nobody"
        ]

    def refs_of(self, commit: str) -> list[str]:
        """The experiments that have `commit`."""
        return self._refs_by_commit.get(commit, [])

    @cached_property
    def _refs_by_commit(self) -> dict[str, list[str]]:
        refs: dict[str, list[str]] = {}
        for ref, found in self.chains.items():
            for commit in found.commits:
                refs.setdefault(commit, []).append(ref)
        return refs


def is_shared(output: Output) -> bool:
    """Does DVC carry it? Not what is in Git, what is marked `push: false`, nor what another repository provides."""
    return output.cached and output.object is not None and output.push and output.origin != "repo-import"


class Part:
    """What concerns one store: the demand, where each object is used first, and the sizes that DVC's files tell."""

    def __init__(self) -> None:
        self.demand = Demand()
        self.uses: dict[Object, Use] = {}
        self.sizes: dict[Object, int] = {}

    def add(self, use: Use, item: Object) -> None:
        """`use` is of `item`."""
        if item in self.uses:
            return
        self.uses[item] = use
        if item.is_dir:
            self.demand.directories[item] = None
        else:
            self.demand.files.add(item)
            if use.output.size is not None:
                self.sizes[item] = use.output.size

    def limits(self, files: AbstractSet[Object]) -> dict[Object, int]:
        """How many bytes each of `files` may have, as far as DVC's files tell: no file is larger than its directory.

        Generous, for a size that somebody wrote by hand may be wrong where the hash is right: what it keeps out is a
        remote that sends without end.
        """
        known = {item: self.sizes[item] for item in files if item in self.sizes}
        unknown: set[Object] = set()
        for directory, members in self.demand.directories.items():
            total = self.uses[directory].output.size
            for item in (members or frozenset()) & files:
                if total is None:
                    unknown.add(item)
                else:
                    known[item] = max(known.get(item, 0), total)
        return {item: 2 * size + _SLACK for item, size in known.items() if item not in unknown}

    def manifest_limit(self, directory: Object) -> int:
        """How many bytes the manifest of `directory` may have."""
        count = self.uses[directory].output.nfiles
        return MAX_MANIFEST_SIZE if count is None else min(MAX_MANIFEST_SIZE, 16 * _SLACK + count * _LONGEST_ROW)


def by_store(
    selection: Selection,
    stores: Stores,
    wanted: Callable[[Use], bool],
    failed: Callable[[Use, DvcexpError], object],
    *,
    unshared: bool = False,
) -> dict[Store, Part]:
    """The shared outputs of the selection that are `wanted`, by store; `failed` hears of those that have none.

    unshared: also those that only the cache has.
    """
    parts: dict[Store, Part] = {}
    seen: set[str] = set()
    for commit in selection.commits():
        tree = selection.tree(commit)
        if tree in seen:
            continue
        seen.add(tree)
        for use in selection.uses([commit]):
            if use.output.object is None or not use.output.cached or not wanted(use):
                continue
            if not unshared and not is_shared(use.output):
                continue
            try:
                store = stores.find(tree, use.root, use.output.remote)
            except DvcexpError as error:
                failed(use, error)
                continue
            parts.setdefault(store, Part()).add(use, use.output.object)
    return parts


def runs_by_store(selection: Selection, commits: Iterable[str], stores: Stores) -> dict[Store, Runs]:
    """The run-cache entries of `commits` by store: as in DVC, the default DVC remote of their root has them.

    Roots whose configuration cannot be used are left out; their objects have had the same trouble before.
    """
    found: dict[Store, dict[Run, tuple[Use, ...]]] = {}
    for commit in {selection.tree(commit): commit for commit in commits}.values():
        for run, uses in selection.runs(commit):
            with contextlib.suppress(ConfigError):
                store = stores.find(selection.tree(commit), uses[0].root, None)
                found.setdefault(store, {}).setdefault(run, uses)
    return dict(found)


def parts_of(selection: Selection, uses: Iterable[Use], stores: Stores) -> dict[Store, Part]:
    """What run-cache entries name of stages whose outputs are `uses`, by store; nothing that is not to be pushed."""
    parts: dict[Store, Part] = {}
    for use in uses:
        if use.output.object is not None and use.output.push:
            store = stores.find(selection.tree(use.commit), use.root, use.output.remote)
            parts.setdefault(store, Part()).add(use, use.output.object)
    return parts
