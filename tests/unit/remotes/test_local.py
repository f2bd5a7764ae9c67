"""A directory as DVC remote, where things go wrong."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dvcexp import files
from dvcexp.remotes import local, open_remote
from dvcexp.remotes.base import (
    AccessDenied,
    CorruptTransfer,
    Download,
    ObjectMissing,
    RemoteFull,
    RemoteUnavailable,
    UnsupportedOption,
    Upload,
)
from dvcexp.remotes.local import LocalRemote

KEY = "files/md5/ab/" + "c" * 30


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return str(path)


@pytest.mark.parametrize(("size", "md5"), [(99, None), (7, "0" * 32)])
def test_what_is_not_what_was_planned_gets_no_name(tmp_path: Path, source: str, size: int, md5: str | None) -> None:
    """A cache file that is cut short, or written to, between the plan and the copy."""
    (outcome,) = LocalRemote("storage", str(tmp_path / "far")).upload([Upload(KEY, source, size, md5=md5)])
    assert isinstance(outcome.error, CorruptTransfer)
    assert source in outcome.error.message
    assert [path for path in (tmp_path / "far").rglob("*") if path.is_file()] == []


def test_a_full_disk_is_named_and_nothing_half_written_stays(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: str, target: str, *_: object, **__: object) -> tuple[int, str | None]:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "copy", full)
    with pytest.raises(RemoteFull, match=r"No space left on device") as caught:
        list(local.LocalRemote("storage", str(tmp_path / "r")).upload([Upload(KEY, source, 7)]))
    assert caught.value.hints == ("make room there, then run the same command again",)
    assert [path for path in (tmp_path / "r").rglob("*") if path.is_file()] == []


def test_a_full_disk_on_this_side_is_not_blamed_on_the_remote(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = local.LocalRemote("storage", str(tmp_path / "r"))
    list(remote.upload([Upload(KEY, source, 7)]))

    def full(source: str, target: str, *_: object, **__: object) -> tuple[int, str | None]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "copy", full)
    with pytest.raises(OSError, match="No space left") as caught:
        list(remote.download([Download(KEY, str(tmp_path / "target"))]))
    assert not isinstance(caught.value, RemoteFull)


def test_an_object_that_is_not_there_or_longer_than_it_may_be_leaves_no_file(tmp_path: Path, source: str) -> None:
    remote = local.LocalRemote("storage", str(tmp_path / "r"))
    list(remote.upload([Upload(KEY, source, 7)]))
    target = tmp_path / "target"
    other = KEY.replace("c", "d")
    found, missing = remote.download([Download(KEY, str(target), limit=6), Download(other, str(target))])
    assert isinstance(found.error, CorruptTransfer)
    assert isinstance(missing.error, ObjectMissing)
    assert not target.exists()


def test_a_source_that_vanishes_concerns_that_object_alone(tmp_path: Path, source: str) -> None:
    remote = local.LocalRemote("storage", str(tmp_path / "r"))
    gone = KEY.replace("c", "d")
    outcomes = {o.key: o for o in remote.upload([Upload(gone, str(tmp_path / "gone"), 1), Upload(KEY, source, 7)])}
    assert isinstance(outcomes[gone].error, RemoteUnavailable)
    assert outcomes[KEY].error is None
    assert remote.exists([KEY, gone]) == {KEY}


def test_something_that_is_no_folder_is_refused_with_its_path(tmp_path: Path, source: str) -> None:
    (tmp_path / "r").write_text("a file")
    with pytest.raises(RemoteUnavailable, match="storage"):
        list(local.LocalRemote("storage", str(tmp_path / "r")).upload([Upload(KEY, source, 7)]))


def test_a_folder_without_the_right_to_write_is_named(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(path: str, **_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "makedirs", deny)  # root, whom tests may run as, may write anywhere
    with pytest.raises(AccessDenied, match="Permission denied"):
        list(local.LocalRemote("storage", str(tmp_path / "r")).upload([Upload(KEY, source, 7)]))


def test_an_option_that_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOption, match="'region'"):
        open_remote("storage", str(tmp_path), {"region": "eu"})


def test_a_folder_that_vanishes_is_no_folder_without_objects(tmp_path: Path, source: str) -> None:
    remote = LocalRemote("storage", str(tmp_path / "r"))
    list(remote.upload([Upload(KEY, source, 7)]))
    (tmp_path / "r").rename(tmp_path / "away")
    other = KEY.replace("c", "d")
    for ask in (
        lambda: remote.exists([KEY]),
        lambda: list(remote.upload([Upload(other, source, 7)])),
        lambda: list(remote.download([Download(KEY, str(tmp_path / "target"))])),
        lambda: list(remote.list("")),
        remote.make_durable,
    ):
        with pytest.raises(RemoteUnavailable, match="was a share unmounted") as caught:
            ask()
        assert caught.value.hints[0].startswith(f"bring '{tmp_path}/r' back")
    assert not (tmp_path / "r").exists()
    (tmp_path / "away").rename(tmp_path / "r")
    assert remote.exists([KEY, other]) == {KEY}
