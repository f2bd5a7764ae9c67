"""SSH: objects as files on a server that speaks SFTP, through the user's own OpenSSH.

One session, one thread, hundreds of requests in flight: on small objects that is many times faster than a library with
a session per thread, and everything that logging in may need is OpenSSH's.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeVar

from dvcexp.files import unheard
from dvcexp.remotes import sftp_protocol as sftp
from dvcexp.remotes.base import (
    AccessDenied,
    Download,
    Listed,
    Outcome,
    Remote,
    RemoteError,
    RemoteFull,
    RemoteUnavailable,
    Upload,
)
from dvcexp.remotes.options import Options
from dvcexp.remotes.retry import Backoff
from dvcexp.remotes.sftp_channel import Channel, Lost
from dvcexp.remotes.sftp_pipeline import Pipeline, Talk, one
from dvcexp.remotes.sftp_transfer import Incoming, Outgoing, Server
from dvcexp.remotes.ssh_command import SshCommand, failure, parse_url, ssh_command

T = TypeVar("T")
Item = TypeVar("Item")

_OBJECTS = 64  # under way at once
_PROGRESS = 1 << 20  # bytes


def open(name: str, url: str, options: Mapping[str, str], jobs: int | None = None) -> Remote:
    """The remote at `url`; ssh is started when it is first needed."""
    given = Options(name, url, options)
    place = parse_url(url)
    command = ssh_command(place, given)
    given.text("type")  # how DVC links from a cache on this server
    given.done()
    return SftpRemote(name, given.url, place.path, command, jobs or _OBJECTS)


class SftpRemote(Remote):
    """Objects as files below `path`."""

    backoff = Backoff()
    stall = 120.0

    def __init__(self, name: str, url: str, path: str, command: SshCommand, jobs: int) -> None:
        self.name = name
        self.url = url
        self.jobs = jobs
        self._command = command
        self._base = path.rstrip("/") or ("/" if path else ".")
        self._server: Server | None = None

    def exists(self, keys: Collection[str], tick: Callable[[int], object] = unheard) -> set[str]:
        """By one question each, however many there are: 40,000 a second against 8,000 names a second by listing."""

        def ask(server: Server, key: str) -> Talk[str | None]:
            reply = yield from one(sftp.stat_path(server.path_of(key)))
            tick(1)
            if isinstance(reply, sftp.Attrs):
                return key
            if isinstance(reply, sftp.Status) and reply.code == sftp.NO_SUCH_FILE:
                return None
            raise server.failure(reply, key)

        return {key for key in self._each(ask, keys) if key is not None}

    def upload(self, uploads: Iterable[Upload]) -> Iterator[Outcome]:
        """On early close the temporary files of objects under way are removed, if the connection is still there."""
        outgoing = (Outgoing(upload) for upload in uploads)
        return self._each(lambda server, item: item.send(server), outgoing, abandon=Outgoing.remove)

    def download(self, downloads: Iterable[Download]) -> Iterator[Outcome]:
        incoming = (Incoming(download) for download in downloads)
        return self._each(lambda server, item: item.receive(server), incoming, abandon=Incoming.discard)

    def list(self, prefix: str) -> Iterator[Listed]:
        folders = [prefix.rstrip("/")]
        while folders:
            found = self._each(lambda server, folder: server.read_folder(folder), folders)
            folders = []
            for folder, entries in found:
                for name, attrs in entries:
                    key = f"{folder}/{name}" if folder else name
                    if attrs.is_folder:
                        folders.append(key)
                    elif not name.startswith("."):
                        yield Listed(key, attrs.size)

    def close(self) -> None:
        if self._server is not None:
            self._server.channel.close()
            self._server = None

    def _each(
        self,
        talk: Callable[[Server, Item], Talk[T]],
        items: Iterable[Item],
        abandon: Callable[[Item, Server | None], object] = lambda item, server: None,
    ) -> Iterator[T]:
        """The results of `talk` with every item; what a lost connection cuts short is taken up on the next one.

        A connection that got something done does not count against the attempts.
        """
        rest = iter(items)
        left: list[Item] = []

        repetition = 0
        while True:
            pipeline: Pipeline[Item, T] | None = None
            try:
                server = self._connected()
                pipeline = Pipeline(server.channel, self.jobs)
                server.pipeline = pipeline
                yield from pipeline.run(functools.partial(talk, server), itertools.chain(_taken_from(left), rest))
                return
            except Lost as lost:
                if pipeline is not None:
                    left += pipeline.left
                    repetition = 0 if server.channel.moved >= _PROGRESS else repetition
                self.close()
                error = failure(self.name, self.url, self._command, lost)
                delay = self.backoff.delay(repetition, None) if isinstance(error, RemoteUnavailable) else None
                if delay is None:
                    for item in left:
                        abandon(item, None)
                    raise error from None
                repetition += 1
                time.sleep(delay)
            except BaseException:
                for item in pipeline.left if pipeline else ():
                    abandon(item, self._server)
                raise

    def _connected(self) -> Server:
        """The session, begun if there is none. Raises Lost."""
        if self._server is None:
            try:
                channel = Channel(self._command.argv, self._command.responder(), self.stall)
            except FileNotFoundError:
                hint = "install OpenSSH's client, so that `ssh` is on your PATH"
                raise RemoteError(self.name, self.url, "there is no 'ssh' command", hint) from None
            try:
                self._server = Server(channel, self._base, self._error)
            except BaseException:
                channel.close()
                raise
        return self._server

    def _error(self, kind: type[RemoteError], cause: str, key: str | None) -> RemoteError:
        hints = {
            AccessDenied: f"check who may read and write there: {self._command.login}",
            RemoteFull: "make room there, then run the same command again",
        }
        hint = hints.get(kind)
        return kind(self.name, self.url, cause, *([hint] if hint else []), key=key)


def _taken_from(items: builtins.list[Item]) -> Iterator[Item]:
    while items:
        yield items.pop()
