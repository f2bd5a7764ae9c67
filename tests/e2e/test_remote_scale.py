"""How many requests it takes to find out what a large remote has: counted by a server that answers as S3 does."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

import pytest

from dvcexp.remotes import open_remote
from tests.support.http_recorder import Answer, Asked, Recorder, recorder

PAGE = 1000


def key(number: int) -> str:
    """The keys of a remote with n objects are those of 0 to n - 1, spread over 256 folders as hashes are."""
    return f"files/md5/{number % 256:02x}/{number // 256:030x}"


class LargeBucket:
    """A bucket with the objects 0 to `size` - 1 below `base/`; `asked` counts its requests."""

    def __init__(self, server: Recorder, size: int) -> None:
        self.asked: Counter[str] = Counter()
        self._size = size
        self._lock = threading.Lock()
        server.answer = self._answer
        options = {"endpointurl": f"http://127.0.0.1:{server.port}", "region": "us-east-1"}
        options |= {"access_key_id": "key", "secret_access_key": "secret"}
        self.remote = open_remote("storage", "s3://bucket/base", options)

    def _answer(self, asked: Asked) -> Answer:
        url = urlsplit(asked.path)
        if asked.method == "HEAD":
            self._count("questions")
            _, folder, name = url.path.rsplit("/", 2)
            return Answer() if int(folder, 16) + 256 * int(name, 16) < self._size else Answer(404)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self._count("pages")
        return Answer(body=self._page(query["prefix"], query.get("continuation-token")))

    def _count(self, what: str) -> None:
        with self._lock:
            self.asked[what] += 1

    def _page(self, prefix: str, token: str | None) -> bytes:
        """token: how many keys came before."""
        begun = int(token or 0)
        below = prefix.removeprefix("base/files/md5").strip("/")
        found = self._keys(below, begun)
        more = f"<NextContinuationToken>{begun + PAGE}</NextContinuationToken>" if len(found) > PAGE else ""
        rows = "".join(
            f"<Contents><Key>base/{name}</Key><Size>1</Size><ETag>x</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for name in found[:PAGE]
        )
        cut = "true" if more else "false"
        return f"<ListBucketResult><IsTruncated>{cut}</IsTruncated>{more}{rows}</ListBucketResult>".encode()

    def _keys(self, folder: str, begun: int) -> Sequence[str]:
        """A page of the keys in one folder, or in all of them, and one more if there is one."""
        if folder and len(folder) != 2:
            return ()
        numbers = range(int(folder, 16), self._size, 256) if folder else range(self._size)
        return [key(number) for number in numbers[begun : begun + PAGE + 1]]


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as server:
        yield server


def test_a_few_objects_are_asked_for_and_a_million_is_not_listed(server: Recorder) -> None:
    bucket = LargeBucket(server, 1_000_000)
    wanted = [key(number) for number in range(999_990, 1_000_010)]
    assert bucket.remote.exists(wanted) == set(wanted[:10])
    # One page without a key: is the bucket there at all?
    assert bucket.asked == {"questions": 20, "pages": 1}


@pytest.mark.parametrize(("size", "most"), [(0, 300), (100_000, 300), (1_000_000, 1_300)])
def test_a_hundred_thousand_are_not_asked_for_one_by_one(server: Recorder, size: int, most: int) -> None:
    bucket = LargeBucket(server, size)
    wanted = [key(10 * number) for number in range(100_000)]
    assert bucket.remote.exists(wanted) == {name for number, name in enumerate(wanted) if 10 * number < size}
    assert bucket.asked.total() <= most


def test_of_a_remote_so_large_that_listing_takes_longer_they_are(server: Recorder) -> None:
    """A look at one folder tells that, and is given up as soon as it does."""
    bucket = LargeBucket(server, 100_000_000)
    wanted = [key(number) for number in range(3_000)]
    assert bucket.remote.exists(wanted) == set(wanted)
    assert bucket.asked["pages"] < 20
    assert bucket.asked["questions"] <= 3_000
