"""The tours of README.md and docs/, typed as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.support.handmade import oids
from tests.support.pages import ROOT, commands, type_them
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


def test_a_team_with_and_without_dvcexp_shares_experiments(tmp_path: Path) -> None:
    done = type_them(commands("docs/team.md"), tmp_path)
    tour = tmp_path / "tour"
    assert "data\nlr: 0.5\n" in done.stdout
    assert (tour / "carol" / "model.bin").read_text() == "data\nlr: 0.7\n"
    assert {ref.rsplit("/", 1)[1] for ref in experiments(tour / "host.git")} == {"fast", "plain"}
    assert {"slow", "fast", "plain"} <= {ref.rsplit("/", 1)[1] for ref in experiments(tour / "carol")}


def test_a_job_shares_its_experiment_and_a_report_takes_only_the_model(tmp_path: Path) -> None:
    done = type_them(commands("docs/ci.md"), tmp_path)
    tour = tmp_path / "tour"
    assert [ref.rsplit("/", 1)[1] for ref in experiments(tour / "host.git")] == ["ci-1"]
    assert (tour / "report" / "model.bin").read_text() == "data\nlr: 0.7\n"
    assert len(oids(tour / "report" / ".dvc" / "cache")) == 1
    assert ",lr" in done.stdout


def test_the_jobs_of_the_page_are_the_commands_that_are_typed() -> None:
    page = (ROOT / "docs/ci.md").read_text()
    github, gitlab = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    typed = commands("docs/ci.md", "What the job does")[2:]
    assert github["jobs"]["experiment"]["steps"][-1]["run"].splitlines() == typed
    assert gitlab["experiment"]["script"][2:] == typed
