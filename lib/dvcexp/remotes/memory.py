"""How much of the objects under way is held in memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Budget:
    """Bytes that threads may hold at a time; who wants more than all of them gets it alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._freed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes are free, and hold them for the block."""
        size = min(size, self._limit)
        with self._freed:
            self._freed.wait_for(lambda: self._held + size <= self._limit)
            self._held += size
        try:
            yield
        finally:
            with self._freed:
                self._held -= size
                self._freed.notify_all()
