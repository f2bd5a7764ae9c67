"""Cases whose DVC remote is a server on loopback."""

from __future__ import annotations

import getpass
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cases import DVC, FLOOR, OURS, Case, CountingProxy, Way
from tests.bench.place import Place
from tests.bench.projects import REMOTE, Project, Shape
from tests.support.cloud_servers import S3_BUCKET, S3_KEY, S3_SECRET, s3_server
from tests.support.shell import sh, write_program
from tests.support.storage_servers import nginx_server, ssh_server

_PUSH = ("git", "push", "-q", "origin", "refs/exps/*")
_FETCH = ("git", "fetch", "-q", "origin", "refs/exps/*:refs/exps/*")
_DVC_PUSH = ("dvc", "exp", "push", "-q", "origin", "-A")
_DVC_PULL = ("dvc", "exp", "pull", "-q", "origin", "-A")


@dataclass(frozen=True)
class Server:
    """One that runs. options: of the DVC remote, with {port} and {path}.

    put, get: a shell command that moves the folder $1, or into it, with a client of the server's kind alone; {path} is
    where on the server. put_names, get_names: lines for each object, with {path}, {oid} and {file}, for a client that
    wants to be told in the file {list}. dvc_most: run DVC no more often than so.
    """

    key: str
    title: str
    port: int
    options: str
    client: str
    put: str
    get: str
    put_names: str = ""
    get_names: str = ""
    dvc_most: int | None = None


class Served:
    """A project whose DVC remote is on a server; each reset of a push gives it a new folder there."""

    def __init__(self, place: Place, name: str, shape: Shape, server: Server) -> None:
        self.project = Project(place, name, shape, remote="    url = /nowhere\n")
        self.server = server
        self._port = server.port
        self._numbers = itertools.count()
        self._path = "shared"

    @contextmanager
    def counting(self) -> Iterator[CountingProxy]:
        """Inside, every reset leads through a proxy."""
        with CountingProxy(self.server.port) as proxy:
            self._port = proxy.port
            yield proxy
        self._port = self.server.port

    def reset_push(self) -> None:
        self.project.reset_push()
        self._path = f"run-{next(self._numbers)}"
        self._configure(self.project.alice)

    def share(self) -> None:
        """All objects on the server, all experiments on the host."""
        self.project.reset_push()
        self._path = "shared"
        self._configure(self.project.alice)
        sh(*_PUSH, cwd=self.project.alice, env=self.project.place.env)

    def reset_pull(self) -> None:
        self.project.reset_pull()
        self._configure(self.project.bob)

    def connect(self) -> None:
        """Lead Alice to where everything is, through the proxy if there is one."""
        self._configure(self.project.alice)

    def alone(self, command: str, folder: Path) -> tuple[str, ...]:
        """The client's command for what the last reset set up."""
        script = f"path=$(cat {self._note}) && {command.format(path='$path', list=f'{self._note}.list')}"
        return ("sh", "-c", script, "sh", str(folder))

    @property
    def _note(self) -> Path:
        return self.project.folder / "path"

    def _configure(self, clone: Path) -> None:
        options = self.server.options.format(port=self._port, path=self._path)
        lines = "".join(f"    {option}\n" for option in options.splitlines())
        (clone / ".dvc" / "config.local").write_text(REMOTE + lines)
        self._note.write_text(self._path)
        names = self.server.put_names if clone == self.project.alice else self.server.get_names
        if names:
            target = clone / ".dvc" / "cache" / "files" / "md5"
            with open(f"{self._note}.list", "w") as file:
                for path in self.project.cache.glob("md5/??/*"):
                    oid = f"{path.parent.name}/{path.name}"
                    file.write(names.format(path=self._path, oid=oid, file=target / oid))


def s3(place: Place) -> Iterator[Case]:
    """S3 by `rclone serve s3`."""
    with s3_server(_folder(place, "s3")) as port:
        yield from _moves(place, on_s3(port))


def on_s3(port: int) -> Server:
    """The S3 server at this port."""
    where = (
        f":s3,provider=Other,access_key_id={S3_KEY},secret_access_key={S3_SECRET},no_check_bucket=true,"
        f'endpoint=\\"http://127.0.0.1:{port}\\":{S3_BUCKET}/{{path}}/files'
    )
    rclone = "rclone --config /dev/null --transfers 32 --checkers 32 --size-only -q copy"
    options = [f"url = s3://{S3_BUCKET}/{{path}}", "endpointurl = http://127.0.0.1:{port}", "region = us-east-1"]
    options += [f"access_key_id = {S3_KEY}", f"secret_access_key = {S3_SECRET}"]
    put, get = f'{rclone} "$1" "{where}"', f'{rclone} "{where}" "$1"'
    return Server("s3", "S3", port, "\n".join(options), "rclone", put, get)


def http(place: Place) -> Iterator[Case]:
    """HTTP by nginx."""
    with nginx_server(_folder(place, "http")) as nginx:
        url = f"http://127.0.0.1:{nginx.plain}/{{path}}/files/md5/{{oid}}"
        curl = "curl -sf --parallel --parallel-max 16 --create-dirs -K {list}"
        options = "url = http://127.0.0.1:{port}/{path}\nmethod = PUT"
        put_names, get_names = (f"{what} = {{file}}\nurl = {url}\n" for what in ("upload-file", "output"))
        server = Server("http", "HTTP", nginx.plain, options, "curl", curl, curl, put_names, get_names)
        yield from _moves(place, server)


def ssh(place: Place) -> Iterator[Case]:
    """SSH by OpenSSH."""
    with ssh_server(_folder(place, "ssh")) as sshd:
        config = sshd.folder / "ssh_config"
        config.write_text(
            f"UserKnownHostsFile {sshd.known_hosts}\nGlobalKnownHostsFile none\nIdentityFile {sshd.key}\n"
            "StrictHostKeyChecking no\n"
        )
        program = shutil.which("ssh") or "ssh"
        write_program(place.folder / "bin" / "ssh", f'#!/bin/sh\nexec {program} -F {config} "$@"\n')
        root = sshd.folder / "root"
        options = f"url = ssh://127.0.0.1:{{port}}{root}/{{path}}\nuser = {getpass.getuser()}\nkeyfile = {sshd.key}"
        rsync = f"rsync -r -e 'ssh -p {sshd.port}'"
        where = f"127.0.0.1:{root}/{{path}}"
        put = f'mkdir -p {root}/{{path}} && {rsync} "$1" {where}/'
        get = f'{rsync} {where}/files "$1"'
        server = Server("ssh", "SSH", sshd.port, options, "rsync", put, get, dvc_most=1)  # it takes minutes
        yield from _moves(place, server)


def _folder(place: Place, name: str) -> Path:
    folder = place.folder / f"server-{name}"
    folder.mkdir()
    return folder


def _moves(place: Place, server: Server) -> Iterator[Case]:
    scale = place.scale
    for key, title, shape in (
        ("small", f"{scale.served:,} x 2 KB", Shape(1, scale.served)),
        ("large", f"4 x {scale.served_large >> 20} MB", Shape(4, 0, model=scale.served_large)),
    ):
        served = Served(place, f"{server.key}-{key}", shape, server)
        project = served.project
        push = (
            Way(OURS, "git push", _PUSH, project.alice, served.reset_push),
            Way(DVC, "dvc exp push", _DVC_PUSH, project.alice, served.reset_push, most=server.dvc_most),
            Way(FLOOR, server.client, served.alone(server.put, project.cache), project.folder, served.reset_push),
        )
        yield Case(f"{server.key}-{key}-push", f"{title} to {server.title}", push, counting=served.counting)
        served.share()
        into = project.bob / ".dvc" / "cache"
        pull = (
            Way(OURS, "git fetch", _FETCH, project.bob, served.reset_pull),
            Way(DVC, "dvc exp pull", _DVC_PULL, project.bob, served.reset_pull, most=server.dvc_most),
            Way(FLOOR, server.client, served.alone(server.get, into), project.folder, served.reset_pull),
        )
        yield Case(f"{server.key}-{key}-pull", f"{title} from {server.title}", pull, counting=served.counting)
