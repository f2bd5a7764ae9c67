"""A Git host, a DVC remote and projects in DVC's own formats, made without DVC."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from tests.support.shell import Done, git, sh

Content = bytes | Mapping[str, bytes]  # a file, or a directory: relpath -> content

EXPS = "refs/exps/*:refs/exps/*"


def put(cache: Path, content: Content, *, legacy: bool = False) -> str:
    """Store `content` in a cache as DVC does; its oid."""
    if isinstance(content, bytes):
        digest = content.replace(b"\r\n", b"\n") if legacy and b"\0" not in content else content
        return _write(cache, hashlib.md5(digest).hexdigest(), content, legacy)
    rows = [{"md5": put(cache, data, legacy=legacy), "relpath": name} for name, data in sorted(content.items())]
    manifest = json.dumps(rows).encode()
    return _write(cache, hashlib.md5(manifest).hexdigest() + ".dir", manifest, legacy)


def _write(cache: Path, oid: str, content: bytes, legacy: bool) -> str:
    path = cache / ("" if legacy else "files/md5") / oid[:2] / oid[2:]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o444)
    return oid


def dvc_file(path: str, oid: str, flags: str = "", *, legacy: bool = False) -> str:
    """The text of a `.dvc` file with one output."""
    kind = "" if legacy else "  hash: md5\n"
    return f"outs:\n- md5: {oid}\n{kind}  path: {path}\n{flags}"


class Project:
    """A work tree with a DVC root in it."""

    def __init__(self, path: Path, host: Path, storage: Path | str | None, root: str = ".") -> None:
        self.path = path
        self.root = path / root
        self.cache = self.root / ".dvc" / "cache"
        git("init", "-q", path, cwd=path.parent)
        git("remote", "add", "origin", host, cwd=path)
        git("config", "remote.origin.vcs", "dvcexp", cwd=path)
        self.configure(storage)
        self.write(".dvc/.gitignore", "/cache\n/config.local\n/tmp\n")
        self.commit("base")

    def configure(self, storage: Path | str | None) -> None:
        """`.dvc/config` with `storage` as default DVC remote."""
        text = f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {storage}\n" if storage else ""
        self.write(".dvc/config", text)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> str:
        git("add", "-A", cwd=self.path)
        git("commit", "-q", "--allow-empty", "-m", message, cwd=self.path)
        return git("rev-parse", "HEAD", cwd=self.path)

    def head(self) -> str:
        return git("rev-parse", "HEAD", cwd=self.path)

    def experiment(self, name: str, *commits: Mapping[str, str], baseline: str | None = None) -> str:
        """An experiment of one commit for each of `commits` (path -> text); its ref."""
        base = baseline or self.head()
        git("checkout", "-q", "--detach", base, cwd=self.path)
        for files in commits:
            for path, text in files.items():
                self.write(path, text)
            self.commit(f"exp {name}")
        ref = f"refs/exps/{base[:2]}/{base[2:]}/{name}"
        git("update-ref", ref, "HEAD", cwd=self.path)
        git("checkout", "-q", "-f", "main", cwd=self.path)
        git("clean", "-q", "-f", "-d", cwd=self.path)
        return ref

    def with_output(self, name: str, content: Content, path: str = "model", flags: str = "") -> str:
        """An experiment whose one commit has one output, its content in the cache; the ref."""
        return self.experiment(name, {f"{path}.dvc": dvc_file(path, put(self.cache, content), flags)})

    def push(self, *args: str, check: bool = True, env: Mapping[str, str] | None = None) -> Done:
        return sh("git", "push", "origin", *(args or ["refs/exps/*"]), cwd=self.path, check=check, env=env)


class Team:
    """The host and the storage that projects and clones share."""

    def __init__(self, base: Path) -> None:
        self.base, self.host, self.storage = base, base / "host.git", base / "storage"
        git("init", "-q", "--bare", self.host, cwd=base)

    def project(self, name: str = "alice", storage: Path | str | None = "", root: str = ".") -> Project:
        project = Project(self.base / name, self.host, self.storage if storage == "" else storage, root)
        git("push", "-q", "origin", "main", cwd=project.path)
        return project

    def clone(self, name: str = "bob", *options: str) -> Path:
        git("clone", "-q", "-c", "remote.origin.vcs=dvcexp", *options, self.host, self.base / name, cwd=self.base)
        return self.base / name


def fetch(clone: Path, *options: str, check: bool = True, env: Mapping[str, str] | None = None) -> Done:
    """`git fetch` of all experiments."""
    return sh("git", *options, "fetch", "origin", EXPS, cwd=clone, check=check, env=env)


def experiments(repository: Path) -> list[str]:
    """The names of the experiments in a repository, sorted."""
    return sorted(
        ref.rsplit("/", 1)[1] for ref in git("for-each-ref", "--format=%(refname)", "refs/exps", cwd=repository).split()
    )


def objects(folder: Path) -> set[str]:
    """Every object below a cache or a DVC remote, as its key; temporary files too, which no test expects."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in ("tmp", "runs")
    }
