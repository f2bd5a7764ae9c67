"""Web, WebDAV and SSH servers that DVC remotes live on, started on loopback by the tests that need them.

nginx and apache2 serve plain files below their root, so that tests can look at the disk. `tests/run` installs all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import free_port, running

USER, PASSWORD = "ada", "s3cret-pa55"
HEADER, TOKEN = "X-Access-Token", "t0ken-of-ada"


@dataclass(frozen=True)
class WithCertificates:
    """A server in `folder`, where `make_certificates` has put its authority and a client's certificate."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def client_cert(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"


@dataclass(frozen=True)
class Nginx(WithCertificates):
    """One nginx with a port for each way to meet it; all serve the folder `root`.

    plain: anybody may PUT. basic, header: with USER and PASSWORD, or TOKEN in HEADER. tls: certificate by `ca`. mutual:
    TLS with a client certificate (`client_cert`, `client_key`). busy: 429 with Retry-After above 10 requests a second.
    flaky: 503 for every fifth request. dav: WebDAV. davs: WebDAV over TLS with USER and PASSWORD. dav_token: WebDAV
    with `Authorization: Bearer TOKEN`.
    """

    root: Path
    plain: int
    basic: int
    header: int
    tls: int
    mutual: int
    busy: int
    flaky: int
    dav: int
    davs: int
    dav_token: int

    @property
    def requests(self) -> list[str]:
        """`<port> <method> <path> <status>` of each request so far; one is logged when its answer has been sent."""
        return (self.folder / "access").read_text().splitlines()


_NGINX = """
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
daemon off; pid {folder}/pid; error_log {folder}/error; worker_processes 1; {user}
events {{ worker_connections 512; }}
http {{
  log_format short '$server_port $request_method $uri $status'; access_log {folder}/access short;
  client_max_body_size 0; client_body_temp_path {folder}/temp; default_type application/octet-stream;
  proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp; uwsgi_temp_path {folder}/temp;
  scgi_temp_path {folder}/temp;
  root {root}; create_full_put_path on; dav_methods PUT DELETE; keepalive_requests 10000;
  ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
  limit_req_zone $server_port zone=rate:1m rate=10r/s; limit_req_status 429; map $status $after {{ 429 1; default ""; }}
  split_clients "$msec$connection$connection_requests" $fails {{ 20% 1; * ""; }}
  dav_ext_lock_zone zone=locks:1m;
  server {{ listen 127.0.0.1:{plain}; }}
  server {{ listen 127.0.0.1:{basic}; auth_basic r; auth_basic_user_file {folder}/htpasswd; }}
  server {{ listen 127.0.0.1:{header}; if ($http_x_access_token != "{token}") {{ return 401; }} }}
  server {{ listen 127.0.0.1:{tls} ssl; }}
  server {{ listen 127.0.0.1:{mutual} ssl; ssl_client_certificate {folder}/ca.pem; ssl_verify_client on; {dav_all} }}
  server {{ listen 127.0.0.1:{busy}; limit_req zone=rate burst=5 nodelay; add_header Retry-After $after always; }}
  server {{ listen 127.0.0.1:{flaky}; if ($fails) {{ return 503; }} }}
  server {{ listen 127.0.0.1:{dav}; create_full_put_path off; {dav_all} }}
  server {{ listen 127.0.0.1:{davs} ssl; create_full_put_path off; {dav_all}
            auth_basic r; auth_basic_user_file {folder}/htpasswd; }}
  server {{ listen 127.0.0.1:{dav_token}; create_full_put_path off; {dav_all}
            if ($http_authorization != "Bearer {token}") {{ return 401; }} }}
}}
"""
_DAV = "dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK; dav_ext_lock zone=locks;"


@contextlib.contextmanager
def nginx_server(folder: Path) -> Iterator[Nginx]:
    """nginx with the root `folder`/root."""
    root = folder / "root"
    for path in (root, folder / "temp"):
        path.mkdir()
    make_certificates(folder)
    _make_htpasswd(folder / "htpasswd")
    names = ("plain", "basic", "header", "tls", "mutual", "busy", "flaky", "dav", "davs", "dav_token")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    user = "user root;" if os.getuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, root=root, user=user, token=TOKEN, dav_all=_DAV, **ports))
    with running(["nginx", "-e", str(folder / "error"), "-c", str(config)], ports["plain"], folder / "log"):
        yield Nginx(folder, root, **ports)


@dataclass(frozen=True)
class Apache:
    """One apache2 on `root`: `digest` wants USER and PASSWORD by digest authentication, `dav` is WebDAV for anybody."""

    root: Path
    digest: int
    dav: int


_APACHE = """
ServerRoot {folder}
ServerName 127.0.0.1
PidFile {folder}/pid
ErrorLog {folder}/error
Mutex file:{folder} default
{modules}
Listen 127.0.0.1:{digest}
Listen 127.0.0.1:{dav}
{user}
DavLockDB {folder}/locks
DocumentRoot {root}
DirectorySlash Off
KeepAlive On
MaxKeepAliveRequests 0
<Directory {root}>
  Dav On
</Directory>
<VirtualHost 127.0.0.1:{digest}>
  <Location />
    AuthType Digest
    AuthName storage
    AuthDigestProvider file
    AuthUserFile {folder}/htdigest
    Require valid-user
  </Location>
</VirtualHost>
<VirtualHost 127.0.0.1:{dav}>
  <Location />
    Require all granted
  </Location>
</VirtualHost>
"""
_MODULES = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest", "dav", "dav_fs", "dir"]


@contextlib.contextmanager
def apache_server() -> Iterator[Apache]:
    """apache2 in a folder of its own: it does not serve as root, and a test's folders are closed to other users."""
    with tempfile.TemporaryDirectory(prefix="apache-") as name:
        folder = Path(name)
        root = folder / "root"
        root.mkdir()
        digest, dav = free_ports(2)
        secret = hashlib.md5(f"{USER}:storage:{PASSWORD}".encode()).hexdigest()
        (folder / "htdigest").write_text(f"{USER}:storage:{secret}\n")
        user = ""
        if os.getuid() == 0:
            user = "User www-data\nGroup www-data"
            shutil.chown(folder, "www-data", "www-data")
            shutil.chown(root, "www-data", "www-data")
        modules = "\n".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so" for m in _MODULES)
        config = folder / "apache.conf"
        config.write_text(_APACHE.format(folder=folder, root=root, modules=modules, user=user, digest=digest, dav=dav))
        with running(["apache2", "-f", str(config), "-DFOREGROUND"], dav, folder / "log"):
            yield Apache(root, digest, dav)


@contextlib.contextmanager
def rclone_webdav(folder: Path) -> Iterator[int]:
    """The port of `rclone serve webdav` on `folder`/root for USER and PASSWORD."""
    root = folder / "root"
    root.mkdir()
    port = free_port()
    argv = [
        str(Path(sys.executable).parent / "rclone"),
        *["serve", "webdav", "--config", "/dev/null", "--addr", f"127.0.0.1:{port}", "--user", USER],
        str(root),
    ]
    with running(argv, port, folder / "log", env={"RCLONE_PASS": PASSWORD}):
        yield port


@dataclass(frozen=True)
class Sshd:
    """An OpenSSH server that lets the user who runs the tests in, with the key `key` or `locked_key` (PASSPHRASE)."""

    folder: Path
    port: int

    @property
    def key(self) -> Path:
        return self.folder / "client"

    @property
    def locked_key(self) -> Path:
        return self.folder / "locked"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


PASSPHRASE = "open-s3same"
# SHLVL: bash takes itself for a remote shell's first and reads ~/.bashrc, whatever that prints, unless it is nested.
_SSHD = """
SetEnv SHLVL=2
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
Subsystem sftp {subsystem}
MaxStartups 100:30:200
MaxSessions 100
LogLevel VERBOSE
AcceptEnv *
"""


@dataclass(frozen=True)
class RcloneSftp:
    """`rclone serve sftp` on the folder `root` for USER and PASSWORD: SFTP by other hands, and with a password."""

    root: Path
    port: int


@contextlib.contextmanager
def rclone_sftp(folder: Path) -> Iterator[RcloneSftp]:
    root = folder / "root"
    root.mkdir()
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host"))
    port = free_port()
    argv = [
        str(Path(sys.executable).parent / "rclone"),
        *["serve", "sftp", "--config", "/dev/null", "--addr", f"127.0.0.1:{port}", "--key", str(folder / "host")],
        *["--user", USER, "--dir-cache-time", "50ms", str(root)],
    ]
    with running(argv, port, folder / "log", env={"RCLONE_PASS": PASSWORD}):
        yield RcloneSftp(root, port)


@contextlib.contextmanager
def ssh_server(folder: Path, *, subsystem: str = "internal-sftp") -> Iterator[Sshd]:
    """sshd with its own keys; `subsystem` is the command that serves SFTP."""
    for name, passphrase in (("host", ""), ("client", ""), ("locked", PASSPHRASE)):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(folder / name))
    port = free_port()
    (folder / "authorized_keys").write_text("".join((folder / f"{n}.pub").read_text() for n in ("client", "locked")))
    kind, key = (folder / "host.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    (folder / "sshd_config").write_text(_SSHD.format(folder=folder, port=port, subsystem=subsystem))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    with running([sshd, "-D", "-e", "-f", str(folder / "sshd_config")], port, folder / "log"):
        yield Sshd(folder, port)


def free_ports(count: int) -> list[int]:
    """`count` different ports."""
    found: list[int] = []
    while len(found) < count:
        port = free_port()
        if port not in found:
            found.append(port)
    return found


def _make_htpasswd(path: Path) -> None:
    hashed = _run("openssl", "passwd", "-apr1", "-stdin", stdin=PASSWORD)
    path.write_text(f"{USER}:{hashed}\n")


def make_certificates(folder: Path, *hosts: str) -> None:
    """`ca.pem`, and by it `server.pem` for 127.0.0.1, localhost and `hosts`, and `client.pem`, each with its `.key`."""
    ca = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ",".join(["IP:127.0.0.1", "DNS:localhost", *(f"DNS:{host}" for host in hosts)])
    _run(
        *[*ca, "-subj", "/CN=Test CA", "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem")],
        *["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    )
    for name in ("server", "client"):
        _run(
            *[*ca, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}"],
            *["-addext", "basicConstraints=critical,CA:FALSE"],
            *["-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key")],
            *["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")],
        )


def _run(*argv: str, stdin: str = "") -> str:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
