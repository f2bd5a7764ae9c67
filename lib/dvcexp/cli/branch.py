"""`git exp branch`: an experiment becomes a Git branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvcexp.cli.names import Names, experiments_here, name_of
from dvcexp.cli.transfer import add_quiet
from dvcexp.errors import printable
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "branch", description="Make a Git branch of an experiment. The branch is not checked out; the experiment stays."
    )
    parser.add_argument("experiment", metavar="<experiment>", help="name, full ref or commit id")
    parser.add_argument("branch", nargs="?", metavar="<branch>", help="default: <experiment>-branch")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Create the branch; a name that is taken or impossible is Git's error."""
    repository = Repository.discover()
    here = experiments_here(repository)
    ref = Names(repository, here).find(args.experiment)
    branch = f"{name_of(ref)}-branch" if args.branch is None else args.branch
    # The name is checked by itself first: `git branch` would take one that begins with a dash for an option.
    repository.git("check-ref-format", "--branch", branch)
    repository.git("branch", "--no-track", branch, here[ref])
    if args.quiet:
        return 0
    print(
        f"Git branch '{printable(branch)}' has been created from experiment '{printable(name_of(ref))}'.\n"
        f"To switch to the new branch run:\n\n\tgit checkout {printable(branch)}"
    )
    return 0
