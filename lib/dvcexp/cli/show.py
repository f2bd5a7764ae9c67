"""`git exp show`: experiments with their parameters and metrics, side by side."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from dvcexp.cli import selection, transfer
from dvcexp.cli.colours import Colours, colours
from dvcexp.cli.comparison import Look, Table, choose, for_people, tabulate
from dvcexp.cli.names import experiments_here, experiments_there, shown
from dvcexp.cli.pager import pager
from dvcexp.cli.states import Baseline, State, StateReader, baselines
from dvcexp.cli.table import aligned, markdown
from dvcexp.cli.titles import titles
from dvcexp.dvc.metrics import MissingFile, Values
from dvcexp.dvc.outputs import Output
from dvcexp.errors import DvcexpError, printable
from dvcexp.experiments import Experiment
from dvcexp.git.objects import MissingGitObject
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, plural

if TYPE_CHECKING:
    from dvcexp.cli.parser import Parser, Verbs

_PRECISION = 5


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "show",
        description="Show experiments with their parameters and metrics, and the hashes of what they depend on, under"
        " the commits they are based on. Experiments in DVC's queue are not shown.",
    )
    parser.add_argument(
        "git_remote",
        nargs="?",
        metavar="<git remote>",
        help="show the experiments of a Git remote, as far as their commits have been fetched; default: those here",
    )
    selection.add_options(parser, "show")
    parser.add_argument("-a", "--all-branches", action="store_true", help="show those based on the tips of branches")
    parser.add_argument("-T", "--all-tags", action="store_true", help="show those based on tags")
    _add_columns(parser)
    _add_forms(parser)
    transfer.add_progress(parser)
    transfer.add_quiet(parser)
    parser.add_argument("--no-pager", action="store_true", help="print at once, without a pager")
    for name in ("--hide-queued", "--hide-failed"):
        parser.add_argument(name, action="store_true", help="taken as DVC's; its queue is not shown anyhow")
    parser.add_argument("-f", "--force", action="store_true", help="taken as DVC's; everything is read anew anyhow")


def _add_columns(parser: Parser) -> None:
    parser.add_argument("--only-changed", action="store_true", help="only columns whose values differ between the rows")
    parser.add_argument(
        "--drop", action="append", default=[], metavar="<regex>", help="leave out columns whose name begins so"
    )
    parser.add_argument(
        "--keep", action="append", default=[], metavar="<regex>", help="keep these columns, whatever else is said"
    )
    parser.add_argument("--param-deps", action="store_true", help="only parameters that stages depend on")
    parser.add_argument(
        "--sort-by",
        metavar="<metric or param>",
        help="sort the experiments of each baseline; `<path>:<name>` works too",
    )
    parser.add_argument(
        "--sort-order", choices=("asc", "desc"), default="asc", metavar="<order>", help="asc, the default, or desc"
    )
    parser.add_argument("--sha", action="store_true", help="commit ids, without names of branches and tags")
    parser.add_argument("--hide-workspace", action="store_true", help="without the row of the work tree")
    parser.add_argument(
        "--precision",
        type=transfer.number,
        metavar="<n>",
        help=f"significant digits of numbers; default: {_PRECISION}, with --csv all",
    )


def _add_forms(parser: Parser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON array, as `dvc exp show --json` prints it")
    form.add_argument("--csv", action="store_true", help="comma-separated values, unrounded")
    form.add_argument("--md", action="store_true", help="a table in GitHub's Markdown")


def run(args: argparse.Namespace) -> int:
    """Show; what cannot be read is an empty row, and told on stderr."""
    repository = Repository.discover()
    progress = transfer.progress(args)
    known = experiments_there(args.git_remote) if args.git_remote is not None else experiments_here(repository)
    found = _collect(args, repository, known, progress)
    _tell_problems(args, found, progress)
    with contextlib.nullcontext() if args.no_pager else pager(repository):
        for line in _as_json(found) if args.json else _as_table(args, found, colours(repository)):
            print(line)
    return 0


def _collect(
    args: argparse.Namespace, repository: Repository, known: Mapping[str, str], progress: Progress
) -> list[Baseline]:
    by_baseline: dict[str, dict[str, str]] = {}
    experiments = {experiment: tip for ref, tip in known.items() if (experiment := Experiment.parse(ref)) is not None}
    for experiment, tip in experiments.items():
        by_baseline.setdefault(experiment.baseline, {})[experiment.name] = tip
    chosen = baselines(args, repository, experiments)
    names = {} if args.sha else titles(repository)
    reader = StateReader(repository, param_deps=args.param_deps)
    found = []
    workspace = reader.workspace() if chosen and not args.hide_workspace else None
    if workspace is not None:
        found.append(Baseline(workspace))
    with progress.phase("Reading experiments", sum(1 + len(by_baseline.get(commit, ())) for commit in chosen)) as phase:
        for commit in chosen:
            tips = by_baseline.get(commit, {})
            found.append(Baseline(reader.commit(commit, names.get(commit)), reader.experiments(commit, tips)))
            phase.advance(1 + len(tips))
    return found


def _tell_problems(args: argparse.Namespace, found: Sequence[Baseline], progress: Progress) -> None:
    """Each problem once, with the first row that has it."""
    told: dict[str, str] = {}
    absent = 0
    for baseline in found:
        for state in (baseline.state, *(experiment.states[0] for experiment in baseline.experiments)):
            if isinstance(state.problem, MissingGitObject):
                absent += 1
            elif state.problem is not None:
                told.setdefault(state.problem.message, state.name or state.rev[:7])
    for message, name in told.items():
        progress.warning(f"{printable(name)} cannot be read: {message}")
    if absent and args.git_remote is not None:
        remote = shown(args.git_remote)
        progress.warning(f"{plural(absent, 'commit')} of '{remote}' not fetched yet", f"git exp pull {remote}")


def _as_table(args: argparse.Namespace, found: Sequence[Baseline], paint: Colours) -> Iterator[str]:
    precision = args.precision if args.precision is not None else None if args.csv else _PRECISION
    look = Look(fill="", precision=precision, iso=True) if args.csv else Look(precision=precision)
    table = tabulate(found, look, sort_by=args.sort_by, descending=args.sort_order == "desc")
    if not args.csv:
        table = for_people(table)
    table = choose(table, only_changed=args.only_changed, drop=args.drop, keep=args.keep)
    if args.csv:
        yield _as_csv(table)
        return
    columns = [printable(column) for column in table.columns]
    rows = [[printable(cell) for cell in row] for row in table.rows]
    if args.md:
        yield from markdown(columns, rows)
    elif rows:
        metrics = {index for index, column in enumerate(table.columns) if column in table.metrics}
        yield from aligned([[paint("header", column) for column in columns], *rows], right=metrics)


def _as_csv(table: Table) -> str:
    """All lines as one text, ended as DVC ends them."""
    import csv
    from io import StringIO

    text = StringIO()
    csv.writer(text).writerows([table.columns, *table.rows])
    return text.getvalue().removesuffix("\n")


def _as_json(found: Sequence[Baseline]) -> Iterator[str]:
    yield json.dumps([_baseline(baseline) for baseline in found])


def _baseline(baseline: Baseline) -> dict[str, Any]:
    experiments = [
        {"revs": [_state(state) for state in experiment.states], "executor": None, "name": experiment.name}
        for experiment in baseline.experiments
    ]
    return {**_state(baseline.state), "experiments": experiments or None}


def _state(state: State) -> dict[str, Any]:
    data = None
    if state.report is not None:
        data = {
            "rev": state.rev,
            "timestamp": datetime.fromtimestamp(state.time).isoformat() if state.time is not None else None,
            "params": {path: _values(values) for path, values in state.report.params.items()},
            "metrics": {path: _values(values) for path, values in state.report.metrics.items()},
            "deps": {
                path: {"hash": dep.hash, "size": dep.size, "nfiles": dep.nfiles}
                for path, dep in state.report.dependencies.items()
            },
            "outs": {path: _output(output) for path, output in state.report.outputs.items()},
            "meta": {},
        }
    error = _error(state.problem) if state.problem is not None else None
    return {"rev": state.rev, "name": state.name, "data": data, "error": error, "experiments": None}


def _values(values: Values) -> dict[str, Any]:
    return {"error": _error(values.error)} if values.error is not None else {"data": _plain(values.data)}


def _error(error: DvcexpError) -> dict[str, str]:
    """DVC's name for what is missing; other kinds have our names."""
    kind = "FileNotFoundError" if isinstance(error, MissingFile) else type(error).__name__
    return {"type": kind, "msg": error.message}


def _output(output: Output) -> dict[str, Any]:
    return {
        "hash": output.object.oid if output.object is not None else None,
        "size": output.size,
        "nfiles": output.nfiles,
        "use_cache": output.cached,
        "is_data_source": output.stage is None,
    }


def _plain(value: Any) -> Any:
    """`value` without what YAML, TOML and Python have and JSON has not."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, (str, int, float, type(None))) else str(key): _plain(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    return value if isinstance(value, (str, int, float, type(None))) else str(value)
