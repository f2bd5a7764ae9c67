"""A DVC project with experiments, made by hand: quick, and independent of both DVC and our own code."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.support.shell import git

Outputs = dict[str, "bytes | dict[str, bytes]"]


class Handmade:
    """A Git repository with one pipeline stage, a directory `storage` beside it as its default DVC remote.

    Commits and experiments say in `dvc.lock` what the stage wrote; the data lies in the cache alone, never in the work
    tree, for nothing that shares experiments looks there.
    """

    def __init__(self, path: Path) -> None:
        self._at(path)
        git("init", "-q", path, cwd=path.parent)
        self._write(".dvc/config", f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {self.storage}\n")
        self._write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
        self.storage.mkdir(exist_ok=True)
        self.baseline = self.commit({"model.bin": b"untrained"})

    @classmethod
    def of(cls, clone: Path) -> Handmade:
        """The same project in a clone."""
        project = cls.__new__(cls)
        project._at(clone)
        project.baseline = git("rev-parse", "HEAD", cwd=clone)
        return project

    def _at(self, path: Path) -> None:
        self.path = path
        self.storage = path.parent / "storage"
        self.cache = path / ".dvc" / "cache"

    def commit(self, outputs: Outputs, message: str = "run") -> str:
        """Commit the stage with these outputs where HEAD is, and put them into the cache; the commit's id."""
        self._write("dvc.yaml", json.dumps({"stages": {"train": {"cmd": "train", "outs": sorted(outputs)}}}))
        entries = [self._entry(path, content) for path, content in outputs.items()]
        lock = {"schema": "2.0", "stages": {"train": {"cmd": "train", "outs": entries}}}
        self._write("dvc.lock", json.dumps(lock))
        git("add", "-A", cwd=self.path)
        git("commit", "-q", "--allow-empty", "-m", message, cwd=self.path)
        return git("rev-parse", "HEAD", cwd=self.path)

    def experiment(self, name: str, outputs: Outputs) -> str:
        """An experiment of one commit on the present HEAD; its full ref."""
        baseline = git("rev-parse", "HEAD", cwd=self.path)
        ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}"
        tip = self.commit(outputs, f"dvc: commit experiment {name}")
        git("reset", "-q", "--hard", baseline, cwd=self.path)
        git("update-ref", ref, tip, cwd=self.path)
        return ref

    def _entry(self, path: str, content: bytes | dict[str, bytes]) -> dict[str, object]:
        if isinstance(content, bytes):
            return {"path": path, "hash": "md5", "md5": self._store(content), "size": len(content)}
        rows = [{"md5": self._store(data), "relpath": relpath} for relpath, data in sorted(content.items())]
        oid = self._store(json.dumps(rows).encode(), ".dir")
        size = sum(map(len, content.values()))
        return {"path": path, "hash": "md5", "md5": oid, "size": size, "nfiles": len(content)}

    def _store(self, content: bytes, suffix: str = "") -> str:
        oid = hashlib.md5(content).hexdigest() + suffix
        path = object_path(self.cache, oid)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o444)
        return oid

    def _write(self, relpath: str, text: str) -> None:
        path = self.path / relpath
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def object_path(base: Path, oid: str) -> Path:
    """Where an object lies below a cache or a directory remote."""
    return base / "files" / "md5" / oid[:2] / oid[2:]


def oids(base: Path) -> set[str]:
    """The objects below a cache or a directory remote, whatever their content."""
    return {path.parent.name + path.name for path in base.glob("files/md5/??/*")}


def assert_whole(base: Path) -> None:
    """Every object below `base` is what its name says, and nothing else lies there."""
    for path in base.rglob("*"):
        if path.is_file():
            digest = hashlib.md5(path.read_bytes()).hexdigest()
            assert path == object_path(base, digest + path.suffix), f"{path} holds {digest}"
