"""`git exp checkout`: the data that the work tree's DVC files name comes into the work tree."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dvcexp.cli import transfer, workspace
from dvcexp.dvc import lock
from dvcexp.dvc.hashes import Hashes
from dvcexp.dvc.outputs import Output, OutputsReader, RootOutputs
from dvcexp.dvc.overlay import Overlays
from dvcexp.dvc.planner import Contents, Git
from dvcexp.dvc.workspace import Plan
from dvcexp.errors import DvcexpError, printable
from dvcexp.git import stash
from dvcexp.git.applying import CommitFiles
from dvcexp.git.repository import Repository
from dvcexp.git.worktree import Status, WorkTree
from dvcexp.inside import Inside
from dvcexp.progress import Progress
from dvcexp.sync.paths import NamedOutput

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


class NoSuchOutput(DvcexpError):
    """A word that names no output, nothing in one and nothing around one."""

    def __init__(self, word: str) -> None:
        super().__init__(f"'{printable(word)}' is no output, no stage and no DVC file here", "see git exp ls-files")


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "checkout",
        description="Put the data of HEAD into the work tree, from the cache; where you have changed DVC files, the"
        " data that they name. What would be lost is named, and nothing is changed unless --force is given.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="<path>",
        help="outputs, files in them, folders around them, DVC files or stages; default: the whole repository",
    )
    parser.add_argument("-f", "--force", action="store_true", help="overwrite data that is in no cache")
    workspace.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Put the data in place, or change nothing; print what became of which output, as `dvc checkout` does."""
    repository = Repository.discover()
    progress = transfer.progress(args)
    work_tree = WorkTree(repository)
    checkout = _Checkout(repository, work_tree)
    configs = workspace.Configs(work_tree.top)
    found = checkout.now()
    choose = _Chooser(checkout.top, args.paths, found) if args.paths else workspace.everything
    if args.fetch:
        named = choose.named() if isinstance(choose, _Chooser) else None
        workspace.fetch(repository, checkout.commits(), args, progress, named)
    with lock.held([work_tree.lock, *map(configs.lock, found)]):
        plans = _check_out(args, checkout, configs, found, choose, progress)
    if not args.quiet:
        for line in _changes(plans, work_tree.top):
            print(line)
    return 0


def _check_out(
    args: argparse.Namespace,
    checkout: _Checkout,
    configs: workspace.Configs,
    found: Sequence[RootOutputs],
    choose: workspace.Choice,
    progress: Progress,
) -> list[Plan]:
    subject = "checking out data"
    # A file that cannot be read does not matter to outputs that are named.
    partly = not args.paths and workspace.refuse_errors(subject, found, progress, force=args.force)
    previous = [] if args.paths or partly else checkout.before()
    inside = Inside(checkout.top)
    hashes = Hashes(checkout.hashes)
    roots = workspace.roots(configs, found, previous, choose)
    plans = workspace.plans(inside, checkout.git(), Contents(inside, hashes), roots, progress, force=args.force)
    workspace.refuse_missing(subject, plans, " ".join(["git exp checkout --fetch", *map(printable, args.paths)]))
    lost = [path for plan in plans for path in plan.lost]
    workspace.refuse_loss(subject, lost, "git exp checkout --force overwrites them")
    workspace.carry_out(plans, inside, hashes, progress, "git exp checkout")
    return plans


class _Checkout:
    """The work tree's DVC files and those of the commits before."""

    def __init__(self, repository: Repository, work_tree: WorkTree) -> None:
        self._repository = repository
        self._overlays = Overlays(repository.objects, work_tree.top)
        self._reader = OutputsReader(self._overlays)
        self._files = CommitFiles(repository.objects)
        self.top = work_tree.top
        self.hashes = work_tree.hashes
        self._status: Status = work_tree.status()
        head = repository.resolve("HEAD")
        self._head = self._tree(head) if head is not None else None

    def commits(self) -> dict[str, str]:
        """The commits whose data may be wanted: HEAD, and what was applied."""
        found = {name: self._repository.resolve(name) for name in ("HEAD", stash.EXEC_APPLY)}
        return {name: commit for name, commit in found.items() if commit is not None}

    def now(self) -> tuple[RootOutputs, ...]:
        """What the DVC files of the work tree say."""
        changes = dict.fromkeys(self._status.untracked, True)
        changes.update((path, os.path.lexists(os.path.join(self.top, path))) for path in self._status.changes)
        return self._reader.read(self._overlays.tree(self._head, changes))

    def before(self) -> list[RootOutputs]:
        """What HEAD says, where HEAD was before, and what was applied: outputs of those may be left over."""
        commits = (self._repository.resolve(name) for name in ("HEAD", "HEAD@{1}", stash.EXEC_APPLY))
        trees = dict.fromkeys(self._tree(commit) for commit in commits if commit is not None)
        return [found for tree in trees for found in self._reader.read(tree)]

    def git(self) -> Git:
        """Git has what HEAD has, and removes nothing."""

        def kind(path: str) -> str | None:
            found = self._files.find(self._head, path) if self._head is not None else None
            return found[0] if found is not None else None

        return Git(
            kind=kind,
            is_going=lambda path: False,
            is_known=lambda path: kind(path) is not None and path not in self._status.changes,
        )

    def _tree(self, commit: str) -> str:
        return self._repository.objects.commit(commit).tree


class _Chooser:
    """Which outputs some words mean. NoSuchOutput for a word that means none."""

    def __init__(self, top: str, words: Sequence[str], found: Iterable[RootOutputs]) -> None:
        self._limits: dict[Output, list[str]] = {}
        outputs = [output for root in found for output in root.outputs]
        here = os.path.relpath(os.path.realpath(os.curdir), os.path.realpath(top))
        for word in words:
            path = os.path.normpath(os.path.join(here, word))
            hits = [(output, limit) for output in outputs if (limit := _match(output, word, path, here)) is not None]
            if not hits:
                raise NoSuchOutput(word)
            for output, limit in hits:
                self._limits.setdefault(output, []).append(limit)

    def __call__(self, output: Output) -> Sequence[str] | None:
        limits = self._limits.get(output)
        if limits is None:
            return None
        return () if "" in limits else limits

    def named(self) -> list[NamedOutput]:
        """All that is meant."""
        return [
            NamedOutput(output.path, output.object, self(output) or ())
            for output in self._limits
            if output.object is not None
        ]


def _match(output: Output, word: str, path: str, here: str) -> str | None:
    """The part of `output` that is meant: '' for all of it, None for nothing. here: the folder where it was typed."""
    around = path == os.curdir or f"{output.path}/".startswith(f"{path}/")
    if around or output.defined_in == path:
        return ""
    if output.object is not None and output.object.is_dir and path.startswith(f"{output.path}/"):
        return path
    file, colon, stage = word.rpartition(":")
    if output.stage is not None and stage in (output.stage, output.stage.partition("@")[0]):
        pipeline = os.path.normpath(os.path.join(here, file if colon else "dvc.yaml"))
        return "" if output.defined_in == pipeline else None
    return None


def _changes(plans: Sequence[Plan], top: str) -> list[str]:
    """`M`, `A` or `D` and the path from here; folders first, as DVC has it."""
    lines = []
    for kind in ("modified", "added", "deleted"):
        paths = []
        for plan in plans:
            outputs = plan.root.previous if kind == "deleted" else plan.root.outputs
            folders = {output.path for output in outputs if output.object is not None and output.object.is_dir}
            for path in (path for path, change in plan.changes.items() if change == kind):
                shown = os.path.relpath(os.path.join(top, path))
                paths.append(f"{shown}/" if path in folders else shown)
        ordered = sorted(paths, key=lambda path: (not path.endswith("/"), path))
        lines += [f"{kind[0].upper():<8}{printable(path)}" for path in ordered]
    return lines
