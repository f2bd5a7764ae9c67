"""What pushes and fetches cost, in numbers that do not depend on the machine: programs started, modules imported, files
opened, requests sent. One more of any is a failure here: if it is worth it, say so by changing the number.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.bench.cases import CountingProxy
from tests.bench.place import SCALES, Place
from tests.bench.projects import REMOTE, Project, Shape
from tests.conftest import ROOT
from tests.support.cloud_servers import S3_BUCKET, S3_KEY, S3_SECRET, s3_server
from tests.support.patches import at_end, patch
from tests.support.shell import git, sh, write_program
from tests.support.storage_servers import nginx_server

# What takes a millisecond or more to import; the programs start anew for every push and fetch.
HEAVY = {
    *("argparse", "asyncio", "concurrent.futures", "ctypes", "dataclasses", "datetime", "dulwich", "email", "hashlib"),
    *("http.client", "inspect", "json", "logging", "multiprocessing", "obstore", "random", "requests", "shutil"),
    *("socket", "ssl", "subprocess", "tempfile", "threading", "tqdm", "urllib.parse", "yaml"),
}
DATA = {"ctypes", "hashlib", "json", "threading", "urllib.parse"}  # one flush, hashes, manifests, an eye on Git

PUSH = ("git", "push", "-q", "origin", "refs/exps/*")
FETCH = ("git", "fetch", "-q", "origin", "refs/exps/*:refs/exps/*")

_REPORT = """\
import json, sys
started, opened = [], []
def hear(event, args):
    if event == "os.posix_spawn":
        started.append([str(word) for word in args[1]])
    elif event == "subprocess.Popen":
        started.append([str(word) for word in args[1]])
    elif event == "open" and isinstance(args[0], str):
        opened.append(args[0])
sys.addaudithook(hear)
"""
_TELL = "open({report!r}, 'a').write(json.dumps([list(sys.modules), started, opened]) + '\\n')"


class Costs(NamedTuple):
    """Of one program of ours. started: the programs that it started, a git command by its verb."""

    modules: set[str]
    started: list[str]
    opened: list[str]

    @property
    def heavy(self) -> set[str]:
        return self.modules & HEAVY


class Watched:
    """A team whose programs of ours tell what they did, with `experiments` of `files` + 2 objects each."""

    def __init__(self, base: Path, experiments: int = 2, files: int = 3) -> None:
        place = Place(base, {**os.environ, "DVC_SITE_CACHE_DIR": str(base / "dvc")}, SCALES["tiny"])
        self.team = Project(place, "team", Shape(experiments, files))
        self._report = base / "report"
        self._hook = base / "watch"
        self._hook.mkdir()
        (self._hook / "usercustomize.py").write_text("")
        self._env = patch(self._hook, _REPORT + at_end(_TELL.format(report=str(self._report))))

    def run(self, *command: str, cwd: Path | None = None) -> list[Costs]:
        """What each of our programs did for `command`, in the order of their ends."""
        self._report.unlink(missing_ok=True)
        sh(*command, cwd=cwd or self.team.alice, env=self._env)
        found = []
        for line in self._report.read_text().splitlines() if self._report.exists() else ():
            # The report itself needs json, which our programs may not: it is loaded before they run.
            modules, started, opened = json.loads(line)
            found.append(Costs(set(modules), [_program(argv) for argv in started], opened))
        return found

    def one(self, *command: str, cwd: Path | None = None) -> Costs:
        """The same of the only one."""
        (costs,) = self.run(*command, cwd=cwd)
        return costs


def _program(argv: list[str]) -> str:
    words = [word for word in argv if not word.startswith("-") and "=" not in word]  # no options, no settings
    return f"git {words[1]}" if words[0] == "git" else words[0]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_branch_is_pushed_and_fetched_at_the_cost_of_one_question(watched: Watched) -> None:
    push = watched.one("git", "push", "-q", "origin", "main:refs/heads/topic")
    assert push.started == ["git config", "git-receive-pack"]
    assert push.heavy <= {"json"}
    fetch = watched.one("git", "fetch", "-q", "origin")
    assert fetch.started == ["git config", "git-upload-pack"]
    assert fetch.heavy <= {"json"}


def test_experiments_are_pushed_with_one_process_more_however_many_they_are(tmp_path: Path) -> None:
    push = Watched(tmp_path, experiments=5).one(*PUSH)
    assert push.started == ["git config", "git-receive-pack", "git cat-file"]
    assert push.heavy == DATA


def test_experiments_are_fetched_with_one_process_more_however_many_they_are(tmp_path: Path) -> None:
    watched = Watched(tmp_path, experiments=5)
    watched.team.share()
    watched.team.reset_pull()
    fetch = watched.one(*FETCH, cwd=watched.team.bob)
    # The refs, to know which Git will refuse; and whether what is here already is whole.
    questions = ["git cat-file", "git for-each-ref", "git rev-list"]
    assert fetch.started == ["git config", "git-upload-pack", *questions]
    assert fetch.heavy == DATA
    again = watched.one(*FETCH, cwd=watched.team.bob)
    # What was complete once counts for what is still here.
    assert again.started == ["git config", "git-upload-pack", "git for-each-ref"]
    assert again.heavy <= {"hashlib", "json", "threading"}


def test_the_hook_costs_a_branch_nothing_and_experiments_two_processes(watched: Watched) -> None:
    git("config", "--unset", "remote.origin.vcs", cwd=watched.team.alice)
    hook = watched.team.alice / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text((ROOT / "hooks" / "pre-push").read_text())
    hook.chmod(0o755)
    assert watched.run("git", "push", "-q", "origin", "main:refs/heads/topic") == []
    push = watched.one(*PUSH)
    assert push.started == ["git config", "git cat-file"]
    assert push.heavy <= DATA | {"argparse", "shutil"}


def test_git_exp_push_starts_git_to_compare_and_to_push(watched: Watched) -> None:
    listing, pushing, ours = watched.run("git", "exp", "push", "-q", "origin", "-A")
    assert listing.started == ["git config", "git-upload-pack"]
    assert pushing.started == ["git config", "git-receive-pack"]
    assert ours.started == ["git config", "git for-each-ref", "git ls-remote", "git cat-file", "git push"]


def test_each_object_is_opened_once_on_either_side(tmp_path: Path) -> None:
    counts = []
    for files in (10, 30):
        watched = Watched(tmp_path / str(files), files=files)
        push = watched.one(*PUSH)
        where = (str(watched.team.cache), str(watched.team.storage))
        counts.append(sum(path.startswith(where) for path in push.opened))
    assert counts[1] - counts[0] == 2 * 20 * 2


def test_trees_that_experiments_share_are_read_once(tmp_path: Path) -> None:
    """An experiment more is as many questions more: its commit and its tree twice, dvc.lock, params.yaml and what is
    new below; dvc.yaml is the same for all."""
    questions = tmp_path / "questions"
    real = shutil.which("git")
    write_program(
        tmp_path / "programs" / "git",
        "#!/bin/sh\ncase $* in\n"
        f'*\'cat-file --batch\') tee -a {questions} | {real} "$@" ;;\n*) exec {real} "$@" ;;\nesac\n',
    )
    counts = []
    for experiments in (2, 4):
        watched = Watched(tmp_path / str(experiments), experiments)
        tips = [line.split() for line in git("show-ref", cwd=watched.team.alice).splitlines() if "refs/exps/" in line]
        lines = "".join(f"{ref} {tip} {ref} {'0' * 40}\n" for tip, ref in tips)
        path = f"{tmp_path / 'programs'}:{os.environ['PATH']}"
        sh("git-exp", "pre-push", "plain", "/nowhere", cwd=watched.team.alice, stdin=lines, env={"PATH": path})
        counts.append(len(questions.read_text().splitlines()))
        questions.unlink()
    assert counts[1] - counts[0] == 2 * 7


@pytest.fixture(scope="module")
def nginx_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with nginx_server(tmp_path_factory.mktemp("nginx")) as nginx:
        yield nginx.plain


@pytest.fixture(scope="module")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with s3_server(tmp_path_factory.mktemp("s3")) as port:
        yield port


def _requests(tmp_path: Path, port: int, *options: str) -> tuple[int, int, int]:
    """How many requests a push of 22 objects sends, that push again, and a fetch of them."""
    watched = Watched(tmp_path, experiments=1, files=20)
    team = watched.team
    team.reset_pull()
    with CountingProxy(port) as proxy:
        lines = [f"    {option.format(port=proxy.port)}\n" for option in options]
        for clone in (team.alice, team.bob):
            (clone / ".dvc" / "config.local").write_text("".join([REMOTE, *lines]))
        counts = []
        for command, cwd in (
            (PUSH, team.alice),
            (("git", "exp", "push", "-q", "origin", "-A"), team.alice),
            (FETCH, team.bob),
        ):
            proxy.requests = 0
            sh(*command, cwd=cwd)
            counts.append(proxy.requests)
    return counts[0], counts[1], counts[2]


def test_over_http_an_object_is_asked_for_once_and_sent_once(tmp_path: Path, nginx_port: int) -> None:
    push, again, fetch = _requests(tmp_path, nginx_port, "url = http://127.0.0.1:{port}/costs", "method = PUT")
    assert (push, again, fetch) == (22 + 22, 2, 22)


def test_on_s3_an_object_is_asked_for_once_and_sent_once(tmp_path: Path, s3_port: int) -> None:
    options = [f"url = s3://{S3_BUCKET}/costs", "endpointurl = http://127.0.0.1:{port}", "region = us-east-1"]
    options += [f"access_key_id = {S3_KEY}", f"secret_access_key = {S3_SECRET}"]
    push, again, fetch = _requests(tmp_path, s3_port, *options)
    assert (push, again, fetch) == (22 + 1 + 22, 2, 22)  # and one listing, to choose the quicker way
