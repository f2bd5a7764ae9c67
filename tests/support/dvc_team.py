"""A team that works with real DVC: a Git host, a DVC remote, and a project with two experiments."""

from __future__ import annotations

from pathlib import Path

from tests.support import warm_dvc
from tests.support.shell import git

_TRAIN = """\
import os, sys, pathlib
n = open("params.yaml").read().split()[-1]
pathlib.Path("model.bin").write_bytes(b"model" + n.encode() * 5000)
os.makedirs("out/sub", exist_ok=True)
pathlib.Path("out/a.txt").write_text("same in all")
pathlib.Path("out/sub/b.txt").write_text("n is " + n)
pathlib.Path("metrics.json").write_text('{"n": %s}' % n)
"""
_PIPELINE = """\
stages:
  train:
    cmd: python3 train.py
    deps: [train.py, data]
    params: [n]
    outs: [model.bin, out]
    metrics:
    - metrics.json: {cache: false}
"""


def dvc(*args: str | Path, cwd: Path) -> str:
    """What `dvc args...` prints."""
    return warm_dvc.dvc(args, cwd=cwd)


class Team:
    """A Git host, a DVC remote and a project on both, with two experiments."""

    def __init__(self, base: Path) -> None:
        self.base, self.host, self.storage, self.alice = base, base / "host.git", base / "storage", base / "alice"
        git("init", "-q", "--bare", self.host, cwd=base)
        git("clone", "-q", self.host, self.alice, cwd=base)
        git("config", "remote.origin.vcs", "dvcexp", cwd=self.alice)
        (self.alice / "train.py").write_text(_TRAIN)
        (self.alice / "dvc.yaml").write_text(_PIPELINE)
        (self.alice / "params.yaml").write_text("n: 1\n")
        (self.alice / "data").mkdir()
        (self.alice / "data" / "raw").write_bytes(b"raw\0data")
        dvc("init", "-q", cwd=self.alice)
        dvc("config", "core.analytics", "false", cwd=self.alice)
        dvc("remote", "add", "-d", "storage", self.storage, cwd=self.alice)
        dvc("add", "-q", "data", cwd=self.alice)
        dvc("repro", "-q", cwd=self.alice)
        git("add", "-A", cwd=self.alice)
        git("commit", "-q", "-m", "base", cwd=self.alice)
        git("push", "-q", "origin", "main", cwd=self.alice)
        for name, n in (("a", 2), ("b", 3)):
            dvc("exp", "run", "-q", "-n", name, "-S", f"n={n}", cwd=self.alice)

    def clone(self, name: str) -> Path:
        """Another member's clone, through the helper."""
        git("clone", "-q", "-c", "remote.origin.vcs=dvcexp", self.host, self.base / name, cwd=self.base)
        return self.base / name

    def hide_storage(self) -> None:
        self.storage.rename(self.storage.with_name("unreachable"))

    def objects(self, folder: Path) -> set[str]:
        return {str(p.relative_to(folder)) for p in (folder / "files").rglob("*") if p.is_file()}
