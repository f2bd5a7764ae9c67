"""DVC's guide on sharing experiments, walked twice: with `dvc exp`, and with `git exp` where there is no DVC.

https://dvc.org/doc/user-guide/experiment-management/sharing-experiments. Each chapter begins with the same
repositories at the same paths. After every step refs, DVC remotes, caches and work trees are the same in both walks,
and both have succeeded or both failed, but for the differences that the step names, each with the row of README.md that
promises it. A difference that is named and does not show fails too; once it has come it stays for the chapter.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import without_dvc
from tests.support.shell import git, sh
from tests.support.workspaces import run_dvc, snapshot

_TRAIN = """\
import os, pathlib
n = open("params.yaml").read().split()[-1]
pathlib.Path("model.bin").write_bytes(b"model " + n.encode() * 50)
os.makedirs("out/sub", exist_ok=True)
pathlib.Path("out/a.txt").write_text("same in all")
pathlib.Path("out/sub/b.txt").write_text("n is " + n)
pathlib.Path("metrics.json").write_text('{"n": %s}' % n)
"""
_PIPELINE = """\
stages:
  train:
    cmd: python3 train.py
    deps: [train.py]
    params: [n]
    outs: [model.bin, out]
    metrics:
    - metrics.json: {cache: false}
"""


class Step(NamedTuple):
    """One command in one of the repositories: the same words after `dvc exp` and after `git exp`.

    differs: what is not the same afterwards -> the row of README.md. lists: compare what is printed too, in any order.
    """

    where: str
    words: str
    differs: Mapping[str, str] = {}
    lists: bool = False


class Change(NamedTuple):
    """What is done to the repositories between the steps, the same in both walks."""

    do: Callable[[Path], object]


REFUSED = "no DVC remote configured"
DIVERGED = "diverged experiment"
TREE = "remotes are read from"
RUNS = "`--run-cache`"
BESIDE = "no DVC remote, but a Git remote that is a directory of this machine"


def command(*argv: str, cwd: str) -> Change:
    """A command of Git; `{base}` in it is the folder that all repositories are in."""
    return Change(lambda base: git(*(word.format(base=base) for word in argv), cwd=base / cwd))


def configure(where: str, text: str) -> Change:
    """Write `.dvc/config.local`."""
    return Change(lambda base: (base / where / ".dvc/config.local").write_text(text.format(base=base)))


def rerun(where: str, name: str) -> Change:
    """Another commit of that name on the same baseline, as another run would leave it."""

    def amend(base: Path) -> None:
        ref = next(ref for ref in refs(base / where) if ref.endswith(f"/{name}"))
        dates = {"GIT_AUTHOR_DATE": "2026-01-01T00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00Z"}
        argv = ("commit-tree", "-p", f"{ref}^", "-m", f"again, in {where}", f"{ref}^{{tree}}")
        git("update-ref", ref, git(*argv, cwd=base / where, env=dates), cwd=base / where)

    return Change(amend)


def share_cache(base: Path) -> None:
    """What `dvc cache dir --local` and moving the objects does."""
    shutil.copytree(base / "lab/.dvc/cache", base / "solo/.dvc/cache", dirs_exist_ok=True)
    shutil.rmtree(base / "lab/.dvc/cache")
    (base / "lab/.dvc/config.local").write_text(f"[cache]\n    dir = {base}/solo/.dvc/cache\n")


CHAPTERS: dict[str, list[Step | Change]] = {
    "push, list, pull, apply, branch, remove": [
        Step("alice", "push origin a"),
        Step("alice", "push origin a"),
        Step("alice", "list origin", lists=True),
        Step("bob", "list origin --name-only", lists=True),
        Step("alice", "push origin -A"),
        Step("bob", "list -A origin", lists=True),
        Step("bob", "pull origin a"),
        Step("bob", "pull origin a"),
        Step("bob", "pull origin -A"),
        Step("bob", "list", lists=True),
        Step("bob", "apply b"),
        Step("bob", "branch a best"),
        command("push", "-q", "origin", "best", cwd="bob"),
        Step("alice", "remove -g origin b"),
        Step("alice", "remove a"),
    ],
    "what cannot be": [
        Step("alice", "push origin nope"),
        Step("alice", "push origin a nope"),
        Step("alice", "push nowhere a"),
        Step("alice", "push -r nope --no-cache nowhere a"),
        Step("alice", "push origin --rev nope"),
        Step("bob", "pull origin nope"),
        Step("bob", "pull nowhere a"),
        Step("bob", "list nowhere"),
        Step("bob", "apply nope"),
        Step("bob", "branch nope"),
        Step("bob", "remove nope"),
    ],
    "which experiments": [
        Step("alice", "push origin"),
        Step("bob", "pull origin"),
        Step("alice", "push origin -n 2"),
        Step("bob", "pull origin --rev HEAD~1"),
        Step("bob", "pull origin -n 2"),
    ],
    "another run of the same name": [
        Step("alice", "push origin a"),
        Step("bob", "pull origin a"),
        rerun("bob", "a"),
        Step("bob", "push origin a", {"exit code": DIVERGED}),
        Step("bob", "push -f origin a"),
        Step("alice", "pull origin a", {"exit code": DIVERGED}),
        Step("alice", "pull -f origin a"),
    ],
    "several remotes": [
        Step("alice", "push -r backup origin a"),
        Step("bob", "pull -r backup origin a"),
        Step("alice", "push mirror b"),
        Step("bob", "pull {base}/mirror.git b"),
        Step("alice", "push --no-cache mirror a"),
        Step("carol", "pull --no-cache {base}/mirror.git a"),
        Step("carol", "pull -j 1 {base}/mirror.git b"),
        Step("alice", "push mirror a"),
    ],
    "data that is gone": [
        Step("alice", "push origin a"),
        Change(lambda base: shutil.rmtree(base / "storage")),
        Step("alice", "push origin a"),
        Step("bob", "pull origin a"),
        Change(lambda base: shutil.rmtree(base / "bob/.dvc/cache")),
        Step("bob", "pull origin a"),
    ],
    "no default remote": [
        Step("solo", "push host e", {"exit code": REFUSED, "refs of solo.git": REFUSED}),
        Step("solo", "push --no-cache host e"),
        Change(lambda base: (base / "solo/.dvc/config").write_text(_config(base / "late"))),
        Step("solo", "push host e", {"late": TREE}),
    ],
    "run-cache": [
        Step("alice", "push --run-cache origin a", {"storage": RUNS}),
        Step("alice", "push --run-cache origin a", {}),
        Step("bob", "pull --run-cache origin a", {"cache of bob": RUNS}),
        Step("bob", "apply a"),
        Step("alice", "push --no-run-cache origin b"),
    ],
    "a separate directory, with the project's cache for DVC remote": [
        configure("lab", "[core]\n    remote = project\n['remote \"project\"']\n    url = {base}/solo/.dvc/cache\n"),
        Step("lab", "list origin", lists=True),
        Step("lab", "pull origin e"),
        Step("lab", "apply e"),
        Step("lab", "push origin f"),
        Step("solo", "list", lists=True),
        Step("solo", "apply f"),
    ],
    "a separate directory, with one cache for both": [
        Change(share_cache),
        Step("lab", "pull origin e"),
        Step("lab", "apply e"),
        Step("lab", "push origin f"),
        Step("solo", "apply f"),
    ],
    "a separate directory, and nothing else": [
        Step("lab", "pull origin e", {"cache of lab": BESIDE}),
        Step("lab", "push origin f", {"cache of solo": BESIDE}),
        Step("solo", "pull {base}/lab f"),
    ],
    "a separate directory, with a central remote": [
        Step("bob", "list origin", lists=True),
        Step("alice", "push origin a"),
        Step("carol", "pull origin a"),
        Step("carol", "apply a"),
        Step("carol", "push mirror a"),
        Step("bob", "pull {base}/mirror.git a"),
    ],
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All repositories, made once, with DVC; `base` moves to where the walks are."""
    yield tmp_path_factory.mktemp("guide") / "base"


@pytest.fixture
def base(template: Path) -> Path:
    if not template.with_name("kept").exists():
        template.mkdir()
        _make(template)
        template.rename(template.with_name("kept"))
    return template


def test_every_difference_is_a_row_of_the_readme() -> None:
    text = (without_dvc.ROOT / "README.md").read_text()
    assert [reason for reason in (REFUSED, DIVERGED, TREE, RUNS, BESIDE) if f"\n| {reason} | " not in text] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_both_walks_leave_the_same(chapter: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = without_dvc.make(tmp_path / "environment")
    assert sh("python3", "-c", "import dvc", cwd=tmp_path, env=environment, check=False).code == 1
    assert shutil.which("dvc", path=environment["PATH"]) is None

    def with_dvc(where: Path, words: list[str]) -> tuple[int, str]:
        return run_dvc("exp", *words, cwd=where)

    def without(where: Path, words: list[str]) -> tuple[int, str]:
        done = sh("git", "exp", *words, cwd=where, env=environment, check=False)
        assert "Traceback" not in done.stderr
        return done.code, done.stdout

    theirs, ours = (list(_walk(base, CHAPTERS[chapter], run)) for run in (with_dvc, without))
    steps = [step for step in CHAPTERS[chapter] if isinstance(step, Step)]
    lasting: set[str] = set()
    for step, left, right in zip(steps, theirs, ours, strict=True):
        found = {what for what in left if left[what] != right[what]}
        told = "\n".join(f"{what}: {left[what]!r} by DVC, {right[what]!r} by us" for what in sorted(found))
        assert found <= lasting | step.differs.keys(), f"{step.where}: {step.words}: {told}"
        assert step.differs.keys() <= found, f"{step.where}: {step.words}: no difference"
        lasting |= step.differs.keys() - {"exit code"}


def _walk(
    base: Path, chapter: list[Step | Change], run: Callable[[Path, list[str]], tuple[int, str]]
) -> Iterator[dict[str, object]]:
    """The state after each step."""
    shutil.copytree(base.with_name("kept"), base, symlinks=True)
    shutil.rmtree(os.environ["DVC_SITE_CACHE_DIR"], ignore_errors=True)  # DVC notes there what remotes have
    try:
        for step in chapter:
            if isinstance(step, Change):
                step.do(base)
                continue
            code, printed = run(base / step.where, step.words.format(base=base).split())
            yield {"exit code": code == 0, "listing": _blocks(printed) if step.lists else None, **_state(base)}
    finally:
        shutil.rmtree(base)


def _state(base: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(base.iterdir()):
        if path.suffix == ".git":
            found[f"refs of {path.name}"] = refs(path)
        elif (path / ".git").exists():
            found[f"refs of {path.name}"] = refs(path)
            found[f"cache of {path.name}"] = _keys(path / ".dvc" / "cache")
            found[f"work tree of {path.name}"] = snapshot(path)
    return {**found, **{name: _keys(base / name) for name in ("storage", "backup", "late")}}


def refs(repository: Path) -> dict[str, str]:
    """Branches and experiments, without DVC's own refs."""
    listing = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/exps", cwd=repository)
    found = dict(line.split() for line in listing.splitlines())
    return {ref: tip for ref, tip in found.items() if not ref.startswith(("refs/exps/exec/", "refs/exps/apply/"))}


def _keys(folder: Path) -> set[str]:
    """The objects and run-cache entries below a cache or a DVC remote; temporary files too, which must not stay."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _blocks(listing: str) -> list[list[str]]:
    """A listing without its order, which DVC leaves to chance."""
    found: list[list[str]] = []
    for line in listing.splitlines():
        if line.startswith("\t"):
            found[-1].append(line)
        else:
            found.append([line])
    return sorted([block[0], *sorted(block[1:])] for block in found)


def _config(storage: Path) -> str:
    return f"[core]\n    analytics = false\n    remote = storage\n['remote \"storage\"']\n    url = {storage}\n"


def _make(base: Path) -> None:
    for name in ("host.git", "mirror.git", "solo.git"):
        git("init", "-q", "--bare", base / name, cwd=base)
    backup = f"['remote \"backup\"']\n    url = {base}/backup\n"
    _project(base / "alice", _config(base / "storage") + backup)
    _run(base / "alice", "old", 2)
    git("commit", "-q", "--allow-empty", "-m", "next", cwd=base / "alice")
    for name, n in (("a", 3), ("b", 4)):
        _run(base / "alice", name, n)
    for name, host in (("origin", "host.git"), ("mirror", "mirror.git")):
        git("remote", "add", name, base / host, cwd=base / "alice")
        git("push", "-q", name, "main", cwd=base / "alice")
    for name in ("bob", "carol"):
        git("clone", "-q", base / "host.git", base / name, cwd=base)
    git("remote", "add", "mirror", base / "mirror.git", cwd=base / "carol")
    _project(base / "solo", "[core]\n    analytics = false\n")
    git("remote", "add", "host", base / "solo.git", cwd=base / "solo")
    git("push", "-q", "host", "main", cwd=base / "solo")
    git("clone", "-q", base / "solo", base / "lab", cwd=base)
    shutil.copytree(base / "solo/.dvc/cache", base / "lab/.dvc/cache")
    _run(base / "solo", "e", 2)
    _run(base / "lab", "f", 3)
    for repository, git_remote in (("alice", "origin"), ("bob", "origin"), ("lab", "origin"), ("solo", "host")):
        git("config", f"remote.{git_remote}.vcs", "dvcexp", cwd=base / repository)


def _project(path: Path, config: str) -> None:
    git("init", "-q", path, cwd=path.parent)
    assert run_dvc("init", "-q", cwd=path)[0] == 0
    files = {"train.py": _TRAIN, "dvc.yaml": _PIPELINE, "params.yaml": "n: 1\n", ".dvc/config": config}
    for name, text in files.items():
        (path / name).write_text(text)
    assert run_dvc("repro", "-q", cwd=path)[0] == 0
    git("add", "-A", cwd=path)
    git("commit", "-q", "-m", "base", cwd=path)


def _run(path: Path, name: str, n: int) -> None:
    """An experiment; the work tree is clean afterwards."""
    assert run_dvc("exp", "run", "-q", "-n", name, "-S", f"n={n}", cwd=path)[0] == 0
    git("reset", "-q", "--hard", cwd=path)
    assert run_dvc("checkout", "-q", "-f", cwd=path)[0] == 0
