"""Our pre-push hook beside those of `dvc install`, with DVC itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.handmade import Handmade, oids
from tests.support.shell import git, sh


@pytest.fixture
def project(tmp_path: Path) -> Handmade:
    """A project with a file that DVC tracks, DVC's hooks, and a native `origin`."""
    project = Handmade(tmp_path / "project")
    git("init", "-q", "--bare", tmp_path / "host.git", cwd=tmp_path)
    git("remote", "add", "origin", tmp_path / "host.git", cwd=project.path)
    git("rm", "-q", "dvc.yaml", "dvc.lock", cwd=project.path)
    (project.path / "data.csv").write_bytes(b"data")
    sh("dvc", "add", "-q", "data.csv", cwd=project.path)
    git("add", ".", cwd=project.path)
    git("commit", "-qm", "track data", cwd=project.path)
    sh("dvc", "install", "-q", cwd=project.path)
    return project


def test_both_hooks_do_their_work_in_one_push(project: Handmade) -> None:
    theirs = (project.path / ".git" / "hooks" / "pre-push").read_bytes()
    assert b"dvc git-hook pre-push" in theirs
    sh("git", "exp", "install", cwd=project.path)
    git("config", "--unset", "remote.origin.vcs", cwd=project.path)
    git("config", "core.hooksPath", "/dev/null", cwd=project.path)  # DVC's other hooks would look at every commit
    ref = project.experiment("a", {"model.bin": b"a"})
    git("config", "--unset", "core.hooksPath", cwd=project.path)
    git("push", "-q", "origin", "main", ref, cwd=project.path)
    by_dvc, by_us = (hashlib.md5(content).hexdigest() for content in (b"data", b"a"))
    assert oids(project.storage) == {by_dvc, by_us}
    sh("git", "exp", "uninstall", cwd=project.path)
    assert (project.path / ".git" / "hooks" / "pre-push").read_bytes() == theirs


def test_dvc_does_not_overwrite_ours(project: Handmade) -> None:
    hook = project.path / ".git" / "hooks" / "pre-push"
    for theirs in ("post-checkout", "pre-commit", "pre-push"):
        hook.with_name(theirs).unlink()
    sh("git", "exp", "install", cwd=project.path)
    ours = hook.read_bytes()
    done = sh("dvc", "install", cwd=project.path, check=False)
    assert done.code != 0
    assert "'pre-push' already exists" in done.stderr
    assert hook.read_bytes() == ours
