"""`git exp fsck`: what is damaged is found, and mended without losing anything."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.handmade import assert_whole, object_path, oids
from tests.support.sharing import Sharing, cached, exp
from tests.support.shell import git
from tests.support.team import Team, dvc_file, put


@pytest.fixture
def team(tmp_path: Path) -> Sharing:
    """Both experiments are shared."""
    team = Sharing(tmp_path, helper=False)
    exp("push", "-q", "origin", "-A", cwd=team.alice)
    return team


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def spoil(cache: Path, oid: str, content: bytes = b"rotten", *, mode: int = 0o444) -> Path:
    """Other content under an object's name."""
    path = object_path(cache, oid)
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def findings(repository: Path, *args: str) -> list[dict[str, Any]]:
    done = exp("fsck", "--json", *args, cwd=repository, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def manifest_of(team: Sharing, names: dict[str, bytes]) -> str:
    return md5(json.dumps([{"md5": md5(data), "relpath": name} for name, data in names.items()]).encode()) + ".dir"


class TestWhole:
    def test_says_what_was_checked_and_nothing_else(self, team: Sharing) -> None:
        done = exp("fsck", cwd=team.alice)
        size = sum(path.stat().st_size for path in team.project.cache.rglob("files/md5/*/*"))
        used = size - len(b"untrained")  # the baseline's model is of no experiment
        assert (done.stdout, done.stderr) == ("", f"dvcexp: checked 7 objects ({used} bytes), all of them whole\n")

    def test_of_no_experiments_says_so(self, team: Sharing) -> None:
        exp("remove", "-A", cwd=team.alice)
        assert exp("fsck", cwd=team.alice).stderr == "dvcexp: there are no experiments to check\n"

    def test_other_commits_are_checked_by_their_names(self, team: Sharing) -> None:
        spoil(team.project.cache, md5(b"untrained"))
        assert exp("fsck", cwd=team.alice).code == 0
        done = exp("fsck", "--no-repair", "HEAD", "a", cwd=team.alice, check=False)
        assert (done.code, done.stdout) == (1, f"damaged {md5(b'untrained')}: 'model.bin' of 'HEAD'\n")
        unknown = exp("fsck", "nope", cwd=team.alice, check=False)
        assert unknown.stderr.startswith("error: 'nope' is neither a revision nor an experiment\n")

    def test_legacy_objects_are_judged_by_their_own_rule(self, tmp_path: Path) -> None:
        project = Team(tmp_path).project()
        oid = put(project.cache, b"a\r\nb\r\n", legacy=True)
        assert oid == md5(b"a\nb\n")
        project.experiment("old", {"m.dvc": dvc_file("m", oid, legacy=True)})
        assert exp("fsck", cwd=project.path).code == 0
        path = project.cache / oid[:2] / oid[2:]
        path.chmod(0o644)
        path.write_bytes(b"a\r\nc\r\n")
        path.chmod(0o444)
        assert [found["state"] for found in findings(project.path, "--no-repair")] == ["damaged"]


class TestRepair:
    def test_what_is_damaged_or_missing_is_fetched_again(self, team: Sharing) -> None:
        before = cached(team.alice)
        spoil(team.project.cache, md5(b"model a"))
        spoil(team.project.cache, md5(b"same"))
        object_path(team.project.cache, md5(b"model b")).unlink()
        done = exp("fsck", cwd=team.alice)
        assert sorted(done.stdout.splitlines()) == sorted(
            [
                f"damaged {md5(b'same')}: 'out/x' of 'a', 'b', fetched again",
                f"damaged {md5(b'model a')}: 'model.bin' of 'a', fetched again",
                f"missing {md5(b'model b')}: 'model.bin' of 'b', fetched",
            ]
        )
        assert done.stderr.splitlines()[-1] == "dvcexp: checked 6 objects (258 bytes): 3 mended"
        assert cached(team.alice) == before
        assert_whole(team.project.cache)

    @pytest.mark.parametrize("content", [b"not a manifest", b'[{"md5": "../../x", "relpath": "../x"}]'])
    def test_a_damaged_manifest_and_what_it_hides(self, team: Sharing, content: bytes) -> None:
        spoil(team.project.cache, manifest_of(team, {"x": b"same", "y": b"a"}), content)
        spoil(team.project.cache, md5(b"a"))
        object_path(team.project.cache, md5(b"same")).unlink()
        done = exp("fsck", "a", cwd=team.alice)
        assert [line.split()[0] for line in done.stdout.splitlines()].count("damaged") == 2
        assert_whole(team.project.cache)

    def test_without_repair_nothing_is_touched(self, team: Sharing) -> None:
        path = spoil(team.project.cache, md5(b"model a"))
        object_path(team.project.cache, md5(b"model b")).unlink()
        done = exp("fsck", "--no-repair", cwd=team.alice, check=False)
        assert done.code == 1
        assert path.read_bytes() == b"rotten"
        assert md5(b"model b") not in cached(team.alice)
        assert done.stderr.endswith(
            "error: some data of experiments is not whole here\nhint: to fetch it from the DVC remote: git exp fsck\n"
        )

    def test_what_nobody_has_is_moved_aside_and_named(self, team: Sharing) -> None:
        oid = md5(b"model a")
        spoil(team.project.cache, oid)
        object_path(team.storage, oid).unlink()
        aside = team.project.cache / "damaged" / oid
        (found,) = findings(team.alice)
        assert found == {
            "state": "damaged",
            "hash": "md5",
            "oid": oid,
            "place": str(object_path(team.project.cache, oid)),
            "mended": False,
            "cause": "not on DVC remote 'storage'",
            "kept": str(aside),
            "uses": [{"ref": team.a, "path": "model.bin"}],
        }
        assert aside.read_bytes() == b"rotten"
        assert oid not in cached(team.alice)
        done = exp("fsck", cwd=team.alice, check=False)
        assert done.stdout == f"missing {oid}: 'model.bin' of 'a', not on DVC remote 'storage'\n"
        assert done.code == 1

    def test_a_file_that_could_be_edited_is_kept_beside_the_whole_one(self, team: Sharing) -> None:
        oid = md5(b"model a")
        spoil(team.project.cache, oid, b"edited through a link", mode=0o644)
        (found,) = findings(team.alice)
        assert (found["mended"], found["kept"]) == (True, str(team.project.cache / "damaged" / oid))
        assert (team.project.cache / "damaged" / oid).read_bytes() == b"edited through a link"
        assert object_path(team.project.cache, oid).read_bytes() == b"model a"

    def test_where_the_dvc_remote_cannot_be_reached_all_stays_as_it_is(self, team: Sharing) -> None:
        path = spoil(team.project.cache, md5(b"model a"))
        config = team.alice / ".dvc" / "config"
        team.storage.rename(team.base / "away")  # the experiment's own configuration still names it
        config.write_text(config.read_text().replace(str(team.storage), "http://127.0.0.1:1/nobody/listens"))
        (found,) = findings(team.alice)
        assert (found["mended"], found["kept"]) == (False, None)
        assert "http://127.0.0.1:1" in found["cause"]
        assert path.read_bytes() == b"rotten"

    def test_a_corrupt_object_on_the_remote_does_not_replace_anything(self, team: Sharing) -> None:
        path = spoil(team.project.cache, md5(b"model a"))
        spoil(team.storage, md5(b"model a"), b"rotten there too")
        (found,) = findings(team.alice)
        assert "content does not match its hash" in found["cause"]
        assert path.read_bytes() == b"rotten"

    def test_objects_that_can_be_written_to_are_made_read_only(self, team: Sharing) -> None:
        path = object_path(team.project.cache, md5(b"model a"))
        path.chmod(0o644)
        done = exp("fsck", "--no-repair", cwd=team.alice)
        assert done.stdout == f"writable {md5(b'model a')}: 'model.bin' of 'a'\n"
        assert exp("fsck", cwd=team.alice).stdout == f"writable {md5(b'model a')}: 'model.bin' of 'a', made read-only\n"
        assert path.stat().st_mode & 0o777 == 0o444
        assert exp("fsck", cwd=team.alice).stdout == ""

    def test_what_is_excluded_from_fetching_is_not_missing_but_may_be_damaged(self, team: Sharing) -> None:
        git("config", "dvcexp.fetchExclude", "model.bin", cwd=team.alice)
        object_path(team.project.cache, md5(b"model a")).unlink()
        assert exp("fsck", cwd=team.alice).stdout == ""
        spoil(team.project.cache, md5(b"model b"))
        (found,) = findings(team.alice, "b")
        assert (found["oid"], found["kept"] is not None) == (md5(b"model b"), True)

    def test_outputs_that_are_never_pushed_are_checked_and_not_missed(self, tmp_path: Path) -> None:
        project = Team(tmp_path).project()
        project.with_output("e", b"private", flags="  push: false\n")
        path = object_path(project.cache, md5(b"private"))
        spoil(project.cache, md5(b"private"))
        (found,) = findings(project.path)
        assert (found["state"], found["kept"] is not None, path.exists()) == ("damaged", True, False)
        assert exp("fsck", cwd=project.path).stdout == ""

    def test_a_fetch_after_it_brings_what_it_found_missing(self, team: Sharing) -> None:
        bob = team.clone("bob")
        git("config", "remote.origin.vcs", "dvcexp", cwd=bob)
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
        object_path(bob / ".dvc" / "cache", md5(b"model a")).unlink()
        exp("fsck", "--no-repair", cwd=bob, check=False)
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
        assert exp("fsck", "--no-repair", cwd=bob).code == 0

    def test_a_bare_repository_has_nothing_to_check(self, team: Sharing) -> None:
        done = exp("fsck", cwd=team.host, check=False)
        assert done.stderr.startswith("error: a bare repository has no cache to check\n")


class TestRemote:
    def test_a_file_of_a_directory_that_is_there_is_missed_all_the_same(self, team: Sharing) -> None:
        object_path(team.storage, md5(b"same")).unlink()
        assert exp("fsck", cwd=team.alice).code == 0
        done = exp("fsck", "--remote", "a", cwd=team.alice, check=False)
        assert done.stdout == f"absent {md5(b'same')}: 'out/x' of 'a', not on DVC remote 'storage'\n"
        assert done.stderr.endswith("hint: to upload what is here: git exp fsck --push\n")
        assert done.code == 1
        done = exp("fsck", "--push", cwd=team.alice)
        assert done.stdout == f"absent {md5(b'same')}: 'out/x' of 'a', 'b', uploaded\n"
        assert exp("fsck", "--remote", cwd=team.alice).stdout == ""
        assert_whole(team.storage)

    def test_a_directory_is_uploaded_only_with_all_its_files(self, team: Sharing) -> None:
        manifest = manifest_of(team, {"x": b"same", "y": b"a"})
        for oid in (manifest, md5(b"a")):
            object_path(team.storage, oid).unlink()
        object_path(team.project.cache, md5(b"a")).unlink()
        found = {found["oid"]: found for found in findings(team.alice, "--push", "a") if found["state"] == "absent"}
        assert found.keys() == {manifest, md5(b"a")}
        assert found[md5(b"a")]["cause"] == "nor is it here"
        assert manifest not in oids(team.storage)

    @pytest.mark.parametrize("option", ["--remote=other", "-rother"])
    def test_another_remote_by_name(self, team: Sharing, option: str) -> None:
        config = team.alice / ".dvc" / "config"
        config.write_text(config.read_text() + f"['remote \"other\"']\n    url = {team.base / 'other'}\n")
        done = exp("fsck", option, "a", cwd=team.alice, check=False)
        assert done.code == 1
        assert {line.rpartition(" ")[2] for line in done.stdout.splitlines()} == {"'other'"}
        assert exp("fsck", "--rem", "a", cwd=team.alice).code == 0

    def test_without_a_dvc_remote_says_so(self, tmp_path: Path) -> None:
        project = Team(tmp_path).project(storage=None)
        project.with_output("e", b"data")
        assert exp("fsck", cwd=project.path).code == 0
        done = exp("fsck", "--remote", cwd=project.path, check=False)
        assert (done.code, done.stderr.splitlines()[0]) == (1, "error: no DVC remote is configured")

    def test_without_a_dvc_remote_asks_where_pushes_go(self, tmp_path: Path) -> None:
        """Into the cache beside the Git remote."""
        project = Team(tmp_path).project(storage=None)
        project.with_output("e", b"data")
        git("clone", "-q", project.path, tmp_path / "bob", cwd=tmp_path)
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=tmp_path / "bob")
        exp("fetch", "-q", cwd=tmp_path / "bob")
        assert exp("fsck", "--remote", cwd=tmp_path / "bob").code == 0
        object_path(project.path / ".dvc" / "cache", md5(b"data")).unlink()
        done = exp("fsck", "--remote", cwd=tmp_path / "bob", check=False)
        assert done.code == 1
        assert "not on DVC remote 'cache of origin'" in done.stdout
