"""One `ssh -s HOST sftp` process: requests in, replies out, many in flight, one thread."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence

from dvcexp.remotes import sftp_protocol as sftp
from dvcexp.remotes.askpass import Askpass

_READ_SIZE = 1 << 18
_GATHER = 1 << 12  # packets below this go out together
_STDERR_KEPT = 20  # lines

# What ssh prints for the person in front of it, not about an error: a security key waits to be touched.
_FOR_THE_USER = ("Confirm user presence",)


class Lost(Exception):
    """The connection is gone. `said`: the last lines of ssh's stderr. `connected`: had SFTP begun?"""

    def __init__(self, cause: str, said: Sequence[str], *, connected: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.said = said
        self.connected = connected


class Channel:
    """A running SFTP session.

    argv: the ssh command. respond: as for `Askpass`, with True instead of the process id where our own ssh asks; None
    leaves questions to ssh. stall: seconds without a byte, while replies are due, after which the peer counts as gone.
    """

    def __init__(
        self, argv: Sequence[str], respond: Callable[[bool, str], str | None] | None = None, stall: float = 120.0
    ) -> None:
        self._stall = stall
        self._parser = sftp.Parser()
        self._out: deque[bytes | memoryview] = deque()
        self._said: deque[str] = deque(maxlen=_STDERR_KEPT)
        self._partial_line = b""
        self._number = 0
        self.moved = 0  # bytes, both ways
        self._askpass = Askpass(lambda asker, text: respond(asker == self._ssh.pid, text)) if respond else None
        try:
            self._ssh = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **(self._askpass.environment if self._askpass else {})},
                # Without a terminal of its own every OpenSSH asks through SSH_ASKPASS.
                start_new_session=self._askpass is not None,
            )
        except OSError:
            if self._askpass:
                self._askpass.close()
            raise
        assert self._ssh.stdin and self._ssh.stdout and self._ssh.stderr
        self._stdin, self._stdout, self._stderr = (
            pipe.fileno() for pipe in (self._ssh.stdin, self._ssh.stdout, self._ssh.stderr)
        )
        self._selector = selectors.DefaultSelector()
        for descriptor in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(descriptor, False)
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)
        if self._askpass:
            self._selector.register(self._askpass, selectors.EVENT_READ)
        self._connected = False
        self._closed = False

    def connect(self) -> frozenset[str]:
        """Log in; the server's extensions. As long as it takes: somebody may be typing a password."""
        self._put(sftp.init())
        while self._parser.extensions is None:
            for _ in self._turn(None):
                raise self._lost("a reply that nobody asked for")
        self._connected = True
        return self._parser.extensions

    def send(self, request: sftp.Request) -> int:
        """Queue `request`; the number that its reply will have."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._put(request.packet(self._number))
        return self._number

    def receive(self) -> list[tuple[int, sftp.Reply]]:
        """At least one reply, as soon as there is one; sends what is queued meanwhile."""
        while True:
            replies = self._turn(self._stall)
            if replies:
                return replies

    def call(self, request: sftp.Request) -> sftp.Reply:
        """The reply to `request`; nothing else may be in flight."""
        number = self.send(request)
        for answered, reply in self.receive():
            if answered == number:
                return reply
        raise self._lost("a reply to another request")

    def close(self) -> None:
        """End the session; the server's process ends with it."""
        if self._closed:
            return
        self._closed = True
        self._selector.close()
        for pipe in (self._ssh.stdin, self._ssh.stdout, self._ssh.stderr):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._ssh.terminate()
        try:
            self._ssh.wait(2)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()
        if self._askpass:
            self._askpass.close()

    def _put(self, packet: bytes) -> None:
        if not self._out:
            self._selector.register(self._stdin, selectors.EVENT_WRITE)
        self._out.append(packet)

    def _turn(self, timeout: float | None) -> list[tuple[int, sftp.Reply]]:
        """Wait for something to happen, deal with it, and return the replies that came."""
        ready = {key.fd for key, _ in self._selector.select(timeout)}
        if not ready:
            raise self._lost(f"no answer for {self._stall:.0f} seconds")
        if self._askpass and self._askpass.fileno() in ready:
            self._askpass.answer_one()
        if self._stderr in ready:
            self._hear()
        if self._stdin in ready:
            self._flush()
        if self._stdout not in ready:
            return []
        data = os.read(self._stdout, _READ_SIZE)
        if not data:
            raise self._lost("the connection ended")
        self.moved += len(data)
        try:
            return list(self._parser.feed(data))
        except sftp.ProtocolError as error:
            raise self._lost(str(error)) from None

    def _flush(self) -> None:
        try:
            while self._out:
                batch: bytes | memoryview = self._out.popleft()
                if len(batch) < _GATHER:
                    few = [batch]
                    while self._out and len(self._out[0]) < _GATHER and len(few) < 64:
                        few.append(self._out.popleft())
                    batch = b"".join(few)
                written = _write(self._stdin, batch)
                self.moved += written
                if written < len(batch):
                    self._out.appendleft(memoryview(batch)[written:])
                    return
        except BrokenPipeError:
            self._out.clear()  # the end of its output tells the rest
        self._selector.unregister(self._stdin)

    def _hear(self) -> None:
        data = os.read(self._stderr, _READ_SIZE)
        if not data:
            self._selector.unregister(self._stderr)
            return
        *lines, self._partial_line = (self._partial_line + data).replace(b"\r", b"").split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            if text.startswith(_FOR_THE_USER):
                sys.stderr.write(f"{text}\n")
                sys.stderr.flush()
            elif text:
                self._said.append(text)

    def _lost(self, cause: str) -> Lost:
        """The error for a session that cannot go on; waits a moment for ssh's last words."""
        with contextlib.suppress(OSError), selectors.DefaultSelector() as last:
            last.register(self._stderr, selectors.EVENT_READ)
            while last.select(1.0) and (data := os.read(self._stderr, _READ_SIZE)):
                self._partial_line += data
        self._said.extend(
            line.decode("utf-8", "replace") for line in self._partial_line.replace(b"\r", b"").split(b"\n") if line
        )
        self._partial_line = b""
        return Lost(cause, tuple(self._said), connected=self._connected)


def _write(descriptor: int, data: bytes | memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
