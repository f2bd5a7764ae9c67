"""Fixtures of the tests beside real DVC."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dvc_team import Team


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """DVC takes seconds for this: it is done once and moved into place for each test."""
    base = tmp_path_factory.mktemp("team") / "team"
    base.mkdir()
    yield base


@pytest.fixture
def team(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    if not any(template.iterdir()):
        Team(template)
        shutil.copytree(template, template.with_name("kept"), symlinks=True)
    team = Team.__new__(Team)
    team.base, team.host = template, template / "host.git"
    team.storage, team.alice = template / "storage", template / "alice"
    yield team
    for path in [template, *template.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(template)
    shutil.copytree(template.with_name("kept"), template, symlinks=True)
