"""Plain git push and fetch beside real DVC on the same Git host and DVC remote: each finds what the other shared."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.dvc_team import Team, dvc
from tests.support.shell import git, sh


def test_what_plain_git_pushed_dvc_pulls_and_finds_in_sync(team: Team) -> None:
    done = sh("git", "push", "origin", "refs/exps/*/a", cwd=team.alice)
    assert "dvcexp: uploaded 6 objects" in done.stderr
    bob = team.base / "bob"
    git("clone", "-q", team.host, bob, cwd=team.base)
    dvc("exp", "pull", "-q", "origin", "a", cwd=bob)
    dvc("exp", "apply", "-q", "a", cwd=bob)
    assert (bob / "out" / "sub" / "b.txt").read_text() == "n is 2"
    assert (bob / "model.bin").read_bytes() == b"model" + b"2" * 5000
    assert "in sync" in dvc("status", "-c", cwd=bob)
    assert team.objects(bob / ".dvc" / "cache") == team.objects(team.storage)


def test_what_dvc_pushed_plain_git_fetches_and_dvc_applies_without_its_remote(team: Team) -> None:
    git("config", "--unset", "remote.origin.vcs", cwd=team.alice)
    dvc("exp", "push", "-q", "origin", "a", "b", cwd=team.alice)
    bob = team.clone("bob")
    done = sh("git", "fetch", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    assert "dvcexp: downloaded" in done.stderr
    team.hide_storage()
    for name, n in (("a", 2), ("b", 3)):
        dvc("exp", "apply", "-q", name, cwd=bob)
        assert (bob / "out" / "sub" / "b.txt").read_text() == f"n is {n}"
        assert (bob / "out" / "a.txt").read_text() == "same in all"
        assert (bob / "data" / "raw").read_bytes() == b"raw\0data"
        assert f'"n": {n}' in (bob / "metrics.json").read_text()


def test_the_experiment_travels_whole_from_git_push_to_git_fetch(team: Team) -> None:
    git("push", "-q", "origin", "refs/exps/*/a", cwd=team.alice)
    bob = team.clone("bob")
    git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    team.hide_storage()
    dvc("exp", "apply", "-q", "a", cwd=bob)
    assert (bob / "model.bin").read_bytes() == b"model" + b"2" * 5000
    refs = git("for-each-ref", "--format=%(refname)", "refs/exps", cwd=bob).splitlines()
    assert [ref.rsplit("/", 1)[1] for ref in refs if "/exec/" not in ref and "/apply/" not in ref] == ["a"]


def test_a_second_push_and_fetch_have_nothing_to_do(team: Team) -> None:
    git("push", "-q", "origin", "refs/exps/*/a", cwd=team.alice)
    assert "dvcexp:" not in sh("git", "push", "origin", "refs/exps/*/a", cwd=team.alice).stderr
    bob = team.clone("bob")
    git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    team.hide_storage()
    assert sh("git", "fetch", "origin", "refs/exps/*:refs/exps/*", cwd=bob).stderr == ""


def test_an_unwritable_remote_stops_the_push_and_no_ref_is_there(team: Team) -> None:
    (team.base / "file").write_text("not a folder")
    dvc("remote", "modify", "--local", "storage", "url", team.base / "file" / "x", cwd=team.alice)
    done = sh("git", "push", "origin", "refs/exps/*/a", cwd=team.alice, check=False)
    assert done.code == 1
    assert "error: experiment 'a'" in done.stderr
    assert "remote rejected" in done.stderr
    assert "Traceback" not in done.stderr
    assert git("for-each-ref", "refs/exps", cwd=team.host) == ""


def test_a_missing_object_is_named_and_stops_the_push_unless_allowed(team: Team) -> None:
    lock = (team.alice / "dvc.lock").read_text()
    oid = (
        git("show", f"{_ref(team.alice, 'a')}:dvc.lock", cwd=team.alice)
        .split("path: model.bin")[1]
        .split("md5: ")[1][:32]
    )
    assert oid not in lock
    os.unlink(team.alice / ".dvc/cache/files/md5" / oid[:2] / oid[2:])
    done = sh("git", "push", "origin", "refs/exps/*/a", cwd=team.alice, check=False)
    assert done.code == 1
    assert f"'model.bin' ({oid})" in done.stderr
    assert "dvcexp.allowIncompletePush=true" in done.stderr
    allowed = sh("git", "-c", "dvcexp.allowIncompletePush=true", "push", "origin", "refs/exps/*/a", cwd=team.alice)
    assert f"warning: experiment 'a': 'model.bin' ({oid})" in allowed.stderr
    bob = team.clone("bob")
    done = sh("git", "fetch", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    assert "warning: 'model.bin'" in done.stderr


def test_a_failed_download_fails_the_fetch_and_the_retry_cannot_slip_through(team: Team) -> None:
    git("push", "-q", "origin", "refs/exps/*/a", cwd=team.alice)
    bob = team.clone("bob")
    victim = next(p for p in team.storage.rglob("*") if p.is_file() and not p.name.endswith(".dir"))
    content = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for _ in range(2):
        done = sh("git", "fetch", "origin", "refs/exps/*:refs/exps/*", cwd=bob, check=False)
        assert done.code != 0
        assert "content does not match its hash" in done.stderr
        assert git("for-each-ref", "refs/exps", cwd=bob) == ""
    victim.write_bytes(content)
    git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    assert _ref(bob, "a")
    assert not list((bob / ".dvc" / "cache").rglob("*.tmp"))


def test_the_native_push_with_the_hook_uploads_too(team: Team) -> None:
    git("config", "--unset", "remote.origin.vcs", cwd=team.alice)
    sh("git", "exp", "install", cwd=team.alice)
    git("config", "--unset-all", "remote.origin.vcs", cwd=team.alice, check=False)
    done = sh("git", "push", "origin", "refs/exps/*/b", cwd=team.alice)
    assert "dvcexp: uploaded" in done.stderr
    shutil.rmtree(team.storage)
    team.storage.write_text("in the way")
    done = sh("git", "push", "origin", "refs/exps/*/a", cwd=team.alice, check=False)
    assert done.code == 1
    assert git("for-each-ref", "--format=%(refname)", "refs/exps", cwd=team.host).endswith("/b")


def _ref(repository: Path, name: str) -> str:
    return git("for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}", cwd=repository)


def test_what_dvc_gc_freed_comes_again_with_the_experiment(team: Team) -> None:
    """A note says that the commit's data is complete; DVC knows nothing of it."""
    git("push", "-q", "origin", "refs/exps/*/a", cwd=team.alice)
    bob = team.clone("bob")
    git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    whole = team.objects(bob / ".dvc" / "cache")
    dvc("exp", "remove", "a", cwd=bob)
    dvc("gc", "-q", "-f", "-w", cwd=bob)
    assert team.objects(bob / ".dvc" / "cache") < whole
    git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    assert team.objects(bob / ".dvc" / "cache") == whole
