"""What `git exp show` compares: baselines, the experiments on them, and the work tree, each with what it reports."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dvcexp.cli.selection import named_commits
from dvcexp.dvc.cache import Cache
from dvcexp.dvc.config import work_tree_config
from dvcexp.dvc.metrics import Report, ReportReader
from dvcexp.dvc.objects import Object
from dvcexp.dvc.project import root_around
from dvcexp.dvc.worktree import WorkTree, WorkTreeIndex
from dvcexp.errors import DvcexpError
from dvcexp.experiments import Experiment, chain
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse

WORKSPACE = "workspace"


class State(NamedTuple):
    """One commit, or the work tree, whose rev is `workspace`. time: the committer's, in seconds since the epoch.

    report: None where it cannot be read, for `problem`.
    """

    rev: str
    name: str | None = None
    time: int | None = None
    report: Report | None = None
    problem: DvcexpError | None = None


class ExperimentStates(NamedTuple):
    """One experiment, its commits tip first; there is one at least."""

    name: str
    states: Sequence[State]


@dataclass(slots=True)
class Baseline:
    """A commit, or the work tree, and the experiments on it, the newest first."""

    state: State
    experiments: list[ExperimentStates] = field(default_factory=list)


class StateReader:
    """Reads the states of one repository, of the DVC root that the current folder is in."""

    def __init__(self, repository: Repository, *, param_deps: bool) -> None:
        top = repository.work_tree
        self._repository = repository
        self._param_deps = param_deps
        self._root = (root_around(os.getcwd(), top) if top is not None else None) or ""
        config = work_tree_config(os.path.normpath(os.path.join(top, self._root)), os.environ) if top else None
        self._cache = Cache(config.cache_dir) if config is not None and config.cache_dir is not None else None
        self._reader = ReportReader(repository.objects, self._cached)
        self._known: dict[str, Report | DvcexpError] = {}

    def workspace(self) -> State | None:
        """The work tree; None in a bare repository."""
        top = self._repository.work_tree
        if top is None:
            return None
        tree = WorkTree(top, self._ignored(top))
        reader = ReportReader(tree, self._cached, WorkTreeIndex(tree))
        try:
            return State(WORKSPACE, report=reader.read(top, self._root, param_deps=self._param_deps))
        except DvcexpError as error:
            return State(WORKSPACE, problem=error)

    def commit(self, sha: str, name: str | None = None) -> State:
        """One commit."""
        try:
            commit = self._repository.objects.commit(sha)
        except DvcexpError as error:
            return State(sha, name, problem=error)
        if commit.tree not in self._known:
            try:
                self._known[commit.tree] = self._reader.read(commit.tree, self._root, param_deps=self._param_deps)
            except DvcexpError as error:
                self._known[commit.tree] = error
        found = self._known[commit.tree]
        if isinstance(found, Report):
            return State(sha, name, commit.time, found)
        return State(sha, name, commit.time, problem=found)

    def experiments(self, baseline: str, tips: Mapping[str, str]) -> list[ExperimentStates]:
        """Those of `tips` (name -> tip) on `baseline`, in DVC's order."""
        found = []
        for name, tip in tips.items():
            commits = chain(self._repository.objects, baseline, tip).commits or (tip,)
            first, *others = commits
            found.append(ExperimentStates(name, [self.commit(first, name), *map(self.commit, others)]))
        return sorted(found, key=_age, reverse=True)

    def _cached(self, item: Object) -> bytes | None:
        return self._cache.read(item) if self._cache is not None else None

    def _ignored(self, top: str) -> set[str]:
        """What Git ignores in the work tree: files, and folders that hold nothing else."""
        listing = self._repository.git(
            "-C", top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", check=False
        )
        return {os.path.join(top, os.fsdecode(path).rstrip("/")) for path in listing.split(b"\0")[:-1]}


def _age(experiment: ExperimentStates) -> tuple[int, str]:
    tip = experiment.states[0]
    return (tip.time, tip.rev) if tip.report is not None and tip.time is not None else (0, "")


def baselines(args: argparse.Namespace, repository: Repository, known: Iterable[Experiment]) -> list[str]:
    """The commits that the command line chooses, in DVC's order. known: all experiments there are."""
    found: dict[str, None] = {}
    if args.rev or not (args.all_commits or args.all_branches or args.all_tags):
        found.update(dict.fromkeys(_with_ancestors(repository, named_commits(repository, args.rev), args.num)))
    if args.all_commits:
        head = ["HEAD"] if repository.resolve("HEAD") is not None else []
        listing = repository.git("rev-list", *head, "--branches", "--remotes", "--tags")
        found.update(dict.fromkeys(os.fsdecode(listing).split()))
        # DVC leaves out experiments whose baseline no branch or tag leads to any more.
        found.update(dict.fromkeys(experiment.baseline for experiment in known))
    if args.all_branches and not args.all_commits:
        tips = repository.refs("refs/heads").values()
        found.update(dict.fromkeys(_with_ancestors(repository, list(tips), args.num)))
    if args.all_tags and not args.all_commits:
        listing = repository.git(
            "for-each-ref", "--format=%(objecttype) %(*objecttype) %(objectname) %(*objectname)", "refs/tags"
        )
        found.update(dict.fromkeys(_tagged(os.fsdecode(listing))))
    return list(found)


def _with_ancestors(repository: Repository, commits: Sequence[str], num: int) -> Iterator[str]:
    """`num` commits of each one's first-parent history, a negative number meaning all of it."""
    for commit in commits:
        current: str | None = commit
        left = num
        while current is not None and left != 0:
            yield current
            left -= 1
            try:
                current = next(iter(repository.objects.parents(current)), None)
            except LookupError:
                break


def _tagged(listing: str) -> Iterator[str]:
    for line in listing.splitlines():
        kind, peeled_kind, sha, peeled = line.split(" ")
        if "commit" in (kind, peeled_kind):
            yield peeled or sha
