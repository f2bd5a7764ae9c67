"""Programs of ours that do not wait long before they try again: where it is not the waiting that is looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shorten_backoff(folder: Path, monkeypatch: pytest.MonkeyPatch, attempts: int = 5) -> None:
    """Waits are a twenty-fifth of what they are; `folder` is where the patch lies."""
    (folder / "sitecustomize.py").write_text(
        f"from dvcexp.remotes.retry import Backoff\nBackoff.__new__.__defaults__ = ({attempts}, 0.02, 0.2, 120.0)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ['PYTHONPATH']}")
