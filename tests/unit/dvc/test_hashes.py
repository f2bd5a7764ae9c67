"""What is noted of files counts until they are touched."""

from __future__ import annotations

import os
from pathlib import Path

from dvcexp.dvc.hashes import Hashes

MD5 = "0" * 32


def noted(tmp_path: Path, *, later: float) -> tuple[Path, Path]:
    """A file and the notes on it, written `later` seconds after it was last touched."""
    data, notes = tmp_path / "data", tmp_path / "notes"
    data.write_bytes(b"one")
    hashes = Hashes(str(notes))
    hashes.note("a b/data", data.stat(), MD5)
    hashes.save()
    when = data.stat().st_ctime + later
    os.utime(notes, (when, when))
    return data, notes


def test_a_file_that_nobody_touched_is_known(tmp_path: Path) -> None:
    data, notes = noted(tmp_path, later=5)
    assert Hashes(str(notes)).get("a b/data", data.stat()) == MD5
    assert Hashes(str(notes)).get("data", data.stat()) is None


def test_a_change_of_the_same_size_is_seen_though_its_time_was_set_back(tmp_path: Path) -> None:
    data, notes = noted(tmp_path, later=5)
    before = data.stat()
    data.write_bytes(b"two")
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (data.stat().st_size, data.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert Hashes(str(notes)).get("a b/data", data.stat()) is None


def test_what_was_noted_in_the_same_tick_may_have_changed_since(tmp_path: Path) -> None:
    data, notes = noted(tmp_path, later=0.1)
    assert Hashes(str(notes)).get("a b/data", data.stat()) is None


def test_notes_that_make_no_sense_are_passed_over(tmp_path: Path) -> None:
    data, notes = noted(tmp_path, later=5)
    notes.write_bytes(notes.read_bytes() + b"\nnonsense\n" + b"x" * 32 + b" 1 b c d\n\xff\n")
    os.utime(notes, (data.stat().st_ctime + 5,) * 2)
    assert Hashes(str(notes)).get("a b/data", data.stat()) == MD5
    notes.write_bytes(b"of another version\n")
    assert Hashes(str(notes)).get("a b/data", data.stat()) is None


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_time(tmp_path: Path) -> None:
    hashes = Hashes(str(tmp_path / "nowhere" / "notes"))
    hashes.note("data", tmp_path.stat(), MD5)
    hashes.save()
