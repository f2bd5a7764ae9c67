"""`dvcexp.runCache` and `--run-cache`: the entries of experiments' stages, each after the objects that it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sharing import exp
from tests.support.shell import git, sh
from tests.support.storage_servers import PASSWORD, USER, nginx_server
from tests.support.team import EXPS, Project, Team, experiments, put

PIPELINE: dict[str, Any] = {
    "cmd": "train",
    "deps": ["code.py"],
    "params": ["lr"],
    "outs": ["model", "out"],
    "metrics": [{"metrics.json": {"cache": False}}],
}


def digest(value: Any) -> str:
    """DVC's hash of an entry, sizes left out."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(one) for key, one in value.items() if key not in ("size", "nfiles")}
        return [strip(one) for one in value] if isinstance(value, list) else value

    return hashlib.sha256(json.dumps(strip(value), sort_keys=True).encode()).hexdigest()


class Runner(Project):
    """A project whose experiments have run a stage: with an entry in the run-cache."""

    stage = PIPELINE

    def run(self, name: str, lr: float, *, entry: bool = True) -> str:
        """An experiment whose stage has run with `lr`; where its entry lies below a cache or a remote."""
        text = f"lr is {lr}".encode()
        contents = {"metrics.json": json.dumps({"lr": lr}).encode(), "model": b"model " + text}
        tree = {"same": b"same", "own": text}
        outs = [
            {"path": path, "hash": "md5", "md5": put(self.cache, data), "size": len(data)}
            for path, data in contents.items()
        ]
        outs.append({"path": "out", "hash": "md5", "md5": put(self.cache, tree), "size": 20, "nfiles": 2})
        locked = {
            "cmd": "train",
            "deps": [{"path": "code.py", "hash": "md5", "md5": hashlib.md5(b"code").hexdigest(), "size": 4}],
            "params": {"params.yaml": {"lr": lr}},
            "outs": outs,
        }
        key = digest({**locked, "outs": [out["path"] for out in outs]})
        path = f"runs/{key[:2]}/{key}/{digest(locked)}"
        if entry:
            (self.cache / path).parent.mkdir(parents=True)
            (self.cache / path).write_text(json.dumps(locked))
        files = {
            "dvc.yaml": json.dumps({"stages": {"train": self.stage}}),
            "dvc.lock": json.dumps({"schema": "2.0", "stages": {"train": locked}}),
            "params.yaml": f"lr: {lr}\n",
            "code.py": "code",
            "metrics.json": contents["metrics.json"].decode(),
        }
        self.experiment(name, files)
        return path


def runs(folder: Path) -> set[str]:
    """Everything below `runs`, temporary files too."""
    return {str(path.relative_to(folder)) for path in (folder / "runs").rglob("*") if path.is_file()}


def stored(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def alice(team: Team) -> Runner:
    project = Runner(team.base / "alice", team.host, team.storage)
    git("push", "-q", "origin", "main", cwd=project.path)
    git("config", "dvcexp.runCache", "true", cwd=project.path)
    return project


def clone(team: Team, name: str = "bob", run_cache: str = "true") -> Path:
    bob = team.clone(name)
    git("config", "dvcexp.runCache", run_cache, cwd=bob)
    return bob


def fetch(bob: Path, *, check: bool = True) -> str:
    return sh("git", "fetch", "origin", EXPS, cwd=bob, check=check).stderr


def test_entries_go_with_their_experiment_and_come_with_it(team: Team, alice: Runner) -> None:
    a, _ = alice.run("a", 1), alice.run("b", 2)
    done = alice.push("refs/exps/*/a")
    assert "dvcexp: uploaded 4 objects" in done.stderr
    assert "dvcexp: uploaded 1 run-cache entry with 1 object (" in done.stderr
    assert runs(team.storage) == {a}
    assert (team.storage / a).read_bytes() == (alice.cache / a).read_bytes()
    bob = clone(team)
    assert "dvcexp: downloaded 1 run-cache entry (" in fetch(bob)
    assert stored(bob / ".dvc" / "cache") == stored(team.storage)
    assert len(stored(team.storage)) == 6


def test_a_second_time_there_is_nothing_to_do(team: Team, alice: Runner) -> None:
    alice.run("a", 1)
    exp("push", "origin", "a", cwd=alice.path)
    assert exp("push", "origin", "a", cwd=alice.path).stderr == ""
    bob = clone(team)
    exp("pull", "origin", "a", cwd=bob)
    assert exp("pull", "origin", "a", cwd=bob).stderr == ""
    assert exp("fetch", cwd=bob).stderr == ""


def test_nobody_moves_entries_who_did_not_ask_for_them(team: Team, alice: Runner) -> None:
    a = alice.run("a", 1)
    git("config", "--unset", "dvcexp.runCache", cwd=alice.path)
    alice.push()
    assert runs(team.storage) == set()
    git("config", "dvcexp.origin.runCache", "true", cwd=alice.path)
    exp("push", "origin", "--no-run-cache", "-A", cwd=alice.path)
    assert runs(team.storage) == set()
    exp("push", "origin", "-A", cwd=alice.path)
    assert runs(team.storage) == {a}
    bob = clone(team, run_cache="false")
    fetch(bob)
    assert runs(bob / ".dvc" / "cache") == set()
    exp("fetch", "--run-cache", cwd=bob)
    assert runs(bob / ".dvc" / "cache") == {a}


@pytest.mark.parametrize("helper", [True, False])
def test_the_options_reach_whoever_moves_the_data(team: Team, alice: Runner, *, helper: bool) -> None:
    a = alice.run("a", 1)
    git("config", "--unset", "dvcexp.runCache", cwd=alice.path)
    bob = clone(team, run_cache="false")
    if not helper:
        for repository in (alice.path, bob):
            git("config", "--unset", "remote.origin.vcs", cwd=repository)
    exp("push", "--run-cache", "origin", "a", cwd=alice.path)
    assert runs(team.storage) == {a}
    done = exp("pull", "--run-cache", "origin", "a", cwd=bob)
    assert done.stderr.count("downloaded 1 run-cache entry") == 1
    assert runs(bob / ".dvc" / "cache") == {a}


def test_the_hook_sends_them_too(team: Team, alice: Runner) -> None:
    a = alice.run("a", 1)
    exp("install", cwd=alice.path)
    git("config", "--unset", "remote.origin.vcs", cwd=alice.path)
    alice.push("refs/exps/*/a")
    assert runs(team.storage) == {a}


def test_a_dry_push_counts_them(team: Team, alice: Runner) -> None:
    alice.run("a", 1)
    assert "dvcexp: would upload 1 run-cache entry\n" in exp("push", "--dry-run", "origin", "a", cwd=alice.path).stderr
    assert not team.storage.exists()


def test_entries_are_not_protected_as_in_dvc(team: Team, alice: Runner) -> None:
    a = alice.run("a", 1)
    alice.push()
    bob = clone(team)
    config = bob / ".dvc" / "config.local"
    config.write_text("[cache]\n    shared = group\n")
    fetch(bob)
    assert (team.storage / a).stat().st_mode & 0o777 == 0o644
    assert (bob / ".dvc/cache" / a).stat().st_mode & 0o777 == 0o664
    assert (bob / ".dvc/cache" / a).parent.stat().st_mode & 0o7777 == 0o2775


def test_what_git_has_is_taken_from_git(team: Team, alice: Runner) -> None:
    """DVC sends no metrics that are in Git, and `dvc gc` removes them from the cache."""
    alice.run("a", 1)
    metrics = hashlib.md5(b'{"lr": 1}').hexdigest()
    (alice.cache / "files" / "md5" / metrics[:2] / metrics[2:]).unlink()
    assert "1 run-cache entry with 1 object" in alice.push().stderr
    (team.storage / "files" / "md5" / metrics[:2] / metrics[2:]).unlink()
    bob = clone(team)
    assert "downloaded 1 run-cache entry" in fetch(bob)
    path = bob / ".dvc/cache/files/md5" / metrics[:2] / metrics[2:]
    assert path.read_bytes() == b'{"lr": 1}'
    assert path.stat().st_mode & 0o777 == 0o444


def test_an_entry_stays_here_whose_object_is_nowhere(team: Team, alice: Runner) -> None:
    alice.run("a", 1)
    alice.run("b", 2)
    (alice.cache / "files/md5" / _split(b"model lr is 1")).unlink()
    done = sh("git", "-c", "dvcexp.allowIncompletePush=true", "push", "origin", "refs/exps/*", cwd=alice.path)
    assert (
        "warning: 1 run-cache entry not shared: not every object named there can be on the DVC remote\n" in done.stderr
    )
    assert len(runs(team.storage)) == 1
    assert experiments(team.host) == ["a", "b"]


def test_an_entry_does_not_come_whose_object_is_nowhere(team: Team, alice: Runner) -> None:
    alice.run("a", 1)
    alice.push()
    (team.storage / "files/md5" / _split(b"lr is 1")).unlink()
    (alice.cache / "files/md5" / _split(b"lr is 1")).unlink()
    bob = clone(team)
    said = fetch(bob)
    assert "warning: 1 run-cache entry left out: not every object named there is to be had\n" in said
    assert runs(bob / ".dvc" / "cache") == set()
    assert experiments(bob) == ["a"]


def test_an_entry_of_data_that_is_not_to_be_pushed_stays_here(team: Team, alice: Runner) -> None:
    alice.stage = {**PIPELINE, "outs": [{"model": {"push": False}}, "out"]}
    alice.run("a", 1)
    assert "1 run-cache entry not shared" in alice.push().stderr
    assert runs(team.storage) == set()
    assert not (team.storage / "files/md5" / _split(b"model lr is 1")).exists()


def test_a_damaged_entry_is_not_shared(team: Team, alice: Runner) -> None:
    a, b = alice.run("a", 1), alice.run("b", 2)
    (alice.cache / a).write_text((alice.cache / b).read_text())
    done = alice.push()
    assert f"warning: run-cache entry '{a}': content does not match its name; it is not shared\n" in done.stderr
    assert runs(team.storage) == {b}
    assert experiments(team.host) == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"[1]", b"cmd: other\n", b"x: " + b"y" * (17 << 20)])
def test_what_is_no_entry_does_not_get_its_name(team: Team, alice: Runner, content: bytes) -> None:
    a, b = alice.run("a", 1), alice.run("b", 2)
    alice.push()
    (team.storage / a).write_bytes(content)
    bob = clone(team)
    said = fetch(bob)
    assert f"'{a}'" in said
    assert "is left out\n" in said
    assert runs(bob / ".dvc" / "cache") == {b}
    assert experiments(bob) == ["a", "b"]


def test_an_entry_that_cannot_be_sent_refuses_the_experiment(team: Team, alice: Runner) -> None:
    alice.run("a", 1)
    team.storage.mkdir()
    (team.storage / "runs").write_text("in the way")
    done = alice.push(check=False)
    assert done.code == 1
    assert "error: experiment 'a' not pushed: run-cache: " in done.stderr
    assert "hint: to push without the run-cache: git -c dvcexp.runCache=false push ...\n" in done.stderr
    assert experiments(team.host) == []
    sh("git", "-c", "dvcexp.runCache=false", "push", "origin", "refs/exps/*", cwd=alice.path)
    assert experiments(team.host) == ["a"]


def test_a_cache_that_takes_no_entry_fails_the_fetch(team: Team, alice: Runner) -> None:
    alice.run("a", 1)
    alice.push()
    bob = clone(team)
    (bob / ".dvc" / "cache").mkdir()
    (bob / ".dvc" / "cache" / "runs").write_text("in the way")
    assert "error: cannot write to the cache: " in fetch(bob, check=False)
    assert experiments(bob) == []


def test_a_fetch_of_some_paths_takes_the_entries_that_those_complete(team: Team, alice: Runner) -> None:
    alice.run("a", 1)
    alice.push()
    bob = clone(team)
    git("config", "dvcexp.fetchExclude", "model", cwd=bob)
    fetch(bob)
    assert runs(bob / ".dvc" / "cache") == set()
    git("config", "dvcexp.fetchExclude", "other", cwd=bob)
    exp("fetch", cwd=bob)
    assert len(runs(bob / ".dvc" / "cache")) == 1


def test_a_cloud_versioned_remote_has_none(team: Team, alice: Runner) -> None:
    alice.run("a", 1)
    alice.push()
    bob = clone(team)
    (bob / ".dvc" / "config.local").write_text("['remote \"storage\"']\n    version_aware = true\n")
    assert "warning: DVC remote 'storage' is cloud-versioned: it has no run-cache\n" in fetch(bob, check=False)
    assert runs(bob / ".dvc" / "cache") == set()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nginx_server(tmp_path_factory.mktemp("nginx")) as server:
        yield f"http://127.0.0.1:{server.basic}"


def test_a_web_server_has_them_too_though_it_cannot_be_listed(team: Team, alice: Runner, web: str) -> None:
    options = f"    method = PUT\n    auth = basic\n    user = {USER}\n    password = {PASSWORD}\n"
    config = f"['remote \"storage\"']\n    url = {web}/{team.base.name}\n{options}"
    (alice.path / ".dvc" / "config.local").write_text(config)
    a = alice.run("a", 1)
    alice.push()
    assert not team.storage.exists()
    bob = clone(team)
    (bob / ".dvc" / "config.local").write_text(config)
    fetch(bob)
    assert runs(bob / ".dvc" / "cache") == {a}
    assert alice.push().stderr.count("uploaded") == 0


def _split(content: bytes) -> str:
    oid = hashlib.md5(content).hexdigest()
    return f"{oid[:2]}/{oid[2:]}"
