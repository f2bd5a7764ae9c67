"""Git hosts of every kind, started on loopback, that serve the repositories below one folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import running
from tests.support.shell import sh
from tests.support.storage_servers import Sshd, free_ports, ssh_server

USER, PASSWORD = "ada", "s3cret-pa55"
_BACKEND = Path("/usr/lib/git-core/git-http-backend")


@dataclass(frozen=True)
class GitHosts:
    """Every kind of Git host over the folder `root`; each port serves all repositories below it.

    sshd: OpenSSH; `ssh_command` leads there. daemon: `git daemon`. smart: `git http-backend` behind nginx at `/open/`,
    with USER and PASSWORD at `/closed/`, and the bare files (dumb HTTP) at `/files/`. backend: FastCGI, where another
    web server finds `git http-backend`. mux: the socket of an open connection to sshd, for shaking hands takes longer
    than most tests.
    """

    root: Path
    sshd: Sshd
    daemon: int
    smart: int
    backend: int
    mux: Path

    @property
    def fresh_ssh_command(self) -> str:
        """The value for GIT_SSH_COMMAND to connect anew each time."""
        return " ".join(_ssh(self.sshd))

    @property
    def ssh_command(self) -> str:
        """The value for GIT_SSH_COMMAND to go through the open connection."""
        return f"{self.fresh_ssh_command} -o ControlPath={self.mux}"

    @property
    def requests(self) -> list[str]:
        """`<method> <uri> <status>` of the HTTP requests so far."""
        return (self.root.parent / "access").read_text().splitlines()


_NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error; worker_processes 1; {user}
events {{ worker_connections 128; }}
http {{
  log_format short '{log}'; access_log {folder}/access short;
  client_max_body_size 0; client_body_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp;
  proxy_temp_path {folder}/temp; uwsgi_temp_path {folder}/temp; scgi_temp_path {folder}/temp;
  default_type application/octet-stream;
  fastcgi_param SCRIPT_FILENAME {program}; fastcgi_param GIT_PROJECT_ROOT {root}; fastcgi_param GIT_HTTP_EXPORT_ALL "";
  fastcgi_param REQUEST_METHOD $request_method; fastcgi_param QUERY_STRING $query_string;
  fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
  fastcgi_param GIT_PROTOCOL $http_git_protocol; fastcgi_param HOME {folder}; fastcgi_param REMOTE_ADDR $remote_addr;
  fastcgi_param REMOTE_USER $remote_user; fastcgi_param PATH_INFO $path;
  map $uri $path {{ ~^/(?:open|closed|token)(?<rest>/.*)$ $rest; default ""; }}
  {servers}
}}
"""
_SERVER = """
  server {{
    listen 127.0.0.1:{port};
    location /open/ {{ fastcgi_pass 127.0.0.1:{backend}; }}
    location /closed/ {{ auth_basic git; auth_basic_user_file {folder}/htpasswd; fastcgi_pass 127.0.0.1:{backend}; }}
    location /files/ {{ alias {root}/; }}
  }}
"""


@contextlib.contextmanager
def git_hosts(folder: Path) -> Iterator[GitHosts]:
    """All of them over `folder`/root."""
    root = folder / "root"
    for path in (root, folder / "temp", folder / "ssh"):
        path.mkdir()
    daemon, smart, backend = free_ports(3)
    with contextlib.ExitStack() as stack:
        sshd = stack.enter_context(ssh_server(folder / "ssh"))
        mux = stack.enter_context(_open_connection(sshd))
        stack.enter_context(_git_daemon(root, daemon, folder / "daemon.log"))
        stack.enter_context(_fastcgi(backend, folder / "fcgiwrap.log"))
        servers = _SERVER.format(folder=folder, root=root, port=smart, backend=backend)
        stack.enter_context(git_nginx(folder, root, servers, smart))
        yield GitHosts(root, sshd, daemon, smart, backend, mux)


def _ssh(sshd: Sshd) -> list[str]:
    options = [f"UserKnownHostsFile={sshd.known_hosts}", "IdentitiesOnly=yes", "BatchMode=yes"]
    return ["ssh", "-F", "/dev/null", "-i", str(sshd.key), *(word for option in options for word in ("-o", option))]


@contextlib.contextmanager
def _open_connection(sshd: Sshd) -> Iterator[Path]:
    """An ssh master; its socket lies where the path is short enough for one."""
    with tempfile.TemporaryDirectory(prefix="mux") as folder:
        socket = Path(folder) / "s"
        # The master passes on only what it would send itself.
        argv = [*_ssh(sshd), "-o", "SendEnv=GIT_PROTOCOL", "-M", "-S", str(socket), "-N", "-p", str(sshd.port)]
        argv.append("127.0.0.1")
        master = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not socket.exists():
                assert master.poll() is None, sshd.log
                time.sleep(0.02)
            yield socket
        finally:
            master.terminate()
            master.wait()


@contextlib.contextmanager
def _git_daemon(root: Path, port: int, log: Path) -> Iterator[None]:
    argv = ["git", "daemon", "--export-all", "--enable=receive-pack", "--enable=upload-archive", "--reuseaddr"]
    argv += [f"--base-path={root}", "--listen=127.0.0.1", f"--port={port}", "--informative-errors"]
    with running(argv, port, log):
        yield


@contextlib.contextmanager
def _fastcgi(port: int, log: Path) -> Iterator[None]:
    fcgiwrap = shutil.which("fcgiwrap") or "/usr/sbin/fcgiwrap"
    with running([fcgiwrap, "-c", "4", "-s", f"tcp:127.0.0.1:{port}"], port, log):
        yield


@contextlib.contextmanager
def git_nginx(
    folder: Path, root: Path, servers: str, port: int, log: str = "$request_method $request_uri $status"
) -> Iterator[None]:
    """An nginx with the blocks `servers`, one of them at `port`, which have USER and PASSWORD in `htpasswd`.

    log: the format of the file `access`.
    """
    hashed = sh("openssl", "passwd", "-apr1", PASSWORD, cwd=folder).stdout.strip()
    (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
    config = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    config.write_text(_NGINX.format(folder=folder, root=root, servers=servers, program=_BACKEND, user=user, log=log))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    with running([nginx, "-e", str(folder / "error"), "-c", str(config)], port, folder / "nginx.log"):
        yield
