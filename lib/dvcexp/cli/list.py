"""`git exp list`: the experiments here or on a Git remote, by baseline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dvcexp.cli import selection
from dvcexp.cli.names import experiments_here, experiments_there
from dvcexp.cli.titles import titles
from dvcexp.errors import printable
from dvcexp.experiments import Experiment
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser("list", description="List the experiments here, or those on a Git remote.")
    parser.add_argument("git_remote", nargs="?", metavar="<git remote>", help="name or URL; default: those here")
    selection.add_options(parser, "list")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--name-only", "--names-only", action="store_true", help="names, without ids and baselines")
    form.add_argument("--sha-only", "--shas-only", action="store_true", help="full commit ids of the tips alone")
    form.add_argument("--json", action="store_true", help="one JSON object a line: name, rev, baseline, ref")


def run(args: argparse.Namespace) -> int:
    """List; nothing is printed where there are none."""
    repository = Repository.discover()
    known = experiments_there(args.git_remote) if args.git_remote is not None else experiments_here(repository)
    chosen = selection.select(args, repository, known, git_remote=args.git_remote)
    for line in _lines(args, repository, chosen):
        print(line)
    return 0


def _lines(args: argparse.Namespace, repository: Repository, chosen: Mapping[str, str]) -> Iterator[str]:
    if args.sha_only:
        yield from chosen.values()
        return
    by_baseline: dict[str, list[tuple[Experiment, str]]] = {}
    for ref, tip in chosen.items():
        experiment = Experiment.parse(ref)
        if experiment is not None:
            by_baseline.setdefault(experiment.baseline, []).append((experiment, tip))
    names = titles(repository) if by_baseline and not args.name_only and not args.json else {}
    for baseline, found in by_baseline.items():
        if not args.name_only and not args.json:
            yield f"{names.get(baseline, baseline[:7])}:"
        for experiment, tip in found:
            yield _line(args, experiment, tip)


def _line(args: argparse.Namespace, experiment: Experiment, tip: str) -> str:
    if args.json:
        fields = {"name": experiment.name, "rev": tip, "baseline": experiment.baseline, "ref": experiment.ref}
        return json.dumps(fields)
    name = printable(experiment.name)
    if args.name_only:
        return name
    # As in DVC: of a Git remote's experiments the names alone.
    return f"\t{name}" if args.git_remote is not None else f"\t{tip[:7]} [{name}]"
