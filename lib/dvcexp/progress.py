"""What the user sees on stderr while it works: Git's look for meters, `warning:` and `error:` for words.

stdout is never written here: it belongs to the protocol or to a command's result.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TextIO

from dvcexp.errors import DvcexpError

if TYPE_CHECKING:
    from tqdm import tqdm

_SHOW_AFTER = 1.0  # seconds; Git's meters wait too, so that what is quick stays quiet
_METER = "{desc}: {percentage:3.0f}% ({n_fmt}/{total_fmt}){postfix}"
_COUNTER = "{desc}: {n_fmt}{postfix}"


def format_size(size: float) -> str:
    """`size` bytes as Git writes them: `97.70 KiB`, `512 bytes`."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size:.0f} byte{'' if size == 1 else 's'}"


def plural(count: int, noun: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


class Phase:
    """One step with a count of objects and, if they are told, bytes. Shown once it has lasted a second."""

    def __init__(self, title: str, total: int | None, stream: TextIO | None) -> None:
        self._title = title
        self._total = total
        self._stream = stream
        self._count = 0
        self._size = 0
        self._started = time.monotonic()
        self._meter: tqdm[NoReturn] | None = None

    def advance(self, objects: int = 1, size: int = 0) -> None:
        """So many objects and bytes more are done."""
        self._count += objects
        self._size += size
        if self._stream is None:
            return
        if self._meter is not None:
            if self._size:
                self._meter.set_postfix_str(self._amount(), refresh=False)
            self._meter.update(objects)
        elif time.monotonic() - self._started >= _SHOW_AFTER:
            self._show(self._stream)

    def _show(self, stream: TextIO) -> None:
        from tqdm import tqdm

        self._meter = tqdm(
            total=self._total,
            initial=self._count,
            desc=self._title,
            file=stream,
            bar_format=_METER if self._total is not None else _COUNTER,
            mininterval=0.2,
            dynamic_ncols=True,
        )

    def _amount(self) -> str:
        elapsed = max(time.monotonic() - self._started, 1e-3)
        return f"{format_size(self._size)} | {format_size(self._size / elapsed)}/s"

    def __enter__(self) -> Phase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._meter is not None:
            parts = [self._amount()] if self._size else []
            self._meter.set_postfix_str(", ".join([*parts, *(["done"] if kind is None else [])]), refresh=False)
            self._meter.close()


class Progress:
    """Meters if `show`, notes unless `quiet`, warnings and errors always."""

    def __init__(self, *, show: bool, quiet: bool = False) -> None:
        self._show = show and not quiet
        self._quiet = quiet

    def phase(self, title: str, total: int | None = None) -> Phase:
        """A meter of `total` objects, or a counter where the total is not known; use it with `with`."""
        return Phase(title, total, sys.stderr if self._show else None)

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
