"""`git exp status`, `env`, and `push --dry-run`: where experiments stand, with nothing moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.handmade import object_path, oids
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import git, sh


@pytest.fixture
def team(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=False)


def rows(repository: Path, *args: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in exp("status", "--json", *args, cwd=repository).stdout.splitlines()]


def lose(team: Sharing, content: bytes) -> None:
    """Take the object with this content out of the cache."""
    for oid in cached(team.alice):
        path = object_path(team.project.cache, oid)
        if path.read_bytes() == content:
            path.unlink()


class TestStatus:
    def test_tells_what_is_shared_and_what_is_not(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "a", cwd=team.alice)
        baseline = git("rev-parse", "--short=7", "HEAD", cwd=team.alice)
        done = exp("status", cwd=team.alice)
        assert done.stdout == (
            "experiment  baseline  data here  on 'origin'  data on DVC remote\n"
            f"a           {baseline}   complete   up to date   complete\n"
            f"b           {baseline}   complete   not there    3 missing\n"
        )
        assert done.stderr == ""

    def test_counts_what_a_native_fetch_left_out(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "-A", cwd=team.alice)
        bob = team.clone("bob")
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
        assert [row["missing"] for row in rows(bob)] == [2, 2]
        exp("fetch", "-q", "a", cwd=bob)
        # of b only the model and the manifest are missing now, for its directory's files are not known yet
        assert {row["ref"]: row["missing"] for row in rows(bob)} == {team.a: 0, team.b: 2}
        exp("fetch", "-q", cwd=bob)
        assert rows(bob) == [
            {"ref": ref, "missing": 0, "git_remote": "up to date", "unsent": 0, "problem": None}
            for ref in experiments(bob)
        ]

    def test_tells_apart_what_has_gone_on_and_what_has_diverged(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "-A", cwd=team.alice)
        for ref, parent in ((team.a, team.a), (team.b, f"{team.b}^")):
            tip = git("commit-tree", "-p", parent, "-m", "more", f"{ref}^{{tree}}", cwd=team.alice)
            git("update-ref", ref, tip, cwd=team.alice)
        assert [row["git_remote"] for row in rows(team.alice)] == ["behind", "diverged"]

    def test_offline_asks_nobody(self, team: Sharing) -> None:
        shutil.rmtree(team.host)
        shutil.rmtree(team.storage)
        lose(team, b"model a")
        assert rows(team.alice, "--offline") == [
            {"ref": team.a, "missing": 1, "git_remote": None, "unsent": None, "problem": None},
            {"ref": team.b, "missing": 0, "git_remote": None, "unsent": None, "problem": None},
        ]

    def test_of_an_unreachable_git_remote_shows_the_rest(self, team: Sharing) -> None:
        shutil.rmtree(team.host)
        done = exp("status", cwd=team.alice)
        assert "warning: cannot list the experiments of Git remote 'origin'" in done.stderr
        assert [line.split()[0] for line in done.stdout.splitlines()] == ["experiment", "a", "b"]

    def test_without_a_dvc_remote_says_so(self, team: Sharing) -> None:
        (team.alice / ".dvc" / "config").write_text("")
        for ref in (team.a, team.b):
            git("update-ref", "-d", ref, cwd=team.alice)
        team.project.commit({"model.bin": b"x"})
        team.project.experiment("c", {"model.bin": b"c"})
        done = exp("status", cwd=team.alice)
        assert done.stderr.startswith("warning: no DVC remote is configured\n")
        assert done.stdout.splitlines()[1].split()[-1] == "-"

    def test_of_a_dvc_file_that_cannot_be_read_says_not_complete(self, team: Sharing) -> None:
        (team.alice / "x.dvc").write_text("outs: 3\n")
        ref = team.project.experiment("c", {"model.bin": b"c"})
        done = exp("status", "--offline", cwd=team.alice)
        (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith("c ")]
        assert row[2] == "-"
        assert "x.dvc" in done.stderr
        (fields,) = [fields for fields in rows(team.alice, "--offline") if fields["ref"] == ref]
        assert fields["missing"] is None
        assert "x.dvc" in str(fields["problem"])

    def test_of_no_experiments_prints_nothing(self, team: Sharing) -> None:
        exp("remove", "-A", cwd=team.alice)
        assert exp("status", cwd=team.alice).stdout == ""

    def test_misses_nothing_that_is_excluded_from_fetching(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "-A", cwd=team.alice)
        bob = team.clone("bob")
        git("config", "dvcexp.fetchExclude", "out/y", cwd=bob)
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
        assert [row["missing"] for row in rows(bob)] == [2, 2]
        exp("fetch", "-q", cwd=bob)
        assert [row["missing"] for row in rows(bob)] == [0, 0]
        git("config", "--unset", "dvcexp.fetchExclude", cwd=bob)
        assert [row["missing"] for row in rows(bob)] == [1, 1]

    def test_a_fetch_that_brings_less_than_there_was_once_says_so(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "-A", cwd=team.alice)
        assert exp("fetch", cwd=team.alice).code == 0
        shutil.rmtree(team.storage)
        lose(team, b"model a")
        assert exp("fetch", cwd=team.alice, check=False).code == 1

    def test_moves_nothing(self, team: Sharing) -> None:
        before = git("for-each-ref", cwd=team.alice), cached(team.alice), oids(team.storage)
        exp("status", cwd=team.alice)
        assert (git("for-each-ref", cwd=team.alice), cached(team.alice), oids(team.storage)) == before
        assert experiments(team.host) == {}


class TestDryPush:
    def test_tells_how_much_there_is_to_upload(self, team: Sharing) -> None:
        done = exp("push", "--dry-run", "origin", cwd=team.alice)
        assert "dvcexp: would upload 7 objects\n" in done.stderr
        assert oids(team.storage) == set()
        assert experiments(team.host) == {}

    def test_warns_of_what_would_be_refused(self, team: Sharing) -> None:
        lose(team, b"model a")
        done = exp("push", "--dry-run", "origin", "a", cwd=team.alice)
        assert "warning: experiment 'a' would not be pushed: 1 object of its data missing\n" in done.stderr


class TestEnv:
    def test_has_versions_and_settings_but_no_secret(self, team: Sharing) -> None:
        git("remote", "add", "secret", "https://ada:hunter2@git.example.com/x", cwd=team.alice)
        git("config", "dvcexp.jobs", "3", cwd=team.alice)
        printed = exp("env", cwd=team.alice, env={"DVCEXP_TRACE": "0"}).stdout
        assert "hunter2" not in printed
        facts = dict(line.split(": ", 1) for line in printed.splitlines())
        assert facts["remote.secret.url"] == "https://***@git.example.com/x"
        assert facts["dvcexp.jobs"] == "3"
        assert facts["DVCEXP_TRACE"] == "0"
        assert facts["DVC remote"] == f"storage {team.storage}"
        assert facts["repository"] == f"{team.alice}/.git (sha1)"
        assert facts["git"] == git("version", cwd=team.alice).removeprefix("git version ")

    def test_works_outside_a_repository(self, tmp_path: Path) -> None:
        done = sh("git", "exp", "env", cwd=tmp_path)
        assert done.stdout.endswith("repository: none here\n")
