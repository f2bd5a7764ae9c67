"""What `git exp apply` and `git exp checkout` share: the plans for every DVC root, what is refused, and the doing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dvcexp import sync
from dvcexp.cli import transfer
from dvcexp.dvc import lock, workspace
from dvcexp.dvc.cache import Cache
from dvcexp.dvc.config import DvcConfig, commit_config, work_tree_config
from dvcexp.dvc.hashes import Hashes
from dvcexp.dvc.outputs import Output, RootOutputs
from dvcexp.dvc.planner import Contents, Git, Planner
from dvcexp.dvc.workspace import Plan, Root
from dvcexp.errors import ConfigError, DvcexpError, printable
from dvcexp.git.repository import Repository
from dvcexp.inside import Inside
from dvcexp.progress import Progress, plural

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Parser
    from dvcexp.sync.paths import NamedOutput

_SHOWN = 20


class WouldBeLost(DvcexpError):
    """Files whose content is nowhere else. `paths` are relative to the Git root."""

    def __init__(self, what: str, paths: Sequence[str], *hints: str) -> None:
        super().__init__(f"{what} would lose what these files hold; nothing has been changed\n{listed(paths)}", *hints)
        self.paths = tuple(paths)


class MissingObjects(DvcexpError):
    """Objects that the cache does not have, or not whole; `paths` need them."""

    def __init__(self, what: str, paths: Sequence[str], *hints: str) -> None:
        super().__init__(
            f"{what} needs data that is not in the cache; nothing has been changed\n{listed(paths)}", *hints
        )
        self.paths = tuple(paths)


class Unfinished(DvcexpError):
    """Something failed half-way: every file is either old or new."""

    def __init__(self, what: str, error: OSError, done: int, total: int) -> None:
        where = f"'{printable(os.fsdecode(error.filename))}': " if error.filename is not None else ""
        super().__init__(
            f"cannot write to the work tree: {where}{error.strerror}",
            f"{done} of {plural(total, 'file')} of data are in place, every other is as it was",
            f"make room or give access there, then run it again: '{what}' goes on where it stopped",
        )


def add_options(parser: Parser) -> None:
    """`--fetch`, with what belongs to it, and `-q`."""
    parser.add_argument("--fetch", action="store_true", help="first bring what the cache lacks from the DVC remote")
    transfer.add_options(parser)


def fetch(
    repository: Repository,
    tips: Mapping[str, str],
    args: argparse.Namespace,
    progress: Progress,
    named: Sequence[NamedOutput] | None = None,
) -> None:
    """Bring what the commits `tips` (a name for messages -> commit) use into the cache; `named`: these outputs alone.

    Whatever fetches leave out: without it nothing could be put in place.
    """
    settings = transfer.settings(args, repository, "origin")._replace(cache=True, skip=False)
    settings = settings._replace(fetch_include=(), fetch_exclude=())
    sync.fetch(repository, tips, git_remote="origin", settings=settings, progress=progress, recheck=True, named=named)


def listed(paths: Iterable[str]) -> str:
    """One path a line, not too many."""
    names = sorted(set(paths))
    shown = [f"  {printable(name)}" for name in names[:_SHOWN]]
    more = len(names) - _SHOWN
    return "\n".join([*shown, *([f"  ... and {more} more"] if more > 0 else [])])


class Configs:
    """The cache and `cache.type` of each DVC root, as the work tree's configuration has them."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._configs: dict[str, DvcConfig] = {}

    def cache(self, root: str) -> Cache:
        """The cache of a root ('' is the Git root)."""
        config = self._config(root)
        if config.cache_dir is None:
            raise ConfigError(f"DVC root '{printable(root or '.')}' has no cache", "dvc config cache.dir <folder>")
        return Cache(config.cache_dir, shared=config.cache_shared)

    def lock(self, found: RootOutputs) -> str:
        """DVC's lock file of a root."""
        return lock.of_root(os.path.join(self._top, path_of(found)))

    def types(self, root: str) -> tuple[str, ...]:
        """`cache.type`, in order of choice."""
        return self._config(root).cache_types

    def _config(self, root: str) -> DvcConfig:
        if root not in self._configs:
            folder = os.path.join(self._top, root) if root else self._top
            found = work_tree_config(folder, os.environ)
            # A root that is still to come: what a clone would have.
            self._configs[root] = found or commit_config(None, "", os.environ, root=folder, work_tree=None)
        return self._configs[root]


# Is an output meant, and if so, which paths below it? All of it if there are none.
Choice = Callable[[Output], "Sequence[str] | None"]


def everything(output: Output) -> Sequence[str]:
    """The choice that leaves nothing out."""
    return ()


def roots(
    configs: Configs, wanted: Iterable[RootOutputs], previous: Iterable[RootOutputs], choose: Choice = everything
) -> Iterator[Root]:
    """Each DVC root with the outputs that are to be put in place.

    previous: what used to be here.
    """
    old: dict[str, list[RootOutputs]] = {}
    for found in previous:
        old.setdefault(path_of(found), []).append(found)
    new = {path_of(found): found for found in wanted}
    for path in sorted(new.keys() | old.keys()):
        found = new.get(path) or RootOutputs(path or ".", (), ignored=old[path][0].ignored)
        before = [output for other in old.get(path, ()) for output in other.outputs]
        choices = [(output, choose(output)) for output in found.outputs if output.cached and output.object is not None]
        outputs = [output for output, limits in choices if limits is not None]
        if outputs or before:
            chosen = {output.path for output in outputs}
            yield Root(
                path,
                configs.cache(path),
                configs.types(path),
                outputs,
                found.ignored,
                limits={output.path: limits for output, limits in choices if limits},
                previous=before,
                others=frozenset(output.path for output in found.outputs if output.path not in chosen),
            )


def path_of(found: RootOutputs) -> str:
    """The root's path as the workspace has it: '' for the Git root."""
    return "" if found.root == "." else found.root


def plans(
    inside: Inside, git: Git, contents: Contents, found: Iterable[Root], progress: Progress, *, force: bool
) -> list[Plan]:
    """The plan of each root; raises what makes one impossible."""
    with progress.phase("Comparing files") as phase:
        contents.moved = phase.move
        planner = Planner(inside, git, contents, force=force, advance=phase.advance)
        return [planner.plan(root) for root in found]


def carry_out(made: Sequence[Plan], inside: Inside, hashes: Hashes, progress: Progress, command: str) -> None:
    """Put everything in place; Unfinished with `command` to type again."""
    total = sum(len(plan.place) for plan in made)
    done = 0
    with progress.phase("Putting files in place", total) as phase:

        def advance() -> None:
            nonlocal done
            done += 1
            phase.advance()

        try:
            for plan in made:
                workspace.carry_out(plan, inside, hashes, advance, phase.move)
        except OSError as error:
            raise Unfinished(command, error, done, total) from error
        finally:
            hashes.save()


def refuse_errors(subject: str, found: Iterable[RootOutputs], progress: Progress, *, force: bool) -> bool:
    """Raise what cannot be read of DVC's files; with `force` say it and return True."""
    errors = [error for root in found for error in root.errors]
    if errors and not force:
        texts = "\n".join(error.message for error in errors)
        text = f"{subject}: its data cannot be told; nothing has been changed"
        raise DvcexpError(f"{text}\n{texts}", *errors[0].hints, "--force does the rest")
    for error in errors:
        progress.failure(error)
    return bool(errors)


def refuse_loss(subject: str, paths: Sequence[str], *hints: str) -> None:
    """WouldBeLost if there is anything that would be."""
    if paths:
        ways = "git commit or git stash what Git tracks, dvc add or dvc commit what DVC tracks, or move it elsewhere"
        raise WouldBeLost(subject, paths, ways, *hints)


def refuse_missing(subject: str, made: Sequence[Plan], fetch: str) -> None:
    """MissingObjects where a plan needs what is not in the cache; `fetch` is the command that brings it."""
    missing = {path for plan in made for path in plan.missing}
    if not missing:
        return
    damaged = {path for plan in made for path in plan.damaged}
    imported = {output.path for plan in made for output in plan.root.outputs if output.origin == "repo-import"}
    hints = []
    if missing - damaged - imported:
        hints.append(fetch)
    if damaged:
        hints.append("git exp fsck: some of it is in the cache, but damaged")
    if imported & missing:
        hints.append("dvc fetch brings the data of dvc import")
    raise MissingObjects(subject, sorted(missing), *hints)
