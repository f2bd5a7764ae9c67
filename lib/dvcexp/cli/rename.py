"""`git exp rename`: an experiment gets another name, on the same baseline."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dvcexp.cli import refs
from dvcexp.cli.names import Names, experiments_here, experiments_there, name_of, quoted, shown
from dvcexp.cli.transfer import add_quiet
from dvcexp.errors import DvcexpError, printable
from dvcexp.experiments import Experiment
from dvcexp.git import foreground
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser("rename", description="Give an experiment another name, here or with -g on a Git remote.")
    parser.add_argument("experiment", metavar="<experiment>", help="name, full ref or commit id")
    parser.add_argument("name", metavar="<name>", help="the new name")
    parser.add_argument("-f", "--force", action="store_true", help="replace the experiment that has this name")
    parser.add_argument("-g", "--git-remote", metavar="<git remote>", help="rename it there, and leave the one here")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Rename, in one step: at no moment is the experiment without a name."""
    repository = Repository.discover()
    git_remote = args.git_remote
    known = experiments_there(git_remote) if git_remote is not None else experiments_here(repository)
    old = Names(repository, known, git_remote).find(args.experiment)
    new = _renamed(repository, old, args.name)
    if new == old:
        if not args.quiet:
            print("No experiments to rename.")
        return 0
    if new in known and not args.force:
        there = f" -g {shown(git_remote)}" if git_remote is not None else ""
        raise DvcexpError(
            f"there is an experiment {quoted([new])} on the same baseline already",
            f"to replace it: git exp rename --force{there} {printable(old)} {printable(args.name)}",
        )
    if git_remote is None:
        refs.update(repository, {new: known[old]}, deleted={old: known[old]}, known=known)
    else:
        code = _rename_there(args, repository, old, new, known)
        if code != 0:
            return code
    if not args.quiet:
        print(f"Renamed experiment {quoted([old])} to {quoted([new])}.")
    return 0


def _rename_there(
    args: argparse.Namespace, repository: Repository, old: str, new: str, known: Mapping[str, str]
) -> int:
    """One atomic push, refused where the Git remote no longer has what `known` says; its commit has to be here."""
    tip = known[old]
    quiet = ["--quiet"] if args.quiet else []
    if not repository.objects.has_commit(tip):
        options = ["--quiet", "--no-tags", "--no-write-fetch-head"]
        environ = {**os.environ, "DVCEXP_SKIP": "1"}
        code = foreground.run("fetch", *options, "--", args.git_remote, old, environ=environ)
        if code != 0:
            return code
    leases = [f"--force-with-lease={ref}:{known.get(ref, '')}" for ref in (old, new)]
    return foreground.push(args.git_remote, [f"{tip}:{new}", f":{old}"], "--atomic", *leases, *quiet)


def _renamed(repository: Repository, old: str, name: str) -> str:
    experiment = Experiment.parse(f"{old.rpartition('/')[0]}/{name}")
    if experiment is None or name_of(experiment.ref) != name or not _is_ref(repository, experiment.ref):
        raise DvcexpError(
            f"'{printable(name)}' cannot be the name of an experiment",
            "a name has no slash, and otherwise follows Git's rules: git help check-ref-format",
        )
    return experiment.ref


def _is_ref(repository: Repository, ref: str) -> bool:
    return repository.git("check-ref-format", "--normalize", ref, check=False).strip() != b""
