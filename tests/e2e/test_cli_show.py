"""`git exp show` where it goes further than `dvc exp show`; tests/compat/test_show.py holds the two side by side."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.support.sharing import Sharing, exp, experiments
from tests.support.shell import git, sh


@pytest.fixture
def team(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=False)


def add(team: Sharing, name: str, files: dict[str, str | bytes]) -> str:
    """An experiment with these files on HEAD; its full ref."""
    for path, content in files.items():
        (team.alice / path).parent.mkdir(exist_ok=True)
        (team.alice / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    ref = team.project.experiment(name, {"model.bin": name.encode()})
    git("clean", "-qfdx", "-e", ".dvc/cache", cwd=team.alice)
    return ref


def rows(repository: Path, *arguments: str) -> dict[str, dict[str, str]]:
    """Name of the experiment, or of its baseline -> its cells by column."""
    listing = csv.DictReader(StringIO(exp("show", "--csv", *arguments, cwd=repository).stdout))
    return {row["Experiment"] or row["rev"]: row for row in listing}


def data(repository: Path, name: str, *arguments: str) -> Any:
    """What the JSON has of an experiment's tip."""
    for baseline in json.loads(exp("show", "--json", *arguments, cwd=repository).stdout):
        for experiment in baseline["experiments"] or ():
            if experiment["name"] == name:
                return experiment["revs"][0]
    raise LookupError(name)


def test_the_table_has_a_line_for_the_work_tree_each_baseline_and_each_experiment(team: Sharing) -> None:
    for ref in (team.a, team.b):
        git("update-ref", "-d", ref, cwd=team.alice)
    ref = add(team, "c", {"params.yaml": "lr: 0.123456789\nname: x\n"})
    tip = experiments(team.alice)[ref]
    assert exp("show", "--drop", "Created", cwd=team.alice).stdout.splitlines() == [
        "Experiment       lr       name",
        "workspace        -        -",
        "main             -        -",
        f"└── {tip[:7]} [c]  0.12346  x",
    ]
    assert "0.12  x" in exp("show", "--precision", "2", cwd=team.alice).stdout


def test_what_dvc_cannot_write_down_is_shown(team: Sharing) -> None:
    """DVC 3.67 leaves the row empty for a date, and fails for text in another encoding and for `--drop` of a number."""
    pipeline = {"sub/dvc.yaml": "params: [odd.yaml]\n"}
    add(team, "odd", {**pipeline, "sub/odd.yaml": "day: 2020-01-02\n7: seven\n? [1, 2]\n: pair\nset: !!set {x, y}\n"})
    add(team, "latin", {**pipeline, "sub/odd.yaml": b"a: \xff\n"})
    found = rows(team.alice, "--drop", "set")
    assert found["odd"]["day"] == "2020-01-02"
    assert found["odd"]["7"] == "seven"
    assert found["latin"]["7"] == "!"
    told = data(team.alice, "odd")["data"]["params"]["sub/odd.yaml"]["data"]
    assert told == {"day": "2020-01-02", "7": "seven", "(1, 2)": "pair", "set": ["x", "y"]}
    assert data(team.alice, "latin")["data"]["params"]["sub/odd.yaml"]["error"] == {
        "type": "FormatError",
        "msg": "'sub/odd.yaml': is not valid UTF-8",
    }


def test_a_commit_that_cannot_be_read_is_told_once(team: Sharing) -> None:
    add(team, "c", {".dvc/broken": "", "x.dvc": "outs: 5\n"})
    add(team, "d", {"x.dvc": "outs: 5\n"})
    done = exp("show", cwd=team.alice)
    assert re.fullmatch(r"warning: [cd] cannot be read: 'x\.dvc': outs should be a list\n", done.stderr)
    assert data(team.alice, "c")["data"] is None
    assert data(team.alice, "c")["error"] == {"type": "FormatError", "msg": "'x.dvc': outs should be a list"}
    assert exp("show", "--sort-by", "nope", cwd=team.alice, check=False).stderr.splitlines()[-2:] == [
        "error: there is no column 'nope' to sort by",
        "hint: git exp show without --sort-by",
    ]


def test_only_parameters_that_stages_depend_on(team: Sharing) -> None:
    """DVC 3.67 takes no notice of --param-deps for the rows of baselines."""
    (team.alice / "params.yaml").write_text("used: 1\nunused: 2\n")
    (team.alice / "dvc.yaml").write_text("stages:\n  s: {cmd: x, params: [used]}\n")
    git("add", "-A", cwd=team.alice)
    git("commit", "-q", "-m", "params", cwd=team.alice)
    assert set(rows(team.alice, "--param-deps")["main"]) == {"Experiment", "rev", "typ", "Created", "parent", "used"}


def test_all_commits_has_experiments_whose_baseline_no_branch_leads_to(team: Sharing) -> None:
    """DVC 3.67 leaves them out."""
    git("checkout", "-q", "--orphan", "elsewhere", cwd=team.alice)
    git("commit", "-q", "--allow-empty", "-m", "elsewhere", cwd=team.alice)
    git("branch", "-q", "-D", "main", cwd=team.alice)
    git("update-ref", "-d", "refs/remotes/origin/main", cwd=team.alice)
    assert {"a", "b"} <= set(rows(team.alice, "-A"))


def test_a_git_remotes_experiments_are_shown_once_fetched(team: Sharing) -> None:
    add(team, "c", {"params.yaml": "lr: 1\n"})
    exp("push", "-q", "origin", "-A", cwd=team.alice)
    bob = team.base / "bob"
    git("clone", "-q", f"file://{team.host}", bob, cwd=team.base)
    git("fetch", "-q", "origin", "+refs/exps/*/c:refs/dvcexp/origin/*/c", cwd=bob)
    assert exp("show", "--json", cwd=bob).stdout.count('"revs"') == 0
    done = exp("show", "--csv", "origin", cwd=bob)
    found = {row["Experiment"]: row["lr"] for row in csv.DictReader(StringIO(done.stdout)) if row["Experiment"]}
    assert found == {"a": "", "b": "", "c": "1"}
    assert done.stderr == "warning: 2 commits of 'origin' not fetched yet\nhint: git exp pull origin\n"
    assert data(bob, "a", "origin")["error"]["type"] == "MissingGitObject"


def test_in_a_bare_repository_there_is_no_work_tree(team: Sharing) -> None:
    add(team, "c", {"params.yaml": "lr: 1\n"})
    exp("push", "-q", "origin", "-A", cwd=team.alice)
    assert list(rows(team.host)) == ["main", "c", "b", "a"] or set(rows(team.host)) == {"main", "a", "b", "c"}
    assert rows(team.host)["c"]["lr"] == "1"


def test_control_characters_are_made_visible(team: Sharing) -> None:
    add(team, "c", {"params.yaml": '"\\e[31mred": "a\\nb|c"\n'})
    for form in ((), ("--md",)):
        shown = exp("show", *form, cwd=team.alice).stdout
        assert "\x1b" not in shown
        assert "\\x1b[31mred" in shown
        assert "a\\nb|c" in shown


def test_of_two_hundred_experiments_no_process_is_started_for_each(team: Sharing) -> None:
    add(team, "c", {"params.yaml": "lr: 1\n"})
    tip = experiments(team.alice)[team.a]
    refs = [f"create {team.a}{number} {tip}" for number in range(200)]
    sh("git", "update-ref", "--stdin", cwd=team.alice, stdin="".join(f"{ref}\n" for ref in refs))
    trace = team.base / "trace"
    exp("show", "--json", cwd=team.alice, env={"GIT_TRACE2_EVENT": str(trace)})
    started = [line for line in trace.read_text().splitlines() if '"event":"start"' in line]
    assert len(started) < 20


@pytest.mark.parametrize("arguments", [["--drop", "["], ["--precision", "x"], ["--json", "--csv"], ["--pcp"]])
def test_wrong_usage_is_named(team: Sharing, arguments: list[str]) -> None:
    done = exp("show", *arguments, cwd=team.alice, check=False)
    assert done.code == 129
    assert done.stdout == ""
