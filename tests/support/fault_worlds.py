"""What is damaged in the tests of faults, and how it is looked over afterwards, without any code of ours.

A seed has two experiments: `file`, a file large enough to be copied in one piece, and `folder`, a directory with an
empty file in it. In one seed nothing of them is shared yet, in the other everything is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.support.fault_remotes import Far
from tests.support.git_servers import GitHosts
from tests.support.git_worlds import TRANSPORTS, World
from tests.support.handmade import Handmade, object_path, oids
from tests.support.shell import Done, git

_CONFIG = "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../storage\n"
_PATIENCE = 60.0  # seconds
HANGS = -1
_TEMPORARY = re.compile(r"\.[\w-]{22}\.tmp\Z")


class FaultSeed:
    """`host.git`, alice's `project`, bob's `clone` and `storage` in `folder`; shared: alice has pushed all."""

    def __init__(self, folder: Path, *, shared: bool) -> None:
        self.folder = folder
        self.shared = shared
        folder.mkdir()
        project = Handmade(folder / "project")
        (project.path / ".dvc" / "config").write_text(_CONFIG)  # relative, so that it means each world's own storage
        git("commit", "-qa", "--amend", "-m", "Project", cwd=project.path)
        git("clone", "-q", "--mirror", project.path, folder / "host.git", cwd=folder)
        git("config", "http.receivepack", "true", cwd=folder / "host.git")
        git("clone", "-q", folder / "host.git", folder / "clone", cwd=folder)
        before = oids(project.cache)
        project.experiment("file", {"model.bin": bytes(range(256)) * 5000})
        project.experiment("folder", {"data": {"x": b"x" * 2000, "sub/y": b"y", "empty": b""}})
        self.objects = oids(project.cache) - before
        if shared:
            git("push", "-q", folder / "host.git", "refs/exps/*", cwd=project.path)
            for oid in self.objects:
                target = object_path(project.storage, oid)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(object_path(project.cache, oid), target)


class FaultWorld(World):
    """One copy of a seed, to be damaged."""

    def __init__(
        self,
        seed: FaultSeed,
        hosts: GitHosts,
        transport: str,
        name: str,
        far: Far | None = None,
        *,
        helper: bool = True,
    ) -> None:
        chosen = next(candidate for candidate in TRANSPORTS if candidate.name == transport)
        super().__init__(seed, hosts, chosen, name, helper=helper)  # type: ignore[arg-type]
        self.bob = self.folder / "clone"
        self.far = far
        self.group = 0  # of the processes of the command that runs
        if far is not None:
            self.storage = far.files
            for project in (self.project, self.bob):
                far.configure(project)
        git("config", "remote.origin.url", self.url, cwd=self.bob)
        if helper:
            git("config", "remote.origin.vcs", "dvcexp", cwd=self.bob)

    def forget_directory(self) -> None:
        """The folder that the commits themselves name is not there: it would stand in for a remote that fails."""
        shutil.rmtree(self.folder / "storage")

    def run(self, *args: str, cwd: Path | None = None, check: bool = True, **env: str) -> Done:
        """As World.run, in a session of its own that ends with it: one that hangs fails with code -1, and its words."""
        argv = ["git", *self.options, *args]
        environ = {**os.environ, **self.env, **env}
        pipe = subprocess.PIPE
        where = cwd or self.project
        with subprocess.Popen(argv, cwd=where, env=environ, stdout=pipe, stderr=pipe, start_new_session=True) as git:
            self.group = git.pid
            try:
                out, err = git.communicate(timeout=_PATIENCE)
                code = git.returncode
            except subprocess.TimeoutExpired:
                os.killpg(git.pid, signal.SIGKILL)
                out, err = git.communicate()
                code, err = HANGS, err + b"it hangs"
        done = Done(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))
        assert done.code == 0 or not check, done.stderr
        return done

    def wrongs(self, *, temporary_files: bool) -> Iterator[str]:
        """What is not as it must be, whatever has happened. temporary_files: they may be left over."""
        if self.far is not None and not self.seed.shared:  # else nothing changes there
            self.far.look()
        here = {repository: self.refs(repository) for repository in (self.host, self.project, self.bob)}
        for repository, data in ((self.host, self.storage), (self.bob, self.bob / ".dvc" / "cache")):
            for ref, tip in here[repository].items():
                if ref.startswith("refs/exps/"):
                    for oid in used_by(repository, tip):
                        if not object_path(data, oid).exists():
                            yield f"{repository.name} has {ref}, but {oid} is not in {data}"
        for folder in (self.storage, self.project / ".dvc" / "cache", self.bob / ".dvc" / "cache"):
            yield from damage(folder, temporary_files=temporary_files)
        for repository in here:
            if "refs/heads/main" not in here[repository]:
                yield f"{repository.name} has lost its branch"
        if len([ref for ref in here[self.project] if ref.startswith("refs/exps/")]) != 2:
            yield "alice has lost an experiment"
        if not self.seed.objects <= self.cached(self.project):
            yield "alice has lost objects"

    def gaps(self, repository: Path, data: Path) -> Iterator[str]:
        """What is lacking before a push to, or a fetch into, `repository` is complete; its data lies in `data`."""
        if self.far is not None and not self.seed.shared:  # else nothing changes there
            self.far.look()
        shared = [ref for ref in self.refs(repository) if ref.startswith("refs/exps/")]
        if len(shared) != 2:
            yield f"{repository.name} has the experiments {shared}"
        if lacking := self.seed.objects - oids(data):
            yield f"{data} lacks {lacking}"

    def remove(self) -> None:
        """Make room for the next."""
        shutil.rmtree(self.folder)


def used_by(repository: Path, tip: str) -> set[str]:
    """The objects that the commit's dvc.lock names, metrics aside; what directories list is seen by `damage`."""
    lock = yaml.safe_load(git("show", f"{tip}:dvc.lock", cwd=repository))
    outs = [out for stage in lock["stages"].values() for out in stage["outs"]]
    return {out["md5"] for out in outs if not out["path"].endswith(".json")}


def damage(folder: Path, *, temporary_files: bool) -> Iterator[str]:
    """Half objects, manifests without their files, leftovers."""
    for path in folder.rglob("*"):
        if path.is_dir() or path.relative_to(folder).parts[0] == "runs":
            continue
        if _TEMPORARY.fullmatch(path.name):
            if not temporary_files:
                yield f"{path} is left over"
            continue
        data = path.read_bytes()
        digest = hashlib.md5(data).hexdigest()
        if path != object_path(folder, digest + path.suffix):
            yield f"{path} holds {digest}"
        elif path.suffix == ".dir":
            for row in json.loads(data):
                if not object_path(folder, row["md5"]).exists():
                    yield f"{path} lists {row['relpath']}, which is not there"
