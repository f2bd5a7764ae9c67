"""The same project twice, once with Git alone and once with our helper, to compare what becomes of it.

A world is a folder with `host.git` (the Git host's repository), `project` (a DVC project whose `origin` is that host)
and `storage` (its DVC remote). All worlds of a test are copies of one seed, so ids are the same.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.git_servers import PASSWORD, USER, GitHosts
from tests.support.handmade import Handmade, Outputs, oids
from tests.support.shell import Done, git, sh

EVERY_EXPERIMENT = "refs/exps/*:refs/exps/*"
_OURS = re.compile(r"dvcexp: .*\n|warning: (?:transfers|objects) .*\n")


class Seed:
    """Two experiments on the host, `a` (a file) and `b` (a directory); one, `new`, only in the project.

    The host has `main`, `side` and the tag `v1`; the project also has the unpushed commits `ahead` (a branch) and `v2`
    (an annotated tag on it).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        project = Handmade(folder / "project")
        # Relative, so that it means each world's own storage.
        config = project.path / ".dvc" / "config"
        config.write_text("[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../storage\n")
        git("commit", "-qa", "--amend", "-m", "Project", cwd=project.path)
        self.first = git("rev-parse", "HEAD", cwd=project.path)
        self.second = project.commit({"model.bin": b"second"}, "Second")
        git("branch", "side", self.first, cwd=project.path)
        git("tag", "v1", self.first, cwd=project.path)
        self.objects: dict[str, set[str]] = {"second": oids(project.cache)}
        self.a = self._experiment(project, "a", {"model.bin": b"a" * 1000})
        self.b = self._experiment(project, "b", {"data": {"x": b"x", "sub/y": b"y"}})
        git("clone", "-q", "--mirror", project.path, folder / "host.git", cwd=folder)
        shutil.copytree(project.cache / "files", project.storage / "files")
        self.new = self._experiment(project, "new", {"model.bin": b"new"})
        git("checkout", "-q", "-b", "ahead", cwd=project.path)
        git("commit", "-q", "--allow-empty", "-m", "Ahead", cwd=project.path)
        git("tag", "-a", "-m", "Version 2", "v2", cwd=project.path)
        git("checkout", "-q", "main", cwd=project.path)
        git("config", "http.receivepack", "true", cwd=folder / "host.git")
        git("config", "receive.advertisePushOptions", "true", cwd=folder / "host.git")
        git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=folder / "host.git")  # partial clones in v0
        git("config", "uploadpack.allowFilter", "true", cwd=folder / "host.git")
        git("config", "daemon.uploadarch", "true", cwd=folder / "host.git")

    def _experiment(self, project: Handmade, name: str, outputs: Outputs) -> str:
        before = oids(project.cache)
        ref = project.experiment(name, outputs)
        self.objects[name] = oids(project.cache) - before
        return ref


@dataclass(frozen=True)
class Transport:
    """A way to reach the host. url: with {root}, {world} and the ports. config: for every command on the client."""

    name: str
    url: str
    config: Mapping[str, str] = field(default_factory=dict)
    pushes: bool = True
    shallow: bool = True

    def of(self, hosts: GitHosts, world: str) -> str:
        """The URL of a world's host."""
        return self.url.format(
            root=hosts.root, world=world, ssh=hosts.sshd.port, daemon=hosts.daemon, http=hosts.smart, user=USER
        )


_V0, _V1 = {"protocol.version": "0"}, {"protocol.version": "1"}
_FILE = {"protocol.file.allow": "always"}
TRANSPORTS = [
    Transport("path", "{root}/{world}/host.git"),
    Transport("file", "file://{root}/{world}/host.git"),
    Transport("file, v0", "file://{root}/{world}/host.git", _V0),
    Transport("ssh", "ssh://127.0.0.1:{ssh}{root}/{world}/host.git"),
    Transport("scp-like, v0", "[127.0.0.1:{ssh}]:{root}/{world}/host.git", _V0),
    Transport("git", "git://127.0.0.1:{daemon}/{world}/host.git"),
    Transport("git, v1", "git://127.0.0.1:{daemon}/{world}/host.git", _V1),
    Transport("http", "http://127.0.0.1:{http}/open/{world}/host.git"),
    Transport("http, v0", "http://127.0.0.1:{http}/open/{world}/host.git", _V0),
    Transport("http with password", "http://{user}@127.0.0.1:{http}/closed/{world}/host.git"),
    Transport("dumb http", "http://127.0.0.1:{http}/files/{world}/host.git", pushes=False, shallow=False),
    Transport("ext helper", "ext::git %s {root}/{world}/host.git", {"protocol.ext.allow": "always"}),
]
# One for each way in which Git and the helper speak of a fetch: v2 and v0 streams, v2 and v0 of http, lines.
EACH_KIND = ["file", "file, v0", "git, v1", "http", "http, v0", "dumb http", "ext helper"]


class World:
    """One copy of the seed, in the folder `name` below the hosts' root, reached by `transport`.

    helper: through ours, as `remote.origin.vcs` says; prefix: or as the URL does, `dvcexp::<url>`.
    """

    def __init__(
        self, seed: Seed, hosts: GitHosts, transport: Transport, name: str, *, helper: bool, prefix: bool = False
    ) -> None:
        self.seed = seed
        self.folder = hosts.root / name
        self.transport = transport
        self.helper = helper
        self.url = transport.of(hosts, name)
        self._vcs = helper and not prefix
        if helper and (prefix or "::" in self.url):
            self.url = f"dvcexp::{self.url}"  # a prefix of its own would win over `vcs`
        shutil.copytree(seed.folder, self.folder, symlinks=True)
        self.host = self.folder / "host.git"
        self.project = self.folder / "project"
        self.storage = self.folder / "storage"
        self.log: list[tuple[str, Done]] = []
        askpass = self.folder / "askpass"
        # Git 2.55 asks for the user too, after an attempt with the URL's user and no password.
        askpass.write_text(f"#!/bin/sh\ncase $1 in Username*) echo {USER} ;; *) echo {PASSWORD} ;; esac\n")
        askpass.chmod(0o755)
        self.env = {"GIT_SSH_COMMAND": hosts.ssh_command, "GIT_ASKPASS": str(askpass)}
        self._known = {"name": name, "url": self.url}
        git("remote", "add", "origin", self.url, cwd=self.project)
        if self._vcs:
            git("config", "remote.origin.vcs", "dvcexp", cwd=self.project)
        self.serve_files()

    @property
    def options(self) -> list[str]:
        """What stands behind `git` in every command."""
        return [word for key, value in self.transport.config.items() for word in ("-c", f"{key}={value}")]

    def run(self, *args: str, cwd: Path | None = None, check: bool = True, **env: str) -> Done:
        """`git args...` in the project; kept for the comparison."""
        done = sh("git", *self.options, *args, cwd=cwd or self.project, check=False, env={**self.env, **env})
        self.log.append((" ".join(args), done))
        if check and done.code != 0:
            raise AssertionError(f"git {' '.join(args)}: exit {done.code}\n{done.stdout}{done.stderr}")
        return done

    def clone(self, *args: str, to: str = "clone") -> Path:
        """Clone the host beside the project."""
        self.run_clone(*args, to=to)
        return self.folder / to

    def run_clone(self, *args: str, to: str = "clone", check: bool = True) -> Done:
        """What cloning said."""
        vcs = ["-c", "remote.origin.vcs=dvcexp"] if self._vcs else []
        return self.run("clone", *vcs, *args, self.url, to, cwd=self.folder, check=check)

    def serve_files(self) -> None:
        """What dumb HTTP needs after the host has changed."""
        git("update-server-info", cwd=self.host)

    def refs(self, repository: Path | None = None) -> dict[str, str]:
        """Every ref and its id."""
        listing = git("for-each-ref", "--format=%(refname) %(objectname)", cwd=repository or self.host)
        return dict(line.split(" ") for line in listing.splitlines())

    def break_storage(self) -> None:
        """From now on, nothing can be uploaded or downloaded."""
        self.storage.rename(self.folder / "storage.away")
        self.storage.write_text("a file where a folder should be")

    def mend_storage(self) -> None:
        """Undo `break_storage`."""
        self.storage.unlink()
        (self.folder / "storage.away").rename(self.storage)

    def story(self) -> list[tuple[str, int, str, str]]:
        """Each command with its exit code, stdout and stderr, free of what differs by design: our own lines, and the
        names of this world."""
        return [
            (self._plain(words), done.code, self._plain(done.stdout), self._plain(done.stderr))
            for words, done in self.log
        ]

    def state(self) -> dict[str, dict[str, str]]:
        """The refs of every repository in this world."""
        found = {"host.git": self.refs()}
        for path in sorted(self.folder.iterdir()):
            if (path / ".git").exists() or (path / "HEAD").exists():
                found[path.name] = self.refs(path)
        return found

    def cached(self, repository: Path) -> set[str]:
        """The objects in the DVC cache of a clone."""
        return oids(repository / ".dvc" / "cache")

    def stored(self) -> set[str]:
        """The objects on the DVC remote."""
        return oids(self.storage)

    def _plain(self, text: str) -> str:
        text = (
            text.replace(" -c remote.origin.vcs=dvcexp", "")
            .replace("dvcexp::", "")
            .replace(self._known["name"], "<world>")
        )
        return _OURS.sub("", _without_progress(text))


def _without_progress(text: str) -> str:
    """Meters are counted by the clock: how often they are drawn is chance."""
    return re.sub(r"^[A-Z][a-z ]+: +\d+% \(.*\n", "", re.sub(r"[^\n]*\r", "", text), flags=re.MULTILINE)
