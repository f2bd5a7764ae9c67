"""`git exp prune`: free what only experiments that are no more used."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from dvcexp.cli import transfer
from dvcexp.errors import UsageError, printable
from dvcexp.git.repository import Repository
from dvcexp.progress import format_size, plural
from dvcexp.settings import Settings

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs
    from dvcexp.sync.prune import Pruned

_LIMITS = ("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS")


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "prune",
        description="Free objects in the cache that only experiments used to which nothing leads any more: no ref, no"
        " reflog, in no worktree. What is mentioned anywhere else stays, and so does what DVC stored for work that was"
        " never committed.",
    )
    parser.add_argument("--dry-run", action="store_true", help="free nothing, only say what would be freed")
    parser.add_argument(
        "--expire",
        default="1.hour.ago",
        metavar="<time>",
        help="only objects that came into the cache before; in Git's words, as 'now'; default: 1.hour.ago",
    )
    parser.add_argument(
        "-p",
        "--projects",
        action="append",
        default=[],
        metavar="<folder>",
        help="another project that uses the same cache: what it uses stays; may be given several times",
    )
    parser.add_argument(
        "-f", "--force", action="store_true", help="free also in a cache that lies outside of this repository"
    )
    parser.add_argument(
        "--keep-run-cache", action="store_true", help="keep also what is mentioned in an entry of the run-cache"
    )
    transfer.add_progress(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="name every object")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but warnings and errors")
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object: objects (path in the cache and size of each), bytes, experiments (that are no more),"
        " young (objects that stay because they are new), failed (path -> cause)",
    )


def run(args: argparse.Namespace) -> int:
    """Free; 1 if something could not be removed."""
    from dvcexp.sync.prune import Choice, prune

    for name in _LIMITS:
        os.environ.pop(name, None)  # they would narrow what is looked through
    repository = Repository.discover()
    choice = Choice(_before(repository, args.expire), args.projects, args.force, args.keep_run_cache, args.dry_run)
    progress = transfer.progress(args)
    settings = Settings.load(repository.config, None)
    # In a partial clone git may fetch what it misses, through our helper: that must not wait for us to end.
    os.environ["DVCEXP_SKIP"] = "1"
    done = prune(repository, settings=settings, progress=progress, choice=choice)
    if args.json:
        print(json.dumps(_fields(done)))
    elif not args.quiet:
        if args.verbose:
            for path in done.objects:
                print(printable(path))
        print(_sentence(done, dry_run=args.dry_run))
    if done.young:
        progress.warning(
            f"{plural(done.young, 'object')} came into the cache after {printable(args.expire)}, and "
            f"{'stays' if done.young == 1 else 'stay'}",
            "to free all: git exp prune --expire=now",
        )
    for path, cause in done.failed.items():
        progress.error(f"cannot remove '{printable(path)}': {cause}")
    return 1 if done.failed else 0


def _before(repository: Repository, text: str) -> float:
    """Git's own reading of a time, in seconds since the epoch."""
    key = "dvcexp.expire"
    answer = repository.git("-c", f"{key}={text}", "config", "--type=expiry-date", "--get", key, check=False)
    if not answer:
        raise UsageError(f"'{printable(text)}' is no time that Git knows", "as in git prune --expire: now, 2.weeks.ago")
    return float(answer)


def _sentence(done: Pruned, *, dry_run: bool) -> str:
    if not done.objects:
        return "Nothing to free."
    amount = f"{plural(len(done.objects), 'object')} ({format_size(done.size)})"
    return f"{'Would free' if dry_run else 'Freed'} {amount} that only removed experiments used."


def _fields(done: Pruned) -> dict[str, object]:
    return {
        "objects": [{"path": path, "size": size} for path, size in done.objects.items()],
        "bytes": done.size,
        "experiments": done.experiments,
        "young": done.young,
        "failed": done.failed,
    }
