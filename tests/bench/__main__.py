"""`./tests/bench/run`: measures dvcexp beside DVC, the copying alone and Git alone, and writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from tests.bench import budget, local, servers
from tests.bench.cases import DVC, OURS, Case, Way, nothing
from tests.bench.machine import machine, versions
from tests.bench.measure import CommandFailed, count, run
from tests.bench.place import SCALES, Place, make_place
from tests.bench.results import Measured, Result, details, markdown, plain, summary

GROUPS: dict[str, Callable[[Place], Iterator[Case]]] = {
    "overhead": local.overhead,
    "one": local.one,
    "large": local.large,
    "many": local.many,
    "host": local.host,
    "directory": local.directory,
    "s3": servers.s3,
    "http": servers.http,
    "ssh": servers.ssh,
}


def main(argv: Sequence[str]) -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument("--case", action="append", metavar="<pattern>", help="only cases of such keys, as 'one-*'")
    parser.add_argument("--scale", choices=SCALES, default="full", help="how large the cases are; default: full")
    parser.add_argument("--runs", type=int, default=3, help="how often each command is run; default: 3")
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument(
        "--without", metavar="<way>", action="append", default=[], help="leave out a way, 'dvc' for one"
    )
    parser.add_argument("--no-count", action="store_true", help="count no processes, files and requests")
    parser.add_argument(
        "--write", type=Path, metavar="<file>", help="where to write the page, docs/benchmarks.md for one"
    )
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="dvcexp-bench-", dir=args.folder) as folder:
        place = make_place(Path(folder) / "place", SCALES[args.scale])
        chosen = Choice(args.case or ["*"], args.without)
        failed: list[str] = []
        results = list(measure(place, chosen, args.runs, failed, counted=not args.no_count))
        tables = document(results, args.scale, place)
        print(tables, flush=True)
        if args.write is not None:
            args.write.write_text(tables)
    return 1 if failed else 0


class Choice(NamedTuple):
    """What to measure: cases whose keys match one of `patterns`, all ways but those `without`."""

    patterns: Sequence[str]
    without: Sequence[str]

    def cases(self, place: Place) -> Iterator[Case]:
        """Those cases, each while what it needs is there."""
        for name, group in GROUPS.items():
            if any(fnmatch(name, pattern.partition("-")[0]) for pattern in self.patterns):
                for case in group(place):
                    if any(fnmatch(case.key, pattern) for pattern in self.patterns):
                        ways = tuple(way for way in case.ways if way.name not in self.without)
                        yield replace(case, ways=ways)


def measure(place: Place, chosen: Choice, runs: int, failed: list[str], *, counted: bool) -> Iterator[Result]:
    """Every case, told as it is done; the keys of those in which a command fails are put among `failed`."""
    for case in chosen.cases(place):
        started = time.monotonic()
        try:
            result = _measure(place, case, runs * case.runs, counted=counted)
        except CommandFailed as error:  # the others are measured all the same
            failed.append(case.key)
            print(f"{case.key}: {error}", file=sys.stderr, flush=True)
            continue
        took = time.monotonic() - started
        print(f"{case.key} ({took:.0f} s)", plain(details([result])[1:]), sep="\n", flush=True)
        yield result


def _measure(place: Place, case: Case, runs: int, *, counted: bool) -> Result:
    """All ways in turn, so often: what disturbs the machine for a while disturbs them all."""
    result = Result(case, [Measured(way.name, way.label) for way in case.ways])
    for way in case.ways:
        if way.reset is nothing and way.most is None:  # the first time it may have something to learn
            run(way.argv, way.cwd, place.env)
    for number in range(runs):
        for way, measured in zip(case.ways, result.ways, strict=True):
            if way.most is None or number < way.most:
                way.reset()
                measured.costs.append(run(way.argv, way.cwd, place.env))
    for way, measured in zip(case.ways, result.ways, strict=True):
        if counted and way.most is None and way.name in (OURS, DVC):
            _count(place, case, way, measured)
    return result


def _count(place: Place, case: Case, way: Way, measured: Measured) -> None:
    with ExitStack() as stack:
        proxy = stack.enter_context(case.counting()) if case.counting is not None else None
        way.reset()
        if proxy is not None:
            proxy.requests = proxy.bytes_up = proxy.bytes_down = 0
        measured.counts = count(way.argv, way.cwd, place.env)
        if proxy is not None:
            measured.traffic = proxy.requests, proxy.bytes_up + proxy.bytes_down


def document(results: Sequence[Result], scale: str, place: Place) -> str:
    """docs/benchmarks.md."""
    template = Path(__file__).with_name("benchmarks.md").read_text()
    return template.format(
        machine=machine(place.folder),
        versions=versions(),
        budget="Not to be judged by a tiny run." if scale == "tiny" else markdown(budget.verdicts(results)),
        summary=markdown(summary(results)),
        details=markdown(details(results)),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
