"""A DVC project with many experiments, made in seconds: commits by `git fast-import`, objects straight into the cache.

The files read as DVC writes them, YAML and all, for both sides spend time on reading them.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.place import Place
from tests.support.shell import git

REMOTE = "['remote \"storage\"']\n"
_PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps:
    - train.py
    params:
    - epochs
    - lr
    outs:
    - model.bin
    - out
    metrics:
    - metrics.json:
        cache: false
"""
_LOCK = """\
schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: train.py
      hash: md5
      md5: {code}
      size: 21
    params:
      params.yaml:
        epochs: 10
        lr: {lr}
    outs:
    - path: metrics.json
      hash: md5
      md5: {metrics}
      size: 18
    - path: model.bin
      hash: md5
      md5: {model}
      size: {model_size}
    - path: out
      hash: md5
      md5: {out}
      size: {out_size}
      nfiles: {nfiles}
"""
_CODE = b"print('hello world')\n"


@dataclass(frozen=True)
class Shape:
    """`experiments`, each with a model of `model` bytes and a directory of `files` files of `size` bytes.

    That is 2 + `files` objects an experiment, the directory's manifest among them; no two are equal. kept: only so many
    experiments have their objects in the cache. alike: all experiments have the same objects, and packed refs. commits:
    so many an experiment, each with objects of its own. history: so many commits below the baseline.
    """

    experiments: int
    files: int
    size: int = 2048
    model: int = 2048
    kept: int | None = None
    alike: bool = False
    commits: int = 1
    history: int = 0

    @property
    def objects(self) -> int:
        """How many objects there are in all."""
        return (1 if self.alike else self.experiments * self.commits) * (2 + self.files)


class Project:
    """`alice`, with the project and every object in her cache; `host.git` with her branch; a clone, `bob`.

    Nothing is shared at first. `reset_push` brings that back; `reset_pull` makes `bob` new, once `share` has put all
    experiments on the host and all objects into `storage`.
    """

    def __init__(self, place: Place, name: str, shape: Shape, *, remote: str | None = None) -> None:
        """remote: the lines of the DVC remote in DVC's config; a folder if it is not given."""
        self.place = place
        self.shape = shape
        self.folder = folder = place.folder / name
        self.alice, self.bob, self.host = folder / "alice", folder / "bob", folder / "host.git"
        self.storage = folder / "storage"
        folder.mkdir(parents=True)
        git("init", "-q", self.alice, cwd=folder)
        self.baseline = self._commit_baseline(remote or f"    url = {self.storage}\n")
        self._add_experiments()
        git("clone", "-q", "--bare", "--single-branch", self.alice, folder / "host.new", cwd=folder)
        git("remote", "add", "origin", self.host, cwd=self.alice)
        place.copy(folder / "host.new", self.host)
        git("clone", "-q", self.host, folder / "bob.new", cwd=folder)
        for clone in (self.alice, folder / "bob.new"):
            git("config", "remote.origin.vcs", "dvcexp", cwd=clone)

    @property
    def cache(self) -> Path:
        """Alice's objects."""
        return self.alice / ".dvc" / "cache" / "files"

    def ref(self, number: int) -> str:
        """The full ref of an experiment."""
        return f"refs/exps/{self.baseline[:2]}/{self.baseline[2:]}/{_name(number)}"

    def share(self) -> None:
        """All experiments on the host, all objects on a DVC remote in a folder, without any of the contenders."""
        self.reset_push()
        git("push", "-q", self.host, "refs/exps/*", cwd=self.alice)
        shutil.copytree(self.cache, self.storage / "files", copy_function=os.link)

    def reset_push(self) -> None:
        """Nothing on the host nor on the DVC remote, nothing remembered by DVC."""
        self.place.copy(self.folder / "host.new", self.host)
        self.place.discard(self.storage)
        self.place.forget()

    def reset_pull(self) -> None:
        """Bob's clone as it was, with nothing in its cache."""
        self.place.copy(self.folder / "bob.new", self.bob)
        self.place.forget()

    def _commit_baseline(self, remote: str) -> str:
        files = {
            ".dvc/config": f"[core]\n    remote = storage\n{REMOTE}{remote}",
            ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
            ".gitignore": "/model.bin\n/out\n",
            "dvc.yaml": _PIPELINE,
            "params.yaml": "epochs: 10\nlr: 0.1\n",
            "metrics.json": '{"accuracy": 0.50}',
            "train.py": _CODE.decode(),
        }
        main = "refs/heads/main"
        before = [_commit(main, 1, f"Note {number}", {"notes": f"{number}\n"}) for number in range(self.shape.history)]
        self._import([*before, _commit(main, 1, "Train a model", files)])
        git("checkout", "-q", "-f", "main", cwd=self.alice)
        return git("rev-parse", "HEAD", cwd=self.alice)

    def _add_experiments(self) -> None:
        for folder in range(256):
            (self.cache / "md5" / f"{folder:02x}").mkdir(parents=True)
        self._import(self._experiments())
        if self.shape.alike:
            git("pack-refs", "--all", cwd=self.alice)

    def _experiments(self) -> Iterator[bytes]:
        content = random.Random(7)
        shape = self.shape
        for number in range(shape.experiments * shape.commits):
            experiment, later = divmod(number, shape.commits)
            kept = 1 if shape.alike else shape.kept
            store = self._store if kept is None or experiment < kept else _md5
            if shape.alike:
                content.seed(7)
            model = store(_bytes(content, shape.model))
            rows = [
                {"md5": store(_bytes(content, shape.size)), "relpath": f"{file // 1000:03d}/{file:07d}.bin"}
                for file in range(shape.files)
            ]
            out = store(json.dumps(rows).encode(), ".dir")
            metrics = f'{{"accuracy": 0.{number % 100:02d}}}'
            lock = _LOCK.format(
                code=_md5(_CODE),
                lr=0.001 * (number + 1),
                metrics=_md5(metrics.encode()),
                model=model,
                model_size=shape.model,
                out=out,
                out_size=shape.size * shape.files,
                nfiles=shape.files,
            )
            files = {
                "dvc.lock": lock,
                "params.yaml": f"epochs: 10\nlr: {0.001 * (number + 1)}\n",
                "metrics.json": metrics,
            }
            message = f"dvc: commit experiment {_name(experiment)}"
            parent = None if later else self.baseline  # without one, what the ref has
            yield _commit(self.ref(experiment), number + 2, message, files, parent)

    def _store(self, content: bytes, suffix: str = "") -> str:
        oid = _md5(content, suffix)
        path = f"{self.cache}/md5/{oid[:2]}/{oid[2:]}"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o444), "wb", buffering=0) as file:
            file.write(content)
        return oid

    def _import(self, commits: Iterator[bytes] | list[bytes]) -> None:
        importer = subprocess.Popen(["git", "fast-import", "--quiet", "--force"], stdin=subprocess.PIPE, cwd=self.alice)
        assert importer.stdin is not None
        with importer.stdin as stream:
            stream.writelines(commits)
        if importer.wait() != 0:
            raise RuntimeError("git fast-import failed")


def _name(number: int) -> str:
    return f"exp-{number:05d}"


def _md5(content: bytes, suffix: str = "") -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix


def _bytes(content: random.Random, size: int) -> bytes:
    """Of a large file only the first MiB is chance."""
    piece = content.randbytes(min(size, 1 << 20))
    return piece * (size // len(piece))


def _commit(ref: str, time: int, message: str, files: dict[str, str], parent: str | None = None) -> bytes:
    """A commit in fast-import's words."""
    lines = [f"commit {ref}", f"committer Ada <ada@example.com> {1_700_000_000 + time} +0000", *_data(message)]
    if parent is not None:
        lines.append(f"from {parent}")
    for path, text in files.items():
        lines += [f"M 100644 inline {path}", *_data(text)]
    return "\n".join([*lines, ""]).encode()


def _data(text: str) -> list[str]:
    return [f"data {len(text.encode())}", text]
