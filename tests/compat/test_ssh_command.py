"""The ssh command line, beside the one that Git itself runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dvcexp.errors import DvcexpError
from dvcexp.git.channel import Service, open_channel
from dvcexp.git.repository import LOCAL_ENV_VARS, GitConfig
from dvcexp.git.url import SshHost, parse
from tests.support.shell import git, sh, write_program

RECORDER = """#!{python}
import json, os, sys
with open(os.environ["RECORD"], "a") as file:
    bound = sorted(set(os.environ) & set({local})) if "-G" not in sys.argv else "a probe: never mind"
    print(json.dumps([sys.argv, os.environ.get("GIT_PROTOCOL"), bound]), file=file)
sys.exit(0 if "-G" in sys.argv and "no-g" not in sys.argv[0] else 1)
"""

# The programs below stand on the PATH under these names; {bin} is their folder.
CASES: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("host:path", {}, {}),
    ("ssh://user@host:2222/path with 'quotes' and !", {}, {}),
    ("ssh://host/~me/x", {}, {}),
    ("[::1]:x", {}, {"protocol.version": "0"}),
    ("host:x", {}, {"protocol.version": "1"}),
    ("host:x", {"GIT_SSH_COMMAND": "ssh -v -o 'A B'"}, {}),
    ("host:x", {"GIT_SSH_COMMAND": "exec ssh"}, {}),
    ("host:x", {"GIT_SSH_COMMAND": ""}, {}),
    ("host:x", {}, {"core.sshCommand": "ssh -i key"}),
    ("host:x", {"GIT_SSH_COMMAND": "ssh -1"}, {"core.sshCommand": "ssh -2"}),
    ("host:x", {"GIT_SSH": "{bin}/ssh"}, {}),
    ("host:x", {"GIT_SSH": "{bin}/plink"}, {}),
    ("ssh://host:22/x", {"GIT_SSH": "{bin}/plink"}, {}),
    ("ssh://host:22/x", {"GIT_SSH": "{bin}/tortoiseplink"}, {}),
    ("ssh://host:22/x", {"GIT_SSH": "{bin}/wrapper"}, {}),
    ("host:x", {"GIT_SSH": "{bin}/no-g"}, {}),
    ("ssh://host:22/x", {"GIT_SSH": "{bin}/no-g"}, {}),
    ("host:x", {"GIT_SSH_COMMAND": "{bin}/wrapper --flag"}, {}),
    ("ssh://host:22/x", {"GIT_SSH_VARIANT": "putty"}, {}),
    ("ssh://host:22/x", {}, {"ssh.variant": "tortoiseplink"}),
    ("host:x", {}, {"ssh.variant": "simple"}),
    ("ssh://host:22/x", {}, {"ssh.variant": "simple"}),
    ("host:x", {"GIT_SSH": "{bin}/wrapper"}, {"ssh.variant": "auto"}),
    ("host:x", {"GIT_SSH": "{bin}/plink"}, {"ssh.variant": "ssh"}),
]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs called ssh, plink, ... that write down how they were called."""
    import sys

    folder = tmp_path / "bin"
    for name in ("ssh", "plink", "tortoiseplink", "wrapper", "no-g"):
        write_program(folder / name, RECORDER.format(python=sys.executable, local=sorted(LOCAL_ENV_VARS)))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize(("url", "environ", "config"), CASES)
@pytest.mark.parametrize("family", [None, "ipv4"])
def test_ssh_is_run_as_git_runs_it(
    url: str, environ: dict[str, str], config: dict[str, str], family: str | None, programs: Path, tmp_path: Path
) -> None:
    environ = {name: value.format(bin=programs) for name, value in environ.items()}
    options = [word for key, value in config.items() for word in ("-c", f"{key}={value}")]
    repository = tmp_path / "repository"
    git("init", "-q", repository, cwd=tmp_path)
    git("remote", "add", "origin", url, cwd=repository)
    flags = ["-4"] if family else []
    theirs = {**environ, "RECORD": str(tmp_path / "git")}
    sh("git", *options, "fetch", *flags, "origin", cwd=repository, check=False, env=theirs)

    listing = sh("git", *options, "config", "--list", "-z", cwd=repository).stdout.encode()
    # As a helper is started, bound to a repository; the child must not be.
    bound = {**os.environ, **environ, "RECORD": str(tmp_path / "ours"), "GIT_DIR": ".git", "GIT_CONFIG_COUNT": "0"}
    target = parse(url)
    assert isinstance(target, SshHost)
    service = Service("git-upload-pack", "git-upload-pack", family)
    try:
        open_channel(target, service, GitConfig(listing), bound).close()
    except DvcexpError as error:
        assert error.exit_code == 128
    assert recorded(tmp_path / "ours") == recorded(tmp_path / "git")


def recorded(path: Path) -> list[object]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
