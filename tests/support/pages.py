"""The commands that a page of documentation shows, to be typed as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.shell import Done, sh

ROOT = Path(__file__).resolve().parent.parent.parent


def commands(page: str, section: str | None = None) -> list[str]:
    """Those of the section with this heading, or of the whole page, in order. page: its path in the repository."""
    text = (ROOT / page).read_text()
    if section is not None:
        text = text.split(f"## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def type_them(lines: list[str], folder: Path) -> Done:
    """Run the commands, up to the first that fails, in one shell; `folder` stands for the page's /tmp/tour."""
    return sh("bash", "-c", "set -e\n" + "\n".join(lines).replace("/tmp/tour", str(folder / "tour")), cwd=folder)
