"""Trying again: the one place that knows which failures of a DVC remote are worth it and how long to wait."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dvcexp.remotes.base import Listed, RemoteUnavailable

if TYPE_CHECKING:
    import threading

T = TypeVar("T")


class Backoff(NamedTuple):
    """`attempts` in all; before the n-th repetition a random wait of up to `first * 2**n` seconds, at most `longest`.

    The wait is drawn from the whole range ("full jitter"), so that many clients which failed together do not return
    together. A server that names a time (Retry-After) is obeyed up to `patience` seconds; past that the error stands.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 20.0
    patience: float = 120.0

    def delay(self, repetition: int, retry_after: float | None) -> float | None:
        """Seconds to wait before `repetition` (from 0), None to give up."""
        if repetition + 1 >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.patience else None
        return random.uniform(0, min(self.longest, self.first * 2**repetition))


NEVER = Backoff(attempts=1)


def call(work: Callable[[], T], backoff: Backoff, stop: threading.Event) -> T:
    """`work()`, again while it raises RemoteUnavailable and `backoff` allows; a set `stop` ends the waiting."""
    repetition = 0
    while True:
        try:
            return work()
        except RemoteUnavailable as error:
            delay = backoff.delay(repetition, error.retry_after)
            if delay is None or stop.wait(delay):
                raise
            repetition += 1


def listing(after: Callable[[str | None], Iterator[Listed]], backoff: Backoff) -> Iterator[Listed]:
    """All that `after(None)` lists, in its order; where that breaks off, `after(last key)` goes on."""
    import time

    last = None
    repetition = 0
    while True:
        try:
            for listed in after(last):
                yield listed
                last, repetition = listed.key, 0
        except RemoteUnavailable as error:
            delay = backoff.delay(repetition, error.retry_after)
            if delay is None:
                raise
            time.sleep(delay)
            repetition += 1
        else:
            return
