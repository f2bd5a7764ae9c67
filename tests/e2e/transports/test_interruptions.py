"""Connections that die while data is uploaded, remotes that move meanwhile, users who have had enough."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.transports.conftest import MakeWorld
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.git_operations import NEW
from tests.support.git_servers import GitHosts
from tests.support.git_worlds import EVERY_EXPERIMENT, World
from tests.support.shell import git, write_program


class Storage:
    """A DVC remote over HTTP that does something first whenever an object is uploaded."""

    def __init__(self, first: Callable[[], object]) -> None:
        self.objects: dict[str, bytes] = {}
        storage = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200 if self.path in storage.objects else 404)
                self.send_header("Content-Length", str(len(storage.objects.get(self.path, b""))))
                self.end_headers()

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                first()
                storage.objects[self.path] = body
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextlib.contextmanager
def storage_of(world: World, first: Callable[[], object]) -> Iterator[Storage]:
    """The project's DVC remote while the block runs."""
    storage = Storage(first)
    config = world.project / ".dvc" / "config.local"
    config.write_text(f"['remote \"storage\"']\n    url = {storage.url}\n    method = PUT\n")
    threading.Thread(target=storage.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield storage
    finally:
        storage.server.shutdown()
        storage.server.server_close()


@pytest.fixture
def proxy(hosts: GitHosts) -> Iterator[FaultProxy]:
    """Between Git and `git daemon`."""
    with FaultProxy(hosts.daemon) as proxy:
        yield proxy


def through(proxy: FaultProxy, world: World) -> None:
    url = world.url.replace(world.url.split("/")[2], f"127.0.0.1:{proxy.port}")
    git("config", "remote.origin.url", url, cwd=world.project)


class Line:
    """The connection over which a world's project pushes, through a proxy."""

    def __init__(self, transport: str, hosts: GitHosts, world: World, proxy: FaultProxy) -> None:
        self.world, self.proxy = world, proxy
        through(proxy, world)
        if transport == "ssh":
            self._alias = f"HostKeyAlias=[127.0.0.1]:{hosts.sshd.port}"
            world.env["GIT_SSH_COMMAND"] = f"{hosts.fresh_ssh_command} -o {self._alias}"
        else:
            self._alias = ""

    def cut(self) -> None:
        """Reset it, and return when it is gone: the connection, and the ssh that held it."""
        self.proxy.cut_all()
        while self.proxy.open or (self._alias and processes_with(self._alias)):
            time.sleep(0.01)


def processes_with(word: str) -> list[int]:
    """Those whose command line holds `word`; that of one that has ended is empty."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if word.encode() in Path(f"/proc/{entry}/cmdline").read_bytes():
                found.append(int(entry))
    return found


@pytest.fixture
def line(request: pytest.FixtureRequest, hosts: GitHosts, make_world: MakeWorld) -> Iterator[Line]:
    ports = {"git": hosts.daemon, "ssh": hosts.sshd.port, "http": hosts.smart}
    with FaultProxy(ports[request.param]) as proxy:
        yield Line(request.param, hosts, make_world(request.param), proxy)


@pytest.mark.parametrize("line", ["git", "ssh"], indirect=True)
class TestLongUploads:
    def test_a_connection_that_died_meanwhile_is_made_again(self, line: Line) -> None:
        world = line.world
        with storage_of(world, line.cut) as storage:
            done = world.run("push", "origin", "ahead", NEW)
        assert len(storage.objects) == 1
        assert "hung up" not in done.stderr
        assert {world.seed.new, "refs/heads/ahead"} <= set(world.refs())
        assert line.proxy.connections == 2

    def test_a_connection_that_waited_long_is_not_trusted(self, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
        world = line.world
        patience = world.folder / "sitecustomize.py"
        patience.write_text("from dvcexp.git import relay\nrelay.RECONNECT_AFTER = 0.0\n")
        monkeypatch.setenv("PYTHONPATH", f"{world.folder}{os.pathsep}{os.environ['PYTHONPATH']}")
        with storage_of(world, lambda: None):
            world.run("push", "origin", "ahead", NEW)
        assert line.proxy.connections == 2
        assert world.seed.new in world.refs()

    def test_a_remote_that_moved_meanwhile_is_not_overwritten(self, line: Line) -> None:
        world = line.world

        def somebody_pushes() -> None:
            git("update-ref", world.seed.new, "main", cwd=world.host)
            line.cut()

        with storage_of(world, somebody_pushes):
            done = world.run("push", "origin", NEW, check=False)
        assert done.code == 1
        assert "[remote rejected]" in done.stderr
        assert "the remote moved during the upload" in done.stderr
        assert world.refs()[world.seed.new] == world.refs()["refs/heads/main"]

    def test_a_remote_that_cannot_be_reached_again_is_reported(self, line: Line) -> None:
        world = line.world

        def gone() -> None:
            line.proxy.always = Fault(refuse=True)
            line.cut()

        with storage_of(world, gone) as storage:
            done = world.run("push", "origin", NEW, check=False)
        assert done.code == 1
        assert "cannot connect again after the upload" in done.stderr
        assert world.seed.new not in world.refs()
        assert len(storage.objects) == 1  # the next attempt need not upload it again


@pytest.mark.parametrize("line", ["http"], indirect=True)
class TestLongUploadsOverHttp:
    """Nothing waits: what Git has seen was one request, what it wants is another."""

    def test_a_connection_that_died_meanwhile_is_of_no_use_to_anybody(self, line: Line) -> None:
        with storage_of(line.world, line.cut):
            done = line.world.run("push", "origin", "ahead", NEW)
        assert "error" not in done.stderr
        assert {line.world.seed.new, "refs/heads/ahead"} <= set(line.world.refs())
        assert line.proxy.connections == 2

    def test_a_remote_that_moved_meanwhile_is_not_overwritten(self, line: Line) -> None:
        world = line.world
        with storage_of(world, lambda: git("update-ref", world.seed.new, "main", cwd=world.host)):
            done = world.run("push", "origin", "ahead", NEW, check=False)
        assert done.code == 1
        assert f" ! [remote rejected] {world.seed.new} -> {world.seed.new} (" in done.stderr
        assert world.refs()[world.seed.new] == world.refs()["refs/heads/main"]
        assert "refs/heads/ahead" in world.refs()

    def test_a_remote_that_cannot_be_reached_again_is_told_as_git_tells_it(self, line: Line) -> None:
        world = line.world

        def gone() -> None:
            line.proxy.always = Fault(refuse=True)
            line.cut()

        with storage_of(world, gone) as storage:
            done = world.run("push", "origin", NEW, check=False)
        assert done.code == 1
        assert "error: RPC failed" in done.stderr
        assert "Traceback" not in done.stderr
        assert world.seed.new not in world.refs()
        assert len(storage.objects) == 1


class Interrupted:
    """A push in a process group of its own, at the moment when its data is being uploaded."""

    def __init__(self, world: World) -> None:
        self.uploading = threading.Event()
        self.go_on = threading.Event()
        self.storage = storage_of(world, self._wait)
        self._world = world

    def _wait(self) -> None:
        self.uploading.set()
        self.go_on.wait(30)

    @contextlib.contextmanager
    def push(self, prepare: Callable[[], object] | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """prepare: is called in the process that becomes Git."""
        with self.storage:
            process = subprocess.Popen(
                ["git", "push", "origin", NEW],
                cwd=self._world.project,
                env={**os.environ, **self._world.env},
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=prepare,
            )
            try:
                assert self.uploading.wait(30)
                yield process
            finally:
                self.go_on.set()
                process.wait(30)
                assert process.stderr is not None
                process.stderr.close()


def helpers_of(group: int) -> list[int]:
    """The processes of a group that still run."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == group and fields[0] != "Z":
                    found.append(int(entry))
    return found


def wait_until_none(group: int) -> None:
    deadline = time.monotonic() + 15
    while helpers_of(group):
        assert time.monotonic() < deadline, "the helper goes on without Git"
        time.sleep(0.05)


@pytest.mark.parametrize("transport", ["file", "ssh", "http"])
class TestInterruption:
    def test_ctrl_c_ends_everything_without_a_traceback(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        with Interrupted(world).push() as process:
            os.killpg(process.pid, signal.SIGINT)
            wait_until_none(process.pid)
            assert process.stderr is not None
            said = process.stderr.read().decode()
        assert process.returncode in (-signal.SIGINT, 130)
        assert "Traceback" not in said
        assert world.seed.new not in world.refs()

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
    def test_a_git_that_is_killed_alone_stops_the_upload(
        self, transport: str, how: signal.Signals, make_world: MakeWorld
    ) -> None:
        world = make_world(transport)
        with Interrupted(world).push() as process:
            os.kill(process.pid, how)
            wait_until_none(process.pid)
        assert world.seed.new not in world.refs()

    def test_also_one_in_the_background_that_ignores_ctrl_c(self, transport: str, make_world: MakeWorld) -> None:
        """`git push &` in a script."""
        world = make_world(transport)
        with Interrupted(world).push(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as process:
            process.kill()
            wait_until_none(process.pid)
        assert world.seed.new not in world.refs()


class TestBrokenConnections:
    """When the connection dies, at any point, it is as with Git alone: failure, and nothing half-done."""

    @pytest.mark.parametrize("cut", [0, 3, 100, 700, 1200])
    def test_a_fetch_that_is_cut_fails_and_can_be_repeated(
        self, cut: int, make_world: MakeWorld, proxy: FaultProxy
    ) -> None:
        world = make_world("git")
        clone = world.clone()
        through(proxy, world)
        git("config", "remote.origin.url", git("config", "remote.origin.url", cwd=world.project), cwd=clone)
        proxy.next(Fault(cut_down=cut))
        done = world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone, check=False)
        assert done.code != 0
        assert "Traceback" not in done.stderr
        assert not {world.seed.a, world.seed.b} & set(world.refs(clone))
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
        assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]

    @pytest.mark.parametrize("cut", [0, 3, 100, 300, 600])
    def test_a_push_that_is_cut_fails_and_can_be_repeated(
        self, cut: int, make_world: MakeWorld, proxy: FaultProxy
    ) -> None:
        world = make_world("git")
        through(proxy, world)
        proxy.always = Fault(cut_up=cut, reset=True)
        done = world.run("push", "origin", "ahead", NEW, check=False)
        assert done.code != 0
        assert "Traceback" not in done.stderr
        proxy.always = Fault()
        world.run("push", "origin", "ahead", NEW)
        assert {world.seed.new, "refs/heads/ahead"} <= set(world.refs())

    def test_a_refused_connection_is_reported_with_gits_exit_code(self, make_world: MakeWorld) -> None:
        world = make_world("git")
        git("config", "remote.origin.url", "git://127.0.0.1:1/x", cwd=world.project)
        done = world.run("fetch", "origin", check=False)
        assert done.code == 128
        assert "unable to connect to 127.0.0.1" in done.stderr

    def test_a_host_that_nobody_knows_is_reported(self, make_world: MakeWorld) -> None:
        world = make_world("git")
        git("config", "remote.origin.url", "git://host.invalid/x", cwd=world.project)
        done = world.run("fetch", "origin", check=False)
        assert done.code == 128
        assert "unable to look up host.invalid" in done.stderr

    def test_an_ssh_that_cannot_be_run_is_reported(self, make_world: MakeWorld) -> None:
        world = make_world("ssh")
        done = world.run("fetch", "origin", check=False, GIT_SSH_COMMAND="/no/such/ssh")
        assert done.code == 128
        assert "cannot run /no/such/ssh" in done.stderr

    @pytest.mark.parametrize("transport", ["ssh", "http with password"])
    def test_a_failed_authentication_is_told_as_git_tells_it(self, transport: str, make_world: MakeWorld) -> None:
        stories = []
        for helper in (False, True):
            world = make_world(transport, helper=helper)
            wrong = {"GIT_SSH_COMMAND": "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes"}
            askpass = write_program(world.folder / "wrong", "#!/bin/sh\necho wrong\n")
            for command in (["fetch", "origin", EVERY_EXPERIMENT], ["push", "origin", NEW]):
                world.run(*command, check=False, GIT_ASKPASS=str(askpass), **wrong)
            stories.append(world.story())
        assert stories[0] == stories[1]
        assert {code for _, code, _, _ in stories[0]} == {128}

    def test_an_error_of_the_web_server_is_told_as_git_tells_it(self, make_world: MakeWorld) -> None:
        stories = []
        for helper in (False, True):
            world = make_world("http", helper=helper)
            git("config", "http.receivepack", "false", cwd=world.host)
            world.run("push", "origin", NEW, check=False)
            stories.append(world.story())
        assert stories[0] == stories[1]

    @pytest.mark.parametrize("version", ["0", "2"])
    def test_something_that_is_no_git_server_is_told_as_git_tells_it(self, version: str, make_world: MakeWorld) -> None:
        stories = []
        for helper in (False, True):
            world = make_world("ssh", helper=helper)
            ssh = write_program(world.folder / "ssh", "#!/bin/sh\necho This account is not available.\n")
            world.run(
                "-c",
                f"protocol.version={version}",
                "fetch",
                "origin",
                check=False,
                GIT_SSH=str(ssh),
                GIT_SSH_COMMAND="ssh",
            )
            world.run("fetch", "origin", check=False, GIT_SSH_COMMAND=str(ssh))
            stories.append(world.story()[1:])
        assert stories[0] == stories[1]
