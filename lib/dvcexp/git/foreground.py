"""Git commands that the user watches: what Git says and asks goes to their terminal, not to us."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

# The kernel limits the length of a command line: 2 MiB as a rule, 128 KiB at the least.
_REFSPECS_AT_A_TIME = 500


def run(*args: str, stdin: bytes | None = None, environ: Mapping[str, str] | None = None) -> int:
    """The exit code of `git args...`. stdin: what it reads instead of the user's. environ: instead of ours."""
    import subprocess

    if sys.stdout is not None:
        sys.stdout.flush()  # or our earlier words would stand behind Git's
    return subprocess.run(["git", *args], input=stdin, env=environ, check=False).returncode


def push(git_remote: str, refspecs: Sequence[str], *options: str) -> int:
    """The exit code of `git push` of experiments whose data has been seen to: neither helper nor hook does so again.

    The refspecs alone go, whatever push.followTags says.
    """
    environ = {**os.environ, "DVCEXP_SKIP": "1"}
    for start in range(0, len(refspecs), _REFSPECS_AT_A_TIME):
        batch = refspecs[start : start + _REFSPECS_AT_A_TIME]
        code = run("push", "--no-follow-tags", *options, "--", git_remote, *batch, environ=environ)
        if code != 0:
            return code
    return 0


def answer(*args: str, environ: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """The exit code of `git args...` and what it writes to stdout."""
    import subprocess

    done = subprocess.run(["git", *args], stdout=subprocess.PIPE, env=environ, check=False)
    return done.returncode, done.stdout


def manual(page: str) -> bool:
    """Show a manual page as `git help` does, by the user's viewer and pager; False if there is none by that name."""
    import subprocess

    command = ["git", "help", "--man", page]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def with_config(settings: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environ` with Git configuration on top, as `git -c` sets it; a key may have `=` in it, as a URL has."""
    if not settings:
        return dict(environ)
    count = environ.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdigit() else 0
    added = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings.items(), first):
        added[f"GIT_CONFIG_KEY_{number}"] = key
        added[f"GIT_CONFIG_VALUE_{number}"] = value
    return {**environ, **added}
