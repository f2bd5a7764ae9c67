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
from tests.support.git_worlds import World
from tests.support.patches import patch_all
from tests.support.processes import states, wait_until
from tests.support.shell import git


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

    def close(self) -> None:
        """Cut it, and let none be made any more."""
        self.proxy.always = Fault(refuse=True)
        self.cut()


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
        patch_all(world.folder, monkeypatch, "from dvcexp.git import relay\nrelay.RECONNECT_AFTER = 0.0\n")
        with storage_of(world, lambda: None):
            world.run("push", "origin", "ahead", NEW)
        assert line.proxy.connections == 2
        assert world.seed.new in world.refs()

    def test_hours_of_sleep_count_though_a_clock_stood_still(self, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine that sleeps loses its connections without a word, and Linux's monotonic clock leaves the time out:
        the old connection looks fresh and alive."""
        world = line.world
        asleep = world.folder / "asleep"
        patch_all(
            world.folder,
            monkeypatch,
            "import os, time\n"
            "real = time.clock_gettime\n"
            f"hours = lambda clock: 36000 if clock == time.CLOCK_BOOTTIME and os.path.exists({str(asleep)!r}) else 0\n"
            "time.clock_gettime = lambda clock: real(clock) + hours(clock)\n",
        )

        def sleep() -> None:
            asleep.touch()
            line.proxy.silence()

        with storage_of(world, sleep):
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
        with storage_of(world, line.close) as storage:
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
        with storage_of(world, line.close) as storage:
            done = world.run("push", "origin", NEW, check=False)
        assert done.code == 1
        assert "error: RPC failed" in done.stderr
        assert "Traceback" not in done.stderr
        assert world.seed.new not in world.refs()
        assert len(storage.objects) == 1


@pytest.mark.parametrize("transport", ["file", "ext helper"])
def test_a_program_that_died_meanwhile_is_started_again(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    killed = []

    def kill() -> None:
        for process in processes_with(f"receive-pack\0{world.host}"):
            killed.append(process)
            os.kill(process, signal.SIGKILL)
        while processes_with(f"receive-pack\0{world.host}"):
            time.sleep(0.01)

    with storage_of(world, kill):
        world.run("push", "origin", "ahead", NEW)
    assert killed
    assert {world.seed.new, "refs/heads/ahead"} <= set(world.refs())


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
                ["git", *self._world.options, "push", "origin", NEW],
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


def wait_until_none(group: int) -> None:
    wait_until(lambda: not states(group), "the helper goes on without Git")


@pytest.mark.parametrize("transport", ["file", "ssh", "git", "http", "ext helper"])
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
