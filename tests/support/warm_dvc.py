"""Real DVC, started warm: a process that has imported it forks for each command, which then has its own folder,
environment and output.

Importing DVC and freeing it takes longer than most commands, and the tests run hundreds of them. Where it matters what
DVC finds while it is imported (the umask, for one), start it with `sh("dvc", ...)`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).resolve().parents[2]
_SERVE = "import sys; sys.path.remove(''); from tests.support.warm_dvc import serve; serve(int(sys.argv[1]))"
_TIMEOUT = 120.0
# What a command of DVC's imports as it goes. Plugins are left out: they look at the environment meanwhile.
_PACKAGES = ("dvc.commands", "dvc.repo", "dvc.stage", "dvc.parsing", "dvc_data.hashfile", "dvc_data.index", "scmrepo")


def dvc(*commands: Sequence[str | Path], cwd: Path) -> str:
    """What DVC prints for these commands, run in turn in one process. A failure fails the test, in DVC's words."""
    lines = [[str(word) for word in command] for command in commands]
    request = json.dumps({"commands": lines, "cwd": str(cwd), "env": dict(os.environ)}).encode()
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr, open(os.devnull, "rb") as stdin:
        server = _server()
        socket.send_fds(server, [b"%010d" % len(request)], [file.fileno() for file in (stdin, stdout, stderr)])
        server.sendall(request)
        answer = server.recv(10)
        assert answer, "the process that runs DVC is gone"
        printed = _text(stdout)
        assert int(answer) == 0, f"dvc {lines}: exit {int(answer)}\n{printed}{_text(stderr)}"
        return printed


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


@cache
def _server() -> socket.socket:
    """The way to a process that serves until the way is closed."""
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-c", _SERVE, str(theirs.fileno())]
    env = {**os.environ, "PYTHONPATH": str(_ROOT)}
    null = subprocess.DEVNULL
    process = subprocess.Popen(argv, cwd=_ROOT, env=env, stdin=null, stdout=null, pass_fds=[theirs.fileno()])
    theirs.close()
    ours.settimeout(_TIMEOUT)

    def stop() -> None:
        ours.close()
        process.wait()

    atexit.register(stop)
    return ours


def serve(descriptor: int) -> None:
    """Fork for each request that comes through the socket."""
    _import_dvc()
    with socket.socket(fileno=descriptor) as asked:
        while True:
            length, given, _, _ = socket.recv_fds(asked, 10, 3)
            if not length:
                return
            request = json.loads(asked.recv(int(length), socket.MSG_WAITALL))
            child = os.fork()
            if child == 0:
                asked.close()
                _become(given, **request)
            for file in given:
                os.close(file)
            _, status = os.waitpid(child, 0)
            asked.sendall(b"%010d" % os.waitstatus_to_exitcode(status))


def _import_dvc() -> None:
    for package in _PACKAGES:
        found = import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}.", onerror=lambda name: None):
            with contextlib.suppress(ImportError):  # of something that is not installed
                import_module(module.name)


def _become(given: Sequence[int], commands: Sequence[Sequence[str]], cwd: str, env: dict[str, str]) -> None:
    """Be the process that a shell would have started for these commands; does not return."""
    import pygit2
    from dvc.cli import main

    for number, file in enumerate(given):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    pygit2.settings.search_path[pygit2.enums.ConfigLevel.GLOBAL] = env["HOME"]  # libgit2 looked when it was loaded
    pygit2.settings.search_path[pygit2.enums.ConfigLevel.XDG] = f"{env['XDG_CONFIG_HOME']}/git"
    code = 0
    for command in commands:
        sys.argv = ["dvc", *command]
        code = max(code, main(list(command)))
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # without freeing thousands of modules one by one, which takes longer than all before it
