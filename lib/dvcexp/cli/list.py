"""`git exp list`: the experiments here or on a Git remote, by baseline."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from dvcexp.cli import selection, transfer
from dvcexp.cli.colours import Colours, colours
from dvcexp.cli.names import experiments_here, experiments_there
from dvcexp.cli.pager import pager
from dvcexp.cli.table import aligned, amount
from dvcexp.cli.titles import titles
from dvcexp.errors import UsageError, printable
from dvcexp.experiments import Experiment
from dvcexp.git.objects import MissingGitObject
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs
    from dvcexp.git.objects import Commit
    from dvcexp.sync.survey import Standing


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser("list", description="List the experiments here, or those on a Git remote.")
    parser.add_argument("git_remote", nargs="?", metavar="<git remote>", help="name or URL; default: those here")
    selection.add_options(parser, "list")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--name-only", "--names-only", action="store_true", help="names, without ids and baselines")
    form.add_argument("--sha-only", "--shas-only", action="store_true", help="full commit ids of the tips alone")
    form.add_argument("--json", action="store_true", help="one JSON object a line: name, rev, baseline, ref")
    parser.add_argument(
        "--long",
        action="store_true",
        help="also date, author, number and size of the objects, and whether the cache has them;"
        " with --json: date, author, objects, size, missing, problem",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="as --long, and whether the DVC remote has the objects; with --json: unsent",
    )
    transfer.add_options(parser)


class _Row(NamedTuple):
    """One experiment; with --long its commit and how its data stands, None for a commit that is not here."""

    experiment: Experiment
    tip: str
    commit: Commit | None = None
    standing: Standing | None = None


def run(args: argparse.Namespace) -> int:
    """List; nothing is printed where there are none."""
    long = args.long or args.check
    if long and (args.name_only or args.sha_only):
        raise UsageError("--long and --check do not go with --name-only and --sha-only")
    repository = Repository.discover()
    known = experiments_there(args.git_remote) if args.git_remote is not None else experiments_here(repository)
    chosen = selection.select(args, repository, known, git_remote=args.git_remote)
    by_baseline: dict[str, list[_Row]] = {}
    for row in _surveyed(args, repository, chosen) if long else _rows(chosen):
        by_baseline.setdefault(row.experiment.baseline, []).append(row)
    paint = colours(repository)
    with pager(repository):
        for line in _lines(args, repository, by_baseline, paint, long=long):
            print(line)
    return 0


def _rows(chosen: Mapping[str, str]) -> Iterator[_Row]:
    for ref, tip in chosen.items():
        experiment = Experiment.parse(ref)
        if experiment is not None:
            yield _Row(experiment, tip)


def _surveyed(args: argparse.Namespace, repository: Repository, chosen: Mapping[str, str]) -> Iterator[_Row]:
    """The rows with how the data stands; all of it is asked for together."""
    from dvcexp.sync.survey import survey

    commits: dict[str, Commit] = {}
    for tip in chosen.values():
        with contextlib.suppress(MissingGitObject):
            commits[tip] = repository.objects.commit(tip)
    progress = transfer.progress(args)
    git_remote = args.git_remote or "origin"
    standings = survey(
        repository,
        {ref: tip for ref, tip in chosen.items() if tip in commits},
        git_remote=git_remote,
        settings=transfer.settings(args, repository, git_remote),
        progress=progress,
        ask_remotes=args.check,
    )
    for text, hints in {(one.problem.message, one.problem.hints): None for one in standings.values() if one.problem}:
        progress.warning(text, *hints)
    for row in _rows(chosen):
        yield row._replace(commit=commits.get(row.tip), standing=standings.get(row.experiment.ref))


def _lines(
    args: argparse.Namespace,
    repository: Repository,
    by_baseline: Mapping[str, list[_Row]],
    paint: Colours,
    *,
    long: bool,
) -> Iterator[str]:
    rows = [row for found in by_baseline.values() for row in found]
    if args.sha_only:
        yield from (row.tip for row in rows)
    elif args.name_only:
        yield from (printable(row.experiment.name) for row in rows)
    elif args.json:
        yield from (json.dumps(_fields(args, row, long=long)) for row in rows)
    elif rows:
        names = titles(repository)
        if long:
            yield from aligned(
                [_heading(args, paint), *(_cells(args, row, names, paint) for row in rows)], right=(4, 5)
            )
            return
        for baseline, found in by_baseline.items():
            yield f"{paint('header', names.get(baseline, baseline[:7]))}:"
            for row in found:
                # As in DVC: of a Git remote's experiments the names alone.
                name = printable(row.experiment.name)
                yield f"\t{name}" if args.git_remote is not None else f"\t{paint('commit', row.tip[:7])} [{name}]"


def _heading(args: argparse.Namespace, paint: Colours) -> tuple[str, ...]:
    there = ("data on DVC remote",) if args.check else ()
    titles = ("experiment", "rev", "baseline", "date", "objects", "size", "data here", *there, "author")
    return tuple(paint("header", title) for title in titles)


def _cells(args: argparse.Namespace, row: _Row, names: Mapping[str, str], paint: Colours) -> tuple[str, ...]:
    from dvcexp.progress import format_size

    experiment, tip, commit, standing = row
    baseline = printable(names.get(experiment.baseline, experiment.baseline[:7]))
    told = (printable(experiment.name), paint("commit", tip[:7]), baseline)
    if commit is None or standing is None:
        return (*told, "-", "-", "-", "not fetched", *(("-",) if args.check else ()), "-")
    there = ("-" if standing.problem is not None else amount(len(standing.unsent), paint),) if args.check else ()
    return (
        *told,
        datetime.fromtimestamp(commit.time).strftime("%Y-%m-%d %H:%M"),
        str(standing.objects),
        format_size(standing.size),
        "-" if not standing.readable else amount(len(standing.missing), paint),
        *there,
        printable(commit.author.rpartition(" <")[0]),
    )


def _fields(args: argparse.Namespace, row: _Row, *, long: bool) -> dict[str, Any]:
    experiment, tip, commit, standing = row
    fields = {"name": experiment.name, "rev": tip, "baseline": experiment.baseline, "ref": experiment.ref}
    if not long:
        return fields
    known = args.check and standing is not None and standing.problem is None
    return {
        **fields,
        "date": datetime.fromtimestamp(commit.time, timezone.utc).isoformat() if commit is not None else None,
        "author": commit.author if commit is not None else None,
        "objects": standing.objects if standing is not None else None,
        "size": standing.size if standing is not None else None,
        "missing": len(standing.missing) if standing is not None and standing.readable else None,
        "unsent": len(standing.unsent) if standing is not None and known else None,
        "problem": standing.problem.message if standing is not None and standing.problem is not None else None,
    }
