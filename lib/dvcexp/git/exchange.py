"""Bytes between Git and a server, both ways at once, until the server has ended."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, NamedTuple

from dvcexp.git.channel import Channel
from dvcexp.git.pktline import FLUSH

State = Literal["transferring", "flushing", "finished"]

_PIECE = 65536  # what a pipe holds, and what Git's own relay reads at a time


class Ends(NamedTuple):
    """Git's two ends: what it writes to us, and what it reads from us."""

    reader: int
    writer: int


class Direction:
    """One way: what `source` gives goes through `change` to `sink`. It waits either to read or to write, so that a slow
    reader slows the writer and nothing piles up here. At the end `change` is asked once more, with nothing."""

    def __init__(self, source: int, sink: int, change: Callable[[bytes], bytes]) -> None:
        self.source = source
        self.sink = sink
        self.state: State = "transferring"
        self.given_up = False
        self._change = change
        self._pending = bytearray()  # of which the written front goes without the rest being copied

    @property
    def awaits(self) -> tuple[int, int]:
        """The descriptor and the poll event that lets this direction go on."""
        return (self.sink, select.POLLOUT) if self._pending else (self.source, select.POLLIN)

    @property
    def idle(self) -> bool:
        """Is everything written that was read?"""
        return not self._pending

    def add(self, data: bytes) -> None:
        """Send `data` after what is pending."""
        if not self.given_up:
            self._pending += data

    def advance(self) -> None:
        """Read or write once; what was waited for is ready."""
        if not self._pending:
            try:
                data = os.read(self.source, _PIECE)
            except ConnectionResetError:
                data = b""
            if not data:
                self.state = "flushing"
            self.take(data)
        self._write()

    def take(self, data: bytes) -> None:
        """Data from the source, however it was read."""
        self.add(self._change(data))

    def give_up(self) -> None:
        """The sink is gone. What still comes is read and dropped, so that its writer need not block."""
        self._pending.clear()
        self.given_up = True

    def _write(self) -> None:
        try:
            while self._pending:
                del self._pending[: os.write(self.sink, self._pending)]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self.give_up()
        if self.state == "flushing":
            self.state = "finished"


class Exchange:
    """Plain relaying; what reads along overrides `from_git` and `from_server`."""

    def __init__(self, git: Ends, channel: Channel) -> None:
        self._git = git
        self._channel = channel
        self._up = Direction(git.reader, channel.writer, self.from_git)
        self._down = Direction(channel.reader, git.writer, self.from_server)

    def from_git(self, data: bytes) -> bytes:
        """What to send to the server for what Git wrote; for nothing, at the end of it."""
        return data

    def from_server(self, data: bytes) -> bytes:
        """What to send to Git for what the server wrote; for nothing, at the end of it."""
        return data

    @property
    def over(self) -> bool:
        """Is there nothing more to relay? What Git still writes to a server that has ended concerns nobody."""
        return self._down.state == "finished" or self._down.given_up

    def run(self, from_git: bytes = b"", from_server: bytes = b"") -> int:
        """Relay until the server has ended, or Git has stopped reading. The server's exit code.

        from_git, from_server: what has been read already.
        """
        os.set_blocking(self._git.writer, False)
        os.set_blocking(self._channel.writer, False)
        try:
            for direction, data in ((self._down, from_server), (self._up, from_git)):
                if data:
                    direction.take(data)
            while not self.over:
                self._advance()
        finally:
            os.set_blocking(self._git.writer, True)
            code = self._channel.close()
        return code

    def _advance(self) -> None:
        poll = select.poll()
        unfinished = [direction for direction in (self._up, self._down) if direction.state != "finished"]
        for direction in unfinished:
            poll.register(*direction.awaits)
        ready = {descriptor for descriptor, _ in poll.poll()}
        for direction in unfinished:
            # Asked again: the other direction may have given this one something else to do.
            if direction.awaits[0] in ready:
                direction.advance()
        if self._up.state == "finished":
            self._channel.close_writer()

    def _say_goodbye(self) -> None:
        """End the conversation with the server as Git does: by a flush, after which nothing comes."""
        with suppress(OSError):  # it may have died on its own; all the same to us
            os.write(self._channel.writer, FLUSH)
        self._channel.close_writer()
        self._up.give_up()

    def _use(self, channel: Channel) -> None:
        """Go on with another connection."""
        self._channel.give_up()
        self._channel.close()
        self._channel = channel
        self._up.sink = channel.writer
        self._down.source = channel.reader
        os.set_blocking(channel.writer, False)


def write_all(descriptor: int, data: bytes) -> None:
    """Write `data` to a descriptor that blocks."""
    while data:
        data = data[os.write(descriptor, data) :]
