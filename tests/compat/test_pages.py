"""The tours of README.md and docs/, typed as they stand there."""

from __future__ import annotations

from pathlib import Path

from tests.support.handmade import oids
from tests.support.pages import commands, type_them
from tests.support.sharing import experiments


def test_the_tour_ends_with_the_teammate_having_the_model(tmp_path: Path) -> None:
    done = type_them(commands("README.md", "Five minutes with a real DVC project"), tmp_path)
    assert done.stdout.endswith("trained with\nlr: 0.5\n")
    assert "dvcexp: uploaded 1 object (21 bytes) to 'storage'\n" in done.stderr
    assert "dvcexp: downloaded 1 object (21 bytes) from 'storage'\n" in done.stderr


def test_experiments_of_a_separate_directory_arrive_in_the_project(tmp_path: Path) -> None:
    sections = ["Without a central remote", "Each with a cache of its own", "In a linked work tree"]
    lines = [line for section in sections for line in commands("docs/separate-directory.md", section)]
    done = type_them(lines, tmp_path)
    project = tmp_path / "tour" / "project"
    names = {ref.rsplit("/", 1)[1] for ref in experiments(project)}
    assert {"slow", "fast", "tiny", "huge", "wide"} <= names
    assert "data\nlr: 0.5\n" in done.stdout
    assert oids(tmp_path / "tour" / "apart" / ".dvc" / "cache") <= oids(project / ".dvc" / "cache")
    assert not (tmp_path / "tour" / "experiments" / ".dvc" / "cache").exists()


def test_experiments_of_a_separate_directory_arrive_through_a_central_remote(tmp_path: Path) -> None:
    first = commands("docs/separate-directory.md", "Without a central remote")[:7]
    done = type_them(first + commands("docs/separate-directory.md", "With a central remote"), tmp_path)
    assert done.stdout.endswith("data\nlr: 0.3\n")
    assert "dvcexp: downloaded 1 object" in done.stderr
