"""Servers that a test starts itself, on free ports of the loopback interface."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class ServerFailed(Exception):
    """A server ended, or did not listen in time; the message has the end of its log."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def running(
    argv: Sequence[str], port: int, log: Path, env: Mapping[str, str] | None = None, patience: float = 60
) -> Iterator[subprocess.Popen[bytes]]:
    """The server `argv` from the moment it listens on `port` until the block ends; its words go to the file `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(env or {})}
        )
    try:
        deadline = time.monotonic() + patience
        while not _listening(port):
            if process.poll() is not None or time.monotonic() > deadline:
                state = "did not listen" if process.poll() is None else f"ended with {process.returncode}"
                raise ServerFailed(f"{argv[0]} {state}:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(1)  # some wait for their clients to leave
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
