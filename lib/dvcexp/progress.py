"""What the user sees on stderr while it works: Git's look for meters, `warning:` and `error:` for words.

stdout is never written here: it belongs to the protocol or to a command's result.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TextIO

from dvcexp.errors import DvcexpError

if TYPE_CHECKING:
    from threading import RLock

    from tqdm import tqdm

_SHOW_AFTER = 1.0  # seconds; Git's meters wait too, so that what is quick stays quiet
_REFRESH = 1.0  # Git's as well: so often at least, where something moves, besides at every percent
_SAMPLES = 8  # seconds, about, that the rate shown is the mean of
_COLUMNS = 80  # of what is no terminal, as in Git


def format_size(size: float) -> str:
    """`size` bytes as Git writes them: `97.70 KiB`, `512 bytes`."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size:.0f} byte{'' if size == 1 else 's'}"


def plural(count: int, noun: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


class Transit:
    """The bytes of one object that have gone over the line so far, those of attempts that failed included."""

    def __init__(self, phase: Phase | None) -> None:
        self._phase = phase
        self.size = 0

    def __call__(self, size: int) -> None:
        """So many more. Any thread may call."""
        if self._phase is not None:
            self.size += size
            self._phase.move(size)


_UNHEARD = Transit(None)


class Phase:
    """One step with a count of objects and, if they are told, bytes; a row on `stream` once it has lasted for `delay`.

    The row changes when something is told, never by itself: it must not run over a question for a password. One thread
    counts objects, any may tell bytes.
    """

    def __init__(
        self,
        title: str,
        total: int | None,
        stream: TextIO | None,
        *,
        delay: float = _SHOW_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._total = total
        self._stream = stream
        self._clock = clock
        self._count = 0
        self._size = 0
        self._percent: int | None = None  # in the row, once there is one
        self._meter: tqdm[NoReturn] | None = None
        self._split = False
        if stream is not None:
            from threading import RLock

            self._lock: RLock = RLock()
            self._started = clock()
            self._due = self._started + delay
            self._samples = deque([(self._started, 0)], maxlen=_SAMPLES)

    def transit(self) -> Transit:
        """For the bytes of an object that may have to be sent or fetched more than once."""
        return Transit(self) if self._stream is not None else _UNHEARD

    def move(self, size: int) -> None:
        """So many bytes more have been dealt with, of objects that are not done yet. Any thread may call."""
        if self._stream is not None:
            with self._lock:
                self._size += size
                self._show()

    def advance(self, objects: int = 1, size: int = 0, transit: Transit | None = None) -> None:
        """So many objects more are done, and `size` bytes; those of `transit` are counted no longer."""
        if self._stream is not None:
            with self._lock:
                self._count += objects
                self._size += size - (transit.size if transit is not None else 0)
                self._show()

    def _show(self) -> None:
        now = self._clock()
        if now >= self._due:
            self._due = now + _REFRESH
            self._samples.append((now, self._size))
            self._draw(self._rate(now))
        elif self._percent is not None and self._percent != self._percentage():
            self._draw(self._rate(now))

    def _percentage(self) -> int:
        return self._count * 100 // self._total if self._total else 0

    def _rate(self, now: float) -> float:
        since, size = self._samples[0]
        return max(0, self._size - size) / max(now - since, 1e-3)

    def _draw(self, rate: float, end: str = "") -> None:
        """As progress.c of Git does, where it may: a command in the background writes over nobody's words."""
        self._percent = self._percentage()
        if self._stream is None or not (end or _is_in_foreground(self._stream)):
            return
        counts = f"{self._percent:3}% ({self._count}/{self._total})" if self._total is not None else f"{self._count}"
        amount = f", {format_size(self._size)} | {format_size(rate)}/s" if self._size else ""
        row = f"{self._title}: {counts}{amount}{end}"
        # Whoever moves data must not fail for want of a terminal.
        with contextlib.suppress(OSError, ValueError):
            if self._meter is None:
                self._meter = _meter(self._stream)
            if not end and not self._split and len(row) >= _columns(self._stream):
                self._split = True
                self._meter.write(f"{self._title}:", file=self._stream)
            if self._split:
                row = f"  {counts}{amount}{end}"
            self._meter.set_description_str(row.rstrip("\n"), refresh=not end)
            if end:
                self._meter.close()

    def __enter__(self) -> Phase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._percent is not None:
            with self._lock:
                mean = self._size / max(self._clock() - self._started, 1e-3)
                self._draw(mean, ", done.\n" if kind is None else "\n")


def _meter(stream: TextIO) -> tqdm[NoReturn]:
    """Draws each row over the one before; it has no thread that would do so by itself."""
    from threading import RLock

    from tqdm import tqdm

    tqdm.monitor_interval = 0
    tqdm.set_lock(RLock())
    return tqdm(file=stream, bar_format="{desc}", position=0)


def _is_in_foreground(stream: TextIO) -> bool:
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return True  # it is no terminal


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS


def _delay() -> float:
    """Git's own variable for it, in seconds."""
    given = os.environ.get("GIT_PROGRESS_DELAY", "")
    return float(given) if given.isascii() and given.isdigit() else _SHOW_AFTER


class Progress:
    """Meters if `show`, notes unless `quiet`, warnings and errors always."""

    def __init__(self, *, show: bool, quiet: bool = False) -> None:
        self._show = show
        self._quiet = quiet

    def phase(self, title: str, total: int | None = None) -> Phase:
        """A meter of `total` objects, or a counter where the total is not known; use it with `with`."""
        return Phase(title, total, sys.stderr, delay=_delay()) if self._show else Phase(title, total, None)

    def note(self, text: str) -> None:
        """One line about what was done: `dvcexp: ...`."""
        if not self._quiet:
            self._write(f"dvcexp: {text}")

    def warning(self, text: str, *hints: str) -> None:
        """Something the user should know; the work goes on."""
        self._write(f"warning: {text}", *(f"hint: {hint}" for hint in hints))

    def error(self, text: str, *hints: str) -> None:
        """Something failed."""
        self._write(f"error: {text}", *(f"hint: {hint}" for hint in hints))

    def failure(self, error: DvcexpError) -> None:
        """`error` with its hints."""
        self.error(error.message, *error.hints)

    @staticmethod
    def _write(*lines: str) -> None:
        from dvcexp.concealed import hide

        text = hide("".join(f"{line}\n" for line in lines))
        sys.stderr.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        sys.stderr.flush()
