"""What a directory lists, read from the cache or on its way in, with its hash checked."""

from __future__ import annotations

import hashlib

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.objects import Entry, Object, UnsafeManifest, parse_manifest


def parse(directory: Object, data: bytes) -> list[Entry]:
    """The entries of the `.dir` object; UnsafeManifest where the content is not what its name says, or unsafe."""
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != directory.oid[:32]:
        raise UnsafeManifest(directory.oid, "content does not match its hash")
    return parse_manifest(data, directory.oid)


def members(directory: Object, entries: list[Entry]) -> frozenset[Object]:
    """The objects of a directory's files; they have its hash kind."""
    return frozenset(Object(entry.md5, directory.hash) for entry in entries)


def entries_in_cache(cache: Cache | None, directory: Object) -> list[Entry] | None:
    """The entries of a directory whose manifest is in the cache, None where it is not."""
    data = cache.read(directory) if cache is not None else None
    return parse(directory, data) if data is not None else None
