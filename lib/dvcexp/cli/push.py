"""`git exp push`: the data of experiments to the DVC remote, then their refs to the Git remote by plain `git push`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dvcexp.cli import selection, transfer
from dvcexp.cli.history import Comparison, compare
from dvcexp.cli.names import experiments, experiments_here, experiments_there, shown
from dvcexp.errors import printable
from dvcexp.follow import deal_with
from dvcexp.git import foreground
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, plural

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs
    from dvcexp.settings import Settings


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "push",
        description="Share experiments: upload their data to the DVC remote, then push their refs to the Git remote."
        " A ref whose data could not all be uploaded is not pushed.",
    )
    parser.add_argument("git_remote", metavar="<git remote>", help="name or URL")
    parser.add_argument("experiments", nargs="*", metavar="<experiment>", help="name, full ref or commit id")
    selection.add_options(parser, "push")
    parser.add_argument("-f", "--force", action="store_true", help="replace diverged experiments on the Git remote")
    parser.add_argument("--dry-run", action="store_true", help="upload and push nothing, only say what would be pushed")
    transfer.add_no_cache(parser)
    transfer.add_run_cache(parser)
    transfer.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Push; 1 if an experiment has diverged or lacks data, and Git's exit code if its push fails."""
    repository = Repository.discover()
    settings = transfer.settings(args, repository, args.git_remote)
    progress = transfer.progress(args)
    here = experiments_here(repository)
    chosen = selection.select(args, repository, here, args.experiments)
    if not chosen:
        _say(args, "No experiments to push.")
        return 0
    found = compare(repository, chosen, experiments_there(args.git_remote))
    going = {**found.new, **found.ahead, **(found.diverged if args.force else {})}
    refused: Mapping[str, str] = {}
    if args.dry_run:
        _note_uploads(repository, {**going, **found.same}, args.git_remote, settings, progress)
    else:
        from dvcexp import sync

        # What is up to date is looked after as well: someone may have pushed it without its data.
        tips = {**going, **found.same}
        refused = sync.push(repository, tips, git_remote=args.git_remote, settings=settings, progress=progress)
    going = {ref: tip for ref, tip in going.items() if ref not in refused}
    code = _push_refs(args, going)
    if code == 1:  # Git has said which refs it did not push; somebody may have been faster
        now = compare(repository, going, experiments_there(args.git_remote))
        going = now.same
        found.diverged.update(now.diverged)
    if code == 0 or going:
        _report(args, going, found)
        if not args.dry_run:
            deal_with(repository, going)
    for ref, reason in refused.items():
        there = "has been pushed before, but not all its data" if ref in found.same else "is not pushed"
        progress.error(f"{experiments([ref])} {there}: {reason}")
    if found.diverged and not args.force:
        _warn_of_diverged(args, found, progress)
    return code or (1 if refused or (found.diverged and not args.force) else 0)


def _note_uploads(
    repository: Repository, tips: Mapping[str, str], git_remote: str, settings: Settings, progress: Progress
) -> None:
    """Tell how much there is to upload, and what would be refused because it is nowhere."""
    if not settings.moves_data:
        return
    from dvcexp.sync.survey import survey

    standings = survey(repository, tips, git_remote=git_remote, settings=settings, progress=progress)
    count = len({item for standing in standings.values() for item in standing.unsent - standing.missing})
    if count:
        progress.note(f"would upload {plural(count, 'object')}")
    if settings.run_cache:
        from dvcexp.sync.outgoing_runs import count_unsent, entries

        new = count_unsent(repository, tips, git_remote, settings)
        if new:
            progress.note(f"would upload {entries(new)}")
    for ref, standing in standings.items():
        lost = len(standing.unsent & standing.missing)
        if standing.problem is not None:
            progress.warning(f"{experiments([ref])}: {standing.problem.message}", *standing.problem.hints)
        elif lost:
            progress.warning(f"{experiments([ref])} would not be pushed: {plural(lost, 'object')} of its data missing")


def _push_refs(args: argparse.Namespace, tips: Mapping[str, str]) -> int:
    """Commits go by id, not by ref: those whose data was uploaded."""
    chosen = {"--dry-run": args.dry_run, "--force": args.force}
    options = [*(option for option, given in chosen.items() if given), *transfer.manner(args)]
    return foreground.push(args.git_remote, [f"{tip}:{ref}" for ref, tip in tips.items()], *options)


def _report(args: argparse.Namespace, pushed: Iterable[str], found: Comparison) -> None:
    where = f"Git remote '{shown(args.git_remote)}'"
    same, done = list(found.same), list(pushed)
    if same:
        _say(args, f"{experiments(same, first=True)} {'are' if len(same) > 1 else 'is'} up to date on {where}.")
    if done:
        _say(args, f"{'Would push' if args.dry_run else 'Pushed'} {experiments(done)} to {where}.")
    if not same and not done:
        _say(args, "No experiments to push.")


def _warn_of_diverged(args: argparse.Namespace, found: Comparison, progress: Progress) -> None:
    where = shown(args.git_remote)
    for ref in found.diverged:
        progress.warning(
            f"{experiments([ref])} has diverged from the one of that name on Git remote '{where}'",
            f"to replace the one there: git exp push --force {where} {printable(ref)}",
        )


def _say(args: argparse.Namespace, text: str) -> None:
    if not args.quiet:
        sys.stdout.write(f"{text}\n")
