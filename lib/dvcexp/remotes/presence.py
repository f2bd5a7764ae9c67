"""Which objects does a remote have? Choosing between a question for each and listing, from the numbers at hand.

Pure: no remote is asked here. Keys fall into *folders* (what stands before the last `/`); DVC spreads its objects
evenly over 256 of them, so the size of one tells that of all.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from math import ceil
from typing import NamedTuple

# A request that lists a page of keys takes a server about as long as so many questions about one key (on S3 and
# compatible servers 2 to 5 times in latency, 12.5 times in price).
_PAGE_COST = 4
_FOLDERS = 256


class Listing(NamedTuple):
    """How a kind lists: `page` keys a request; `flat`: all keys below a prefix at once, not folder by folder."""

    page: int
    flat: bool = True


class Way(Enum):
    """How to find out: ask for each key, list each folder that has one of them, or list the folder around those."""

    ASK = "ask"
    FOLDERS = "folders"
    AROUND = "around"


class Folder(NamedTuple):
    """`keys` wanted in the folder `prefix`, which ends with `/`."""

    prefix: str
    keys: frozenset[str]


def by_folder(keys: Collection[str]) -> list[Folder]:
    """The folders of these keys, the one with the most of them first."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(key[: key.rfind("/") + 1], []).append(key)
    folders = (Folder(prefix, frozenset(inside)) for prefix, inside in found.items())
    return sorted(folders, key=lambda folder: -len(folder.keys))


def around(folders: Collection[Folder]) -> str | None:
    """The folder that all of these stand in; None if there is none, or it is the remote's whole root."""
    parents = {folder.prefix[: folder.prefix[:-1].rfind("/") + 1] for folder in folders}
    return parents.pop() or None if len(parents) == 1 else None


def worthwhile_sample(questions: int, folders: int, jobs: int, listing: Listing) -> int:
    """Up to how many keys in a folder could listing still be the quicker way? 0: ask without looking."""
    if questions <= 2 * _PAGE_COST * jobs:  # the answers would be there before the sample has paid
        return 0
    by_folders = questions // (_PAGE_COST * folders) * listing.page
    by_around = questions // (_PAGE_COST * jobs) * listing.page // _FOLDERS if listing.flat else 0
    return max(by_folders, by_around)


def choose(questions: int, folders: int, sample: int, jobs: int, listing: Listing, *, around: bool) -> Way:
    """The way that should be over first, where a folder holds about `sample` keys.

    Questions and folders are spread over `jobs` connections; a flat listing comes over one, page after page. around:
    there is a folder around them all.
    """
    pages = max(1, ceil(sample / listing.page))
    times = {Way.ASK: ceil(questions / jobs), Way.FOLDERS: _PAGE_COST * ceil(folders * pages / jobs)}
    if around and listing.flat:
        times[Way.AROUND] = _PAGE_COST * max(1, ceil(sample * _FOLDERS / listing.page))
    return min(times, key=times.__getitem__)
