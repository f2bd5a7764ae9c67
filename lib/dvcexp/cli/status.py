"""`git exp status`: which experiments are whole here, and which are shared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dvcexp.cli import transfer
from dvcexp.cli.colours import Colours, Slot, colours
from dvcexp.cli.history import compare
from dvcexp.cli.names import UnreachableGitRemote, experiments_here, experiments_there, name_of, shown
from dvcexp.cli.pager import pager
from dvcexp.cli.table import aligned, amount
from dvcexp.errors import printable
from dvcexp.experiments import Experiment
from dvcexp.git.optin import remotes
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress
from dvcexp.sync.survey import Standing, survey

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs

_WORDS = {"new": "not there", "same": "up to date", "ahead": "behind", "diverged": "diverged"}
_SLOTS: dict[str, Slot] = {
    "not there": "missing",
    "up to date": "complete",
    "behind": "partial",
    "diverged": "missing",
}


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "status",
        description="Show of every experiment here: is its data in the cache, is it on the Git remote, is its data on"
        " the DVC remote?",
    )
    parser.add_argument("git_remote", nargs="?", default="origin", metavar="<git remote>", help="default: origin")
    parser.add_argument("--offline", action="store_true", help="ask neither the Git remote nor the DVC remote")
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: ref, missing (objects not here; null: not known), git_remote (not there, up to"
        " date, behind, diverged; null: not known), unsent (objects not on the DVC remote; null: not known), problem",
    )
    transfer.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show; what could not be found out is a warning and an empty field."""
    repository = Repository.discover()
    settings = transfer.settings(args, repository, args.git_remote)
    progress = transfer.progress(args)
    here = experiments_here(repository)
    if not here:
        return 0
    standings = survey(
        repository,
        here,
        git_remote=args.git_remote,
        settings=settings,
        progress=progress,
        ask_remotes=not args.offline,
        limited=True,
    )
    git_side = {} if args.offline else _git_side(repository, here, args.git_remote, progress)
    if args.json:
        for ref, standing in standings.items():
            print(json.dumps(_fields(ref, standing, git_side.get(ref), offline=args.offline)))
        return 0
    for text, hints in {(s.problem.message, s.problem.hints): None for s in standings.values() if s.problem}:
        progress.warning(text, *hints)
    paint = colours(repository)
    titles = ("experiment", "baseline", "data here", f"on '{shown(args.git_remote)}'", "data on DVC remote")
    rows = [tuple(paint("header", title) for title in titles)]
    rows += [_row(ref, standing, git_side.get(ref), paint, offline=args.offline) for ref, standing in standings.items()]
    with pager(repository):
        for line in aligned(rows):
            print(line)
    return 0


def _git_side(repository: Repository, here: Mapping[str, str], git_remote: str, progress: Progress) -> dict[str, str]:
    """Ref -> how it stands on the Git remote; empty where that cannot be asked."""
    if git_remote == "origin" and "origin" not in remotes(repository.config):
        return {}  # nobody has asked for it
    try:
        there = experiments_there(git_remote)
    except UnreachableGitRemote as error:
        progress.warning(error.message, *error.hints)
        return {}
    found = compare(repository, here, there)._asdict()
    return {ref: _WORDS[kind] for kind, tips in found.items() for ref in tips}


def _row(ref: str, standing: Standing, on_git: str | None, paint: Colours, *, offline: bool) -> tuple[str, ...]:
    experiment = Experiment.parse(ref)
    sent = "-" if offline or standing.problem is not None else amount(len(standing.unsent), paint)
    return (
        printable(name_of(ref)),
        paint("commit", experiment.baseline[:7]) if experiment is not None else "-",
        amount(len(standing.missing), paint) if standing.readable else "-",
        paint(_SLOTS[on_git], on_git) if on_git else "-",
        sent,
    )


def _fields(ref: str, standing: Standing, on_git: str | None, *, offline: bool) -> dict[str, object]:
    known = not offline and standing.problem is None
    return {
        "ref": ref,
        "missing": len(standing.missing) if standing.readable else None,
        "git_remote": on_git,
        "unsent": len(standing.unsent) if known else None,
        "problem": standing.problem.message if standing.problem is not None else None,
    }
