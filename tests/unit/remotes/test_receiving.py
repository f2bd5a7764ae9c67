"""Writing a download: hashed, bounded, continued."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvcexp.remotes import receiving
from dvcexp.remotes.base import CorruptTransfer, Download, RemoteError, RemoteUnavailable
from dvcexp.remotes.receiving import Body, receive

DATA = bytes(range(256)) * 40


def failed(kind: type[RemoteError], cause: str) -> RemoteError:
    return kind("r", "mem://", cause)


class Sender:
    """Sends DATA; the n-th connection breaks after `cuts[n]` bytes."""

    def __init__(self, *cuts: int, ranges: bool = True, size: int | None = len(DATA)) -> None:
        self.cuts = list(cuts)
        self.ranges = ranges
        self.size = size
        self.asked: list[int] = []

    def __call__(self, offset: int) -> Body:
        self.asked.append(offset)
        start = offset if self.ranges else 0
        return Body(start, self.size, self.chunks(start))

    def chunks(self, start: int) -> Iterator[bytes]:
        cut = self.cuts.pop(0) if self.cuts else None
        data = DATA[start:] if cut is None else DATA[start : start + cut]
        for at in range(0, len(data), 100):
            yield data[at : at + 100]
        if cut is not None:
            raise RemoteUnavailable("r", "mem://", "reset")


@pytest.fixture(autouse=True)
def little_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "_PROGRESS", 500)


def test_a_whole_object_is_written_and_hashed(tmp_path: Path) -> None:
    target = tmp_path / "t"
    outcome = receive(Download("k", str(target)), Sender(), failed)
    assert (outcome.size, outcome.md5, outcome.error) == (len(DATA), hashlib.md5(DATA).hexdigest(), None)
    assert target.read_bytes() == DATA


def test_a_connection_that_broke_late_is_asked_for_the_rest_at_once(tmp_path: Path) -> None:
    sender = Sender(5000, 600)
    outcome = receive(Download("k", str(tmp_path / "t")), sender, failed)
    assert sender.asked == [0, 5000, 5600]
    assert outcome.md5 == hashlib.md5(DATA).hexdigest()


def test_one_that_broke_early_is_left_to_the_retry_policy_which_continues(tmp_path: Path) -> None:
    sender = Sender(5000, 100)
    download = Download("k", str(tmp_path / "t"))
    with pytest.raises(RemoteUnavailable):
        receive(download, sender, failed)
    outcome = receive(download, sender, failed)
    assert sender.asked == [0, 5000, 5100]
    assert outcome.md5 == hashlib.md5(DATA).hexdigest()
    assert (tmp_path / "t").read_bytes() == DATA


def test_a_server_without_ranges_sends_it_all_again(tmp_path: Path) -> None:
    sender = Sender(5000, ranges=False)
    assert receive(Download("k", str(tmp_path / "t")), sender, failed).md5 == hashlib.md5(DATA).hexdigest()
    assert (tmp_path / "t").read_bytes() == DATA


def test_a_body_of_unknown_length_is_not_continued(tmp_path: Path) -> None:
    sender = Sender(5000, size=None)
    download = Download("k", str(tmp_path / "t"))
    with pytest.raises(RemoteUnavailable):
        receive(download, sender, failed)
    assert receive(download, sender, failed).md5 == hashlib.md5(DATA).hexdigest()
    assert sender.asked == [0, 0]


@pytest.mark.parametrize("size", [len(DATA), None])
def test_what_goes_past_the_limit_is_corrupt(tmp_path: Path, size: int | None) -> None:
    with pytest.raises(CorruptTransfer):
        receive(Download("k", str(tmp_path / "t"), limit=1000), Sender(size=size), failed)
    assert (tmp_path / "t").stat().st_size <= 1000


def test_bytes_from_another_place_than_asked_for_are_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptTransfer):
        receive(Download("k", str(tmp_path / "t")), lambda _: Body(7, len(DATA), iter([b"x"])), failed)


def test_an_end_before_the_announced_size_is_a_broken_connection(tmp_path: Path) -> None:
    with pytest.raises(RemoteUnavailable, match="after 3 of 9 bytes"):
        receive(Download("k", str(tmp_path / "t")), lambda _: Body(0, 9, iter([b"abc"])), failed)
