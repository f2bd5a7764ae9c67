"""Real DVC on the other side of a remote: what it pushes we fetch, what we upload it pulls."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dvcexp.remotes.base import Remote, Upload
from tests.support.remote_suite import Config, failures, fetched

# One process for all commands: most of what DVC takes is its start.
_RUN = """
import json, sys
from dvc.cli import main
for command in json.loads(sys.argv[1]):
    code = main(command)
    assert code == 0, (command, code)
"""


def dvc(project: Path, *commands: list[str], env: Mapping[str, str] | None = None) -> str:
    """Run `dvc` commands in `project`, each of which must succeed; what they print."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps(commands)],
        cwd=project,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_both_ways(
    config: Config, folder: Path, env: Mapping[str, str] | None = None, base: Path | None = None
) -> None:
    """DVC pushes and we download; we upload and DVC finds nothing to push and pulls.

    Every object is taken from the remote in between, so that each side has to bring it: the second round works on a
    remote of its own, below the first. env: for DVC alone. base: on the disk, where the remote's base must exist for
    DVC.
    """
    theirs, ours = _at(config, "theirs"), _at(config, "ours")
    for name in ("theirs", "ours"):
        if base is not None:
            (base / name).mkdir(parents=True, exist_ok=True)
    project = _project(folder)
    _configure(project, theirs)
    dvc(project, ["add", "file", "data", "-q"], ["push"], env=env)
    cache = project / ".dvc" / "cache"
    objects = {str(path.relative_to(cache)): path.read_bytes() for path in cache.rglob("*") if path.is_file()}
    assert len(objects) == 6
    remote = theirs.open()
    absent = f"files/md5/00/{'0' * 30}"
    assert remote.exists([*objects, absent]) == set(objects)
    assert fetched(remote, list(objects), folder) == list(objects.values())
    remote.close()
    _upload(ours.open(), cache, objects)
    _configure(project, ours)
    for path in (cache, project / "data"):
        shutil.rmtree(path)
    (project / "file").unlink()
    # `status -c` would say of each object that is not on the remote that it is deleted or missing.
    dvc(project, ["pull"], env=env)
    assert (project / "file").read_bytes() == b"file\n" * 1000
    assert sorted(path.name for path in (project / "data").iterdir()) == ["big", "empty", "one", "two"]
    assert "in sync" in dvc(project, ["status", "-c"], env=env)


def _at(config: Config, name: str) -> Config:
    return Config(f"{config.url.rstrip('/')}/{name}", config.options)


def _project(folder: Path) -> Path:
    project = folder / "project"
    (project / "data").mkdir(parents=True)
    (project / "file").write_bytes(b"file\n" * 1000)
    for name, content in (("one", b"1"), ("two", b"2" * 3000), ("empty", b""), ("big", os.urandom(1_500_000))):
        (project / "data" / name).write_bytes(content)
    dvc(project, ["init", "--no-scm", "-q"])
    return project


def _configure(project: Path, config: Config) -> None:
    options = "".join(f"    {key} = {value}\n" for key, value in config.options.items())
    text = f"[core]\n    no_scm = true\n    remote = storage\n['remote \"storage\"']\n    url = {config.url}\n{options}"
    (project / ".dvc" / "config").write_text(text)


def _upload(remote: Remote, cache: Path, objects: Mapping[str, bytes]) -> None:
    uploads = [Upload(key, str(cache / key), len(data)) for key, data in objects.items()]
    assert failures(remote.upload(uploads)) == []
    remote.close()
