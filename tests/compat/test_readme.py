"""The tour in README.md, typed as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.shell import sh

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def tour() -> list[str]:
    """The commands of the section, in order."""
    section = README.read_text().split("## Five minutes with a real DVC project")[1].split("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def test_the_tour_ends_with_the_teammate_having_the_model(tmp_path: Path) -> None:
    script = "set -e\n" + "\n".join(tour()).replace("/tmp/tour", str(tmp_path / "tour"))
    done = sh("bash", "-c", script, cwd=tmp_path)
    assert done.stdout.endswith("trained with\nlr: 0.5\n")
    assert "dvcexp: uploaded 1 object (21 bytes) to 'storage'\n" in done.stderr
    assert "dvcexp: downloaded 1 object (21 bytes) from 'storage'\n" in done.stderr
