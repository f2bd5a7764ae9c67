"""`git exp pull`: experiments from a Git remote by plain `git fetch`, and their data from the DVC remote."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from dvcexp import sync
from dvcexp.cli import selection, transfer
from dvcexp.cli.history import is_ancestor
from dvcexp.cli.names import experiments, experiments_here, experiments_there, shown
from dvcexp.errors import DvcexpError, printable
from dvcexp.git import foreground
from dvcexp.git.repository import Repository
from dvcexp.git.url import fetch_url
from dvcexp.hook import uses_helper
from dvcexp.progress import Progress
from dvcexp.sync.complete import CompleteCommits

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs
    from dvcexp.settings import Settings

_MANY = 50  # names of one baseline; fewer cost Git nothing that one would notice


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "pull",
        description="Take experiments from a Git remote, with their data. The work tree stays as it is.",
    )
    parser.add_argument("git_remote", metavar="<git remote>", help="name or URL")
    parser.add_argument("experiments", nargs="*", metavar="<experiment>", help="name, full ref or commit id")
    selection.add_options(parser, "pull")
    parser.add_argument("-f", "--force", action="store_true", help="replace diverged experiments here")
    parser.add_argument("--dry-run", action="store_true", help="fetch nothing, only say what would be pulled")
    transfer.add_no_cache(parser)
    transfer.add_run_cache(parser)
    transfer.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Pull; 1 if an experiment has diverged or lacks data, or if Git's fetch fails."""
    repository = Repository.discover()
    settings = transfer.settings(args, repository, args.git_remote)
    there = experiments_there(args.git_remote)
    chosen = selection.select(args, repository, there, args.experiments, git_remote=args.git_remote)
    here = experiments_here(repository)
    wanted = {ref: tip for ref, tip in chosen.items() if args.force or not _has(repository, here.get(ref), tip)}
    wanted = {ref: tip for ref, tip in wanted.items() if here.get(ref) != tip}
    if args.dry_run:
        _report(args, "Would pull", wanted, chosen)
        return 0
    seen_to = _by_helper(repository, args.git_remote, settings, wanted)
    code = _fetch_refs(args, refspecs(wanted, there, here)) if wanted else 0
    here = experiments_here(repository)
    left = {ref: tip for ref, tip in wanted.items() if here.get(ref) != tip}
    complete = {ref: here[ref] for ref in chosen if ref not in left and ref in here}
    unsure = {ref: tip for ref, tip in complete.items() if code != 0 or ref not in seen_to}
    progress = transfer.progress(args)
    explained = _explain(args, repository, here, left, progress)
    if settings.moves_data and unsure:
        # A remote without the helper has brought the refs alone, and what was here already may lack something.
        sync.fetch(repository, unsure, git_remote=args.git_remote, settings=settings, progress=progress, recheck=True)
    if code != 0 and left and not explained:
        raise DvcexpError(
            f"not everything could be pulled from Git remote '{shown(args.git_remote)}'", "run the same command again"
        )
    _report(args, "Pulled", [ref for ref in wanted if ref not in left], complete)
    # Where Git failed, but all is here, another fetch was faster. Plain git fetch lets nobody wait for data that is
    # nowhere; who asked for these experiments learns it.
    return 1 if left or sync.incomplete(repository, complete, settings) else 0


def _by_helper(repository: Repository, git_remote: str, settings: Settings, wanted: Mapping[str, str]) -> set[str]:
    """Those of `wanted` whose data the helper will bring, or say that it cannot.

    What is noted to be complete it passes over, though the data may have gone since.
    """
    vcs, url = repository.config.get(f"remote.{git_remote}.vcs"), fetch_url(git_remote, repository.config)
    noted = CompleteCommits(repository, settings)
    return {ref for ref, tip in wanted.items() if tip not in noted} if uses_helper(vcs, url) else set()


def _has(repository: Repository, here: str | None, tip: str) -> bool:
    """Is `tip` part of what is here already?"""
    return here is not None and (here == tip or is_ancestor(repository, tip, here))


def refspecs(wanted: Collection[str], there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """The refs to fetch, a pattern for a baseline with many of them of which nothing is to be left out.

    Git compares each name that it is given with all the others, which for some thousands takes it seconds.
    """
    patterns = {ref: f"{ref.rpartition('/')[0]}/*" for ref in there}
    left_out = {patterns[ref] for ref, tip in there.items() if ref not in wanted and here.get(ref) != tip}
    count = Counter(patterns[ref] for ref in wanted)
    whole = {pattern for pattern in count.keys() - left_out if count[pattern] >= _MANY}
    names = (patterns[ref] if patterns[ref] in whole else ref for ref in wanted)
    return [f"{name}:{name}" for name in dict.fromkeys(names)]


def _fetch_refs(args: argparse.Namespace, refs: Iterable[str]) -> int:
    """Start `git fetch`; a remote that uses the helper brings the data too, before any ref is here."""
    plus = "+" if args.force else ""
    options = ["--no-tags", "--no-write-fetch-head", *transfer.manner(args)]
    return foreground.run(
        "fetch",
        *options,
        "--stdin",
        "--",
        args.git_remote,
        stdin="".join(f"{plus}{ref}\n" for ref in refs).encode("utf-8", "surrogateescape"),
        environ=transfer.environment(args, args.git_remote),
    )


def _explain(
    args: argparse.Namespace,
    repository: Repository,
    here: Mapping[str, str],
    left: Mapping[str, str],
    progress: Progress,
) -> bool:
    """Say which of `left` have diverged; is that all there is to say?"""
    diverged = [
        ref
        for ref, tip in left.items()
        if ref in here and repository.objects.has_commit(tip) and not is_ancestor(repository, here[ref], tip)
    ]
    where = shown(args.git_remote)
    for ref in diverged:
        progress.warning(
            f"{experiments([ref])} has diverged from the one of that name on Git remote '{where}'",
            f"to replace the one here: git exp pull --force {where} {printable(ref)}",
        )
    return bool(diverged) and len(diverged) == len(left)


def _report(args: argparse.Namespace, verb: str, news: Collection[str], all_here: Collection[str]) -> None:
    if args.quiet:
        return
    where = f"Git remote '{shown(args.git_remote)}'"
    same = [ref for ref in all_here if ref not in news]
    if same:
        sys.stdout.write(
            f"{experiments(same, first=True)} {'are' if len(same) > 1 else 'is'} up to date with {where}.\n"
        )
    if news:
        sys.stdout.write(f"{verb} {experiments(news)} from {where}.\n")
    if not all_here and not news:
        sys.stdout.write("No experiments to pull.\n")
