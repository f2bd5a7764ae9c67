"""What the verbs that move data share: `-r`, `-j`, `--run-cache`, `--progress`, `-v`, `-q`, and what becomes of the
settings by them.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from dvcexp.git import foreground
from dvcexp.progress import Progress
from dvcexp.settings import Settings

if TYPE_CHECKING:
    from dvcexp.cli.parser import Parser
    from dvcexp.git.repository import Repository


def add_options(parser: Parser) -> None:
    """`-r`, `-j`, `--progress`, `-v` and `-q`."""
    parser.add_argument("-r", "--remote", metavar="<name>", help="the DVC remote; default: core.remote of DVC's config")
    add_manner(parser)


def add_manner(parser: Parser) -> None:
    """`-j`, `--progress`, `-v` and `-q`."""
    parser.add_argument("-j", "--jobs", type=number, metavar="<number>", help="transfers at a time")
    add_progress(parser)
    add_quiet(parser)


def add_progress(parser: Parser) -> None:
    """`--progress` and `--no-progress`."""
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="meters on stderr; default: on a terminal, without -q",
    )


def add_quiet(parser: Parser) -> None:
    """`-v` and `-q`, all that verbs which move nothing take."""
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="trace what is done on stderr, as with DVCEXP_TRACE=1"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but warnings and errors")


def add_run_cache(parser: Parser) -> None:
    """`--run-cache` and `--no-run-cache`."""
    parser.add_argument(
        "--run-cache",
        action=argparse.BooleanOptionalAction,
        help="also the run-cache entries of the experiments' stages, so that 'dvc repro' need not run them again;"
        " default: dvcexp.runCache",
    )


def add_no_cache(parser: Parser) -> None:
    """`--no-cache`."""
    parser.add_argument("--no-cache", action="store_true", help="move the Git refs only, no data")


def settings(args: argparse.Namespace, repository: Repository, git_remote: str) -> Settings:
    """The configured settings, and on top of them the options."""
    chosen = Settings.load(repository.config, git_remote)
    if args.remote is not None:
        chosen = chosen._replace(remote=args.remote.lower())
    if args.jobs is not None:
        chosen = chosen._replace(jobs=args.jobs or None)
    if getattr(args, "run_cache", None) is not None:
        chosen = chosen._replace(run_cache=args.run_cache)
    return chosen._replace(cache=False) if getattr(args, "no_cache", False) else chosen


def environment(args: argparse.Namespace, git_remote: str) -> dict[str, str]:
    """For a `git` whose remote helper is to obey the same options."""
    run_cache = None if args.run_cache is None else str(args.run_cache).lower()
    cache = "false" if args.no_cache else None
    options = {"remote": args.remote, "jobs": args.jobs, "cache": cache, "runCache": run_cache}
    given = {key: str(value) for key, value in options.items() if value is not None}
    return foreground.with_config({f"dvcexp.{git_remote}.{key}": value for key, value in given.items()})


def progress(args: argparse.Namespace) -> Progress:
    """Meters on a terminal, nothing but what is wrong with `-q`; `--progress` and `--no-progress` count more."""
    show = sys.stderr is not None and sys.stderr.isatty() and not args.quiet
    return Progress(show=show if args.progress is None else args.progress, quiet=args.quiet)


def manner(args: argparse.Namespace) -> list[str]:
    """The same options for a `git push` or `git fetch`, which understands them alike."""
    shown = [] if args.progress is None else ["--progress" if args.progress else "--no-progress"]
    return [*shown, *(["--quiet"] if args.quiet else [])]


def number(text: str) -> int:
    """What `-j` takes; argparse puts this function's name into its error."""
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)
