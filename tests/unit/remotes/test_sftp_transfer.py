"""Conversations with an SFTP server that answers out of order and in small pieces, as the draft allows."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from dvcexp.remotes import sftp_protocol as sftp
from dvcexp.remotes.base import CorruptTransfer, Download, ObjectMissing, RemoteError, Upload
from dvcexp.remotes.sftp_pipeline import Pipeline
from dvcexp.remotes.sftp_transfer import Incoming, Outgoing, Server

OK = sftp.Status(sftp.OK, "")


class ScriptedChannel:
    """Stands in for Channel: files in a dict; replies come shuffled, reads at most `longest_read` bytes at a time."""

    extensions = frozenset({sftp.POSIX_RENAME, sftp.FSYNC})

    def __init__(self, files: dict[str, bytes], longest_read: int = 7000, refuse: str = "") -> None:
        self.files = {path: bytearray(data) for path, data in files.items()}
        self.open: dict[bytes, str] = {}
        self.longest_read = longest_read
        self.refuse = refuse
        self.due: list[tuple[int, sftp.Reply]] = []
        self.number = 0
        self.removed: list[str] = []
        self.random = random.Random(1)

    def connect(self) -> frozenset[str]:
        return self.extensions

    def send(self, request: sftp.Request) -> int:
        self.number += 1
        self.due.append((self.number, self.answer(request)))
        return self.number

    def receive(self) -> list[tuple[int, sftp.Reply]]:
        return [self.due.pop(self.random.randrange(len(self.due)))]

    def answer(self, request: sftp.Request) -> sftp.Reply:
        reader = sftp._Reader(request.body, 0)
        names: dict[int, Callable[[sftp._Reader], sftp.Reply]] = {
            3: self.do_open,
            4: lambda reader: OK,
            5: self.do_read,
            6: self.do_write,
            13: self.do_remove,
            14: lambda reader: OK,
            17: self.do_stat,
            18: self.do_rename,
            200: self.do_extended,
        }
        return names[request.kind](reader)

    def do_open(self, reader: sftp._Reader) -> sftp.Reply:
        path, flags = reader.string().decode(), reader.number()
        if flags & sftp.CREATE:
            self.files[path] = bytearray()
        if path not in self.files:
            return sftp.Status(sftp.NO_SUCH_FILE, "none")
        handle = b"%d" % len(self.open)
        self.open[handle] = path
        return sftp.Handle(handle)

    def do_read(self, reader: sftp._Reader) -> sftp.Reply:
        data = self.files[self.open[reader.string()]]
        offset, size = reader.number(">Q"), reader.number()
        piece = bytes(data[offset : offset + min(size, self.longest_read)])
        return sftp.Data(piece) if piece else sftp.Status(sftp.EOF, "")

    def do_write(self, reader: sftp._Reader) -> sftp.Reply:
        if self.refuse == "write":
            return sftp.Status(sftp.FAILURE, "Failure")
        data = self.files[self.open[reader.string()]]
        offset, piece = reader.number(">Q"), reader.string()
        data.extend(bytes(max(0, offset + len(piece) - len(data))))
        data[offset : offset + len(piece)] = piece
        return OK

    def do_remove(self, reader: sftp._Reader) -> sftp.Reply:
        path = reader.string().decode()
        self.removed.append(path)
        del self.files[path]
        return OK

    def do_stat(self, reader: sftp._Reader) -> sftp.Reply:
        path = reader.string().decode()
        if path not in self.files:
            return sftp.Status(sftp.NO_SUCH_FILE, "none")
        size = len(self.files[path]) + (1 if self.refuse == "size" else 0)
        return sftp.Attrs(size, 0o100644)

    def do_rename(self, reader: sftp._Reader) -> sftp.Reply:
        old, new = reader.string().decode(), reader.string().decode()
        if new in self.files:
            return sftp.Status(sftp.FAILURE, "Failure")
        self.files[new] = self.files.pop(old)
        return OK

    def do_extended(self, reader: sftp._Reader) -> sftp.Reply:
        name = reader.string().decode()
        if self.refuse == name:
            return sftp.Status(sftp.FAILURE, "Failure")
        if name == sftp.POSIX_RENAME:
            old, new = reader.string().decode(), reader.string().decode()
            self.files[new] = self.files.pop(old)
        return OK


def serve(channel: ScriptedChannel) -> Server:
    def error(kind: type[RemoteError], cause: str, key: str | None) -> RemoteError:
        return kind("storage", "ssh://host/base", cause, key=key)

    return Server(channel, "/base", error)  # type: ignore[arg-type]


def run(channel: ScriptedChannel, *items: Outgoing | Incoming) -> list[object]:
    server = serve(channel)
    pipeline: Pipeline[Outgoing | Incoming, object] = Pipeline(channel, 8)  # type: ignore[arg-type]
    server.pipeline = pipeline
    return list(pipeline.run(lambda i: i.send(server) if isinstance(i, Outgoing) else i.receive(server), iter(items)))


def test_bytes_come_together_in_whatever_order_and_pieces_they_come(tmp_path: Path) -> None:
    data = random.Random(2).randbytes(500_000)
    channel = ScriptedChannel({"/base/k": data, "/base/empty": b""})
    outcomes = run(
        channel, Incoming(Download("k", str(tmp_path / "k"))), Incoming(Download("empty", str(tmp_path / "empty")))
    )
    assert [getattr(o, "error", 1) for o in outcomes] == [None, None]
    assert (tmp_path / "k").read_bytes() == data
    assert (tmp_path / "empty").read_bytes() == b""


def test_what_is_written_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    data = random.Random(3).randbytes(300_000)
    (tmp_path / "source").write_bytes(data)
    channel = ScriptedChannel({})
    (outcome,) = run(channel, Outgoing(Upload("files/k", str(tmp_path / "source"), len(data))))
    assert getattr(outcome, "error", 1) is None
    assert channel.files == {"/base/files/k": data}


@pytest.mark.parametrize(("there", "replaced"), [(b"x" * 9, False), (b"half", True)])
def test_what_another_push_brought_meanwhile_stays_if_it_is_whole(tmp_path: Path, there: bytes, replaced: bool) -> None:
    """SFTP 3 renames onto nothing that exists, and the other's ref may be on the Git host by now."""
    (tmp_path / "source").write_bytes(b"x" * 9)
    channel = ScriptedChannel({"/base/k": there})
    channel.extensions = frozenset()
    (outcome,) = run(channel, Outgoing(Upload("k", str(tmp_path / "source"), 9)))
    assert getattr(outcome, "error", 1) is None
    assert channel.files == {"/base/k": b"x" * 9}
    assert ("/base/k" in channel.removed) is replaced


@pytest.mark.parametrize("refuse", ["write", sftp.FSYNC, sftp.POSIX_RENAME])
def test_after_a_refusal_neither_object_nor_temporary_file_is_there(tmp_path: Path, refuse: str) -> None:
    (tmp_path / "source").write_bytes(b"x" * 200_000)
    channel = ScriptedChannel({}, refuse=refuse)
    (outcome,) = run(channel, Outgoing(Upload("k", str(tmp_path / "source"), 200_000)))
    assert "the server says: Failure" in str(getattr(outcome, "error", ""))
    assert channel.files == {}


def test_a_server_that_lies_about_a_size_is_caught(tmp_path: Path) -> None:
    channel = ScriptedChannel({"/base/k": b"four"}, refuse="size")
    (outcome,) = run(channel, Incoming(Download("k", str(tmp_path / "k"))))
    assert isinstance(getattr(outcome, "error", None), CorruptTransfer)
    assert not (tmp_path / "k").exists()


def test_a_missing_object_is_missing(tmp_path: Path) -> None:
    (outcome,) = run(ScriptedChannel({}), Incoming(Download("k", str(tmp_path / "k"))))
    assert isinstance(getattr(outcome, "error", None), ObjectMissing)


def test_names_in_a_listing_that_lead_elsewhere_are_left_out() -> None:
    """A server that answers `..` or `/etc/x` must not make us look outside the remote."""

    class Lister(ScriptedChannel):
        def answer(self, request: sftp.Request) -> sftp.Reply:
            if request.kind == 11:
                self.told = False
                return sftp.Handle(b"folder")
            if request.kind == 12 and not self.told:
                self.told = True
                names = (".", "..", "../up", "/etc/x", "", "fine")
                return sftp.Entries(tuple((name, sftp.Attrs(1, 0o100644)) for name in names))
            return sftp.Status(sftp.EOF, "") if request.kind == 12 else OK

    channel = Lister({})
    server = serve(channel)
    pipeline: Pipeline[str, object] = Pipeline(channel, 8)  # type: ignore[arg-type]
    assert list(pipeline.run(server.read_folder, iter(["d"]))) == [("d", [("fine", sftp.Attrs(1, 0o100644))])]
