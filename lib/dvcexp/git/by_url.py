"""Opting in by URL, once for every repository of a user: `includeIf "hasconfig:remote.*.url:<pattern>"`.

The user's configuration gets one conditional include for a pattern; the included file is ours alone. It counts in every
repository that has a matching remote, and already while `git clone` runs. Git knows the condition from 2.36 on. From
2.54 on it also reads hooks from its configuration; older ones ignore those keys, so they are always written.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import zlib
from collections.abc import Iterator, Sequence

from dvcexp.errors import DvcexpError, UsageError
from dvcexp.git import hooks
from dvcexp.git.optin import Setting, following, routing
from dvcexp.git.repository import GitError
from dvcexp.git.version import Version, dotted

HASCONFIG_SINCE: Version = (2, 36)
CONFIG_HOOKS_SINCE: Version = (2, 54)

_KEY_START = "includeif.hasconfig:remote.*.url:"
_KEY_END = ".path"


def has_config_hooks(version: Version) -> bool:
    """Does this Git run the hook that the included file names?"""
    return version >= CONFIG_HOOKS_SINCE


def whole_pattern(pattern: str) -> str:
    """`https://host/org/` means all below it, as in Git's other conditions; another pattern is as the user wrote it."""
    if not pattern or not pattern.isprintable():
        raise UsageError("the URL pattern is empty or has control characters", "--for 'https://host/organisation/**'")
    return f"{pattern}**" if pattern.endswith("/") else pattern


def opt_in(pattern: str, git_remotes: Sequence[str], version: Version, *, follow: bool) -> list[Setting]:
    """Send Git remotes by these names through the helper wherever a remote's URL matches; what now counts there."""
    if version < HASCONFIG_SINCE:
        raise DvcexpError(
            f"Git {dotted(version)} has no condition on URLs: it came with {dotted(HASCONFIG_SINCE)}",
            "in each repository: git exp install",
        )
    path = included_file(pattern)
    hooks.write_script(_script())
    settings = included_settings(git_remotes, _script(), follow=follow)
    _write(path, settings)
    if path not in included().get(pattern, []):
        _git("config", "--global", "--add", *_condition(pattern, path))
    return settings


def opt_out(pattern: str) -> bool:
    """Take back `opt_in`; False if there was nothing."""
    path = included_file(pattern)
    found = path in included().get(pattern, [])
    if found:
        _git("config", "--global", "--fixed-value", "--unset-all", *_condition(pattern, path))
    _remove(path)
    if not opted_in():
        _remove(_script())
        with contextlib.suppress(OSError):
            os.rmdir(_folder())
    return found


def opted_in() -> list[str]:
    """The patterns that are opted in."""
    return [pattern for pattern, paths in included().items() if included_file(pattern) in paths]


def included() -> dict[str, list[str]]:
    """URL pattern -> files that the user's configuration includes for it."""
    found: dict[str, list[str]] = {}
    for key, value in _user_configuration():
        if key.startswith(_KEY_START) and key.endswith(_KEY_END):
            found.setdefault(key[len(_KEY_START) : -len(_KEY_END)], []).append(value)
    return found


def included_file(pattern: str) -> str:
    """The file for a pattern, under the user's configuration folder."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", pattern).strip("-")[:80]
    return os.path.join(_folder(), f"{name}-{zlib.crc32(pattern.encode()):08x}.gitconfig")


def included_settings(git_remotes: Sequence[str], script: str, *, follow: bool) -> list[Setting]:
    """What the included file says."""
    settings = []
    for name in git_remotes:
        settings.append(routing(name))
        settings += following(name) if follow else []
    # The command is a line for the shell, which appends the hook's arguments.
    return [*settings, Setting("hook.dvcexp.event", hooks.NAME), Setting("hook.dvcexp.command", shlex.quote(script))]


def _write(path: str, settings: Sequence[Setting]) -> None:
    """Whole or not at all; `git config` knows how to quote."""
    temporary = f"{path}.new"
    _remove(temporary)
    try:
        for setting in settings:
            _git("config", "--file", temporary, "--add", *setting)
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def _folder() -> str:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "dvcexp")


def _script() -> str:
    return os.path.join(_folder(), hooks.NAME)


def _condition(pattern: str, path: str) -> Setting:
    return Setting(f"includeIf.hasconfig:remote.*.url:{pattern}.path", path)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _user_configuration() -> Iterator[tuple[str, str]]:
    # Without a file of the user's own git fails; that is an empty configuration.
    listing = _git("config", "--global", "--list", "-z", accept=(0, 1, 128))
    for record in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        key, _, value = record.partition("\n")
        yield key, value


def _git(*args: str, accept: tuple[int, ...] = (0,)) -> bytes:
    done = subprocess.run(["git", *args], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode not in accept:
        raise GitError(args, done.returncode, os.fsdecode(done.stderr))
    return done.stdout
