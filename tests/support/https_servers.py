"""Git over HTTPS as companies have it: a CA of their own, client certificates, passwords, tokens, cookies, proxies."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.git_servers import PASSWORD, USER, GitHosts, git_nginx
from tests.support.storage_servers import TOKEN, WithCertificates, free_ports, make_certificates

INSIDE = "git.invalid"  # a host that only the proxy finds


@dataclass(frozen=True)
class HttpsHosts(WithCertificates):
    """An nginx over the repositories of GitHosts, with certificates by `ca` for 127.0.0.1 and INSIDE.

    tls: for anybody at `/open/`, with USER and PASSWORD at `/closed/`, with TOKEN in the header `X-Access-Token` and
    the cookie `session` at `/token/`; `/moved/` leads on to `/open/`. mutual: the same, with a client certificate.
    plain: nothing but 204, no TLS.
    """

    tls: int
    mutual: int
    plain: int

    def asked(self, world: str) -> list[str]:
        """The requests for the world of this name, with what they brought along: user, certificate, cookie, agent."""
        mark = f"/mark-{time.monotonic_ns()} "
        log = self.folder / "access"
        # nginx writes a line once the answer is out, one after the other: with the last of ours there, all are.
        urllib.request.urlopen(f"http://127.0.0.1:{self.plain}{mark.strip()}").close()
        while mark not in (text := log.read_text()):
            time.sleep(0.01)
        return [line.replace(world, "<world>") for line in text.splitlines() if f"/{world}/" in line]


_LOG = "$request_method $request_uri $status $remote_user [$ssl_client_s_dn] [$http_cookie] $http_user_agent"
_SERVERS = """
  ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
  ssl_client_certificate {folder}/ca.pem;
  server {{ listen 127.0.0.1:{plain}; return 204; }}
  server {{ listen 127.0.0.1:{tls} ssl http2; {locations} }}
  server {{ listen 127.0.0.1:{mutual} ssl http2; ssl_verify_client on; {locations} }}
"""
_LOCATIONS = """
    location /moved/ {{ rewrite ^/moved/(.*)$ /open/$1 permanent; }}
    location /open/ {{ fastcgi_pass 127.0.0.1:{backend}; }}
    location /closed/ {{ auth_basic git; auth_basic_user_file {folder}/htpasswd; fastcgi_pass 127.0.0.1:{backend}; }}
    location /token/ {{
      if ($http_x_access_token != "{token}") {{ return 403; }}
      if ($cookie_session != "{token}") {{ return 403; }}
      add_header Set-Cookie "seen=yes; Max-Age=86400; Path=/"; fastcgi_pass 127.0.0.1:{backend};
    }}
"""


@contextlib.contextmanager
def https_hosts(folder: Path, hosts: GitHosts) -> Iterator[HttpsHosts]:
    """Over the repositories of `hosts`; its own files go to `folder`."""
    (folder / "temp").mkdir()
    make_certificates(folder, INSIDE)
    plain, tls, mutual = free_ports(3)
    locations = _LOCATIONS.format(folder=folder, backend=hosts.backend, token=TOKEN)
    servers = _SERVERS.format(folder=folder, plain=plain, tls=tls, mutual=mutual, locations=locations)
    with git_nginx(folder, hosts.root, servers, plain, _LOG):
        yield HttpsHosts(folder, tls, mutual, plain)


class WebProxy:
    """A proxy for USER and PASSWORD, at `url`, where it finds every host. asked: the first line of each connection."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"
        self.asked: set[str] = set()

    def serve(self, client: socket.socket) -> None:
        """One connection."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = client.recv(1)  # no more: what follows is not for us
            if not byte:
                return
            head += byte
        first, _, headers = head.decode("latin-1").partition("\r\n")
        if f"Proxy-Authorization: Basic {_SECRET}\r\n" not in headers:
            client.sendall(_WHO_ARE_YOU)
            return
        self.asked.add(first)
        method, target, _ = first.split(" ")
        authority = target if method == "CONNECT" else target.split("/")[2]
        with socket.create_connection(("127.0.0.1", int(authority.rpartition(":")[2]))) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(head)
            up = threading.Thread(target=_pump, args=(client, server), daemon=True)
            up.start()
            _pump(server, client)
            up.join()


_SECRET = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_WHO_ARE_YOU = (
    b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=proxy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def web_proxy() -> Iterator[WebProxy]:
    """While the block runs."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            proxy.serve(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        proxy = WebProxy(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
