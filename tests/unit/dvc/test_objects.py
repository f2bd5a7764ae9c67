"""Object ids, keys, and manifests that must not be used. Bytes and digests are held to DVC's in tests/compat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dvcexp.dvc.objects import LEGACY, Entry, Object, UnsafeManifest, check_relpath, dir_oid, is_oid, parse_manifest

A = "a" * 32
OID = f"{A}.dir"


def test_where_objects_lie() -> None:
    assert Object(A).key == f"files/md5/aa/{'a' * 30}"
    assert Object(OID).key == f"files/md5/aa/{'a' * 30}.dir"
    assert Object(OID, LEGACY).key == f"aa/{'a' * 30}.dir"
    assert (Object(A).is_dir, Object(OID).is_dir) == (False, True)


@pytest.mark.parametrize("text", [A, OID])
def test_an_oid(text: str) -> None:
    assert is_oid(text)


@pytest.mark.parametrize(
    "text", ["", "a" * 31, "a" * 33, A.upper(), f"{A}\n", f"{OID}\n", f"{A}.dirx", f"../{A}", "g" * 32, "٣" * 32]
)
def test_no_oid(text: str) -> None:
    assert not is_oid(text)


def test_the_ids_of_two_directories_known_by_heart() -> None:
    assert dir_oid([]) == "d751713988987e9331980363e24189ce.dir"
    assert dir_oid([Entry("x", "c55175b1f5c81bcba8964ea7afd7d522")]) == "92dc313362f13682e73965956bf7b8ba.dir"


@pytest.mark.parametrize("relpath", ["a", "a/b", ".a", "...", "..a", "a..", "a/..b", "a\\b", "C:x", "a b", "é", "\n"])
def test_a_path_that_stays_in_its_folder(relpath: str) -> None:
    assert check_relpath(relpath) is None
    assert parse_manifest(json.dumps([{"md5": A, "relpath": relpath}]).encode(), OID) == [Entry(relpath, A)]


@pytest.mark.parametrize(
    "relpath",
    ["", "/", "/a", "..", ".", "../a", "a/..", "a/../b", "./a", "a/./b", "a//b", "a/", "a/..\0", "a\0b", "\ud800"],
)
def test_a_path_that_must_not_be_written(relpath: str) -> None:
    assert check_relpath(relpath) is not None
    rows = [{"md5": A, "relpath": f"fine{number}"} for number in range(3)] + [{"md5": A, "relpath": relpath}]
    with pytest.raises(UnsafeManifest) as caught:
        parse_manifest(json.dumps(rows).encode(), OID)
    assert caught.value.oid == OID
    assert OID in caught.value.message


@pytest.mark.parametrize("relpath", ["a\\b", "..\\a", "C:x", "C:\\x", "aux:"])
def test_a_path_that_windows_would_take_for_another(relpath: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.name", "nt")
    assert check_relpath(relpath) is not None


@pytest.mark.parametrize("md5", ["", "a", A.upper(), OID, f"{A}\n", 5, None, [A], "../../" + "a" * 26])
def test_an_entry_whose_hash_is_none(md5: Any) -> None:
    with pytest.raises(UnsafeManifest):
        parse_manifest(json.dumps([{"md5": A, "relpath": "b"}, {"md5": md5, "relpath": "a"}]).encode(), OID)


NOTHINGS = rb"""
{} | 1 | null | [1] | [null] | [[]] | [{}] | ["ab"] | [{"md5": "x"}] | [{"md5": "x", "relpath": 1}] | [
"""


@pytest.mark.parametrize("data", [*NOTHINGS.strip().split(b" | "), b"", b"\xff", b"[" * 200_000, b"9" * 5000])
def test_what_is_no_manifest_at_all(data: bytes) -> None:
    with pytest.raises(UnsafeManifest, match="not a directory's manifest"):
        parse_manifest(data, OID)


def test_a_manifest_larger_than_any_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvcexp.dvc.objects.MAX_MANIFEST_SIZE", 10)
    with pytest.raises(UnsafeManifest, match="11 bytes is more than anybody wrote"):
        parse_manifest(b"[" + b" " * 10, OID)
