"""Cloud-versioned DVC remotes: each file by its recorded version, whatever lies at its path now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dvcexp.dvc.config import RemoteConfig
from dvcexp.dvc.objects import Entry, Object, dir_oid
from dvcexp.dvc.output import Member, Output
from dvcexp.remotes.base import Download, ObjectMissing, Outcome
from dvcexp.sync.demand import Use
from dvcexp.sync.versioned import Version, VersionedSource, listed_in_place, versions

A, B, C = "a" * 32, "b" * 32, "c" * 32
CONFIG = RemoteConfig("cloud", "s3://bucket/base", {"version_aware": "true"}, "here")


class Bucket:
    """Keeps every version of a path; answers a batch in reverse, as a pool may."""

    name, url = "cloud", "s3://bucket/base"

    def __init__(self, contents: dict[tuple[str, str | None], bytes]) -> None:
        self.contents = contents
        self.batches = 0

    def download(self, downloads: Iterable[Download]) -> Iterator[Outcome]:
        self.batches += 1
        for wanted in reversed(list(downloads)):
            content = self.contents[wanted.key, wanted.version]
            Path(wanted.target).write_bytes(content)
            yield Outcome(wanted.key, len(content))


def use(path: str, oid: str, *members: Member, root: str = ".") -> Use:
    return Use("commit", root, Output(path, "dvc.yaml", Object(oid), members=members or None))


def test_versions_lie_under_the_paths_of_outputs_below_their_root() -> None:
    uses = [
        use("sub/model", A, Member("", A, 1, "cloud", "v1"), root="sub"),
        use("out", f"{C}.dir", Member("x/y", B, 1, "cloud", "v2"), Member("z", C, 1, "other", "v3")),
        use("plain", C),
    ]
    assert versions(uses, CONFIG) == {Object(A).key: Version("model", "v1"), Object(B).key: Version("out/x/y", "v2")}


def test_two_versions_of_one_path_are_both_read_and_an_unrecorded_object_is_missing(tmp_path: Path) -> None:
    bucket = Bucket({("m", "1"): b"one", ("m", "2"): b"two", ("n", "1"): b"other"})
    recorded = {"ka": Version("m", "1"), "kb": Version("m", "2"), "kc": Version("n", "1")}
    source = VersionedSource(bucket, recorded)  # type: ignore[arg-type]
    outcomes = {o.key: o for o in source.download(Download(k, str(tmp_path / k)) for k in ("ka", "kb", "kc", "kd"))}
    assert isinstance(outcomes["kd"].error, ObjectMissing)
    assert {k: (tmp_path / k).read_bytes() for k in ("ka", "kb", "kc")} == {"ka": b"one", "kb": b"two", "kc": b"other"}
    assert bucket.batches == 2


def test_a_directory_listed_in_place_gives_its_manifest() -> None:
    entries = [Entry("x", A), Entry("y", B)]
    found = listed_in_place(use("out", dir_oid(entries), *(Member(e.relpath, e.md5, 1, None, "v") for e in entries)))
    assert found == entries
    assert listed_in_place(use("out", f"{A}.dir")) is None


def test_either_option_makes_a_remote_versioned() -> None:
    assert CONFIG.is_versioned
    assert CONFIG.__class__("w", "s3://b", {"worktree": "True"}, "here").is_versioned
    assert not CONFIG.__class__("w", "s3://b", {"version_aware": "false"}, "here").is_versioned
