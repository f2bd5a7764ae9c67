"""Opening upload-pack and receive-pack where a URL leads, as Git itself opens them (connect.c git_connect)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dvcexp.errors import DvcexpError, printable
from dvcexp.git import pktline, process
from dvcexp.git.repository import LOCAL_ENV_VARS
from dvcexp.git.ssh import Ssh, quote
from dvcexp.git.url import DaemonHost, LocalPath, SshHost

if TYPE_CHECKING:
    import socket

Native = LocalPath | SshHost | DaemonHost


class CannotConnect(DvcexpError):
    """The far end, or the program that leads there, cannot be started."""

    exit_code = 128


class Config(Protocol):
    """The part of `git.repository.GitConfig` that is needed here."""

    def get(self, key: str) -> str | None:
        """The value of `key` that counts."""

    def get_all(self, key: str) -> Sequence[str]:
        """Every value of `key`, in order."""


class Service(NamedTuple):
    """What to run there. program: a shell fragment, the service's own name unless the user has set another.
    family: `ipv4`, `ipv6`, None for either. verbose: tell on stderr how the connection is made, where Git does."""

    name: str
    program: str
    family: str | None = None
    verbose: bool = False


class Channel:
    """Bytes to and from a service: descriptors `reader` and `writer`, ours to close."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader = reader
        self.writer = writer
        self._writing = True

    def close_writer(self) -> None:
        """Tell the far end that nothing more is to come."""
        if self._writing:
            self._writing = False
            self._hang_up()

    def give_up(self) -> None:
        """Before `close`: do not let that wait for a far end that may not be there any more."""

    def close(self) -> int:
        """Close both directions and wait for the far end: its exit code, 0 where it has none."""
        self.close_writer()
        os.close(self.reader)
        return 0

    def _hang_up(self) -> None:
        os.close(self.writer)


class ProcessChannel(Channel):
    """A program's stdin and stdout."""

    def __init__(self, running: process.Process) -> None:
        super().__init__(running.stdout, running.stdin)
        self._process = running

    def give_up(self) -> None:
        self._process.terminate()  # ssh waits for an answer, on a connection that died without a word for ever

    def close(self) -> int:
        super().close()
        return self._process.wait()


class SocketChannel(Channel):
    """A TCP connection."""

    def __init__(self, connection: socket.socket) -> None:
        # Two descriptors, for the two directions are waited for, and closed, apart.
        super().__init__(os.dup(connection.fileno()), os.dup(connection.fileno()))
        self._socket = connection

    def close(self) -> int:
        super().close()
        self._socket.close()
        return 0

    def _hang_up(self) -> None:
        import socket

        with suppress(OSError):  # the far end may have closed already
            self._socket.shutdown(socket.SHUT_WR)
        super()._hang_up()


def protocol_version(config: Config, service: str) -> int:
    """The version to ask for: protocol.version, 2 by default; only upload-pack speaks 2."""
    value = config.get("protocol.version") or "2"
    if value not in ("0", "1", "2"):
        raise CannotConnect(f"unknown value for config 'protocol.version': {printable(value)}")
    version = int(value)
    return 0 if version == 2 and service != "git-upload-pack" else version


def open_channel(target: Native, service: Service, config: Config, environ: Mapping[str, str]) -> Channel:
    """Connect. The version is only asked for: what comes back tells which it is. CannotConnect if it fails at once; a
    program that fails later just closes the stream, having told the user why on stderr."""
    version = protocol_version(config, service.name)
    if isinstance(target, DaemonHost):
        return _open_daemon(target, service, version, config, environ)
    child_environ = {name: value for name, value in environ.items() if name not in LOCAL_ENV_VARS}
    protocol = {"GIT_PROTOCOL": f"version={version}"} if version > 0 else {}
    command = f"{service.program} {quote(target.path)}"
    if isinstance(target, LocalPath):
        # A program of the user's is a shell fragment; Git's own needs no shell, and saves its start.
        plain = service.program == service.name
        argv = [service.name, target.path] if plain else ["sh", "-c", command, command]
        return _start(argv, {**child_environ, **protocol})
    ssh = Ssh.choose(config.get, environ, version, service.family)

    def probe(argv: Sequence[str]) -> bool:
        return _succeeds(argv, {**child_environ, **protocol})

    argv, variant = ssh.arguments(target, command, probe)
    return _start(argv, {**child_environ, **protocol} if variant == "ssh" else child_environ)


def _start(argv: Sequence[str], environ: Mapping[str, str]) -> ProcessChannel:
    try:
        return ProcessChannel(process.start(argv, environ))
    except OSError as error:
        raise CannotConnect(f"cannot run {printable(argv[0])}: {error.strerror}") from None
    except ValueError:
        raise CannotConnect(
            "cannot run ssh: the configured command is empty", "see GIT_SSH_COMMAND and git config core.sshCommand"
        ) from None


def _succeeds(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    try:
        return process.output(["sh", "-c", 'exec "$@" 2>/dev/null', argv[0], *argv], environ)[0] == 0
    except OSError:
        return False


def _open_daemon(
    target: DaemonHost, service: Service, version: int, config: Config, environ: Mapping[str, str]
) -> Channel:
    virtual_host = environ.get("GIT_OVERRIDE_VIRTUAL_HOST", target.virtual_host)
    if "\n" in virtual_host:
        raise CannotConnect("newline is forbidden in git:// hosts and repo paths")
    request = f"{service.program} {target.path}\0host={virtual_host}\0"
    if version > 0:
        request += f"\0version={version}\0"
    proxy = _proxy(target.host, config, environ)
    # Git itself hands its proxy the whole environment.
    channel: Channel = _start([proxy, target.host, target.port], environ) if proxy else _dial(target, service)
    try:
        os.write(channel.writer, pktline.encode(request))
    except OSError as error:
        channel.close()
        raise CannotConnect(f"{printable(target.host)} hung up: {error.strerror}") from None
    return channel


def _proxy(host: str, config: Config, environ: Mapping[str, str]) -> str:
    """The command of GIT_PROXY_COMMAND, or of the first core.gitProxy for this host (`CMD`, or `CMD for DOMAIN`)."""
    command = environ.get("GIT_PROXY_COMMAND")
    if command is not None:
        return command
    for value in config.get_all("core.gitproxy"):
        command, given, domain = value.partition(" for ")
        if not given or host == domain or host.endswith(f".{domain}"):
            return "" if command == "none" else command
    return ""


def _dial(target: DaemonHost, service: Service) -> SocketChannel:
    import socket

    where = printable(target.host)
    wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(service.family or "", socket.AF_UNSPEC)

    def tell(text: str) -> None:
        if service.verbose:
            os.write(2, text.encode("utf-8", "backslashreplace"))

    tell(f"Looking up {where} ... ")
    try:
        addresses = socket.getaddrinfo(target.host, target.port, wanted, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotConnect(f"unable to look up {where} (port {target.port}) ({error.strerror})") from None
    tell(f"done.\nConnecting to {where} (port {target.port}) ... ")
    failures = []
    for kind, how, protocol, _, address in addresses:
        connection = socket.socket(kind, how, protocol)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failures.append(f"{address[0]}: {error.strerror}")
            continue
        tell(f"{address[0]} done.\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return SocketChannel(connection)
    raise CannotConnect(f"unable to connect to {where}:", *failures)
