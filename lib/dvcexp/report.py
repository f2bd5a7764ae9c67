"""The report that an unexpected error leaves behind: Markdown, ready to be pasted into an issue, without secrets."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback

from dvcexp import __version__
from dvcexp.concealed import scrub


def compose(error: BaseException) -> str:
    """The report's text. Reading the versions may fail in a broken installation; the traceback stands regardless."""
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return scrub(
        "# dvcexp: unexpected error\n\n"
        "## Versions\n\n"
        f"- dvcexp {__version__}\n"
        f"- Python {platform.python_version()} ({sys.executable})\n"
        f"- {_git_version()}\n"
        f"- {platform.platform()}\n\n"
        "## Command\n\n"
        f"```\n{' '.join(sys.argv)}\n```\n\n"
        "## Traceback\n\n"
        f"```\n{trace}```\n"
    )


def save(text: str) -> str | None:
    """Write the report into the Git directory, else the temporary folder; its path, None if neither can be written."""
    git_dir = _git_dir()
    if git_dir is not None:
        path = os.path.join(git_dir, "dvcexp", "report.md")
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _write(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), text)
        except OSError:
            pass
        else:
            return path
    try:
        handle, path = tempfile.mkstemp(prefix="dvcexp-report-", suffix=".md")
        _write(handle, text)
    except OSError:
        return None
    return path


def _write(handle: int, text: str) -> None:
    with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _git_dir() -> str | None:
    # Asked anew of Git, through nothing that the error may have come from.
    answer = _ask_git("rev-parse", "--absolute-git-dir")
    return answer if answer and os.path.isdir(answer) else None


def _git_version() -> str:
    return _ask_git("version") or "Git not found"


def _ask_git(*args: str) -> str | None:
    import subprocess

    try:
        done = subprocess.run(["git", *args], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(done.stdout).removesuffix("\n")
