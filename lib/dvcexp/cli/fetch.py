"""`git exp fetch`: complete the data of experiments that are here, for a native `git fetch` brings refs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvcexp import sync
from dvcexp.cli import transfer
from dvcexp.cli.names import Names, experiments_here, shown
from dvcexp.experiments import NAMESPACE
from dvcexp.git.optin import remotes
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "fetch",
        description="Bring the data of experiments whose Git commits are here into the cache. No ref is moved:"
        " 'git exp pull' takes experiments from a Git remote.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[<git remote>] [<experiment>...]",
        help="whose settings to use, by name or path, and the experiments; default: origin, and all that are here",
    )
    transfer.add_run_cache(parser)
    transfer.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Fetch; 1 if something is still missing afterwards."""
    repository = Repository.discover()
    git_remote, words = _split(repository, args.words)
    here = experiments_here(repository)
    if not here and not words:
        if not args.quiet:
            print(f"No experiments here yet. To take them from there: git exp pull --all-commits {shown(git_remote)}")
        return 0
    tips = Names(repository, here).find_all(words) if words else here
    # Whoever types this wants data, whatever moves along with refs by itself.
    settings = transfer.settings(args, repository, git_remote)._replace(cache=True, skip=False)
    progress = transfer.progress(args)
    sync.fetch(repository, tips, git_remote=git_remote, settings=settings, progress=progress, recheck=True)
    return 1 if sync.incomplete(repository, tips, settings) else 0


def _split(repository: Repository, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The Git remote, if the first word is one, or a path or URL, and the experiments."""
    if words and (words[0] in remotes(repository.config) or _leads_elsewhere(words[0])):
        return words[0], words[1:]
    return "origin", words


def _leads_elsewhere(word: str) -> bool:
    """A path or URL has what no experiment's name has."""
    return ("/" in word or ":" in word or word in (".", "..")) and not word.startswith(NAMESPACE)
