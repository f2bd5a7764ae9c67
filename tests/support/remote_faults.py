"""Damaged connections, the same for every kind of DVC remote with a network: a suite beside `RemoteSuite`."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dvcexp.remotes.base import Download, Outcome, Remote, RemoteError, RemoteUnavailable
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.remote_suite import Config, Place, failures, fetched, key_of, uploads_of

BIG = 6 << 20  # below every kind's part size: one request up, one down
REPLY = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n%s\r\n"
OVERLOADED = REPLY % (b"503 Service Unavailable", b"Retry-After: 0\r\n")
TOO_MANY = REPLY % (b"429 Too Many Requests", b"")


def errors_of(outcomes: Iterator[Outcome]) -> list[RemoteError | None]:
    """How each object ended; a kind with a single connection raises what has ended it, for all that are left."""
    errors = []
    try:
        for outcome in outcomes:
            errors.append(outcome.error)
    except RemoteUnavailable as error:
        errors.append(error)
    return errors


class Rig(NamedTuple):
    """A remote whose connections go through a proxy."""

    remote: Remote
    proxy: FaultProxy


class RemoteFaults:
    """The tests. Subclasses give `place`, as those of RemoteSuite do."""

    resumes = True  # a broken download goes on where it broke
    hopeless = Fault(cut_up=BIG // 2, reset=True)  # no upload of BIG gets through

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    @pytest.fixture
    def rig(self, place: Place) -> Iterator[Rig]:
        assert place.port is not None
        with FaultProxy(place.port) as proxy:
            remote = place.at(proxy.port).open(jobs=2)
            yield Rig(remote, proxy)
            remote.close()

    def download(self, rig: Rig, key: str, target: Path) -> Outcome:
        (outcome,) = rig.remote.download([Download(key, str(target))])
        return outcome

    def test_connections_that_are_reset_are_made_again(self, rig: Rig, tmp_path: Path) -> None:
        uploads = uploads_of(tmp_path, [b"one", b"two"])
        rig.proxy.next(Fault(refuse=True), Fault(refuse=True))
        assert failures(rig.remote.upload(uploads)) == []
        rig.proxy.cut_all()
        assert rig.remote.exists([u.key for u in uploads]) == {u.key for u in uploads}
        rig.proxy.cut_all()
        assert fetched(rig.remote, [u.key for u in uploads], tmp_path) == [b"one", b"two"]

    def test_an_upload_that_breaks_off_is_sent_again_and_never_half_there(self, rig: Rig, tmp_path: Path) -> None:
        (upload,) = uploads_of(tmp_path, [os.urandom(BIG)])
        rig.proxy.next(Fault(cut_up=BIG // 2, reset=True), Fault(cut_up=BIG // 3))
        assert failures(rig.remote.upload([upload])) == []
        assert fetched(rig.remote, [upload.key], tmp_path) == [Path(upload.source).read_bytes()]

    def test_an_upload_that_keeps_breaking_off_leaves_nothing(self, place: Place, rig: Rig, tmp_path: Path) -> None:
        (upload,) = uploads_of(tmp_path, [os.urandom(BIG)])
        rig.proxy.always = self.hopeless
        (error,) = errors_of(rig.remote.upload([upload]))
        assert isinstance(error, RemoteUnavailable)
        remote = place.config.open()
        assert remote.exists([upload.key]) == set()
        remote.close()

    def test_a_download_that_breaks_off_goes_on_where_it_broke(self, place: Place, rig: Rig, tmp_path: Path) -> None:
        data = os.urandom(BIG)
        place.plant(key_of(data), data)
        rig.proxy.next(Fault(cut_down=BIG // 2), Fault(cut_down=BIG // 4, reset=True))
        outcome = self.download(rig, key_of(data), tmp_path / "t")
        assert outcome.error is None
        assert (tmp_path / "t").read_bytes() == data
        assert outcome.md5 in (None, hashlib.md5(data).hexdigest())
        if self.resumes:
            # Twice from the start would be 1.75 times; what was on its way when the connection was reset comes twice.
            assert rig.proxy.bytes_down < 1.7 * BIG

    def test_a_flipped_bit_is_told_by_the_hash(self, place: Place, rig: Rig, tmp_path: Path) -> None:
        data = os.urandom(BIG)
        place.plant(key_of(data), data)
        rig.proxy.next(Fault(flip_down=BIG // 2))
        outcome = self.download(rig, key_of(data), tmp_path / "t")
        if outcome.error is None:
            found = hashlib.md5((tmp_path / "t").read_bytes()).hexdigest()
            assert outcome.md5 in (None, found)  # it goes by what came, not by what was asked for

    def test_a_server_that_is_not_there_is_named_in_the_end(self, rig: Rig, tmp_path: Path) -> None:
        rig.proxy.always = Fault(refuse=True)
        uploads = uploads_of(tmp_path, [b"one", b"two"])
        errors = errors_of(rig.remote.upload(uploads))
        assert {type(error) for error in errors} == {RemoteUnavailable}
        assert "'storage'" in str(errors[0])
        with pytest.raises(RemoteUnavailable):
            rig.remote.exists([u.key for u in uploads])
        (error,) = errors_of(rig.remote.download([Download(uploads[0].key, str(tmp_path / "t"))]))
        assert isinstance(error, RemoteUnavailable)
        assert not (tmp_path / "t").exists()

    def test_silence_is_waited_for_only_so_long(self, place: Place, rig: Rig, tmp_path: Path) -> None:
        if not place.impatient:
            pytest.skip("this kind of DVC remote has no option for time-outs")
        data = os.urandom(BIG)
        place.plant(key_of(data), data)
        config = place.at(rig.proxy.port)
        remote = Config(config.url, {**config.options, **place.impatient}).open(jobs=2)
        rig.proxy.next(Fault(blackhole=True), Fault(stall_down=BIG // 2))
        begun = time.monotonic()
        assert fetched(remote, [key_of(data)], tmp_path) == [data]
        assert 1 < time.monotonic() - begun < 15
        remote.close()

    def test_a_slow_line_is_no_silence(self, place: Place, rig: Rig, tmp_path: Path) -> None:
        """An upload that takes longer than the time-out, while every byte of it is taken, goes on."""
        if not place.impatient:
            pytest.skip("this kind of DVC remote has no option for time-outs")
        config = place.at(rig.proxy.port)
        remote = Config(config.url, {**config.options, **place.impatient}).open(jobs=2)
        # The kernel takes some megabytes at once; what is left of them when all is sent must not take a time-out long.
        size = 4 * BIG
        rig.proxy.always = Fault(rate=size // 3)
        (upload,) = uploads_of(tmp_path, [os.urandom(size)])
        assert failures(remote.upload([upload])) == []
        assert fetched(remote, [upload.key], tmp_path) == [Path(upload.source).read_bytes()]
        assert rig.proxy.bytes_up < 1.5 * size
        remote.close()

    def test_a_slow_server_is_waited_for(self, rig: Rig, tmp_path: Path) -> None:
        rig.proxy.always = Fault(delay=0.05)
        uploads = uploads_of(tmp_path, [b"one", os.urandom(100_000)])
        assert failures(rig.remote.upload(uploads)) == []
        assert rig.remote.exists([u.key for u in uploads]) == {u.key for u in uploads}
        assert fetched(rig.remote, [u.key for u in uploads], tmp_path)[0] == b"one"

    def test_an_overloaded_server_is_asked_again(self, place: Place, rig: Rig, tmp_path: Path) -> None:
        if not place.http:
            pytest.skip("this kind of DVC remote does not speak HTTP")
        uploads = uploads_of(tmp_path, [b"one"])
        rig.proxy.next(Fault(reply=OVERLOADED), Fault(reply=TOO_MANY))
        assert failures(rig.remote.upload(uploads)) == []
        rig.proxy.cut_all()
        rig.proxy.next(Fault(reply=TOO_MANY), Fault(reply=OVERLOADED))
        assert rig.remote.exists([uploads[0].key]) == {uploads[0].key}
        rig.proxy.cut_all()
        rig.proxy.next(Fault(reply=OVERLOADED), Fault(reply=TOO_MANY))
        assert fetched(rig.remote, [uploads[0].key], tmp_path) == [b"one"]
