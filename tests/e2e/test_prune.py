"""`git exp prune`: what only removed experiments used goes, and nothing else ever does."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.handmade import object_path
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import git, sh


@pytest.fixture
def team(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=True)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def manifest(files: dict[str, bytes]) -> str:
    return md5(json.dumps([{"md5": md5(data), "relpath": name} for name, data in files.items()]).encode()) + ".dir"


OF_B = {md5(b"model b"), md5(b"b"), manifest({"x": b"same", "y": b"b"})}


def prune(repository: Path, *args: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(exp("prune", "--json", "--expire=now", *args, cwd=repository).stdout)
    return fields


def names(done: dict[str, Any]) -> set[str]:
    paths = [Path(found["path"]) for found in done["objects"]]
    return {path.parent.name + path.name for path in paths}


class TestFrees:
    def test_what_removed_experiments_alone_used(self, team: Sharing) -> None:
        before = cached(team.alice)
        exp("remove", "b", cwd=team.alice)
        dry = exp("prune", "--expire=now", "--dry-run", cwd=team.alice)
        size = sum(object_path(team.project.cache, oid).stat().st_size for oid in OF_B)
        assert dry.stdout == f"Would free 3 objects ({size} bytes) that only removed experiments used.\n"
        assert cached(team.alice) == before
        done = exp("prune", "--expire=now", cwd=team.alice)
        assert done.stdout == f"Freed 3 objects ({size} bytes) that only removed experiments used.\n"
        assert cached(team.alice) == before - OF_B
        assert exp("fsck", cwd=team.alice).code == 0
        assert exp("prune", cwd=team.alice).stdout == "Nothing to free.\n"

    def test_nothing_while_all_experiments_are_there(self, team: Sharing) -> None:
        assert prune(team.alice)["objects"] == []

    def test_also_what_dvc_or_git_removed(self, team: Sharing) -> None:
        git("update-ref", "-d", team.b, cwd=team.alice)
        assert names(prune(team.alice)) == OF_B

    def test_also_of_an_experiment_with_a_message_of_its_own(self, team: Sharing) -> None:
        tip = git("commit-tree", "-p", f"{team.b}^", "-m", "my own words", f"{team.b}^{{tree}}", cwd=team.alice)
        git("update-ref", team.b, tip, cwd=team.alice)
        exp("remove", "b", cwd=team.alice)
        assert names(prune(team.alice)) == OF_B

    def test_from_any_folder(self, team: Sharing) -> None:
        exp("remove", "b", cwd=team.alice)
        below = team.alice / "below"
        below.mkdir()
        assert names(prune(below)) == OF_B

    def test_the_data_of_a_removed_experiment_can_be_fetched_anew(self, team: Sharing) -> None:
        git("push", "-q", "origin", "refs/exps/*", cwd=team.alice)
        before = cached(team.alice)
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=team.alice)
        exp("remove", "b", cwd=team.alice)
        prune(team.alice)
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=team.alice)
        assert (cached(team.alice), len(experiments(team.alice))) == (before, 2)

    def test_names_the_objects_when_asked(self, team: Sharing) -> None:
        exp("remove", "b", cwd=team.alice)
        lines = exp("prune", "-v", "--dry-run", "--expire=now", cwd=team.alice).stdout.splitlines()
        assert set(lines[:-1]) == {str(object_path(team.project.cache, oid)) for oid in OF_B}


class TestKeeps:
    def kept(self, team: Sharing, *args: str) -> None:
        before = cached(team.alice)
        assert prune(team.alice, *args)["objects"] == []
        assert cached(team.alice) == before

    def test_what_is_new(self, team: Sharing) -> None:
        exp("remove", "b", cwd=team.alice)
        before = cached(team.alice)
        done = exp("prune", cwd=team.alice)
        assert done.stdout == "Nothing to free.\n"
        assert done.stderr == (
            "warning: 3 objects came into the cache after 1.hour.ago, and stay\n"
            "hint: to free all: git exp prune --expire=now\n"
        )
        assert cached(team.alice) == before

    def test_what_was_stored_for_work_that_is_not_committed(self, team: Sharing) -> None:
        stored = team.project._store(b"added and never committed")
        exp("remove", "b", cwd=team.alice)
        assert names(prune(team.alice)) == OF_B
        assert stored in cached(team.alice)

    @pytest.mark.parametrize("ref", ["refs/heads/kept", "refs/tags/kept", "refs/stash", "refs/exps/exec/EXEC_HEAD"])
    def test_what_any_ref_leads_to(self, team: Sharing, ref: str) -> None:
        git("update-ref", ref, team.b, cwd=team.alice)
        exp("remove", "b", cwd=team.alice)
        self.kept(team)

    def test_what_the_reflog_of_a_branch_leads_to(self, team: Sharing) -> None:
        git("checkout", "-q", "-b", "topic", team.b, cwd=team.alice)
        git("commit", "-q", "--allow-empty", "-m", "work on it", cwd=team.alice)
        git("checkout", "-q", "main", cwd=team.alice)
        git("branch", "-q", "-D", "topic", cwd=team.alice)
        exp("remove", "b", cwd=team.alice)
        self.kept(team)
        git("reflog", "expire", "--expire=all", "--all", cwd=team.alice)
        assert names(prune(team.alice)) == OF_B

    def test_the_other_side_of_a_merge_that_is_not_done(self, team: Sharing) -> None:
        git("merge", "-q", "--no-commit", "--no-ff", team.b, cwd=team.alice)
        for name in ("dvc.lock", "dvc.yaml"):
            git("checkout", "-q", "HEAD", "--", name, cwd=team.alice)
        exp("remove", "b", cwd=team.alice)
        self.kept(team)

    @pytest.mark.parametrize("detached", [True, False])
    def test_what_another_worktree_has(self, team: Sharing, *, detached: bool) -> None:
        other = team.base / "other"
        git("worktree", "add", "-q", "--detach", other, team.b if detached else "main", cwd=team.alice)
        if not detached:
            git("checkout", "-q", team.b, "--", "dvc.lock", cwd=other)
            git("reset", "-q", cwd=other)
        exp("remove", "b", cwd=team.alice)
        self.kept(team)

    def test_what_only_the_index_has(self, team: Sharing) -> None:
        git("checkout", "-q", team.b, "--", "dvc.lock", cwd=team.alice)
        exp("remove", "b", cwd=team.alice)
        (team.alice / "dvc.lock").unlink()
        self.kept(team)

    def test_what_only_an_ignored_file_of_the_work_tree_has(self, team: Sharing) -> None:
        (team.alice / ".gitignore").write_text("*.dvc\n")
        (team.alice / "sub").mkdir()
        (team.alice / "sub" / "m.dvc").write_text(f"outs:\n- md5: {md5(b'model b')}\n  hash: md5\n  path: m\n")
        exp("remove", "b", cwd=team.alice)
        assert names(prune(team.alice)) == OF_B - {md5(b"model b")}

    def test_what_a_file_mentions_that_dvc_cannot_read(self, team: Sharing) -> None:
        (team.alice / "broken.dvc").write_text(f"<<<<<<<\nmd5: {md5(b'model b')}\n=======\n")
        git("add", "broken.dvc", cwd=team.alice)
        git("commit", "-q", "-m", "in the middle of a merge", cwd=team.alice)
        git("rm", "-q", "broken.dvc", cwd=team.alice)
        git("commit", "-q", "-m", "gone", cwd=team.alice)
        exp("remove", "b", cwd=team.alice)
        assert names(prune(team.alice)) == OF_B - {md5(b"model b")}

    def test_files_of_a_directory_that_others_have(self, team: Sharing) -> None:
        team.project.experiment("c", {"else": {"deep/b": b"b"}})
        exp("remove", "b", cwd=team.alice)
        assert names(prune(team.alice)) == {md5(b"model b")}  # with all of its files there, the list may stay, too

    def test_what_a_run_uses_that_goes_on_elsewhere(self, team: Sharing) -> None:
        workspace = team.alice / ".dvc" / "tmp" / "exps" / "standalone" / "tmp1"
        workspace.mkdir(parents=True)
        lock = git("show", f"{team.b}:dvc.lock", cwd=team.alice)
        (workspace / "dvc.lock").write_text(lock)
        exp("remove", "b", cwd=team.alice)
        self.kept(team)

    def test_what_a_link_in_the_work_tree_leads_to(self, team: Sharing) -> None:
        exp("remove", "b", cwd=team.alice)
        (team.alice / "model.bin").symlink_to(object_path(team.project.cache, md5(b"model b")))
        assert names(prune(team.alice)) == OF_B - {md5(b"model b")}

    def test_what_the_run_cache_mentions_only_if_asked(self, team: Sharing) -> None:
        entry = team.project.cache / "runs" / "ab" / "abc" / "def"
        entry.parent.mkdir(parents=True)
        entry.write_text(f"outs:\n- md5: {md5(b'model b')}\n")
        exp("remove", "b", cwd=team.alice)
        assert names(prune(team.alice, "--keep-run-cache", "--dry-run")) == OF_B - {md5(b"model b")}
        assert names(prune(team.alice)) == OF_B

    def test_commits_that_are_no_experiments(self, team: Sharing) -> None:
        git("checkout", "-q", "--detach", cwd=team.alice)
        lost = team.project.commit({"model.bin": b"of a lost commit"}, "a commit of my own")
        git("checkout", "-q", "main", cwd=team.alice)
        git("reflog", "expire", "--expire=all", "--all", cwd=team.alice)
        assert lost not in git("rev-list", "--all", "--reflog", cwd=team.alice)
        self.kept(team)


class TestRefuses:
    def refused(self, team: Sharing, words: str, *args: str) -> None:
        exp("remove", "b", cwd=team.alice)
        before = cached(team.alice)
        done = exp("prune", "--expire=now", *args, cwd=team.alice, check=False)
        assert (done.code, words in done.stderr, cached(team.alice)) == (1, True, before), done.stderr

    def test_a_cache_outside_of_the_repository(self, team: Sharing) -> None:
        shared = team.base / "shared"
        shutil.move(team.project.cache, shared)
        (team.alice / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {shared}\n")
        self.refused(team, "lies outside of this repository: other projects may use it")
        other = team.clone("other")
        (other / "m.dvc").write_text(f"outs:\n- md5: {md5(b'model b')}\n  hash: md5\n  path: m\n")
        assert names(prune(team.alice, "--dry-run", "-p", str(other))) == OF_B - {md5(b"model b")}
        assert names(prune(team.alice, "--force")) == OF_B

    def test_a_link_that_leads_outside(self, team: Sharing) -> None:
        shutil.move(team.project.cache, team.base / "shared")
        team.project.cache.symlink_to(team.base / "shared")
        self.refused(team, "lies outside of this repository")

    def test_while_data_is_being_fetched(self, team: Sharing) -> None:
        lock = team.alice / ".git" / "dvcexp" / "lock"
        lock.parent.mkdir(exist_ok=True)
        with open(lock, "a") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            self.refused(team, "data of experiments is being fetched")

    def test_while_a_dvc_command_is_running(self, team: Sharing) -> None:
        lock = team.alice / ".dvc" / "tmp" / "lock"
        lock.parent.mkdir(exist_ok=True)
        with open(lock, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.refused(team, "a dvc command is running in this project")

    def test_while_a_stage_is_running(self, team: Sharing) -> None:
        notes = team.alice / ".dvc" / "tmp" / "rwlock"
        notes.parent.mkdir(exist_ok=True)
        notes.write_text(json.dumps({"read": {"x": [{"pid": os.getpid(), "cmd": "dvc repro"}]}, "write": {}}))
        self.refused(team, f"a dvc command is running in this project: process {os.getpid()}")
        done = subprocess.Popen([sys.executable, "-c", ""])
        done.wait()
        notes.write_text(json.dumps({"write": {"x": {"pid": done.pid, "cmd": "killed"}}}))
        assert names(prune(team.alice)) == OF_B

    def test_what_is_no_time(self, team: Sharing) -> None:
        done = exp("prune", "--expire=someday soon", cwd=team.alice, check=False)
        assert done.code == 129
        assert done.stderr.startswith("error: 'someday soon' is no time that Git knows\n")

    def test_a_locked_worktree_that_is_away(self, team: Sharing) -> None:
        other = team.base / "other"
        git("worktree", "add", "-q", "--lock", "--detach", other, cwd=team.alice)
        shutil.rmtree(other)
        self.refused(team, "is locked and not there, so what it uses cannot be known")

    def test_a_bare_repository(self, team: Sharing) -> None:
        done = exp("prune", cwd=team.host, check=False)
        assert done.stderr.startswith("error: a bare repository has no cache\n")


def test_a_fetch_waits_until_nothing_is_freed_any_more(team: Sharing) -> None:
    git("push", "-q", "origin", "refs/exps/*", cwd=team.alice)
    bob = team.clone("bob")
    lock = bob / ".git" / "dvcexp" / "lock"
    lock.parent.mkdir()
    with open(lock, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fetching = subprocess.Popen(["git", "fetch", "-q", "origin", "refs/exps/*:refs/exps/*"], cwd=bob)
        with pytest.raises(subprocess.TimeoutExpired):
            fetching.wait(3)
        assert experiments(bob) == {}
    assert fetching.wait(60) == 0
    assert len(experiments(bob)) == 2
    assert sh("git", "exp", "fsck", cwd=bob).code == 0
