"""Writing a downloaded object: hashed while it comes, cut off at its limit, continued where the connection broke."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from dvcexp.remotes.base import CorruptTransfer, Download, Outcome, RemoteError, RemoteUnavailable

# A connection that broke after so much came is asked for the rest at once; one that broke sooner is left to the retry
# policy, or a server that gives a byte a request would be asked for ever.
_PROGRESS = 1 << 20
_READ = 1 << 20


class Body(NamedTuple):
    """An object's bytes from `start` on. `size` is that of the whole object, None where the server does not tell.

    chunks raises RemoteUnavailable where the connection breaks.
    """

    start: int
    size: int | None
    chunks: Iterator[bytes]


def receive(
    download: Download,
    ask: Callable[[int], Body],
    failed: Callable[[type[RemoteError], str], RemoteError],
) -> Outcome:
    """Write `download.target` and return its size and md5.

    ask(offset): the body from there on, or from the start where the server cannot do better. A target that an earlier
    attempt began is continued: an object of a given key, or version of it, never changes, and the caller checks its
    hash. On RemoteUnavailable the part that came is left for the next attempt. failed(kind, cause): makes the
    error.
    """
    with open(download.target, "a+b") as file:
        digest = hashlib.md5()
        received = _hash_what_is_there(file, digest)
        while True:
            begun = received
            body = ask(received)
            if body.start not in (0, received):
                raise failed(
                    CorruptTransfer, f"bytes from {received} on were asked for, those from {body.start} on came"
                )
            if body.start != received:
                file.truncate(0)
                digest, received, begun = hashlib.md5(), 0, 0
            if body.size is not None and download.limit is not None and body.size > download.limit:
                raise failed(CorruptTransfer, f"{body.size} bytes were announced, at most {download.limit} expected")
            end = download.limit if body.size is None else body.size
            try:
                for chunk in body.chunks:
                    received += len(chunk)
                    if end is not None and received > end:
                        raise failed(CorruptTransfer, f"more than the expected {end} bytes came")
                    digest.update(chunk)
                    file.write(chunk)
                    download.moved(len(chunk))
                if body.size is None or received == body.size:
                    return Outcome(download.key, received, md5=digest.hexdigest())
                raise failed(RemoteUnavailable, f"the connection ended after {received} of {body.size} bytes")
            except RemoteUnavailable:
                if received == body.size:
                    return Outcome(download.key, received, md5=digest.hexdigest())
                if body.size is None:
                    file.truncate(0)
                if body.size is None or received - begun < _PROGRESS:
                    raise


def _hash_what_is_there(file: BinaryIO, digest: hashlib._Hash) -> int:
    file.seek(0)
    received = 0
    while chunk := file.read(_READ):
        digest.update(chunk)
        received += len(chunk)
    return received
