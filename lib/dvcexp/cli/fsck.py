"""`git exp fsck`: is the data of experiments whole, here and on the DVC remote? What is not here is fetched again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dvcexp.cli import selection, transfer
from dvcexp.cli.names import Names, UnknownExperiment, experiments_here, name_of
from dvcexp.cli.revisions import UnknownRevision
from dvcexp.errors import printable
from dvcexp.experiments import Experiment
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, format_size, plural

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from dvcexp.cli.parser import Verbs
    from dvcexp.sync.fsck import Report
    from dvcexp.sync.shelf import Finding

_MENDED = {"damaged": "fetched again", "missing": "fetched", "writable": "made read-only", "absent": "uploaded"}
_SHOWN = 3  # users of one object; the others are counted


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "fsck",
        description="Check the hash of every object in the cache that experiments use. What is damaged or missing is"
        " fetched again from the DVC remote. A damaged object is replaced by a whole one alone; where there is none, it"
        " is moved to the folder 'damaged' of the cache. Exit code 1 if something is wrong and could not be mended.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="<experiment or rev>",
        help="experiments, and any other commits, HEAD or a branch; default: all experiments",
    )
    selection.add_options(parser, "check", default="all")
    parser.add_argument("--no-repair", "--dry-run", action="store_true", help="only look: fetch, move, change nothing")
    parser.add_argument("--push", action="store_true", help="upload what is here and the DVC remote lacks")
    parser.add_argument("-r", dest="remote", metavar="<name>", help="as --remote=<name>")
    parser.add_attached(
        "--remote",
        metavar="=<name>",
        help="also ask the DVC remote, the default one or <name>, whether it has every object",
    )
    transfer.add_manner(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line for each object with something wrong: state (damaged, unreadable, missing or"
        " writable here, absent on the DVC remote), hash, oid, place (path in the cache, or the DVC remote's name),"
        " mended, cause, kept (where the damaged file is now), uses (ref and path of each)",
    )


def run(args: argparse.Namespace) -> int:
    """Check; 1 if something is wrong that could not be mended."""
    from dvcexp.sync.fsck import fsck

    repository = Repository.discover()
    ask_remotes = args.remote is not None or args.push
    args.remote = args.remote or None
    settings = transfer.settings(args, repository, "origin")._replace(cache=True, skip=False)
    progress = transfer.progress(args)
    tips = _tips(args, repository)
    report = fsck(
        repository,
        tips,
        git_remote="origin",
        settings=settings,
        progress=progress,
        repair=not args.no_repair,
        ask_remotes=ask_remotes,
        send=args.push and not args.no_repair,
    )
    for finding in report.findings:
        print(json.dumps(_fields(finding)) if args.json else _line(finding))
    for problem in report.problems.values():
        progress.failure(problem)
    progress.note(_summary(report, tips))
    if not report.whole:
        _advise(report, progress, repaired=not args.no_repair)
    return 0 if report.whole else 1


def _tips(args: argparse.Namespace, repository: Repository) -> dict[str, str]:
    """Full ref, or what was typed for any other commit, -> commit."""
    here = experiments_here(repository)
    if not args.words and not args.rev:
        return here
    if not args.words or args.rev or args.all_commits:
        return selection.select(args, repository, here, args.words)
    names = Names(repository, here)
    return dict(_tip(word, names, here, repository) for word in args.words)


def _tip(word: str, names: Names, here: Mapping[str, str], repository: Repository) -> tuple[str, str]:
    try:
        ref = names.find(word)
    except UnknownExperiment:
        commit = repository.resolve(word)
        if commit is None:
            raise UnknownRevision(word) from None
        return word, commit
    return ref, here[ref]


def _line(finding: Finding) -> str:
    """`damaged <oid>: 'model.bin' of experiments 'a' and 'b': fetched again`."""
    parts = [f"{finding.state} {finding.item.oid}", *([used] if (used := _users(finding.uses)) else [])]
    outcome = finding.cause
    if finding.mended:
        outcome = _MENDED[finding.state]
    elif finding.state == "absent":
        outcome = f"not on DVC remote '{finding.place}'" + (f": {finding.cause}" if finding.cause else "")
    if outcome is not None:
        parts.append(printable(outcome))
    if finding.kept is not None:
        parts.append(f"the damaged file is now '{printable(finding.kept)}'")
    return ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else parts[0]


def _users(uses: Sequence[tuple[str, str]]) -> str:
    """The paths, each with who has it there."""
    by_path: dict[str, list[str]] = {}
    for ref, path in uses:
        by_path.setdefault(path, []).append(ref)
    shown = [f"'{printable(path)}' of {_named(refs)}" for path, refs in list(by_path.items())[:_SHOWN]]
    more = len(by_path) - len(shown)
    return ", ".join(shown) + (f" and {plural(more, 'more path')}" if more else "")


def _named(refs: Sequence[str]) -> str:
    """`'a', 'b', 'c' and 4 more`: experiments by name, other commits as they were typed."""
    names = [f"'{printable(name_of(ref) if Experiment.parse(ref) else ref)}'" for ref in refs]
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _fields(finding: Finding) -> dict[str, object]:
    return {
        "state": finding.state,
        "hash": finding.item.hash,
        "oid": finding.item.oid,
        "place": finding.place,
        "mended": finding.mended,
        "cause": finding.cause,
        "kept": finding.kept,
        "uses": [{"ref": ref, "path": path} for ref, path in finding.uses],
    }


def _summary(report: Report, tips: Mapping[str, str]) -> str:
    checked = f"checked {plural(report.objects, 'object')} ({format_size(report.size)})"
    if not tips:
        return "there are no experiments to check"
    counts: dict[str, int] = {}
    for finding in report.findings:
        if finding.mended:
            counts["mended"] = counts.get("mended", 0) + 1
        else:
            counts[finding.state] = counts.get(finding.state, 0) + 1
    if not counts:
        return f"{checked}{', all of them whole' if report.whole and report.objects else ''}"
    return f"{checked}: {', '.join(f'{count} {state}' for state, count in sorted(counts.items()))}"


def _advise(report: Report, progress: Progress, *, repaired: bool) -> None:
    """The next command, for each sort of thing that is wrong."""
    states = {finding.state for finding in report.findings if not finding.harmless}
    if states & {"damaged", "missing"}:
        if repaired:
            hint = "whoever has it can share it: git exp push; or make it again: dvc repro"
        else:
            hint = "to fetch it from the DVC remote: git exp fsck"
        progress.error("some data of experiments is not whole here", hint)
    if "unreadable" in states:
        progress.error(
            "some objects in the cache cannot be read", "give access to them, then run the same command again"
        )
    if "absent" in states:
        progress.error(
            "some data of experiments is not on the DVC remote",
            "to upload what is here: git exp fsck --push",
        )
