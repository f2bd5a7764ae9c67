"""`git exp apply`: the work tree becomes that of an experiment, files and data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvcexp.cli import transfer, workspace
from dvcexp.cli.names import AmbiguousExperiment, Names, UnknownExperiment, experiments_here
from dvcexp.cli.revisions import resolve
from dvcexp.dvc import lock
from dvcexp.dvc.hashes import Hashes
from dvcexp.dvc.outputs import OutputsReader, RootOutputs
from dvcexp.dvc.overlay import Overlays
from dvcexp.dvc.planner import Contents, Git
from dvcexp.dvc.workspace import Plan
from dvcexp.errors import DvcexpError, printable
from dvcexp.git import applying, stash
from dvcexp.git.applying import Applying, CommitFiles, GitPlan
from dvcexp.git.repository import Repository
from dvcexp.git.worktree import Status, WorkTree
from dvcexp.inside import Inside
from dvcexp.progress import Progress
from dvcexp.settings import Settings

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "apply",
        description="Put the files and the data of an experiment into the work tree; HEAD and the branch stay. What"
        " would be lost is named, and nothing is changed unless --force is given.",
    )
    parser.add_argument("experiment", metavar="<experiment>", help="name, full ref, commit id, branch or tag")
    parser.add_argument(
        "-f",
        "--force",
        action="store_true",
        help="overwrite what is in the way; files that Git tracks, and those that it does not ignore, are stashed in"
        f" {stash.APPLY_STASH}",
    )
    parser.add_argument("--no-force", action="store_false", dest="force", help="the default, as in DVC once")
    workspace.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Apply, or change nothing."""
    repository = Repository.discover()
    commit = resolve(repository, [args.experiment])[0]
    if isinstance(commit, DvcexpError):
        raise commit
    progress = transfer.progress(args)
    if args.fetch:
        workspace.fetch(repository, {args.experiment: commit}, args, progress)
    work_tree = WorkTree(repository)
    with lock.held([work_tree.lock]), work_tree:
        _Apply(repository, work_tree, args.experiment, commit, progress, force=args.force).run()
    if not args.quiet:
        print(f"Changes for experiment '{printable(args.experiment)}' have been applied to your current workspace.")
    return 0


class UnmergedFiles(DvcexpError):
    """A merge is under way."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__(
            f"a merge is under way here; nothing has been changed\n{workspace.listed(paths)}",
            "finish it (git add <file>..., git commit) or give it up (git merge --abort)",
        )


class _Apply:
    """One experiment, or another commit, on its way into the work tree."""

    def __init__(
        self, repository: Repository, work_tree: WorkTree, word: str, commit: str, progress: Progress, *, force: bool
    ) -> None:
        self._repository = repository
        self._work_tree = work_tree
        self._word = word
        self._commit = commit
        self._progress = progress
        self._force = force
        self._inside = Inside(work_tree.top)
        self._hashes = Hashes(work_tree.hashes)
        self._contents = Contents(self._inside, self._hashes)
        self._configs = workspace.Configs(work_tree.top)
        self._overlays = Overlays(repository.objects, work_tree.top)
        self._reader = OutputsReader(self._overlays)
        head = repository.resolve("HEAD")
        if head is None:
            raise DvcexpError("HEAD has no commit yet, so there is nothing to come back to", "git commit")
        self._head = head

    def run(self) -> None:
        """Do it while nobody else changes the work tree; what must be refused is refused before."""
        status = self._work_tree.status()
        before = self._before(status)
        with lock.held(self._configs.lock(found) for found in before):
            self._run(status, before)

    def _run(self, status: Status, before: tuple[RootOutputs, ...]) -> None:
        if status.unmerged:
            raise UnmergedFiles(list(status.unmerged))
        git_side = self._applying(status, before)
        git_plan = git_side.plan(
            self._work_tree.differences(self._commit),
            self._work_tree.removed(self._head, self._commit),
            force=self._force,
        )
        plans = self._plan_data(git_side, git_plan, before)
        self._refuse(git_plan, plans)
        prepared = self._work_tree.prepare(git_plan.write)
        stash.remember(self._work_tree, status, self._head, self._commit, self._word)
        self._write(git_plan, plans, prepared, status)
        workspace.carry_out(plans, self._inside, self._hashes, self._progress, self._command)
        self._work_tree.git("update-ref", stash.EXEC_APPLY, self._commit)
        self._tell(git_plan, plans)

    @property
    def _subject(self) -> str:
        return f"applying '{printable(self._word)}'"

    @property
    def _command(self) -> str:
        return f"git exp apply {'--force ' if self._force else ''}{printable(self._word)}"

    def _tree(self, commit: str) -> str:
        return self._repository.objects.commit(commit).tree

    def _before(self, status: Status) -> tuple[RootOutputs, ...]:
        """What the DVC files of the work tree say now."""
        changes = dict.fromkeys(status.untracked, True)
        changes.update((path, self._inside.status(path) is not None) for path in status.changes)
        return self._reader.read(self._overlays.tree(self._tree(self._head), changes))

    def _applying(self, status: Status, before: tuple[RootOutputs, ...]) -> Applying:
        applied = self._repository.refs(stash.EXEC_APPLY).get(stash.EXEC_APPLY)

        def is_cached(path: str) -> bool:
            state = self._inside.status(path)
            caches = (self._configs.cache(workspace.path_of(found)) for found in before)
            return state is not None and any(self._contents.is_cached(path, state, cache) for cache in caches)

        return Applying(
            work_tree=self._work_tree,
            inside=self._inside,
            status=status,
            files=CommitFiles(self._repository.objects),
            head=self._tree(self._head),
            commit=self._tree(self._commit),
            applied=self._tree(applied) if applied is not None else None,
            experiments=lambda: map(self._tree, experiments_here(self._repository).values()),
            is_cached=is_cached,
        )

    def _plan_data(self, git_side: Applying, git_plan: GitPlan, before: tuple[RootOutputs, ...]) -> list[Plan]:
        """The plan of each DVC root of what the work tree will be: the commit with what survives of the user's."""
        after = self._reader.read(self._overlays.tree(git_side.commit, dict.fromkeys(git_plan.survivors, True)))
        partly = workspace.refuse_errors(self._subject, after, self._progress, force=self._force)
        going = {*git_plan.remove}
        cleared = tuple(f"{path}/" for path in git_plan.clear)
        git = Git(
            kind=git_side.kind,
            is_going=lambda path: path in going or path.startswith(cleared),
            is_known=git_side.is_committed,
        )
        applied = self._reader.read(git_side.applied) if git_side.applied is not None else ()
        roots = workspace.roots(self._configs, after, [] if partly else [*before, *applied])
        plans = workspace.plans(self._inside, git, self._contents, roots, self._progress, force=self._force)
        data = {path for plan in plans for path in plan.place}
        git_plan.write = [path for path in git_plan.write if path not in data]
        return plans

    def _refuse(self, git_plan: GitPlan, plans: list[Plan]) -> None:
        """Raise what stands against it, before anything is changed."""
        workspace.refuse_missing(self._subject, plans, self._fetch_command())
        lost = [*git_plan.lost, *(path for plan in plans for path in plan.lost)]
        force = f"git exp apply --force {printable(self._word)}"
        note = f"{force} overwrites them: what Git does not ignore is stashed first, data is gone"
        workspace.refuse_loss(self._subject, lost, note)

    def _fetch_command(self) -> str:
        try:
            Names(self._repository, experiments_here(self._repository)).find(self._word)
        except (UnknownExperiment, AmbiguousExperiment):
            return f"git exp apply --fetch {printable(self._word)}"
        if Settings.load(self._repository.config, "origin").limits_fetches:
            more = "it brings also what dvcexp.fetchInclude or dvcexp.fetchExclude leaves out"
            return f"git exp apply --fetch {printable(self._word)}: {more}"
        return f"git exp fetch {printable(self._word)}"

    def _write(self, git_plan: GitPlan, plans: list[Plan], prepared: str, status: Status) -> None:
        try:
            applying.carry_out(git_plan, self._inside, prepared)
        except OSError as error:
            raise workspace.Unfinished(self._command, error, 0, sum(len(plan.place) for plan in plans)) from error
        finally:
            if status.is_staged:
                self._work_tree.reset_index()
            else:
                self._work_tree.refresh_index()

    def _tell(self, git_plan: GitPlan, plans: list[Plan]) -> None:
        for path in git_plan.kept:
            self._progress.note(f"kept your changes to '{printable(path)}', which the experiment does not change")
        for path in (path for plan in plans for path in plan.left):
            self._progress.note(f"left '{printable(path)}', which is no output any more: it has been changed")
