"""Notes that several commands change at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dvcexp.notes import Note


def test_two_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second begins when the first has read what it is about to write over."""
    first, second = Note(str(tmp_path), "pending"), Note(str(tmp_path), "pending")
    read = first.read
    rival = threading.Thread(target=second.add, args=(["of the second"],))

    def then_comes_the_second() -> set[str]:
        found = read()
        rival.start()
        rival.join(0.2)  # it would be through by now, if nothing held it
        return found

    monkeypatch.setattr(first, "read", then_comes_the_second)
    first.add(["of the first"])
    rival.join()
    assert second.read() == {"of the first", "of the second"}


def test_they_are_changed_where_no_lock_can_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    note = Note(str(tmp_path), "removed")
    note.add(["a", "b"])
    note.remove(["a"])
    assert note.read() == {"b"}


def test_one_that_cannot_be_written_is_as_good_as_deleted(tmp_path: Path) -> None:
    (tmp_path / "dvcexp").write_text("a file where a folder should be")
    note = Note(str(tmp_path), "followed")
    note.add(["a"])
    assert note.read() == set()
