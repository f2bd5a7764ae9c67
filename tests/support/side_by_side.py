"""Many commands at once, and what must hold after them, looked over without any code of ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.conftest import ROOT
from tests.support.fault_worlds import damage
from tests.support.handmade import object_path
from tests.support.shell import Done, git
from tests.support.team import Project, put

_PATIENCE = 120.0  # seconds; nothing here takes a tenth of that unless it waits for ever
# What tells the loser of a race that it has lost: Git's own words, or our way out.
_LOST = (
    "[rejected]",
    "[remote rejected]",
    "cannot lock ref",
    "unable to update local ref",
    "run the same command again",
)
BASE = b"base" * 1000
_TEMPLATE = """\
stages:
  train:
    cmd: {command}
    params: [n]
    outs: [model.bin]
"""


class Command(NamedTuple):
    """`argv`, as typed in `cwd`."""

    argv: Sequence[str]
    cwd: Path

    def __str__(self) -> str:
        return f"{self.cwd.name}: {' '.join(self.argv)}"


def typed(cwd: Path, line: str) -> Command:
    """A command line without quotes or spaces in its words."""
    return Command(line.split(), cwd)


class Running(NamedTuple):
    """A command that goes on; `log` is what it says."""

    command: Command
    process: subprocess.Popen[bytes]
    log: Path

    def done(self) -> Done:
        return Done(self.process.returncode, "", self.log.read_text(errors="replace"))


@contextlib.contextmanager
def started(command: Command, log: Path) -> Iterator[Running]:
    """As `start`; when the block ends it has ended, or is killed."""
    running = start(command, log)
    try:
        yield running
    finally:
        _kill(running)


def start(command: Command, log: Path) -> Running:
    """Start it in a session of its own; what it says on both channels goes to the file `log`."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command.argv, cwd=command.cwd, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    return Running(command, process, log)


def finish(running: Sequence[Running]) -> list[tuple[Command, Done]]:
    """Wait for all; those that hang fail the test, by name and with what they said and started."""
    deadline = time.monotonic() + _PATIENCE
    hanging = []
    for one in running:
        try:
            one.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            hanging.append(f"{one.command}\n{_family(one.process.pid)}\n{one.log.read_text(errors='replace')}")
    for one in running:
        _kill(one)
    assert not hanging, "these hang:\n" + "\n".join(hanging)
    return [(one.command, one.done()) for one in running]


def _kill(running: Running) -> None:
    if running.process.returncode is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def together(commands: Iterable[Command], folder: Path) -> list[tuple[Command, Done]]:
    """Run all of them at once."""
    folder.mkdir()
    return finish([start(command, folder / str(number)) for number, command in enumerate(commands)])


def unclear(results: Iterable[tuple[Command, Done]]) -> list[str]:
    """Those that failed without a word on how they lost a race, or with a traceback."""
    return [
        f"{command}: exit {done.code}\n{done.stderr}"
        for command, done in results
        if "Traceback" in done.stderr
        or "unexpected error" in done.stderr
        or (done.code != 0 and not any(words in done.stderr for words in _LOST))
    ]


def _family(pid: int) -> str:
    """The processes of the session `pid`, as ps shows them."""
    asked = subprocess.run(["ps", "-o", "pid,wchan:20,args", "-s", str(pid)], capture_output=True, check=False)
    return asked.stdout.decode(errors="replace")


class Member(Project):
    """A clone of the host through the helper, or with the hook, to make experiments in without DVC."""

    def __init__(self, path: Path, host: Path, *, hook: bool = False) -> None:
        self.path = self.root = path
        self.cache = path / ".dvc" / "cache"
        git("clone", "-q", host, path, cwd=path.parent)
        if not hook:
            git("config", "remote.origin.vcs", "dvcexp", cwd=path)
        else:
            (path / ".git" / "hooks" / "pre-push").symlink_to(ROOT / "hooks" / "pre-push")

    def worktree(self) -> Path:
        """Another work tree of this repository on the same cache, its HEAD detached."""
        path = self.path.with_name(f"{self.path.name}-2")
        git("worktree", "add", "-q", "--detach", path, cwd=self.path)
        (path / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {self.cache}\n")
        return path

    def overlapping(self, name: str, *others: str) -> str:
        """An experiment with what every one has, with what those that also name one of `others` have, and something of
        its own; its ref."""
        shared = {other: other.encode() * 100 for other in others}
        folder = put(self.cache, {"same": b"same in all", "empty": b"", name: name.encode(), **shared})
        large = put(self.cache, b"large" * 250_000)
        return self.experiment(name, {"folder.dvc": _dvc("folder", folder), "large.dvc": _dvc("large", large)})


def _dvc(path: str, oid: str) -> str:
    return f"outs:\n- md5: {oid}\n  hash: md5\n  path: {path}\n"


def found_host(base: Path, storage: Path, command: str) -> Path:
    """A bare host in `base` whose branch has a stage that runs `command`, and `base.bin`, which is on `storage`."""
    git("init", "-q", "--bare", base / "host.git", cwd=base)
    project = Project(base / "founder", base / "host.git", storage)
    project.write("dvc.yaml", _TEMPLATE.format(command=command))
    project.write("params.yaml", "n: 1\n")
    project.write("base.bin.dvc", _dvc("base.bin", put(project.cache, BASE)))
    project.write(".gitignore", "/base.bin\n/model.bin\n/folder\n/large\n")
    project.commit("Pipeline")
    git("push", "-q", "origin", "main", cwd=project.path)
    put(storage, BASE)
    return base / "host.git"


def experiments(repository: Path) -> dict[str, str]:
    """Full ref -> tip; DVC's own refs left out."""
    listing = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps/??/*/*", cwd=repository)
    return dict(line.split() for line in listing.splitlines())


def wrongs(repository: Path, data: Path) -> Iterator[str]:
    """Experiments of `repository` whose objects are not all in `data`, half objects there, leftovers, what git fsck
    says."""
    yield from damage(data, temporary_files=False)
    for ref, tip in experiments(repository).items():
        for oid in _used_by(repository, tip):
            if not object_path(data, oid).exists():
                yield f"{repository.name} has {ref}, but {oid} is not in {data}"
    if complaints := git("fsck", "--no-dangling", "--no-progress", cwd=repository):
        yield complaints


def leftovers(folder: Path) -> list[str]:
    """Temporary files below `folder`, and locks of Git's."""
    names = (str(path) for path in folder.rglob("*") if path.is_file())
    gits = [name for name in names if "/.git/" in name or "/host.git/" in name]
    locks = [name for name in gits if name.endswith(".lock") and not name.endswith("/dvcexp/notes.lock")]
    return locks + [str(path) for path in folder.rglob("*.tmp") if path.is_file()]


def _used_by(repository: Path, tip: str) -> Iterator[str]:
    """What the commit's DVC files name; what directories list is seen by `damage`."""
    for name in git("ls-tree", "--name-only", tip, cwd=repository).splitlines():
        if name.endswith(".dvc") and name != ".dvc":
            yield from (out["md5"] for out in yaml.safe_load(git("show", f"{tip}:{name}", cwd=repository))["outs"])
        elif name == "dvc.lock":
            stages = yaml.safe_load(git("show", f"{tip}:{name}", cwd=repository))["stages"]
            yield from (out["md5"] for stage in stages.values() for out in stage["outs"])
