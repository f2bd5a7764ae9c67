"""What is said to an SFTP server to store, fetch and list objects: conversations for the pipeline."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
from collections.abc import Callable
from typing import Any, BinaryIO

from dvcexp.files import temporary_beside
from dvcexp.remotes import sftp_protocol as sftp
from dvcexp.remotes.base import (
    AccessDenied,
    CorruptTransfer,
    Download,
    ObjectMissing,
    Outcome,
    RemoteError,
    RemoteFull,
    Upload,
)
from dvcexp.remotes.sftp_channel import Channel, Lost
from dvcexp.remotes.sftp_pipeline import Pipeline, Tagged, Talk, every, one

_CHUNK = 1 << 16  # with 256 in flight: 16 MiB at most; the draft lets a server refuse more than 32 KiB
_SAFE_CHUNK = 1 << 15

Failure = Callable[[type[RemoteError], str, str | None], RemoteError]


class Server:
    """The far end of a session: where its objects are, what it can do, what its refusals mean.

    error(kind, cause, key): makes the error. pipeline: the one that its conversations are run by, once there is one.
    """

    def __init__(self, channel: Channel, base: str, error: Failure) -> None:
        self.channel = channel
        self.error = error
        self.base = base
        self.pipeline: Pipeline[Any, Any] | None = None
        extensions = channel.connect()
        self._can_replace = sftp.POSIX_RENAME in extensions
        self._can_flush = sftp.FSYNC in extensions
        self._can_measure = sftp.STATVFS in extensions
        self.chunk = _SAFE_CHUNK
        if sftp.LIMITS in extensions:
            reply = channel.call(sftp.limits())
            if isinstance(reply, sftp.Extended):
                self.chunk = min(_CHUNK, sftp.longest_transfer(reply) or _CHUNK)

    @property
    def window(self) -> int:
        """How many requests one conversation may have in flight."""
        return self.pipeline.window if self.pipeline else 1

    def path_of(self, key: str) -> str:
        return posixpath.join(self.base, key)

    def failure(self, reply: sftp.Reply, key: str) -> RemoteError:
        """The error that `reply` is, where another kind of reply was due."""
        if not isinstance(reply, sftp.Status):
            return self.error(RemoteError, "the server's answer does not fit the question", key)
        if reply.code == sftp.NO_SUCH_FILE:
            return self.error(ObjectMissing, "no such object", key)
        kind = AccessDenied if reply.code == sftp.PERMISSION_DENIED else RemoteError
        return self.error(kind, f"the server says: {reply.message or reply.code}", key)

    def refusal(self, reply: sftp.Reply, key: str) -> Talk[RemoteError]:
        """As `failure`, for what was to be written. SFTP 3 has no word for "disk full": it says "failure"."""
        if isinstance(reply, sftp.Status) and reply.code == sftp.FAILURE and self._can_measure:
            space = yield from one(sftp.statvfs(self.base))
            if isinstance(space, sftp.Extended) and sftp.free_bytes(space) < _CHUNK:
                return self.error(RemoteFull, "no space left", None)
        return self.failure(reply, key)

    def create(self, path: str) -> Talk[sftp.Reply]:
        """Open the new file `path` for writing, with the folders above it: a handle, or a status that says why not."""
        request = sftp.open_file(path, sftp.WRITE | sftp.CREATE | sftp.TRUNCATE)
        reply = yield from one(request)
        if isinstance(reply, sftp.Status) and reply.code == sftp.NO_SUCH_FILE:
            yield from self._make_folder(posixpath.dirname(path))
            reply = yield from one(request)
        return reply

    def finish(self, handle: sftp.Handle, temporary: str, final: str) -> Talk[sftp.Reply]:
        """Make durable, close and give the final name. The name waits for the rest: it must not follow a failure."""
        steps = [sftp.fsync(handle)] if self._can_flush else []
        for reply in (yield from every([*steps, sftp.close(handle)])):
            if not _is_ok(reply):
                return reply
        if self._can_replace:
            return (yield from one(sftp.posix_rename(temporary, final)))
        reply = yield from one(sftp.rename(temporary, final))
        if _is_ok(reply):
            return reply
        # Somebody was faster. What is whole there is never taken away, not for a moment: refs may rely on it by now.
        there, here = yield from every([sftp.stat_path(final), sftp.stat_path(temporary)])
        if isinstance(there, sftp.Attrs) and isinstance(here, sftp.Attrs) and there.size == here.size >= 0:
            return (yield from one(sftp.remove(temporary)))
        yield from one(sftp.remove(final))
        return (yield from one(sftp.rename(temporary, final)))

    def read_folder(self, key: str) -> Talk[tuple[str, list[tuple[str, sftp.Attrs]]]]:
        """`key` and what is in that folder; nothing if it is not there."""
        found: list[tuple[str, sftp.Attrs]] = []
        handle = yield from one(sftp.open_folder(self.path_of(key)))
        if not isinstance(handle, sftp.Handle):
            if isinstance(handle, sftp.Status) and handle.code == sftp.NO_SUCH_FILE:
                return key, found
            raise self.failure(handle, key)
        while isinstance(reply := (yield from one(sftp.read_folder(handle))), sftp.Entries):
            found += [entry for entry in reply.value if entry[0] not in ("", ".", "..") and "/" not in entry[0]]
        yield from one(sftp.close(handle))
        if isinstance(reply, sftp.Status) and reply.code == sftp.EOF:
            return key, found
        raise self.failure(reply, key)

    def remove_quietly(self, path: str) -> None:
        """Outside the pipeline, whose replies that are still due are dropped."""
        with contextlib.suppress(Lost):
            number = self.channel.send(sftp.remove(path))
            while all(answered != number for answered, _ in self.channel.receive()):
                pass

    def _make_folder(self, path: str) -> Talk[None]:
        """Make `path` and what is missing above it. Whether that worked shows in what is done next."""
        reply = yield from one(sftp.make_folder(path))
        above = posixpath.dirname(path)
        if isinstance(reply, sftp.Status) and reply.code == sftp.NO_SUCH_FILE and above not in ("", path):
            yield from self._make_folder(above)
            yield from one(sftp.make_folder(path))


class Outgoing:
    """One upload, over as many connections as it takes: what the server has confirmed is not sent again."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._temporary: str | None = None
        self._confirmed = 0

    def send(self, server: Server) -> Talk[Outcome]:
        """Write under a temporary name beside the final one, then rename."""
        upload = self._upload
        try:
            with open(upload.source, "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                yield from self._store(server, file, size)
        except RemoteError as error:
            if isinstance(error, (AccessDenied, RemoteFull)):
                raise
            return Outcome(upload.key, 0, error)
        except OSError as error:
            cause = f"'{upload.source}' cannot be read: {error.strerror or error}"
            return Outcome(upload.key, 0, server.error(RemoteError, cause, upload.key))
        return Outcome(upload.key, size)

    def remove(self, server: Server | None) -> None:
        """Give up: remove what is there of it, if the server can still be told."""
        if server is not None and self._temporary is not None:
            server.remove_quietly(self._temporary)

    def _store(self, server: Server, file: BinaryIO, size: int) -> Talk[None]:
        final = server.path_of(self._upload.key)
        handle = yield from self._open(server, final)
        continued = self._confirmed > 0
        assert self._temporary is not None
        reply = yield from self._write(server, handle, file, size)
        if _is_ok(reply):
            reply = yield from server.finish(handle, self._temporary, final)
        else:
            yield from one(sftp.close(handle))
        if not _is_ok(reply):
            error = yield from server.refusal(reply, self._upload.key)
            yield from one(sftp.remove(self._temporary))
            self._temporary = None
            if not continued or isinstance(error, (AccessDenied, RemoteFull)):
                raise error
            yield from self._store(server, file, size)  # not every server can write into the middle of a file
        self._temporary = None

    def _open(self, server: Server, final: str) -> Talk[sftp.Handle]:
        if self._temporary is not None and self._confirmed:
            reply = yield from one(sftp.open_file(self._temporary, sftp.WRITE))
            if isinstance(reply, sftp.Handle):
                return reply
        self._confirmed = 0
        self._temporary = self._temporary or temporary_beside(final)
        reply = yield from server.create(self._temporary)
        if isinstance(reply, sftp.Handle):
            return reply
        raise (yield from server.refusal(reply, self._upload.key))

    def _write(self, server: Server, handle: sftp.Handle, file: BinaryIO, size: int) -> Talk[sftp.Reply]:
        """The first refusal, else OK; returns when no request is in flight."""
        offset = self._confirmed
        in_flight: set[int] = set()
        result: sftp.Reply = sftp.Status(sftp.OK, "")
        while True:
            requests: list[Tagged] = []
            while _is_ok(result) and offset < size and len(in_flight) < server.window:
                data = os.pread(file.fileno(), min(server.chunk, size - offset), offset)
                if not data:
                    result = sftp.Status(sftp.FAILURE, "the file became shorter while it was sent")
                    break
                requests.append((offset, sftp.write(handle, offset, data)))
                in_flight.add(offset)
                offset += len(data)
            if not in_flight:
                return result
            tag, reply = yield requests
            in_flight.remove(tag)
            if not _is_ok(reply):
                result = reply
            elif _is_ok(result):
                before, self._confirmed = self._confirmed, min(in_flight, default=offset)
                self._upload.moved(self._confirmed - before)


class Incoming:
    """One download, over as many connections as it takes: what has come is not asked for again."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._received = 0
        self._digest = hashlib.md5(usedforsecurity=False)

    def receive(self, server: Server) -> Talk[Outcome]:
        """An OSError that leaves it is about the reader's own disk."""
        key = self._download.key
        path = server.path_of(key)
        attrs, handle = yield from every([sftp.stat_path(path), sftp.open_file(path, sftp.READ)])
        error = self._why_not(server, attrs, handle)
        if error is None:
            assert isinstance(attrs, sftp.Attrs) and isinstance(handle, sftp.Handle)
            with open(self._download.target, "r+b" if self._received else "wb") as file:
                file.seek(self._received)
                file.truncate()
                error = yield from self._read(server, handle, file, attrs.size)
        if isinstance(handle, sftp.Handle):
            yield from one(sftp.close(handle))
        if error is not None:
            self.discard(server)
            return Outcome(key, 0, error)
        return Outcome(key, self._received, md5=self._digest.hexdigest())

    def discard(self, server: Server | None) -> None:
        """Give up: remove what has come."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._download.target)

    def _why_not(self, server: Server, attrs: sftp.Reply, handle: sftp.Reply) -> RemoteError | None:
        if not isinstance(handle, sftp.Handle) or not isinstance(attrs, sftp.Attrs):
            return server.failure(attrs if isinstance(handle, sftp.Handle) else handle, self._download.key)
        if attrs.size < 0 or attrs.is_folder:
            return server.error(RemoteError, "not a file with a size", self._download.key)
        limit = self._download.limit
        if limit is not None and attrs.size > limit:
            return server.error(
                CorruptTransfer, f"{attrs.size} bytes where at most {limit} are expected", self._download.key
            )
        return None

    def _read(self, server: Server, handle: sftp.Handle, file: BinaryIO, size: int) -> Talk[RemoteError | None]:
        """Ask ahead, write in order; returns when no request is in flight."""
        offset = self._received
        in_flight: dict[int, int] = {}
        early: dict[int, bytes] = {}
        error: RemoteError | None = None
        while True:
            requests: list[Tagged] = []
            while error is None and offset < size and len(in_flight) + len(early) < server.window:
                length = min(server.chunk, size - offset)
                requests.append((offset, sftp.read(handle, offset, length)))
                in_flight[offset] = length
                offset += length
            if not in_flight:
                return error
            tag, reply = yield requests
            length = in_flight.pop(tag)
            while isinstance(reply, sftp.Data) and 0 < len(reply.value) < length:  # allowed: ask for the rest
                early[tag] = reply.value
                tag, length = tag + len(reply.value), length - len(reply.value)
                in_flight[tag] = length
                tag, reply = yield [(tag, sftp.read(handle, tag, length))]
                length = in_flight.pop(tag)
            if isinstance(reply, sftp.Data) and len(reply.value) == length:
                early[tag] = reply.value
            elif error is None:
                error = self._broken(server, reply, size)
            while (data := early.pop(self._received, None)) is not None:
                self._digest.update(data)
                file.write(data)
                self._received += len(data)
                self._download.moved(len(data))

    def _broken(self, server: Server, reply: sftp.Reply, size: int) -> RemoteError:
        if isinstance(reply, sftp.Status) and reply.code != sftp.EOF:
            return server.failure(reply, self._download.key)
        cause = f"ended after {self._received} of {size} bytes"
        return server.error(CorruptTransfer, cause, self._download.key)


def _is_ok(reply: sftp.Reply) -> bool:
    return isinstance(reply, sftp.Status) and reply.code == sftp.OK
