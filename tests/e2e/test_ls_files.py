"""`git exp ls-files`: what the outputs of a commit are, and who carries them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.dvc_cases import A, B, lock

BASELINE = "1" * 40


class Project:
    """A Git repository with a DVC project in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q")

    def git(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *args], cwd=self.folder, capture_output=True, text=True, check=False, **options)

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--force", *files)
        assert self.git("commit", "-q", "--allow-empty", "-m", "x").returncode == 0
        return self.git("rev-parse", "HEAD").stdout.strip()

    def ls_files(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.git("exp", "ls-files", *args, input=stdin)

    def json(self, *args: str, stdin: str | None = None) -> list[dict[str, Any]]:
        done = self.ls_files("--json", *args, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]


PIPELINE = {
    ".dvc/config": "",
    "dvc.yaml": "stages: {t: {cmd: x, outs: [m.bin, {data: {push: false, remote: Other}}, {log: {cache: false}},"
    " {lost: {cache: false}}, never-run]}}\n",
    "dvc.lock": lock(
        t=f"{{path: m.bin, hash: md5, md5: {A}, size: 12345}}, {{path: data, md5: {B}.dir, size: 9}},"
        f" {{path: log, hash: md5, md5: {A}, size: 3}}"
    ),
    "log": "x",
    "i.dvc": f"deps: [{{path: a, repo: {{url: u}}}}]\nouts: [{{path: i, hash: md5, md5: {A}}}]\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_table_shows_who_carries_what_and_what_the_cache_has(project: Project) -> None:
    project.commit(**PIPELINE)
    there = project.folder / ".dvc" / "cache" / "files" / "md5" / A[:2] / A[2:]
    there.parent.mkdir(parents=True)
    there.write_text("x")
    done = project.ls_files()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "carrier  size       cache  remote         hash      path\n"
        f"DVC      9 bytes    no     (push: false)  {B[:8]}  data/\n"
        f"DVC      -          yes    (import)       {A[:8]}  i\n"
        f"Git      3 bytes    -      -              {A[:8]}  log\n"
        "nobody   -          -      -              -         lost\n"
        f"DVC      12.06 KiB  yes    -              {A[:8]}  m.bin\n"
        "nobody   -          -      -              -         never-run\n"
    )


def test_json_has_the_cached_outputs_with_a_hash_sorted_by_path(project: Project) -> None:
    commit = project.commit(**PIPELINE)
    assert project.json() == [
        {
            "rev": commit,
            "root": ".",
            "outs": [
                {"hash": "md5-dos2unix", "oid": f"{B}.dir", "path": "data", "remote": "other", "push": False},
                {"hash": "md5", "oid": A, "path": "m.bin", "remote": None, "push": True},
            ],
        }
    ]


def test_json_has_a_line_for_each_root_and_names_what_cannot_be_read(project: Project) -> None:
    commit = project.commit(**{"a/.dvc/config": "", "a/x.dvc": "<<<<<<< ours\n", "b/.dvc/config": ""})
    assert project.json() == [
        {
            "rev": commit,
            "root": "a",
            "outs": [],
            "error": "'a/x.dvc': unresolved merge conflict (the file should be a mapping)",
        },
        {"rev": commit, "root": "b", "outs": []},
    ]


def test_commits_are_named_by_revision_and_experiments_by_name_or_ref(project: Project) -> None:
    first = project.commit()
    second = project.commit(**PIPELINE)
    project.git("tag", "-a", "-m", "x", "v1", first)
    ref = f"refs/exps/{BASELINE[:2]}/{BASELINE[2:]}/exp-a"
    project.git("update-ref", ref, second)
    asked = ["v1", "HEAD", "HEAD~1", second[:9], "exp-a", ref]
    assert [line["rev"] for line in project.json(*asked)] == [first, second, first, second, second, second]


def test_a_branch_comes_before_an_experiment_of_its_name(project: Project) -> None:
    first = project.commit()
    project.git("branch", "same")
    project.git("update-ref", f"refs/exps/{BASELINE[:2]}/{BASELINE[2:]}/same", project.commit())
    assert [line["rev"] for line in project.json("same")] == [first]


def test_of_experiments_with_one_name_the_one_based_on_head_is_meant(project: Project) -> None:
    head = project.commit()
    other, mine = project.git("commit-tree", "HEAD^{tree}", "-m", "o").stdout.strip(), head
    project.git("update-ref", f"refs/exps/{BASELINE[:2]}/{BASELINE[2:]}/same", other)
    project.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/same", mine)
    assert [line["rev"] for line in project.json("same")] == [mine]
    project.commit()
    done = project.ls_files("same")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: there are 2 experiments called 'same'\n"
        + "".join(f"hint: use refs/exps/{base[:2]}/{base[2:]}/same\n" for base in sorted([BASELINE, head]))
    )


def test_an_unknown_name_is_an_error_and_the_others_are_shown(project: Project) -> None:
    commit = project.commit()
    done = project.ls_files("--json", "--stdin", "nothing", "HEAD", "", stdin="--all\nno\0thing\n")
    assert [json.loads(line)["rev"] for line in done.stdout.splitlines()] == [commit]
    assert done.returncode == 1
    assert done.stderr.count("is neither a revision nor an experiment") == 4


def test_stdin_names_commits_one_a_line(project: Project) -> None:
    commits = [
        project.commit(**{"x.dvc": f"outs: [{{path: x, hash: md5, md5: {number:031x}a}}]\n"}) for number in range(5)
    ]
    lines = project.json("--stdin", stdin="".join(f"{commit}\n" for commit in commits))
    assert [line["rev"] for line in lines] == commits
    assert [line["outs"][0]["oid"] for line in lines] == [f"{number:031x}a" for number in range(5)]
    assert project.json("--stdin", stdin="") == []


def test_many_commits_cost_no_more_processes_than_one(project: Project, tmp_path: Path) -> None:
    commits = [project.commit() for _ in range(12)]
    trace = tmp_path / "trace"
    done = project.git(
        "exp", "ls-files", "--json", "--stdin", input="\n".join(commits), env={**os.environ, "GIT_TRACE": str(trace)}
    )
    assert done.returncode == 0
    started = [line for line in trace.read_text().splitlines() if "built-in: git" in line]
    assert [line.split("built-in: git ")[1].split()[0] for line in started] == ["config", "cat-file", "cat-file"]


def test_errors_and_external_outputs_are_told_beside_the_table(project: Project) -> None:
    project.commit(
        **{".dvc/config": "", "x.dvc": f"outs: [{{path: /x, md5: {A}}}, {{path: y, md5: {A}}}]", "z.dvc": "[1]"}
    )
    done = project.ls_files()
    assert done.stderr == (
        "error: 'z.dvc': the file should be a mapping\nwarning: '/x' in 'x.dvc' lies outside of the DVC project\n"
    )
    assert "y" in done.stdout


def test_names_from_elsewhere_are_made_visible(project: Project) -> None:
    project.commit(**{".dvc/config": "", "x.dvc": f'outs: [{{path: "a\\e[31m", md5: {A}}}]'})
    assert r"a\x1b[31m" in project.ls_files().stdout


def test_a_bare_repository_has_no_cache_to_look_into(project: Project, tmp_path: Path) -> None:
    project.commit(**PIPELINE)
    bare = tmp_path / "bare.git"
    project.git("clone", "-q", "--bare", ".", str(bare))
    done = subprocess.run(["git", "exp", "ls-files"], cwd=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert [line.split()[3] for line in done.stdout.splitlines() if line.endswith("m.bin")] == ["-"]
