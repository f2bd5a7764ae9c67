"""How many requests it takes to find out what a bucket has, where it is too large to be made: the code that asks is the
real one, the bucket has as many keys as it is told and answers from memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

from dvcexp.remotes.base import Download, Listed, Outcome, Upload
from dvcexp.remotes.objectstore import JOBS
from dvcexp.remotes.pool import PerObjectRemote
from dvcexp.remotes.presence import Listing

PAGE = 1000
_FOLDERS = 256
# What a request takes S3, from near by: a question, a page of a listing.
QUESTION_SECONDS, PAGE_SECONDS = 0.025, 0.1


class Asked(NamedTuple):
    """How many questions and pages, and how many pages came one after the other over one connection."""

    wanted: int
    present: int
    questions: int
    pages: int
    in_line: int

    @property
    def requests(self) -> int:
        """All of them."""
        return self.questions + self.pages

    @property
    def seconds(self) -> float:
        """How long that takes, by the seconds above."""
        beside = ceil((self.pages - self.in_line) / JOBS)
        return ceil(self.questions / JOBS) * QUESTION_SECONDS + (beside + self.in_line) * PAGE_SECONDS


def key(number: int) -> str:
    """A bucket with n objects has those of 0 to n - 1, spread over 256 folders as hashes are."""
    return f"files/md5/{number % _FOLDERS:02x}/{number // _FOLDERS:030x}"


class SimulatedBucket(PerObjectRemote):
    """As many keys as `size`, asked as S3 is."""

    name, url, jobs = "simulated", "simulated://", JOBS
    listing = Listing(PAGE)

    def __init__(self, size: int) -> None:
        self.questions = self.pages = self.in_line = 0
        self._size = size
        self._lock = threading.Lock()

    def exists_one(self, key: str) -> bool:
        with self._lock:
            self.questions += 1
        _, folder, name = key.rsplit("/", 2)
        return int(folder, 16) + _FOLDERS * int(name, 16) < self._size

    def list(self, prefix: str) -> Iterator[Listed]:
        below = prefix.removeprefix("files/md5/").strip("/")
        numbers: Sequence[int] = range(int(below, 16), self._size, _FOLDERS) if below else range(self._size)
        for begun in range(0, max(1, len(numbers)), PAGE):
            with self._lock:
                self.pages += 1
                self.in_line += not below
            for number in numbers[begun : begun + PAGE]:
                yield Listed(key(number), 1)

    def upload_one(self, upload: Upload) -> Outcome:
        raise NotImplementedError

    def download_one(self, download: Download) -> Outcome:
        raise NotImplementedError


def ask(wanted: int, present: int) -> Asked:
    """What it takes to find `wanted` objects, half of which are there if it has so many, among `present`."""
    bucket = SimulatedBucket(present)
    there = min(wanted // 2, present)
    step = max(1, present // max(1, there) - 1) | 1  # odd, or they would not be in all folders
    if step * there > present:
        step = 1
    keys = [key(step * number) for number in range(there)] + [key(present + number) for number in range(wanted - there)]
    found = bucket.exists(keys)
    if len(found) != there:
        raise RuntimeError(f"{len(found)} of {there} objects were found")
    return Asked(wanted, present, bucket.questions, bucket.pages, bucket.in_line)
