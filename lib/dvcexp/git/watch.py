"""Noticing that Git is gone while we do something long for it.

Killed alone, Git leaves us no signal; but nobody reads our stdout any more, and that poll can see. (Its other pipe
tells nothing: Git closes that one as soon as its pack is written.)
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupt_when_reader_goes(writer: int) -> Iterator[None]:
    """Inside, the end of whoever reads from `writer` is a Ctrl-C to the main thread.

    By a signal of its own: a shell lets what it runs in the background (`git push &` in a script) ignore SIGINT.
    """
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    stop_reader, stop_writer = os.pipe()
    main = threading.main_thread().ident
    assert main is not None

    def watch() -> None:
        poll = select.poll()
        poll.register(writer, 0)  # errors are always reported
        poll.register(stop_reader, select.POLLIN)
        if stop_reader not in dict(poll.poll()):
            signal.pthread_kill(main, signal.SIGUSR1)

    watcher = threading.Thread(target=watch, name="watch-git", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        os.close(stop_writer)
        watcher.join()
        os.close(stop_reader)
        signal.signal(signal.SIGUSR1, before)
