"""Is DVC at work in a project, and what do its unfinished runs use? Read from `.dvc/tmp` (dvc/lock.py, rwlock.py)."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from typing import Any

from dvcexp.errors import DvcexpError


def lock_files(folders: Collection[str]) -> list[str]:
    """What every dvc command locks (flock) while it reads or writes; `folders` are the projects' `.dvc/tmp`."""
    return [os.path.join(folder, "lock") for folder in folders]


def refuse_running(folders: Collection[str]) -> None:
    """DvcexpError where DVC is at work: while a stage runs it holds no lock, but notes its process in `rwlock`."""
    for folder in folders:
        for path in _files(folder):
            name = os.path.basename(path)
            if name == "rwlock":
                alive = next(filter(_is_alive, _processes(path)), None)
                if alive is not None:
                    raise _running(f"process {alive}")
            elif name == "lock" and _links(path) > 1:  # core.hardlink_lock: it is held while it has a second name
                raise _running(f"it holds '{path}'")


def texts(folder: str, *, every: bool = False) -> Iterator[bytes]:
    """The content of each `*.dvc` and dvc.lock at any depth below `folder`, or of every file."""
    for path in _files(folder):
        if every or path.endswith((".dvc", "dvc.lock")):
            try:
                with open(path, "rb") as file:
                    yield file.read()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise DvcexpError(f"cannot read '{path}': {error.strerror}") from error


def _files(folder: str) -> Iterator[str]:
    for below, _, names in os.walk(folder):
        yield from (os.path.join(below, name) for name in names)


def _running(how: str) -> DvcexpError:
    return DvcexpError(
        f"a dvc command is running in this project: {how}", "run the same command again when it has ended"
    )


def _links(path: str) -> int:
    try:
        return os.stat(path).st_nlink
    except OSError:
        return 0


def _processes(path: str) -> Iterator[int]:
    """The `pid` fields in DVC's notes, {"write": {path: {...}}, "read": {path: [{...}]}}."""
    try:
        with open(path, encoding="utf-8") as file:
            todo: list[Any] = [json.load(file)]
    except (OSError, ValueError):
        return
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            if isinstance(node.get("pid"), int):
                yield node["pid"]
            todo += node.values()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
