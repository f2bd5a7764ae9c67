"""Questions, folders or one long listing: the choice, and that `exists` keeps to it."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

import pytest

from dvcexp.remotes.base import AccessDenied, Download, Listed, Outcome, RemoteUnavailable, Upload
from dvcexp.remotes.pool import PerObjectRemote
from dvcexp.remotes.presence import Listing, Way, around, by_folder, choose, worthwhile_sample
from dvcexp.remotes.retry import Backoff

S3 = Listing(page=1000)


def key(number: int) -> str:
    digest = hashlib.md5(str(number).encode()).hexdigest()
    return f"files/md5/{digest[:2]}/{digest[2:]}"


class Bucket(PerObjectRemote):
    """Holds `keys`; counts the questions and the pages it is asked for."""

    name, url, jobs = "r", "mem://", 16
    backoff = Backoff(attempts=3, first=0.001, longest=0.001)
    listing: Listing | None = S3

    def __init__(self, keys: set[str], *, may_list: bool = True) -> None:
        self.keys = sorted(keys)
        self.known = keys
        self.may_list = may_list
        self.asked: Counter[str] = Counter()

    def exists_one(self, key: str) -> bool:
        self.asked["questions"] += 1
        return key in self.known

    def upload_one(self, upload: Upload) -> Outcome:
        raise NotImplementedError

    def download_one(self, download: Download) -> Outcome:
        raise NotImplementedError

    def list(self, prefix: str) -> Iterator[Listed]:
        if not self.may_list:
            raise AccessDenied(self.name, self.url, "no listing")
        below = self.keys[bisect_left(self.keys, prefix) : bisect_left(self.keys, prefix + "~")]
        for start in range(0, max(1, len(below)), S3.page):
            self.asked["pages"] += 1
            yield from (Listed(key, 1) for key in below[start : start + S3.page])


@pytest.mark.parametrize(
    ("on_remote", "wanted", "most_questions", "most_pages"),
    [
        (50_000, 100, 100, 0),  # a few keys: never a listing
        (50_000, 600, 600, 1),  # more of them, and a full remote: one look, then questions
        (50_000, 3_000, 0, 257),  # many: a page for each folder
        (2_000, 3_000, 0, 4),  # many keys, an almost empty remote: all of it
        (0, 3_000, 0, 2),
        (20_000, 60_000, 0, 258),  # more keys than there are: folders or all, no questions
    ],
)
def test_the_cheaper_way_is_taken(on_remote: int, wanted: int, most_questions: int, most_pages: int) -> None:
    there = {key(n) for n in range(on_remote)}
    asked_for = {key(n) for n in range(wanted // 2)} | {key(-n) for n in range(1, wanted // 2 + 1)}
    bucket = Bucket(there)
    ticks: list[int] = []
    assert bucket.exists(asked_for, ticks.append) == there & asked_for
    assert sum(ticks) == len(asked_for)
    assert bucket.asked["questions"] <= most_questions
    assert bucket.asked["pages"] <= most_pages


def test_who_may_not_list_is_asked_key_by_key() -> None:
    there = {key(n) for n in range(2000)}
    bucket = Bucket(there, may_list=False)
    assert bucket.exists(there) == there
    assert bucket.asked == {"questions": 2000}


def test_a_kind_that_cannot_list_is_asked_key_by_key() -> None:
    bucket = Bucket({key(1)})
    bucket.listing = None
    assert bucket.exists({key(n) for n in range(500)}) == {key(1)}
    assert bucket.asked == {"questions": 500}


def test_legacy_objects_are_never_looked_for_by_listing_the_whole_remote() -> None:
    assert around(by_folder(["ab/cd", "cd/ef"])) is None
    assert around(by_folder(["files/md5/ab/cd", "files/md5/cd/ef"])) == "files/md5/"
    assert around(by_folder(["files/md5/ab/cd", "ab/cd"])) is None


def test_no_keys_are_no_requests() -> None:
    bucket = Bucket({key(1)})
    assert bucket.exists([]) == set()
    assert bucket.asked == {}


@pytest.mark.parametrize("questions", [1, 300, 10_000, 1_000_000])
@pytest.mark.parametrize("sample", [0, 5, 4_000, 4_000_000])
@pytest.mark.parametrize("jobs", [1, 32])
def test_a_sample_past_the_worthwhile_one_never_speaks_for_listing(questions: int, sample: int, jobs: int) -> None:
    folders = min(questions, 256)
    limit = worthwhile_sample(questions, folders, jobs, S3)
    if sample > limit + S3.page and questions > 8 * jobs:
        assert choose(questions, folders, sample, jobs, S3, around=True) is Way.ASK


def test_a_listing_that_breaks_off_goes_on_behind_its_last_key() -> None:
    from dvcexp.remotes import retry

    asked: list[str | None] = []

    def after(last: str | None) -> Iterator[Listed]:
        asked.append(last)
        for name in "abcdef":
            if last is None or name > last:
                yield Listed(name, 1)
                if len(asked) < 4 and name in "bd":
                    raise RemoteUnavailable("r", "mem://", "reset")

    backoff = Backoff(attempts=2, first=0.001, longest=0.001)
    assert [listed.key for listed in retry.listing(after, backoff)] == list("abcdef")
    assert asked == [None, "b", "d"]
