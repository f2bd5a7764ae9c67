"""What a team does with experiments and plain git, on a local Git host and a DVC remote in a directory."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from tests.support.shell import git, sh
from tests.support.team import EXPS, Team, dvc_file, experiments, fetch, objects, put


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_an_experiment_is_pushed_and_fetched_whole_in_every_protocol_version(team: Team, version: str) -> None:
    alice = team.project()
    git("config", "protocol.version", version, cwd=alice.path)
    alice.with_output("a", {"x": b"1", "sub/y": b"2" * 2_000_000, "empty": b""})
    alice.push()
    bob = team.clone("bob", "-c", f"protocol.version={version}")
    fetch(bob)
    assert experiments(bob) == ["a"]
    assert objects(team.storage) == objects(alice.cache) == objects(bob / ".dvc" / "cache")
    modes = {
        stat.S_IMODE(p.stat().st_mode) for d in (team.storage, bob / ".dvc/cache") for p in d.rglob("*") if p.is_file()
    }
    assert modes == {0o444}


def test_a_clone_can_bring_the_experiments_at_once(team: Team) -> None:
    team.project().with_output("a", b"data")
    sh("git", "push", "-q", "origin", "refs/exps/*", cwd=team.base / "alice")
    bob = team.clone("bob", "-c", f"remote.origin.fetch=+{EXPS}")
    assert experiments(bob) == ["a"]
    assert objects(bob / ".dvc" / "cache") == objects(team.storage) != set()


def test_a_clone_by_the_prefix_form_needs_no_configuration(team: Team) -> None:
    alice = team.project()
    alice.with_output("a", {"x": b"1"})
    alice.push()
    bob = team.base / "bob"
    git("clone", "-q", f"dvcexp::{team.host}", bob, cwd=team.base)
    fetch(bob)
    assert objects(bob / ".dvc" / "cache") == objects(team.storage) != set()
    git("update-ref", f"refs/exps/{alice.head()[:2]}/{alice.head()[2:]}/b", alice.head(), cwd=bob)
    git("push", "-q", "origin", "refs/exps/*/b", cwd=bob)
    assert experiments(team.host) == ["a", "b"]


def test_every_commit_of_an_experiment_brings_its_data(team: Team) -> None:
    alice = team.project()
    first, second = (dvc_file("m", put(alice.cache, data)) for data in (b"first", b"second"))
    alice.experiment("a", {"m.dvc": first}, {"m.dvc": second})
    assert "uploaded 2 objects" in alice.push().stderr
    bob = team.clone()
    fetch(bob)
    assert len(objects(bob / ".dvc" / "cache")) == 2


def test_hundreds_of_experiments_with_shared_objects_move_each_object_once(team: Team) -> None:
    alice = team.project()
    shared = put(alice.cache, {f"f{n}": b"%d" % n for n in range(20)})
    for n in range(200):
        alice.experiment(
            f"e{n}", {"s.dvc": dvc_file("s", shared), "m.dvc": dvc_file("m", put(alice.cache, b"model %d" % n))}
        )
    assert "uploaded 221 objects" in alice.push().stderr
    bob = team.clone()
    assert "downloaded 221 objects" in fetch(bob).stderr
    assert len(experiments(bob)) == 200
    assert "dvcexp" not in alice.push().stderr
    assert fetch(bob).stderr == ""


def test_several_roots_and_remotes_of_single_outputs_are_served_in_one_push(team: Team) -> None:
    alice = team.project(root="sub/project")
    other = team.base / "other"
    (alice.path / ".dvc").mkdir()
    (alice.path / ".dvc" / "config").write_text(
        "[core]\n    remote = top\n"
        f"['remote \"top\"']\n    url = {team.base}/top\n['remote \"other\"']\n    url = {other}\n"
    )
    (alice.path / ".dvc" / ".gitignore").write_text("/cache\n")
    alice.commit("second root")
    git("push", "-q", "origin", "main", cwd=alice.path)
    top_cache = alice.path / ".dvc" / "cache"
    alice.experiment(
        "a",
        {
            "in.dvc": dvc_file("in", put(alice.cache, b"below")),
            "../../top.dvc": dvc_file("top", put(top_cache, b"above")),
            "../../far.dvc": dvc_file("far", put(top_cache, {"f": b"far"}), "  remote: other\n"),
        },
    )
    alice.push()
    assert [len(objects(folder)) for folder in (team.storage, team.base / "top", other)] == [1, 1, 2]
    bob = team.clone()
    fetch(bob)
    assert objects(bob / ".dvc/cache") == objects(top_cache)
    assert objects(bob / "sub/project/.dvc/cache") == objects(alice.cache)


def test_legacy_objects_keep_their_own_layout(team: Team) -> None:
    alice = team.project()
    oid = put(alice.cache, {"crlf.txt": b"one\r\ntwo\r\n", "bin": b"\0\r\n"}, legacy=True)
    alice.experiment("a", {"old.dvc": dvc_file("old", oid, legacy=True)})
    alice.push()
    bob = team.clone()
    fetch(bob)
    assert f"{oid[:2]}/{oid[2:]}" in objects(team.storage) == objects(bob / ".dvc/cache")


def test_outputs_that_are_not_for_sharing_stay_where_they_are(team: Team) -> None:
    alice = team.project()
    alice.with_output("a", b"private", flags="  push: false\n")
    assert "dvcexp" not in alice.push().stderr
    assert not team.storage.exists()
    bob = team.clone()
    assert "warning" not in fetch(bob).stderr


def test_an_output_that_nobody_carries_is_named(team: Team) -> None:
    alice = team.project()
    alice.experiment("a", {"dvc.yaml": "stages:\n  s:\n    cmd: c\n    outs:\n    - lost.txt: {cache: false}\n"})
    assert "'lost.txt' is neither in Git nor in DVC's cache" in alice.push().stderr


def test_dvcs_own_refs_stay_here(team: Team) -> None:
    alice = team.project()
    alice.with_output("a", b"data")
    git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD", cwd=alice.path)
    alice.push()
    assert experiments(team.host) == ["a"]


def test_without_a_dvc_remote_nothing_is_said_until_there_is_data(team: Team) -> None:
    alice = team.project(storage=None)
    alice.experiment("code-only", {"train.py": "pass\n"})
    said = alice.push().stderr
    assert not any(word in said for word in ("warning", "error", "hint", "dvcexp:"))
    alice.with_output("a", b"data")
    done = alice.push(check=False)
    assert done.code == 1
    assert "no DVC remote is configured" in done.stderr
    assert "dvc remote add -d" in done.stderr
    assert experiments(team.host) == ["code-only"]


def test_a_clone_of_a_local_repository_reads_its_cache(team: Team) -> None:
    alice = team.project(storage=None)
    alice.with_output("a", {"x": b"1", "y": b"2"})
    bob = team.base / "bob"
    git("clone", "-q", "-c", "remote.origin.vcs=dvcexp", alice.path, bob, cwd=team.base)
    fetch(bob)
    assert objects(bob / ".dvc/cache") == objects(alice.cache)


# Settings


def test_cache_false_and_skip_move_refs_alone(team: Team) -> None:
    alice = team.project()
    alice.with_output("a", b"data")
    alice.push(env={"DVCEXP_SKIP": "1"})
    assert not team.storage.exists()
    bob = team.clone()
    git("config", "dvcexp.origin.cache", "false", cwd=bob)
    assert "warning" not in fetch(bob).stderr
    assert experiments(bob) == ["a"]


def test_another_dvc_remote_can_be_chosen(team: Team) -> None:
    alice = team.project()
    text = (alice.root / ".dvc/config").read_text()
    alice.write(".dvc/config", f"{text}['remote \"second\"']\n    url = {team.base}/second\n")
    alice.commit("second DVC remote")
    alice.with_output("a", b"data")
    sh("git", "-c", "dvcexp.remote=second", "push", "origin", "refs/exps/*", cwd=alice.path)
    assert len(objects(team.base / "second")) == 1
    assert not team.storage.exists()


def test_patterns_limit_what_is_downloaded(team: Team) -> None:
    alice = team.project()
    alice.with_output("a", {"keep/x": b"1", "big/y": b"2"}, path="data")
    alice.with_output("b", b"model")
    alice.push()
    bob = team.clone()
    fetch(bob, "-c", "dvcexp.fetchInclude=/data/keep/")
    names = [p.read_bytes() for p in (bob / ".dvc/cache").rglob("*") if p.is_file()]
    assert b"1" in names
    assert b"2" not in names
    assert b"model" not in names
    fetch(bob, "-c", "dvcexp.fetchExclude=big/")
    assert b"model" in [p.read_bytes() for p in (bob / ".dvc/cache").rglob("*") if p.is_file()]
    fetch(bob)
    assert objects(bob / ".dvc/cache") == objects(team.storage)


def test_a_setting_that_means_nothing_is_named(team: Team) -> None:
    alice = team.project()
    alice.with_output("a", b"data")
    done = sh("git", "-c", "dvcexp.jobs=many", "push", "origin", "refs/exps/*", cwd=alice.path, check=False)
    assert done.code != 0
    assert "bad value 'many' for 'dvcexp.jobs'" in done.stderr
    assert experiments(team.host) == []


# Bad input


def refused(done: object) -> str:
    assert isinstance(done, tuple)
    code, _, stderr = done
    assert code != 0
    assert "Traceback" not in stderr
    return stderr


def test_a_file_that_cannot_be_read_is_named_and_what_others_name_still_moves(team: Team) -> None:
    alice = team.project()
    good = dvc_file("good", put(alice.cache, b"good"))
    alice.experiment("a", {"good.dvc": good, "bad.dvc": "<<<<<<< HEAD\nouts:\n=======\n"})
    stderr = refused(alice.push(check=False))
    assert "'bad.dvc'" in stderr
    assert "dvcexp.allowIncompletePush=true" in stderr
    assert experiments(team.host) == []
    sh("git", "-c", "dvcexp.allowIncompletePush=true", "push", "origin", "refs/exps/*", cwd=alice.path)
    assert len(objects(team.storage)) == 1


def test_a_lock_that_is_damaged_is_named_by_commit_and_file(team: Team) -> None:
    alice = team.project()
    stage = "stages:\n  s:\n    cmd: c\n    outs: [m]\n"
    ref = alice.experiment("a", {"dvc.yaml": stage, "dvc.lock": "schema: '2.0'\nstages: [\n"})
    stderr = refused(alice.push(check=False))
    assert f"commit {git('rev-parse', ref, cwd=alice.path)[:10]}: 'dvc.lock'" in stderr
    assert experiments(team.host) == []


def test_a_corrupt_cache_object_is_not_uploaded(team: Team) -> None:
    alice = team.project()
    alice.with_output("a", b"right")
    victim = next(p for p in alice.cache.rglob("*") if p.is_file())
    victim.chmod(0o644)
    victim.write_bytes(b"wrong")
    stderr = refused(alice.push(check=False))
    assert "content does not match its hash" in stderr
    assert str(victim) in stderr
    assert experiments(team.host) == []
    assert not team.storage.exists()


@pytest.mark.parametrize("relpath", ["../escaped", "/tmp/escaped", "a/../../escaped", "a//b", ""])
def test_a_manifest_that_would_leave_its_folder_is_refused(team: Team, relpath: str) -> None:
    alice = team.project()
    alice.with_output("a", {relpath: b"evil"})
    assert "leave its directory" in refused(alice.push(check=False))
    shutil.copytree(alice.cache, team.storage, dirs_exist_ok=True)
    alice.push(env={"DVCEXP_SKIP": "1"})
    bob = team.clone()
    assert "leave its directory" in refused(fetch(bob, check=False))
    assert not list(team.base.rglob("escaped"))
    assert experiments(bob) == []


def test_an_oid_that_is_none_never_becomes_a_path(team: Team) -> None:
    alice = team.project()
    alice.experiment("a", {"x.dvc": dvc_file("x", "../../../../etc/passwd")})
    assert "'x.dvc'" in refused(alice.push(check=False))


def test_a_ref_that_is_no_experiment_is_pushed_as_any_other(team: Team) -> None:
    alice = team.project()
    git("update-ref", "refs/exps/x", "HEAD", cwd=alice.path)
    done = alice.push("refs/exps/x")
    assert "'refs/exps/x' is not an experiment" in done.stderr


def test_an_experiment_of_a_shallow_clone_is_refused_with_the_way_out(team: Team) -> None:
    alice = team.project()
    files = [{"m.dvc": dvc_file("m", put(alice.cache, b"%d" % n))} for n in range(3)]
    ref = alice.experiment("a", *files)
    alice.push()
    bob = team.base / "bob"
    git("clone", "-q", "--depth", "1", f"file://{team.host}", bob, cwd=team.base)
    git("config", "remote.origin.vcs", "dvcexp", cwd=bob)
    git("fetch", "-q", "--depth", "1", "origin", f"{ref}:{ref}", cwd=bob)
    git("update-ref", f"{ref}2", ref, cwd=bob)
    done = sh("git", "push", "origin", f"{ref}2", cwd=bob, check=False)
    assert "git fetch --unshallow" in refused(done)


def test_a_full_or_unwritable_cache_fails_the_fetch_and_the_next_one_goes_on(team: Team) -> None:
    alice = team.project()
    alice.with_output("a", {str(n): b"%d" % n for n in range(20)})
    alice.push()
    bob = team.clone()
    (bob / ".dvc" / "cache").write_text("in the way")
    stderr = refused(fetch(bob, check=False))
    assert "cannot write to the cache" in stderr
    assert experiments(bob) == []
    (bob / ".dvc" / "cache").unlink()
    fetch(bob)
    assert objects(bob / ".dvc/cache") == objects(team.storage)


def test_branches_and_tags_go_their_way_untouched(team: Team) -> None:
    alice = team.project()
    git("tag", "v1", cwd=alice.path)
    helper = sh("git", "push", "origin", "main", "v1", cwd=alice.path)
    git("push", "-q", "origin", ":v1", cwd=alice.path)
    git("config", "--unset", "remote.origin.vcs", cwd=alice.path)
    native = sh("git", "push", "origin", "main", "v1", cwd=alice.path)
    assert helper == native


# Following


def test_following_makes_teammates_experiments_ones_own_when_their_data_is_here(team: Team) -> None:
    alice = team.project()
    ref = alice.with_output("a", b"first")
    alice.push()
    bob = team.clone()
    sh("git", "exp", "install", "--follow", cwd=bob)
    git("fetch", "-q", "origin", cwd=bob)
    assert experiments(bob) == ["a"]
    assert objects(bob / ".dvc/cache") == objects(team.storage) != set()
    own = git("rev-parse", ref, cwd=bob)
    alice.with_output("a", b"second")
    alice.push("--force", "refs/exps/*")
    done = sh("git", "fetch", "origin", cwd=bob)
    assert git("rev-parse", ref, cwd=bob) == own
    assert "is another experiment here than on 'origin', it stays as it is" in done.stderr
    assert git("rev-parse", ref.replace("refs/exps/", "refs/dvcexp/origin/"), cwd=bob) == git(
        "rev-parse", ref, cwd=alice.path
    )
    git("update-ref", ref.replace("/a", "/mine"), own, cwd=bob)
    git("fetch", "-q", "--prune", "origin", cwd=bob)
    assert experiments(bob) == ["a", "mine"]
