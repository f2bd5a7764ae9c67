"""DESIGN.md's speed budget, held against what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tests.bench.cases import DVC, FLOOR, GIT, OURS
from tests.bench.results import Result

# What was measured, and whether that is enough.
Verdict = tuple[str, bool]


class Promise(NamedTuple):
    """One target for one case. takes: what it would take to meet it, for as long as it is not met."""

    row: str
    case: str
    target: str
    judge: Callable[[Result], Verdict | None]
    takes: str


def faster(times: float) -> tuple[str, Callable[[Result], Verdict | None]]:
    """At least `times` as fast as DVC."""

    def judge(result: Result) -> Verdict | None:
        ratio = result.ratio(DVC)
        return None if ratio is None else (f"{ratio:.1f}x", ratio >= times)

    return f"{times:g}x faster than DVC", judge


def floor(times: float) -> tuple[str, Callable[[Result], Verdict | None]]:
    """At most `times` as long as copying alone."""

    def judge(result: Result) -> Verdict | None:
        ratio = result.ratio(FLOOR)
        return None if ratio is None else (f"{1 / ratio:.2f}x", 1 / ratio <= times)

    return f"at most {times:g}x `cp -r`", judge


def extra(milliseconds: float) -> tuple[str, Callable[[Result], Verdict | None]]:
    """At most so much longer than Git alone."""

    def judge(result: Result) -> Verdict | None:
        seconds = result.extra(GIT)
        return None if seconds is None else (f"{seconds * 1000:+.1f} ms", seconds * 1000 <= milliseconds)

    return f"at most {milliseconds:g} ms more than Git alone", judge


def memory(megabytes: float) -> tuple[str, Callable[[Result], Verdict | None]]:
    """At most so much in the largest process."""

    def judge(result: Result) -> Verdict | None:
        ours = result.way(OURS)
        return None if ours is None else (f"{ours.peak / 1e6:.0f} MB", ours.peak / 1e6 <= megabytes)

    return f"at most {megabytes:g} MB", judge


_SMALL = "less of Python's own start, which is most of what is left"
_COPY = "giving up that everything is on the disk before the ref leaves, or that every hash is checked"
_UNDER_COPY = "to copy in less time than `cp -r` takes, which is more than a quarter of DVC's"

PROMISES = (
    Promise("`git push` of a branch, hook installed", "overhead-hook", *extra(5), "a hook in C"),
    Promise("`git fetch` through the helper, no experiments", "overhead-fetch", *extra(60), "a helper in C"),
    Promise("one experiment, 8 small objects, push", "one-push", *faster(6), _SMALL),
    Promise("one experiment, 8 small objects, fetch", "one-pull", *faster(6), _SMALL),
    Promise("10,000 x 2 KB + 512 MB, push", "large-push", *faster(4), _UNDER_COPY),
    Promise("10,000 x 2 KB + 512 MB, push", "large-push", *floor(1.5), _COPY),
    Promise("10,000 x 2 KB + 512 MB, fetch", "large-pull", *faster(4), _UNDER_COPY),
    Promise("10,000 x 2 KB + 512 MB, fetch", "large-pull", *floor(1.5), _COPY),
    Promise("the same again, push", "large-push-again", *faster(20), _SMALL),
    Promise("the same again, fetch", "large-pull-again", *faster(20), _SMALL),
    Promise("200 experiments x 21 objects, push", "many-200-push", *faster(10), _SMALL),
    Promise("200 experiments x 21 objects, fetch", "many-200-pull", *faster(10), _SMALL),
    Promise("200 experiments x 21 objects, push again", "many-200-push-again", *faster(25), _SMALL),
    Promise("200 experiments x 21 objects, fetch again", "many-200-pull-again", *faster(25), _SMALL),
    Promise("5,000 x 2 KB to S3", "s3-small-push", *faster(4), "a faster server: its own time is most of it"),
    Promise("5,000 x 2 KB from S3", "s3-small-pull", *faster(4), "a faster server: its own time is most of it"),
    Promise("100,000 objects, plan", "directory-100000-plan", *memory(120), "no Python object for each DVC object"),
    Promise(
        "100,000 objects, looked for", "directory-100000-check", *memory(120), "no Python object for each DVC object"
    ),
)

HEAD = ("case", "target", "measured", "")


def verdicts(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """A row a promise whose case was measured, beginning with HEAD."""
    by_key: Mapping[str, Result] = {result.case.key: result for result in results}
    rows = [HEAD]
    for promise in PROMISES:
        verdict = promise.judge(by_key[promise.case]) if promise.case in by_key else None
        if verdict is not None:
            measured, met = verdict
            rows.append(
                (promise.row, promise.target, measured, "met" if met else f"missed; it would take {promise.takes}")
            )
    return rows
