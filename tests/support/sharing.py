"""Two people with a Git host and a DVC remote between them, all of it handmade and on this machine."""

from __future__ import annotations

from pathlib import Path

from tests.support.handmade import Handmade, oids
from tests.support.shell import Done, git, sh


class Sharing:
    """alice has a project with the experiments `a` and `b`, nothing of them shared yet; the host has her branch."""

    def __init__(self, base: Path, *, helper: bool) -> None:
        self.base, self.host, self.alice = base, base / "host.git", base / "alice"
        self._helper = helper
        git("init", "-q", "--bare", self.host, cwd=base)
        self.project = Handmade(self.alice)
        self.storage = self.project.storage
        self.a = self.project.experiment("a", {"model.bin": b"model a", "out": {"x": b"same", "y": b"a"}})
        self.b = self.project.experiment("b", {"model.bin": b"model b", "out": {"x": b"same", "y": b"b"}})
        git("remote", "add", "origin", self.host, cwd=self.alice)
        self._route(self.alice)
        git("push", "-q", "origin", "main", cwd=self.alice)

    def clone(self, name: str) -> Path:
        """Another member's clone."""
        git("clone", "-q", self.host, name, cwd=self.base)
        self._route(self.base / name)
        return self.base / name

    def _route(self, repository: Path) -> None:
        if self._helper:
            git("config", "remote.origin.vcs", "dvcexp", cwd=repository)


def exp(*args: str | Path, cwd: Path, check: bool = True, env: dict[str, str] | None = None) -> Done:
    """`git exp args...`; whatever happens, nobody sees a traceback."""
    done = sh("git", "exp", *args, cwd=cwd, check=check, env=env)
    assert "Traceback" not in done.stderr
    assert "unexpected error" not in done.stderr
    return done


def experiments(repository: Path) -> dict[str, str]:
    """Full ref -> tip of what lies below refs/exps/."""
    listing = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps", cwd=repository)
    return dict(line.split() for line in listing.splitlines())


def cached(repository: Path) -> set[str]:
    """The objects in a project's cache."""
    return oids(repository / ".dvc" / "cache")
