"""Files appear under their final names whole, in batches, with DVC's modes."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dvcexp import files


@pytest.mark.parametrize("size", [0, 1, 70_000, files._SMALL, files._SMALL + 1, 3 * files._SMALL])
def test_a_copy_is_equal_read_only_and_its_md5_is_right_where_told(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    assert files.copy(str(tmp_path / "a"), str(tmp_path / "b")) in (
        (size, hashlib.md5(content).hexdigest()),
        (size, None),
    )
    assert (tmp_path / "b").read_bytes() == content
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o444
    assert files.hash_file(str(tmp_path / "b"), hashlib.md5()) == hashlib.md5(content).hexdigest()


def test_a_large_copy_works_where_the_kernel_has_no_fast_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    monkeypatch.setattr(os, "sendfile", refuse)
    content = os.urandom(3 * files._SMALL + 5)
    (tmp_path / "a").write_bytes(content)
    assert files.copy(str(tmp_path / "a"), str(tmp_path / "b")) == (len(content), None)
    assert (tmp_path / "b").read_bytes() == content


def test_staged_files_get_their_names_at_commit_and_not_before(tmp_path: Path) -> None:
    final = tmp_path / "files" / "md5" / "ab" / "c"
    with files.Staging(files.Base(str(tmp_path))) as staging:
        temporary = staging.temporary(str(final))
        Path(temporary).write_bytes(b"x")
        staging.keep(temporary, str(final), 1)
        assert not final.exists()
    assert final.read_bytes() == b"x"
    assert os.listdir(final.parent) == ["c"]


def test_what_was_kept_survives_an_error_and_what_was_not_goes(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), files.Staging(files.Base(str(tmp_path))) as staging:
        for name in ("whole", "half"):
            temporary = staging.temporary(str(tmp_path / name))
            Path(temporary).write_bytes(b"x")
            if name == "whole":
                staging.keep(temporary, str(tmp_path / name), 1)
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["whole"]


def test_one_that_somebody_removes_is_told_and_the_others_get_their_names(tmp_path: Path) -> None:
    """`dvc gc` takes temporary files away."""
    with pytest.raises(FileNotFoundError), files.Staging(files.Base(str(tmp_path))) as staging:
        for name in ("a", "b", "c"):
            temporary = staging.temporary(str(tmp_path / name))
            if name != "a":
                Path(temporary).write_bytes(b"x")
            staging.keep(temporary, str(tmp_path / name), 1)
    assert sorted(os.listdir(tmp_path)) == ["b", "c"]


def test_what_could_not_be_flushed_gets_no_name_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells of a failed write once: the next flush would say that all is well."""
    answers = iter([OSError(5, "input/output error")])

    def flush(_: str) -> None:
        for error in answers:
            raise error

    monkeypatch.setattr(files, "flush_file_system", flush)
    with pytest.raises(OSError, match="input/output"), files.Staging(files.Base(str(tmp_path))) as staging:
        temporary = staging.temporary(str(tmp_path / "a"))
        Path(temporary).write_bytes(b"x")
        staging.keep(temporary, str(tmp_path / "a"), 1)
        staging.commit()
    assert os.listdir(tmp_path) == []


def test_a_full_batch_is_committed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.Staging, "BATCH_FILES", 2)
    flushed: list[str] = []
    monkeypatch.setattr(files, "flush_file_system", flushed.append)
    with files.Staging(files.Base(str(tmp_path))) as staging:
        for name in ("a", "b", "c"):
            temporary = staging.temporary(str(tmp_path / name))
            Path(temporary).write_bytes(b"x")
            staging.keep(temporary, str(tmp_path / name), 1)
        assert sorted(n for n in os.listdir(tmp_path) if not n.startswith(".")) == ["a", "b"]
    assert len(flushed) == 2


def test_shared_folders_are_for_the_group_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        with files.Staging(files.Base(str(tmp_path)), shared=True) as staging:
            staging.temporary(str(tmp_path / "x" / "y" / "z"))
    finally:
        os.umask(old)
    assert [stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "x", tmp_path / "x" / "y")] == [0o2775, 0o2775]


@pytest.mark.parametrize("count", [3, files._LIST_FROM + 10])
def test_existing_finds_files_by_asking_and_by_listing(tmp_path: Path, count: int) -> None:
    keys = {f"files/md5/{i % 256:02x}/{i:030x}" for i in range(count)}
    there = {key for key in keys if int(key[-1], 16) % 2}
    for key in there:
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert files.existing(str(tmp_path), keys) == there
    assert {key for key, _ in files.walk(str(tmp_path), "files/md5/")} == there
    assert files.existing(str(tmp_path / "nowhere"), keys) == set()


class TestVanishing:
    """A folder goes away while it is in use; `empty`: another one is there by its name."""

    @pytest.fixture(params=["gone", "empty", "removed"])
    def vanish(self, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], None]:
        def vanish() -> None:
            if request.param == "removed":
                shutil.rmtree(tmp_path / "base")
                return
            (tmp_path / "base").rename(tmp_path / "away")
            if request.param == "empty":
                (tmp_path / "base").mkdir()

        return vanish

    def test_nothing_is_begun_and_nothing_named_in_its_place(self, tmp_path: Path, vanish: Callable[[], None]) -> None:
        base = files.Base(str(tmp_path / "base"))
        with pytest.raises(OSError, match=r"No such file|unmounted"), files.Staging(base) as staging:
            first = staging.temporary(f"{base.path}/files/md5/aa/b")
            Path(first).write_bytes(b"x")
            staging.keep(first, f"{base.path}/files/md5/aa/b", 1)
            vanish()
            Path(staging.temporary(f"{base.path}/files/md5/cc/d")).write_bytes(b"x")
        assert list((tmp_path / "base").rglob("*")) == []
        with pytest.raises(files.Vanished, match="was a share unmounted"):
            base.check()
        assert isinstance(base.reason(FileNotFoundError()), files.Vanished)

    def test_one_that_was_never_there_is_made(self, tmp_path: Path) -> None:
        base = files.Base(str(tmp_path / "new" / "base"))
        assert not base.hold()
        base.check()
        base.make(f"{base.path}/files/md5")
        assert base.hold()
        base.check()
        error = PermissionError()
        assert base.reason(error) is error


def test_a_file_system_that_fails_is_not_one_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share whose server has gone answers ENOTCONN; os.path.isfile takes that for no."""

    def fail(path: str) -> os.stat_result:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), path)

    monkeypatch.setattr(os, "stat", fail)
    with pytest.raises(OSError, match="not connected"):
        files.existing(str(tmp_path), ["files/md5/ab/c"])
