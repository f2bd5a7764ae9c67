"""The pool under all threaded remotes: bounded, retried, stopped early without loss."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvcexp.remotes.base import AccessDenied, Download, Listed, ObjectMissing, Outcome, RemoteUnavailable, Upload
from dvcexp.remotes.pool import PerObjectRemote
from dvcexp.remotes.retry import Backoff


class Scripted(PerObjectRemote):
    """Answers by the key: `flaky-N` is unavailable N times, `gone` is missing, `denied` is refused, others work."""

    name, url, jobs = "r", "mem://", 3
    backoff = Backoff(attempts=4, first=0.001, longest=0.001)

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.lock = threading.Lock()

    def answer(self, key: str) -> None:
        with self.lock:
            self.calls.append(key)
            count = self.calls.count(key)
        if key.startswith("flaky-") and count <= int(key[6:]):
            raise RemoteUnavailable(self.name, self.url, "503", key=key)
        if key == "gone":
            raise ObjectMissing(self.name, self.url, "no such object", key=key)
        if key == "denied":
            raise AccessDenied(self.name, self.url, "403")

    def exists_one(self, key: str) -> bool:
        self.answer(key)
        return key != "absent"

    def upload_one(self, upload: Upload) -> Outcome:
        self.answer(upload.key)
        return Outcome(upload.key, upload.size)

    def download_one(self, download: Download) -> Outcome:
        Path(download.target).write_bytes(b"half")
        self.answer(download.key)
        return Outcome(download.key, 4)

    def list(self, prefix: str) -> Iterator[Listed]:
        return iter(())


def test_every_item_has_one_outcome_and_flaky_ones_are_tried_again() -> None:
    remote = Scripted()
    keys = ["flaky-2", "a", "gone", "flaky-3", "b", "flaky-4", *map(str, range(50))]
    outcomes = {o.key: o for o in remote.upload(Upload(k, "", 1) for k in keys)}
    assert sorted(outcomes) == sorted(keys)
    assert isinstance(outcomes["gone"].error, ObjectMissing)
    assert isinstance(outcomes["flaky-4"].error, RemoteUnavailable)
    assert outcomes["flaky-3"].error is None
    assert remote.calls.count("gone") == 1
    assert remote.calls.count("flaky-4") == 4


def test_refused_credentials_are_tried_once_not_once_a_thread() -> None:
    remote = Scripted()
    with pytest.raises(AccessDenied):
        list(remote.upload([Upload("denied", "", 1)] * 20))
    assert remote.calls == ["denied"]


def test_a_batch_reads_its_input_only_a_little_ahead_and_stops_when_closed() -> None:
    remote = Scripted()
    taken = itertools.count()
    outcomes = remote.upload(Upload(str(next(taken)), "", 1) for _ in range(1000))
    for _ in range(10):
        next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert next(taken) <= 10 + 2 * remote.jobs + 1


def test_a_failed_download_leaves_no_file(tmp_path: Path) -> None:
    remote = Scripted()
    (outcome,) = remote.download([Download("gone", str(tmp_path / "t"))])
    assert isinstance(outcome.error, ObjectMissing)
    assert list(tmp_path.iterdir()) == []


def test_exists_tells_the_keys_that_are_there() -> None:
    assert Scripted().exists(["a", "absent", "b", "flaky-1"]) == {"a", "b", "flaky-1"}


def test_a_server_that_asks_for_more_patience_than_we_have_is_not_waited_for() -> None:
    backoff = Backoff(attempts=3, patience=10)
    assert backoff.delay(0, 7) == 7
    assert backoff.delay(0, 11) is None
    assert backoff.delay(2, None) is None
    assert 0 <= (backoff.delay(1, None) or 0) <= 1
