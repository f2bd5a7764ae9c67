"""Which experiments a verb is about: those named, or those of some baselines (`-A`, `--rev`, `-n`), as in DVC."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dvcexp.cli.names import Names
from dvcexp.cli.revisions import resolve
from dvcexp.errors import DvcexpError, UsageError
from dvcexp.experiments import Experiment

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Parser
    from dvcexp.git.repository import Repository


def add_options(parser: Parser, verb: str, default: str = "HEAD") -> None:
    """`-A`, `--rev`, `-n`. verb: what is done with them, for the help; default: what --rev is if it is not given."""
    parser.add_argument("-A", "--all-commits", action="store_true", help=f"{verb} all experiments")
    parser.add_argument(
        "--rev", action="append", metavar="<commit>", help=f"{verb} those based on this commit; default: {default}"
    )
    parser.add_argument(
        "-n",
        "--num",
        type=int,
        default=1,
        metavar="<num>",
        help="... and on its first-parent ancestors, so many commits in all; negative: on all of them",
    )


def select(
    args: argparse.Namespace,
    repository: Repository,
    known: Mapping[str, str],
    words: Sequence[str] = (),
    *,
    git_remote: str | None = None,
) -> dict[str, str]:
    """Those of `known` (full ref -> tip, on `git_remote`, or here where that is None) that the command line means."""
    if words and (args.all_commits or args.rev):
        raise UsageError("name experiments, or choose them with --rev or --all-commits, not both")
    if words:
        return Names(repository, known, git_remote).find_all(words)
    if args.all_commits:
        return dict(known)
    wanted = _baselines(repository, args.rev, args.num)
    return {
        ref: tip
        for ref, tip in known.items()
        if (experiment := Experiment.parse(ref)) is not None and experiment.baseline in wanted
    }


def named_commits(repository: Repository, revs: Sequence[str] | None) -> list[str]:
    """The commits `revs`, revisions or experiments; without any HEAD, if it has a commit. UnknownRevision."""
    if not revs:
        head = repository.resolve("HEAD")
        return [head] if head is not None else []
    found = []
    for commit in resolve(repository, revs):
        if isinstance(commit, DvcexpError):
            raise commit
        found.append(commit)
    return found


def _baselines(repository: Repository, revs: Sequence[str] | None, num: int) -> set[str]:
    """`num` commits of each revision's first-parent history; nothing where HEAD is meant and has no commit yet."""
    found: set[str] = set()
    for commit in named_commits(repository, revs):
        listing = repository.git("rev-list", "--first-parent", f"--max-count={max(num, -1)}", commit)
        found.update(os.fsdecode(listing).split())
    return found
