"""`git exp list --long` and `--check`: the experiments with their data."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.handmade import object_path
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import git


@pytest.fixture
def team(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=False)


def told(repository: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Name -> what the JSON says."""
    lines = exp("list", "--json", *arguments, cwd=repository).stdout.splitlines()
    return {row["name"]: row for row in map(json.loads, lines)}


def table(repository: Path, *arguments: str) -> list[list[str]]:
    """The cells of the table."""
    return [re.split("  +", line) for line in exp("list", *arguments, cwd=repository).stdout.splitlines()]


def test_the_table_tells_date_author_amount_and_whether_the_cache_is_whole(team: Sharing) -> None:
    tips = experiments(team.alice)
    dates = {
        ref: git("log", "-1", "--date=format:%Y-%m-%d %H:%M", "--format=%cd", tip, cwd=team.alice)
        for ref, tip in tips.items()
    }
    object_path(team.project.cache, sorted(cached(team.alice))[0]).unlink()
    lines = exp("list", "--long", cwd=team.alice).stdout.splitlines()
    assert lines[0] == "experiment  rev      baseline  date              objects      size  data here  author"
    for line, ref in zip(lines[1:], tips, strict=True):
        assert line.startswith(f"{ref[-1]}           {tips[ref][:7]}  main      {dates[ref]}        4  12 bytes  ")
        assert line.endswith("  Ada")
    assert "1 missing" in lines[1] + lines[2]


def test_check_asks_the_dvc_remote(team: Sharing) -> None:
    exp("push", "-q", "origin", "a", cwd=team.alice)
    found = told(team.alice, "--check")
    assert {name: row["unsent"] for name, row in found.items()} == {"a": 0, "b": 3}
    rows = table(team.alice, "--check")
    assert rows[0][6:] == ["data here", "data on DVC remote", "author"]
    assert [row[6:] for row in rows[1:]] == [["complete", "complete", "Ada"], ["complete", "3 missing", "Ada"]]
    assert told(team.alice, "--long")["b"]["unsent"] is None


def test_what_the_manifest_would_tell_is_told_by_the_record(team: Sharing) -> None:
    """In a fresh clone nothing is in the cache: the number of objects comes from DVC's files."""
    exp("push", "-q", "origin", "-A", cwd=team.alice)
    bob = team.clone("bob")
    git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
    for row in told(bob, "--long").values():
        assert (row["objects"], row["size"], row["missing"]) == (4, 12, 2)


def test_experiments_of_a_git_remote_whose_commits_are_not_here_say_so(team: Sharing) -> None:
    exp("push", "-q", "origin", "-A", cwd=team.alice)
    bob = team.base / "bob"
    git("clone", "-q", f"file://{team.host}", bob, cwd=team.base)
    git("fetch", "-q", "origin", "+refs/exps/*/b:refs/dvcexp/origin/*/b", cwd=bob)
    found = told(bob, "origin", "--check")
    assert found["a"] == {
        "name": "a",
        "rev": experiments(team.host)[team.a],
        "baseline": git("rev-parse", "HEAD", cwd=bob),
        "ref": team.a,
        **dict.fromkeys(("date", "author", "objects", "size", "missing", "unsent", "problem")),
    }
    assert found["b"]["unsent"] == 0
    assert table(bob, "origin", "--check")[1][3:] == ["-", "-", "-", "not fetched", "-", "-"]


def test_a_remote_that_cannot_be_asked_and_a_file_that_cannot_be_read_are_warnings(team: Sharing) -> None:
    config = (team.alice / ".dvc" / "config").read_text()
    shutil.rmtree(team.alice / ".dvc" / "cache")
    (team.alice / ".dvc" / "config").write_text(config.replace(str(team.storage), "http://127.0.0.1:1/store"))
    done = exp("list", "--check", cwd=team.alice)
    assert done.stderr.startswith("warning: ")
    assert "127.0.0.1" in done.stderr
    assert [row[6:8] for row in table(team.alice, "--check")[1:]] == [["2 missing", "-"]] * 2
    assert told(team.alice, "--check")["a"]["unsent"] is None
    (team.alice / ".dvc" / "config").write_text(config)
    (team.alice / "broken.dvc").write_text("outs: 5\n")
    team.project.experiment("c", {"model.bin": b"c"})
    row = told(team.alice, "--long")["c"]
    assert row["missing"] is None
    assert row["problem"] == "'broken.dvc': outs should be a list"
    assert told(team.alice, "--long")["a"]["missing"] == 2


def test_names_alone_have_no_long_form(team: Sharing) -> None:
    for form in ("--name-only", "--sha-only"):
        assert exp("list", "--long", form, cwd=team.alice, check=False).code == 129


def test_no_process_is_started_for_each_experiment(team: Sharing) -> None:
    tip = experiments(team.alice)[team.a]
    for number in range(40):
        git("update-ref", f"{team.a}{number}", tip, cwd=team.alice)
    trace = team.base / "trace"
    exp("list", "--check", cwd=team.alice, env={"GIT_TRACE2_EVENT": str(trace)})
    started = [line for line in trace.read_text().splitlines() if '"event":"start"' in line]
    assert len(started) < 20
