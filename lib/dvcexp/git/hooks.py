"""The pre-push hook of a repository: ours is put in front of the hook that is there, which stays as it is beside it.

Git runs one file per hook. A hook that was there is kept, untouched, as `pre-push.before-dvcexp`; ours runs it first,
with the same arguments and stdin, and stops where it fails. The pre-commit framework has a place of its own for other
people's hooks, `pre-push.legacy`, and rewrites `pre-push` at will: beside its hook ours takes that place.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import Literal, NamedTuple

from dvcexp.errors import DvcexpError, printable
from dvcexp.git.repository import Repository

NAME = "pre-push"
_LEGACY = "pre-push.legacy"
_BEFORE = "pre-push.before-dvcexp"
_MARK = b"\n# dvcexp: "
_SCRIPT = os.path.join(os.path.dirname(__file__), "pre-push")  # hooks/pre-push of the sources

Change = Literal["installed", "updated", "removed", "unchanged"]


class HookChange(NamedTuple):
    """What happened to the hook file `path`. `previous` is the hook that runs before ours, or that was given back."""

    path: str
    change: Change
    previous: str | None = None


class ForeignHooks(DvcexpError):
    """The hooks here belong to a tool that would not survive ours in front; the hint says what to do by hand."""


def hooks_folder(repository: Repository) -> str:
    """Where Git looks for this repository's hooks: `core.hooksPath`, else the hooks that all its worktrees share."""
    # A relative core.hooksPath starts at the top of the work tree, where Git runs hooks.
    start = repository.work_tree or repository.git_dir
    answer = repository.git("-C", start, "rev-parse", "--git-path", "hooks")
    return os.path.join(start, os.fsdecode(answer).removesuffix("\n"))


def install(folder: str) -> HookChange:
    """Put our hook into `folder`, or bring the one that is there up to date."""
    if os.path.isfile(os.path.join(folder, "h")) and os.path.basename(folder) == "_":
        raise ForeignHooks(
            f"the hooks in '{printable(folder)}' are made by husky, which would not run what stands beside them",
            f"add this line to '{printable(os.path.join(os.path.dirname(folder), NAME))}': git exp pre-push \"$@\"",
        )
    script = script_bytes()
    ours = _find(folder)
    if ours is not None:
        before = _before(folder)
        if _read(ours) == script and os.access(ours, os.X_OK):
            return HookChange(ours, "unchanged", before)
        _write(ours, script)
        return HookChange(ours, "updated", before)
    path = os.path.join(folder, _LEGACY if _is_pre_commit(os.path.join(folder, NAME)) else NAME)
    os.makedirs(folder, exist_ok=True)
    if os.path.lexists(path):
        _set_aside(path, os.path.join(folder, _BEFORE))
    _write(path, script)
    return HookChange(path, "installed", _before(folder))


def uninstall(folder: str) -> HookChange:
    """Remove our hook and give the one that was there its name back: the same file, bytes and mode."""
    ours = _find(folder)
    if ours is None:
        return HookChange(os.path.join(folder, NAME), "unchanged")
    before = _before(folder)
    if before is None:
        os.unlink(ours)
    else:
        os.replace(before, ours)
    return HookChange(ours, "removed", before)


def script_bytes() -> bytes:
    """The hook that this version installs."""
    with open(_SCRIPT, "rb") as file:
        return file.read()


def write_script(path: str) -> None:
    """A copy of the hook at `path`, for Git's config hooks, which name a command."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    _write(path, script_bytes())


def _find(folder: str) -> str | None:
    for name in (NAME, _LEGACY):
        path = os.path.join(folder, name)
        if _MARK in _read(path)[:512]:
            return path
    return None


def _before(folder: str) -> str | None:
    path = os.path.join(folder, _BEFORE)
    return path if os.path.lexists(path) else None


def _is_pre_commit(path: str) -> bool:
    head = _read(path)[:4096]
    return b"pre-commit" in head and b"hook-impl" in head


def _read(path: str) -> bytes:
    """The file's bytes; none for what is no readable file, a dead symlink for one."""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


def _set_aside(path: str, before: str) -> None:
    if os.path.lexists(before):
        raise ForeignHooks(
            f"'{printable(path)}' is not dvcexp's, and the hook that an earlier install set aside is still there",
            f"keep one of the two: remove '{printable(path)}' or '{printable(before)}', then install again",
        )
    try:
        # A second name first, so that there is no moment without a hook.
        os.link(path, before, follow_symlinks=False)
    except OSError:
        os.rename(path, before)


def _write(path: str, content: bytes) -> None:
    """Whole or not at all, executable as far as the umask lets it, never through a symlink."""
    handle, temporary = tempfile.mkstemp(prefix=f".{NAME}-", dir=os.path.dirname(path))
    try:
        with open(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o777 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
