"""Real DVC and plain Git on the same remote, in both directions: a suite beside `RemoteSuite`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dvcexp.remotes.base import Download, Upload
from tests.support import warm_dvc
from tests.support.remote_suite import Config, Place, failures
from tests.support.shell import git
from tests.support.team import EXPS, Team
from tests.support.team import objects as keys_in

_FILES = {
    "empty": b"",
    "one": b"one\n",
    "sub/two": b"two\r\n",
    "sub/deep/three": bytes(range(256)) * 40,
    "large": b"0123456789abcdef" * 200_000,
}
_STAGE = {
    "cmd": "cp params.yaml out && cp params.yaml metrics",
    "params": ["n"],
    "outs": ["out"],
    "metrics": [{"metrics": {"cache": False}}],
}
_PULL_OURS = ["exp", "pull", "-q", "--run-cache", "origin", "ours"]


def dvc(project: Path, *commands: list[str]) -> str:
    """What these DVC commands print."""
    return warm_dvc.dvc(*commands, cwd=project)


def make_project(folder: Path, config: Config) -> Path:
    """A DVC project with a directory output of _FILES and the remote as its default."""
    for name, data in _FILES.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    dvc(folder, ["init", "-q", "--no-scm"], ["add", "-q", "data"])
    (folder / ".dvc" / "config").rename(folder / ".dvc" / "config.local")  # says that there is no Git
    (folder / ".dvc" / "config").write_text(config_text(config))
    return folder


def config_text(config: Config) -> str:
    """DVC's config with the remote as its default."""
    lines = ["[core]", "remote = storage", "['remote \"storage\"']", f"url = {config.url}"]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in config.options.items())]) + "\n"


def objects(project: Path) -> dict[str, Path]:
    """The project's cache: key on a remote -> file, directories' manifests last."""
    cache = project / ".dvc" / "cache"
    paths = [path for path in (cache / "files").rglob("*") if path.is_file()]
    return {str(path.relative_to(cache)): path for path in sorted(paths, key=lambda path: path.suffix)}


class PlainDvc:
    """The tests. Subclasses give `place`."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    def test_plain_dvc_pulls_what_we_uploaded(self, place: Place, tmp_path: Path) -> None:
        project = make_project(tmp_path, place.config)
        remote = place.config.open()
        uploads = [Upload(key, str(path), path.stat().st_size) for key, path in objects(project).items()]
        assert failures(remote.upload(uploads)) == []
        remote.close()
        assert "in sync" in dvc(project, ["status", "-c"])
        for path in objects(project).values():
            path.unlink()
        for name in _FILES:
            (project / "data" / name).unlink()
        dvc(project, ["pull", "-q", "-f"])
        assert {name: (project / "data" / name).read_bytes() for name in _FILES} == _FILES

    def test_we_download_what_plain_dvc_pushed(self, place: Place, tmp_path: Path) -> None:
        (tmp_path / "project").mkdir()
        project = make_project(tmp_path / "project", place.config)
        dvc(project, ["push", "-q"])
        remote = place.config.open()
        wanted = objects(project)
        assert remote.exists(list(wanted)) == set(wanted)
        targets = {key: tmp_path / os.path.basename(key) for key in wanted}
        assert failures(remote.download(Download(key, str(path)) for key, path in targets.items())) == []
        assert {key: path.read_bytes() for key, path in targets.items()} == {
            key: path.read_bytes() for key, path in wanted.items()
        }
        remote.close()

    def test_git_and_dvc_share_experiments_through_it(self, place: Place, tmp_path: Path) -> None:
        """What `git push` sent, `git fetch` and `dvc exp pull` find; what `dvc exp push` sent, `git fetch` finds."""
        team = Team(tmp_path)
        alice = team.project(storage=None)
        alice.write(".dvc/config", config_text(place.config))
        alice.commit("name the DVC remote")
        git("push", "-q", "origin", "main", cwd=alice.path)
        for name in ("ours", "theirs"):
            alice.with_output(name, {"same": b"same", "own": name.encode(), "large": name.encode() * 100_000})
        alice.push("refs/exps/*/ours")
        dvc(alice.path, ["exp", "push", "-q", "origin", "theirs"])
        bob = team.clone("bob")
        git("fetch", "-q", "origin", EXPS, cwd=bob)
        assert keys_in(bob / ".dvc" / "cache") == keys_in(alice.cache)
        git("clone", "-q", team.host, "carol", cwd=tmp_path)
        dvc(tmp_path / "carol", ["exp", "pull", "-q", "origin", "ours"])
        ours = keys_in(tmp_path / "carol" / ".dvc" / "cache")
        assert len(ours) == 4
        assert ours < keys_in(alice.cache)

    def test_git_and_dvc_share_the_run_cache_through_it(self, place: Place, tmp_path: Path) -> None:
        check_run_cache(place.config, tmp_path)


def check_run_cache(config: Config, folder: Path, *, by_dvc: bool = True) -> None:
    """Entries that either sent, `git fetch` brings and `dvc repro` uses; ours reach `dvc exp pull`.

    by_dvc: DVC has a run-cache on this kind of remote.
    """
    team = Team(folder)
    alice = team.project(storage=None)
    alice.write(".dvc/config", config_text(config))
    alice.write("params.yaml", "n: 0\n")
    alice.write("dvc.yaml", json.dumps({"stages": {"copy": _STAGE}}))
    alice.commit("a pipeline")
    git("push", "-q", "origin", "main", cwd=alice.path)
    runs = [["exp", "run", "-q", "-n", name, "-S", f"n={n}"] for n, name in enumerate(("ours", "theirs"), 1)]
    dvc(alice.path, *runs)
    git("-c", "dvcexp.runCache=true", "push", "-q", "origin", "refs/exps/*/ours", cwd=alice.path)
    dvc(alice.path, ["exp", "push", "-q", "--run-cache", "origin", "theirs"])
    bob = team.clone("bob")
    git("-c", "dvcexp.runCache=true", "fetch", "-q", "origin", EXPS, cwd=bob)
    assert len(list((bob / ".dvc/cache/runs").glob("??/*/*"))) == (2 if by_dvc else 1)
    git("clone", "-q", team.host, "carol", cwd=folder)
    cases = ((bob, 2 if by_dvc else 1, ["repro"]), (folder / "carol", 1, _PULL_OURS, ["repro", "--pull"]))
    for clone, n, *commands in cases:
        (clone / "params.yaml").write_text(f"n: {n}\n")
        said = dvc(clone, *commands)
        assert ("is cached - skipping run" in said) == (by_dvc or clone == bob)
        assert (clone / "out").read_text() == (clone / "metrics").read_text() == f"n: {n}\n"
