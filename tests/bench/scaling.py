"""`./tests/bench/run --scaling`: how costs grow with objects, experiments, commits and refs; writes docs/scaling.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from tests.bench import series
from tests.bench.growth import Grown, Kept, Point
from tests.bench.measure import CommandFailed, Cost, count, run
from tests.bench.place import SCALES, Place, make_place
from tests.bench.scaling_page import document
from tests.bench.series import Series, Step
from tests.bench.team import EXPERIMENTS, OBJECTS
from tests.support.shell import sh

_HALVES = (100, 316, 1000, 3162, 10_000, 31_623, 100_000)


SERIES = (
    Series("objects", "Objects in one directory", "object", OBJECTS, _HALVES, series.objects),
    Series(
        "experiments",
        "Experiments of three objects",
        "experiment",
        EXPERIMENTS,
        tuple(size // 10 for size in _HALVES),
        series.experiments,
    ),
    Series("host", "Experiments' refs", "experiment", EXPERIMENTS, (100, 1000, 10_000, 100_000), series.host),
    Series("branches", "Other refs on the Git host", "ref", EXPERIMENTS, (100, 1000, 10_000, 100_000), series.branches),
    Series("history", "Commits below the baseline", "commit", EXPERIMENTS, (10, 100, 1000, 10_000), series.history),
    Series("checkpoints", "Commits of one experiment", "commit", 9_999, (10, 100, 1000, 5000), series.checkpoints),
    Series("s3", "Objects in one directory, on S3", "object", 100_000, (100, 316, 1000, 3162, 10_000), series.s3),
    Series("both", "Experiments of 100 objects", "experiment", EXPERIMENTS, (1000,), series.both),
)
SIZES = ("tiny", "small", "full", "huge")
_COUNTED = 10_000  # the largest size of which processes are counted: strace makes a long run of a large one


def main(argv: Sequence[str]) -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="tests/bench/run --scaling", description=__doc__)
    parser.add_argument("--case", action="append", metavar="<pattern>", help="only series of such keys, as 'ho*'")
    parser.add_argument("--scale", choices=SIZES, default="full", help="how far the series go; default: full")
    parser.add_argument("--runs", type=int, default=3, help="how often a quick command is run; default: 3")
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--no-count", action="store_true", help="count no processes and requests")
    parser.add_argument("--keep", type=Path, metavar="<file>", help="keep points there, and measure none that is there")
    parser.add_argument("--write", type=Path, metavar="<file>", help="where to write the page, docs/scaling.md for one")
    args = parser.parse_args(argv)
    chosen = [scaled(one, args.scale) for one in SERIES if any(fnmatch(one.key, word) for word in args.case or ["*"])]
    failed: list[str] = []
    kept = Kept(args.keep)
    with tempfile.TemporaryDirectory(prefix="dvcexp-scaling-", dir=args.folder) as folder:
        place = make_place(Path(folder) / "place", SCALES["tiny"])
        grown = [measure(place, one, args.runs, failed, kept, counted=not args.no_count) for one in chosen]
        page = document(grown, place, tiny=args.scale == "tiny")
        print(page, flush=True)
        if args.write is not None:
            args.write.write_text(page)
    return 1 if failed else 0


def scaled(one: Series, scale: str) -> Series:
    """The series, at the sizes that belong to the scale."""
    sizes = one.sizes
    if scale == "tiny":
        sizes = {"objects": (3, 6), "both": ()}.get(one.key, (3,))
    elif scale == "small":
        sizes = tuple(size for size in sizes if size <= 1000 and one.key != "both")
    elif scale == "huge" and one.key == "objects":
        sizes = (*sizes, 316_228, 1_000_000)
    return replace(one, sizes=sizes)


def measure(place: Place, one: Series, runs: int, failed: list[str], kept: Kept, *, counted: bool) -> Grown:
    """One series at all its sizes, told as it goes; what fails is put among `failed`, without the rest of that size."""
    grown = Grown(one)
    for size in one.sizes:
        before = kept.of(one.key, size)
        for key, title, point in before:
            grown.add(key, title, point)
        try:
            for step in one.steps(place, size) if not before else ():
                counts = counted and size in _to_count(one.sizes)
                point = _point(place, step, size, runs, counted=counts)
                grown.add(step.key, step.title, point)
                kept.add(one.key, step.key, step.title, point)
                print(f"{one.key} {size:,}: {step.key} {point}", file=sys.stderr, flush=True)
        except CommandFailed as error:
            failed.append(f"{one.key} {size}")
            print(f"{one.key} {size}: {error}", file=sys.stderr, flush=True)
    return grown


def _to_count(sizes: Iterable[int]) -> set[int]:
    """The smallest, and the largest that is not too large."""
    small = [size for size in sizes if size <= _COUNTED]
    return {small[0], small[-1]} if small else set()


def _point(place: Place, step: Step, size: int, runs: int, *, counted: bool) -> Point:
    costs = list(_costs(place, step, runs))
    processes, requests = None, None
    with ExitStack() as stack:
        proxy = stack.enter_context(step.counting()) if step.counting is not None else None
        if proxy is not None:
            step.reset()
            proxy.requests = 0
            run(step.argv, step.cwd, place.env)
            requests = proxy.requests
        elif counted:
            step.reset()
            counts = count(step.argv, step.cwd, place.env)
            processes = counts.processes if counts is not None else None
    least = min(costs, key=lambda cost: cost.cpu)
    return Point(size, least.seconds, least.cpu, max(cost.peak for cost in costs), processes, requests)


def _costs(place: Place, step: Step, runs: int) -> Iterator[Cost]:
    """So many runs, fewer of what takes long, each seen to have done what it should."""
    spent = 0.0
    for number in range(runs):
        if number and spent > 2.0:
            return
        step.reset()
        cost = run(step.argv, step.cwd, place.env)
        step.check()
        spent += cost.cpu
        yield cost
    if step.names is not None:
        said = sh(*step.argv, cwd=step.cwd, env=place.env).stdout
        if sum("exp-" in line for line in said.splitlines()) != step.names:
            raise CommandFailed(f"{' '.join(step.argv)} does not name {step.names} experiments:\n{said[:2000]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
