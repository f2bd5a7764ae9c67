"""Meters in Git's look, by a clock that the test sets."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from dvcexp.progress import Phase, Progress

MIB = 1 << 20


class Clock:
    """Seconds, as the test has them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def phase(clock: Clock, shown: io.StringIO) -> Callable[..., Phase]:
    def make(total: int | None = 20, title: str = "Uploading objects", delay: float = 1.0) -> Phase:
        return Phase(title, total, shown, delay=delay, clock=clock)

    return make


def rows(shown: io.StringIO) -> list[str]:
    """Each row as it was written; the last of a meter with its newline."""
    return [row for row in shown.getvalue().split("\r") if row]


def test_what_takes_less_than_a_second_is_not_shown(
    phase: Callable[..., Phase], clock: Clock, shown: io.StringIO
) -> None:
    with phase() as meter:
        for _ in range(20):
            clock.now += 0.049
            meter.advance(1, MIB)
    assert shown.getvalue() == ""


def test_percent_counts_bytes_and_rate_are_gits(phase: Callable[..., Phase], clock: Clock, shown: io.StringIO) -> None:
    with phase() as meter:
        clock.now = 2
        meter.advance(9, 3 * MIB)
        clock.now = 4
        meter.advance(11, MIB)
    assert rows(shown) == [
        "Uploading objects:  45% (9/20), 3.00 MiB | 1.50 MiB/s",
        "Uploading objects: 100% (20/20), 4.00 MiB | 1.00 MiB/s",
        "Uploading objects: 100% (20/20), 4.00 MiB | 1.00 MiB/s, done.\n",
    ]


def test_a_row_is_written_at_a_new_percent_and_once_a_second_at_most(
    phase: Callable[..., Phase], clock: Clock, shown: io.StringIO
) -> None:
    with phase(1000) as meter:
        clock.now = 1
        meter.advance(1)
        assert rows(shown)[-1] == "Uploading objects:   0% (1/1000)"
        meter.advance(8)
        assert len(rows(shown)) == 1
        meter.advance(1)
        assert rows(shown)[-1] == "Uploading objects:   1% (10/1000)"
        clock.now = 2
        meter.advance(1)
        assert rows(shown)[-1] == "Uploading objects:   1% (11/1000)"


def test_bytes_of_one_large_object_are_seen_on_their_way(
    phase: Callable[..., Phase], clock: Clock, shown: io.StringIO
) -> None:
    with phase(1) as meter:
        going = meter.transit()
        clock.now = 1
        going(2 * MIB)
        assert rows(shown)[-1] == "Uploading objects:   0% (0/1), 2.00 MiB | 2.00 MiB/s"
        clock.now = 3
        going(2 * MIB)
        assert rows(shown)[-1] == "Uploading objects:   0% (0/1), 4.00 MiB | 1.33 MiB/s"
        meter.advance(1, 3 * MIB, going)  # a part had to go twice
    assert rows(shown)[-1] == "Uploading objects: 100% (1/1), 3.00 MiB | 1.00 MiB/s, done.\n"


def test_the_rate_is_that_of_the_last_seconds(phase: Callable[..., Phase], clock: Clock, shown: io.StringIO) -> None:
    with phase(100) as meter:
        for second in range(1, 31):
            clock.now = second
            meter.advance(1, MIB if second < 20 else 3 * MIB)
        assert rows(shown)[-1].endswith("| 3.00 MiB/s")


def test_a_shorter_row_leaves_nothing_of_the_longer(
    phase: Callable[..., Phase], clock: Clock, shown: io.StringIO
) -> None:
    with phase(None, "Comparing files") as meter:
        clock.now = 1
        going = meter.transit()
        going(1000)
        meter.advance(1, 1, going)
        clock.now = 2
        meter.advance()
    first, second, last = rows(shown)
    assert first == "Comparing files: 0, 1000 bytes | 1000 bytes/s"
    assert second.rstrip(" ") == "Comparing files: 2, 1 byte | 0 bytes/s"
    assert len(second) == len(first)
    assert last.rstrip(" \n") == "Comparing files: 2, 1 byte | 0 bytes/s, done."


def test_what_fails_is_not_done(phase: Callable[..., Phase], clock: Clock, shown: io.StringIO) -> None:
    def fail() -> None:
        with phase() as meter:
            clock.now = 1
            meter.advance(5)
            raise OSError

    with pytest.raises(OSError):
        fail()
    assert rows(shown) == ["Uploading objects:  25% (5/20)", "Uploading objects:  25% (5/20)\n"]


def test_a_row_that_is_too_long_is_split_as_gits(phase: Callable[..., Phase], clock: Clock, shown: io.StringIO) -> None:
    title = "Checking DVC remote 'a-name-that-somebody-found-for-the-storage-of-all'"
    with phase(20, title) as meter:
        clock.now = 1
        meter.advance(5)
        meter.advance(5)
    assert rows(shown) == [f"{title}:\n", "   25% (5/20)", "   50% (10/20)", "   50% (10/20), done.\n"]


def test_a_terminal_that_has_gone_stops_nobody(clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("gone") / "terminal"
    stream = path.open("w")
    with Phase("Uploading objects", 2, stream, delay=0, clock=clock) as meter:
        meter.advance()
        stream.close()
        meter.advance()
    assert path.read_bytes().endswith(b"\rUploading objects:  50% (1/2)")


@pytest.mark.parametrize(("delay", "row"), [("0", True), ("1000", False), ("soon", False), ("", False)])
def test_gits_own_variable_says_when_a_meter_appears(
    delay: str, row: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_PROGRESS_DELAY", delay)
    with Progress(show=True).phase("Reading experiments", 1) as meter:
        meter.advance()
    assert ("Reading experiments: 100% (1/1), done.\n" in capsys.readouterr().err) is row


def test_without_a_stream_nothing_is_counted() -> None:
    with Progress(show=False).phase("Uploading objects", 1) as meter:
        going = meter.transit()
        going(5)
        meter.advance(1, 5, going)
    assert going.size == 0
