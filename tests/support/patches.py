"""Code that every Python program runs before all else: to give ours another clock, other waits, or an ear."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def patch(folder: Path, code: str) -> dict[str, str]:
    """The environment in which they run `code`, which lies in `folder`."""
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ['PYTHONPATH']}"}


def patch_all(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The same for all that the test starts from here on."""
    monkeypatch.setenv("PYTHONPATH", patch(folder, code)["PYTHONPATH"])


def at_end(statement: str) -> str:
    """Code by which a program of ours runs `statement` when it ends: by `os._exit`, which `atexit` does not hear of."""
    return f"import os\ndef tell(code, leave=os._exit):\n    {statement}\n    leave(code)\nos._exit = tell\n"


def shorten_backoff(folder: Path, monkeypatch: pytest.MonkeyPatch, attempts: int = 5) -> None:
    """Waits between attempts are a twenty-fifth of what they are: where it is not the waiting that is looked at."""
    short = f"Backoff(attempts={attempts}, first=0.02, longest=0.2)"
    patch_all(
        folder,
        monkeypatch,
        f"from dvcexp.remotes.retry import Backoff\nBackoff.__new__.__defaults__ = tuple({short})\n",
    )
