"""A work tree as it can be compared with another: files, links, modes, the index, and DVC's refs of `exp apply`."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.shell import git, sh

_TRAIN = """\
import os, pathlib, shutil, sys
n = open("params.yaml").read().split()[-1]
pathlib.Path("model.bin").write_bytes(b"model " + n.encode() * 50)
pathlib.Path("run.sh").write_text("#!/bin/sh\\necho " + n + "\\n")
os.chmod("run.sh", 0o755)
shutil.rmtree("out", ignore_errors=True)
os.makedirs("out/sub")
pathlib.Path("out/a.txt").write_text("same in all")
pathlib.Path("out/only" + n).write_text("of " + n)
pathlib.Path("out/sub/b.txt").write_text("n is " + n)
pathlib.Path("out/sub/empty").write_text("")
pathlib.Path("metrics.json").write_text('{"n": %s}' % n)
"""
_PIPELINE = """\
stages:
  train:
    cmd: python3 train.py
    deps: [train.py, raw]
    params: [n]
    outs: [model.bin, run.sh, out]
    metrics:
    - metrics.json: {cache: false}
"""
_OTHER_TRAIN = """\
import os, pathlib
os.makedirs("weights", exist_ok=True)
os.makedirs("none", exist_ok=True)
pathlib.Path("weights/w.bin").write_text("weights")
pathlib.Path("out").write_text("a file now")
pathlib.Path("empty.bin").write_text("")
"""
_OTHER_PIPELINE = """\
stages:
  train:
    cmd: python3 code/train.py
    deps: [code/train.py]
    outs: [weights/w.bin, out, none, empty.bin]
"""


def dvc(*args: str | Path, cwd: Path, check: bool = True) -> str:
    """What `dvc args...` prints, run in this process: the same command line, without the seconds that imports cost."""
    code, printed = run_dvc(*args, cwd=cwd)
    assert not check or code == 0, (args, code)
    return printed


def run_dvc(*args: str | Path, cwd: Path) -> tuple[int, str]:
    """Its exit code, and what it prints."""
    from dvc.cli import main

    before, argv = Path.cwd(), sys.argv
    printed = io.StringIO()
    os.chdir(cwd)
    sys.argv = ["dvc"]  # DVC looks there for debugging flags too
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            warnings.simplefilter("ignore")  # DVC's are not ours to turn into errors
            code = main([str(arg) for arg in args])
    finally:
        os.chdir(before)
        sys.argv = argv
    return code, printed.getvalue()


def build(path: Path) -> None:
    """A project with the experiments `two` (other parameter) and `other` (other files and outputs)."""
    git("init", "-q", path, cwd=path.parent)
    for name, text in {
        "train.py": _TRAIN,
        "dvc.yaml": _PIPELINE,
        "params.yaml": "n: 1\n",
        "old.py": "old\n",
        "note.md": "a note\n",
        "tool": "#!/bin/sh\n",
        ".gitignore": "*.log\n",
    }.items():
        (path / name).write_text(text)
    (path / "raw" / "deep").mkdir(parents=True)
    (path / "raw" / "x").write_bytes(b"raw\0x")
    (path / "raw" / "deep" / "y").write_bytes(b"raw\0y")
    dvc("init", cwd=path)
    dvc("config", "core.analytics", "false", cwd=path)
    dvc("add", "raw", cwd=path)
    dvc("repro", cwd=path)
    git("add", "-A", cwd=path)
    git("commit", "-q", "-m", "base", cwd=path)
    dvc("exp", "run", "-q", "-n", "two", "-S", "n=2", cwd=path)
    git("reset", "-q", "--hard", cwd=path)
    git("rm", "-q", "old.py", cwd=path)
    git("mv", "tool", "tool.sh", cwd=path)
    (path / "tool.sh").chmod(0o755)
    (path / "code").mkdir()
    git("mv", "train.py", "code/train.py", cwd=path)
    (path / "code" / "train.py").write_text(_OTHER_TRAIN)
    (path / "dvc.yaml").write_text(_OTHER_PIPELINE)
    (path / "new.py").write_text("new\n")
    (path / "link").symlink_to("note.md")
    shutil.rmtree(path / "out")
    git("add", "-A", cwd=path)
    dvc("exp", "run", "-q", "-n", "other", cwd=path)
    git("reset", "-q", "--hard", cwd=path)
    git("clean", "-q", "-fd", cwd=path)
    dvc("checkout", "-f", cwd=path)
    (path / "weights").rmdir()


class Twins:
    """The same project twice, side by side: what DVC does to one, we do to the other."""

    def __init__(self, template: Path, base: Path) -> None:
        if not template.exists():
            build(template)  # once: DVC takes seconds for it
        self.theirs, self.ours = base / "theirs" / "p", base / "ours" / "p"
        for path in (self.theirs, self.ours):
            shutil.copytree(template, path, symlinks=True)
            for name in ("model.bin", "run.sh", "out", "raw"):
                remove(path / name)
            # DVC notes in a database, by path and inode, which files it made; a copy knows nothing of it.
            dvc("checkout", cwd=path)

    def both(self, change: Callable[[Path], object]) -> None:
        """Do the same to both."""
        change(self.theirs)
        change(self.ours)


def remove(path: Path) -> None:
    """A file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


class Snapshot(NamedTuple):
    """files: path -> kind, mode, content. index: as `git ls-files -s`. status: as Git's. refs: HEAD's and DVC's."""

    files: dict[str, tuple[str, str, bytes]]
    index: str
    status: str
    refs: dict[str, str]


def snapshot(path: Path, *, modes: bool = True) -> Snapshot:
    """All that an apply may change. Where links into the cache lead is told relative to the project."""
    files: dict[str, tuple[str, str, bytes]] = {}
    for found in sorted(path.rglob("*")):
        name = str(found.relative_to(path))
        if name.startswith((".git/", ".dvc/tmp", ".dvc/cache")) or name == ".git":
            continue
        status = found.lstat()
        mode = f"{stat.S_IMODE(status.st_mode):o}" if modes else ""
        if found.is_symlink():
            files[name] = ("link", "", os.readlink(found).replace(str(path.parent), "<here>").encode())
        elif found.is_dir():
            files[name] = ("dir", mode, b"")
        else:
            files[name] = ("hardlink" if status.st_nlink > 1 else "file", mode, found.read_bytes())
    refs = {ref: git("rev-parse", ref, cwd=path) for ref in ("HEAD", "refs/exps/apply/ORIG_HEAD") if _has(path, ref)}
    if _has(path, "refs/exps/exec/EXEC_APPLY"):
        refs["applied"] = git("rev-parse", "refs/exps/exec/EXEC_APPLY", cwd=path)
    if _has(path, "refs/exps/apply/stash"):
        refs["stash"] = _stash(path)
    status = git("status", "--porcelain", "-uall", cwd=path)
    return Snapshot(files, git("ls-files", "-s", cwd=path), status, refs)


def differences(theirs: Snapshot, ours: Snapshot) -> list[str]:
    """In words; nothing where they are equal."""
    found = []
    for path in sorted(theirs.files.keys() | ours.files.keys()):
        left, right = theirs.files.get(path), ours.files.get(path)
        if left != right:
            found.append(f"{path}: {left} by DVC, {right} by us")
    for what in ("index", "status", "refs"):
        left, right = getattr(theirs, what), getattr(ours, what)
        if left != right:
            found.append(f"{what}:\n{left}\nby DVC\n{right}\nby us")
    return found


def _has(path: Path, ref: str) -> bool:
    return sh("git", "rev-parse", "-q", "--verify", ref, cwd=path, check=False).code == 0


def _stash(path: Path) -> str:
    """The stash commit without its times: its trees and messages, and those of its parents."""
    revs = git("rev-parse", "refs/exps/apply/stash", "refs/exps/apply/stash^@", cwd=path).split()
    entries = git("reflog", "show", "--format=%gs", "refs/exps/apply/stash", cwd=path)
    return "\n".join([entries, *(git("log", "-1", "--format=%T%n%B", rev, cwd=path) for rev in revs)])
