"""What is measured: cases, each with the ways that are compared on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.support.fault_proxy import FaultProxy

OURS, DVC, FLOOR, GIT = "dvcexp", "dvc", "floor", "git"


def nothing() -> None:
    """The `reset` of a way that leaves everything as it was."""


@dataclass(frozen=True)
class Way:
    """One command that does what the case says.

    name: OURS, DVC, FLOOR (the copying alone) or GIT (Git without dvcexp). label: what it is, for the table. reset:
    brings back the state before it; not measured. most: run no more often than so.
    """

    name: str
    label: str
    argv: tuple[str, ...]
    cwd: Path
    reset: Callable[[], object] = nothing
    most: int | None = None


@dataclass(frozen=True)
class Case:
    """key: short, for --case. ways: ours first. runs: how many times more often than others it is worth running.

    counting: inside, a reset leads the ways through a proxy that counts what passes; None where nothing is sent.
    """

    key: str
    title: str
    ways: tuple[Way, ...]
    runs: int = 1
    counting: Callable[[], AbstractContextManager[CountingProxy]] | None = None


class CountingProxy(FaultProxy):
    """Counts HTTP requests, too; there are none in what is encrypted."""

    _REQUEST = re.compile(rb"^[A-Z]+ \S+ HTTP/1\.1\r\n", re.MULTILINE)

    def __init__(self, upstream: int) -> None:
        super().__init__(upstream)
        self.requests = 0

    def passed(self, data: bytes, *, down: bool) -> None:
        super().passed(data, down=down)
        if not down:
            self.requests += len(self._REQUEST.findall(data))
