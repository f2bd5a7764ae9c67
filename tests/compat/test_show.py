"""`git exp show` beside `dvc exp show`: the same project, the same cells."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.support.dvc_oracle import Oracle
from tests.support.dvc_team import Team, dvc
from tests.support.sharing import exp
from tests.support.shell import git

_HERE = {
    "metrics.json": b'{"acc": 0.5}',
    "legacy": b"loss: 1\n",
    "d/a.json": b'{"in": 1}',
    "d/sub/b.yaml": b"deep: 2\n",
}


def _md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


_LIST = json.dumps([{"md5": _md5(_HERE[name]), "relpath": name[2:]} for name in ("d/a.json", "d/sub/b.yaml")]).encode()


def _lock(*outs: dict[str, Any], stage: str = "s", deps: tuple[dict[str, Any], ...] = ()) -> str:
    return json.dumps({"schema": "2.0", "stages": {stage: {"cmd": "x", "outs": list(outs), "deps": list(deps)}}})


def _out(path: str, data: bytes, suffix: str = "", **more: Any) -> dict[str, Any]:
    return {"path": path, "hash": "md5", "md5": _md5(data) + suffix, "size": len(data), **more}


_STAGE = "stages:\n  s:\n    cmd: x\n"

# What an experiment's commit may hold -> its files.
CASES: dict[str, dict[str, Any]] = {
    "nothing": {"README": "x"},
    "only-params": {"params.yaml": "lr: 0.1\nnested: {a: {b: 1}, list: [1, {x: y}], empty: {}}\nnone:\ntext: 'a b'\n"},
    "kinds-of-files": {
        "params.yaml": "lr: 1e-7\nyes: no\nbig: 123456789.123\nints: 010\n",
        "p.json": '{"j": 1.0, "k": {"l": [1, "a"]}, "n": null}',
        "p.toml": 'a = 1\n[t]\nb = "x"\nd = 2020-01-02\nt = 07:32:00\n',
        "p.py": "x = 1\nclass C:\n    y = 'a'\n    def __init__(self):\n        self.z = 2\nl = [1, 2]\n",
        "dvc.yaml": _STAGE + "    params: [lr, p.json: , p.toml: [t.b], p.py: [x, C.y, l]]\n",
    },
    "names-that-are-not-there": {
        "p.yaml": "a: {b: 1}\n",
        "dvc.yaml": _STAGE + "    params: [p.yaml: [a.b, a.c, nope, a.b.deeper], gone.yaml: [x], gone.json: ]\n",
    },
    "patterns-and-lists": {
        "p.yaml": "a: {b: [1, 2, {x: 5}], c1: {d: 1}, c2: {d: 2}}\ne.f: 1\n",
        "dvc.yaml": _STAGE + "    params: [p.yaml: ['a.b.1', 'a.c*.d', 'a.b.2.x', 'e.f']]\n",
    },
    "whole-and-in-part": {
        "p.yaml": "a: 1\nb: 2\n",
        "dvc.yaml": "stages:\n  s: {cmd: x, params: [p.yaml: [a]]}\n  t: {cmd: x, params: [p.yaml: ]}\n",
    },
    "beside-the-stages": {
        "extra.yaml": "e: 5\n",
        "top.json": '{"m": 7}',
        "sub/top.json": '{"m": 8}',
        "sub/extra.toml": "e = 6",
        "dvc.yaml": "params: [extra.yaml, gone.yaml]\nmetrics: [top.json, gone.json]\n",
        "sub/dvc.yaml": "params: [extra.toml, ../extra.yaml]\nmetrics: [./top.json]\n",
    },
    "folders": {
        "m/a.json": '{"x": 1}',
        "m/b/c.yaml": "x: 2\n",
        "conf/a.yaml": "p: 1\n",
        "conf/b.json": '{"p": 2}',
        "dvc.yaml": "params: [conf]\nmetrics: [m/]\n",
    },
    "wdir-and-subfolders": {
        "sub/params.yaml": "lr: 1\n",
        "sub/w/p.yaml": "q: 2\n",
        "sub/w/params.yaml": "lr: 3\n",
        "sub/w/m.json": '{"acc": 1}',
        "sub/dvc.yaml": "stages:\n  s:\n    cmd: x\n    wdir: w\n    params: [lr, p.yaml: [q]]\n"
        "    metrics: [m.json: {cache: false}]\n    deps: [../d.txt]\n",
    },
    "templates": {
        "params.yaml": "name: m\nlist: [a, b]\n",
        "v.yaml": "v1: one\nv2: {deep: [5, 6]}\nunused: 1\n",
        "w.json": '{"file": "w"}',
        "m-a.json": '{"acc": 1}',
        "m-b.json": '{"acc": 2}',
        "w.yaml": "top: 1\n",
        "dvc.yaml": "vars: [v.yaml, w.json, {local: 1}]\nmetrics: ['${file}.yaml']\nstages:\n"
        "  g:\n    foreach: ${list}\n    do:\n      cmd: echo ${v1} ${local}\n"
        "      metrics: ['${name}-${item}.json': {cache: false}]\n"
        "  mx:\n    matrix: {u: [1, 2]}\n    cmd: echo ${item.u} ${v2.deep[1]}\n"
        "  p: {cmd: 'echo ${name} ${file}', deps: ['${name}-a.json']}\n",
    },
    "values-of-stage-vars": {
        "w/v.yaml": "deep: {er: 1}\n",
        "dvc.yaml": "stages:\n  s: {cmd: 'echo ${deep.er}', wdir: w, vars: [v.yaml]}\n",
    },
    "cached-metrics": {
        "dvc.yaml": _STAGE + "    metrics: [metrics.json, gone.json, legacy, never.json]\n",
        "dvc.lock": _lock(
            _out("metrics.json", _HERE["metrics.json"]),
            _out("gone.json", b"gone"),
            {"path": "legacy", "md5": _md5(_HERE["legacy"]), "size": 8},
        ),
    },
    "metrics-in-an-output": {
        "dvc.yaml": _STAGE + "    outs: [d]\nmetrics: [d/a.json, d/sub, d/gone.json]\n",
        "dvc.lock": _lock(_out("d", _LIST, ".dir", nfiles=2)),
    },
    "a-folder-of-metrics": {
        "dvc.yaml": _STAGE + "    metrics: [d]\n",
        "dvc.lock": _lock(_out("d", _LIST, ".dir", nfiles=2)),
    },
    "a-folder-that-is-gone": {
        "dvc.yaml": _STAGE + "    metrics: [d]\n",
        "dvc.lock": _lock(_out("d", b"gone", ".dir", nfiles=2)),
    },
    "odd-metrics": {
        "a.json": "3.5",
        "b.json": "[1, 2]",
        "c.json": '{"n": null, "l": [1], "t": true, "s": "x", "e": {}, "d": {"n": null}, "nan": NaN, "inf": -Infinity}',
        "d.json": "",
        "e.yaml": "",
        "f.yaml": "just text\n",
        "g.m.json": '{"by": "second dot"}',
        "h": "x: 1\n",
        "i.JSON": '{"x": 1}',
        "j.csv": "a,b\n1,2\n",
        "dvc.yaml": "metrics: [a.json, b.json, c.json, d.json, e.yaml, f.yaml, g.m.json, h, i.JSON, j.csv]\n",
    },
    "broken-files": {
        "params.json": '{"a": ',
        "b.yaml": "a: [1\n",
        "c.toml": "a = ",
        "d.py": "x = = 1",
        "f.yaml": "a: 1\na: 2\n",
        "dvc.yaml": _STAGE
        + "    params: [params.json: [a], b.yaml: , f.yaml: [a]]\nparams: [c.toml]\nmetrics: [d.py]\n",
    },
    "odd-parameters": {
        "params.yaml": "rev: 1\nCreated: x\ntyp: [1.23456789, 2]\n'a.b': 1\nc: {d: 1.23456789012}\n",
        "s.yaml": "pipe: 'a|b'\ncomma: 'a,b'\nquote: 'a\"b'\nunicode: é\n",
        "dvc.yaml": "params: [s.yaml]\n",
    },
    "params-yaml-that-is-broken": {"params.yaml": "a: [1\n"},
    "params-yaml-that-spoils-a-template": {"params.yaml": "a: [1\n", "dvc.yaml": _STAGE},
    "a-broken-pipeline": {"params.yaml": "a: 1\n", "dvc.yaml": "stages: [\n"},
    "a-wrong-pipeline": {"params.yaml": "a: 1\n", "dvc.yaml": "stages:\n  s: {nope: 1}\n"},
    "a-missing-template-value": {"dvc.yaml": "stages:\n  s: {cmd: '${gone}'}\n"},
    "a-broken-dvc-file": {"params.yaml": "a: 1\n", "x.dvc": "outs: 5\n"},
    "a-broken-lock": {"params.yaml": "a: 1\n", "dvc.yaml": _STAGE, "dvc.lock": "stages: {}\n"},
    "dependencies-and-outputs": {
        "data.dvc": "outs:\n- {md5: 0123456789abcdef0123456789abcdef.dir, size: 5, nfiles: 2, hash: md5, path: data}\n",
        "old.dvc": "outs:\n- {md5: 0123456789abcdef0123456789abcdef, size: 5, path: old}\n",
        "imp.dvc": "deps:\n- {path: x, repo: {url: /nowhere, rev_lock: abc}}\n"
        "outs:\n- {hash: md5, path: imp, md5: 0123456789abcdef0123456789abcdee}\n",
        "dvc.yaml": _STAGE + "    deps: [data, ./src.py, data, never]\n    outs: [o: {cache: false}, q]\n"
        "    plots: [p.csv: {x: a}]\n    metrics: [metrics.json]\n  t: {cmd: x, deps: [o]}\n",
        "dvc.lock": _lock(
            _out("o", b"o"),
            _out("p.csv", b"p"),
            _out("metrics.json", _HERE["metrics.json"]),
            deps=(_out("data", b"d", ".dir", nfiles=2), _out("./src.py", b"src")),
        ),
    },
    "another-project-inside": {
        "params.yaml": "a: 1\n",
        "inner/.dvc/config": "",
        "inner/dvc.yaml": "metrics: [m.json]\n",
        "inner/m.json": '{"inner": 1}',
    },
    "ignored": {
        ".dvcignore": "skip\n",
        "skip/dvc.yaml": "metrics: [m.json]\n",
        "skip/m.json": '{"x": 1}',
        "dvc.yaml": "metrics: [skip/m.json]\n",
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A baseline with an experiment for each case; some of the objects that they use are in the cache."""
    yield from _project(tmp_path_factory.mktemp("show"), CASES)


@pytest.fixture(scope="module")
def readable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same without the commits that DVC cannot read, for then `--sort-by` fails."""
    broken = ("a-", "params-yaml-")
    cases = {name: files for name, files in CASES.items() if not name.startswith(broken) or "folder" in name}
    yield from _project(tmp_path_factory.mktemp("show"), cases)


def _project(folder: Path, cases: dict[str, dict[str, Any]]) -> Iterator[Path]:
    oracle = Oracle(folder)
    (baseline,) = (str(oracle.git.head.target),)
    for name, files in cases.items():
        ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}"
        oracle.commit({".dvc/config": "", **files}, ref=ref, parents=[baseline])
    for name, data in {**_HERE, "list": _LIST}.items():
        digest = _md5(data)
        top = folder / ".dvc" / "cache" / ("" if name == "legacy" else "files/md5") / digest[:2]
        top.mkdir(parents=True, exist_ok=True)
        (top / (digest[2:] + (".dir" if name == "list" else ""))).write_bytes(data)
    yield folder
    oracle.close()


def _told(listing: str) -> dict[str, Any]:
    """Experiment -> what the listing says of it, with every error as that and no more."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: "an error" if key == "error" and item else plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    rows = json.loads(listing)
    return {one["name"]: plain(one) for row in rows for one in row["experiments"] or ()}


class Listings:
    """What DVC and we say of the project, asked once, and in a test, which has its environment."""

    def __init__(self, project: Path) -> None:
        self.project = project

    @cached_property
    def theirs(self) -> dict[str, Any]:
        return _told(dvc("exp", "show", "--json", "--force", cwd=self.project))

    @cached_property
    def ours(self) -> dict[str, Any]:
        return _told(exp("show", "--json", cwd=self.project).stdout)


@pytest.fixture(scope="module")
def listings(project: Path) -> Listings:
    return Listings(project)


@pytest.mark.parametrize("case", CASES)
def test_each_commit_reads_as_in_dvc(listings: Listings, case: str) -> None:
    assert str(listings.ours[case]) == str(listings.theirs[case])  # text, for NaN is not equal to itself


def cells(listing: str) -> list[list[str]]:
    return list(csv.reader(StringIO(listing)))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--csv"],
        ["--csv", "--precision", "3"],
        ["--md"],
        ["--md", "--hide-workspace", "--sha"],
        ["--csv", "--only-changed"],
        ["--csv", "--drop", "p", "--drop", ".*acc$"],
        ["--csv", "--drop", ".*", "--keep", "lr", "--keep", "rev"],
        ["--md", "--only-changed", "--keep", "extra"],
        ["--csv", "--sort-by", "top.json:m"],
        ["--csv", "--sort-by", "extra.yaml:e", "--sort-order", "desc"],
    ],
    ids=" ".join,
)
def test_each_form_has_dvcs_cells(readable: Path, arguments: list[str]) -> None:
    theirs = dvc("exp", "show", "--force", *arguments, cwd=readable)
    assert exp("show", *arguments, cwd=readable).stdout.splitlines() == theirs.removesuffix("\n").splitlines()


def test_a_commit_that_cannot_be_read_is_an_empty_row_and_a_warning(project: Path) -> None:
    theirs = dvc("exp", "show", "--force", "--csv", cwd=project)
    done = exp("show", "--csv", cwd=project)
    # DVC leaves the order of those to chance, and so which of them is the last
    kind = re.compile("branch_(base|commit)")
    assert sorted(kind.sub("", done.stdout).splitlines()) == sorted(kind.sub("", theirs).splitlines())
    assert "warning: a-broken-lock cannot be read: 'dvc.lock': 'schema' is missing\n" in done.stderr


def same(team: Team, *arguments: str, cwd: Path | None = None) -> list[list[str]]:
    """Our rows and DVC's, which must be the same; as they stand in CSV, without the heading."""
    found = exp("show", "--csv", *arguments, cwd=cwd or team.alice).stdout
    assert found == dvc("exp", "show", "--csv", "--force", *arguments, cwd=cwd or team.alice)
    return cells(found)[1:]


def test_the_work_tree_comes_first(team: Team) -> None:
    assert same(team)[0][:3] == ["", "workspace", "baseline"]
    (team.alice / "params.yaml").write_text("n: 17\nextra: [1.5]\n")
    (team.alice / "metrics.json").write_text('{"n": 17, "new": {"x": 1e-9}}')
    (team.alice / "sub").mkdir()
    (team.alice / "sub" / "dvc.yaml").write_text("metrics: [m.yaml, ../out/a.txt]\nparams: [../params.yaml]\n")
    (team.alice / "sub" / "m.yaml").write_text("acc: 1\n")
    assert same(team)[0][5:8] == ["17", "1e-09", "1"]
    assert same(team, cwd=team.alice / "sub") == same(team)
    (team.alice / "metrics.json").unlink()
    (team.alice / "params.yaml").write_text("n: [")
    same(team)
    assert same(team, "--hide-workspace")[0][1] == "main"


def test_what_the_work_tree_lacks_comes_from_the_cache(team: Team) -> None:
    (team.alice / "dvc.yaml").write_text(
        (team.alice / "dvc.yaml").read_text().replace("metrics.json: {cache: false}", "metrics.json")
        + "params: [out/sub/b.txt]\n"
    )
    git("rm", "-q", "--cached", "metrics.json", cwd=team.alice)
    dvc("repro", "-q", cwd=team.alice)
    for path in ("metrics.json", "out/sub/b.txt", "model.bin"):
        (team.alice / path).unlink()
    assert same(team)[0][5] == "3"


def test_git_ignored_folders_are_not_looked_into(team: Team) -> None:
    for folder in ("kept", "ignored", "linked"):
        (team.base / folder if folder == "linked" else team.alice / folder).mkdir()
    (team.alice / "link").symlink_to(team.base / "linked")
    (team.alice / ".gitignore").write_text((team.alice / ".gitignore").read_text() + "/ignored\nsecret.yaml\n")
    for folder in (team.alice / "kept", team.alice / "ignored", team.base / "linked"):
        (folder / "dvc.yaml").write_text("metrics: [m.json]\nparams: [../secret.yaml]\n")
        (folder / "m.json").write_text(json.dumps({folder.name: 1}))
    (team.alice / "secret.yaml").write_text("s: 1\n")
    same(team, "--drop", "train|data")


def test_baselines_are_chosen_as_by_dvc(team: Team) -> None:
    alice = team.alice
    git("tag", "-a", "-m", "annotated", "v1", cwd=alice)
    git("tag", "tree", "HEAD^{tree}", cwd=alice)
    git("tag", "-d", "tree", cwd=alice)
    for number in (1, 2):
        git("commit", "-q", "--allow-empty", "-m", f"next {number}", cwd=alice, env=_at(2_000_000_000 + number))
    dvc("exp", "save", "-q", "-n", "c", cwd=alice)
    git("checkout", "-q", "-b", "other", "HEAD~1", cwd=alice)
    git("commit", "-q", "--allow-empty", "-m", "aside", cwd=alice, env=_at(2_000_000_009))
    dvc("exp", "save", "-q", "-n", "d", cwd=alice)
    for arguments in (
        [],
        ["-n", "2"],
        ["-n", "-1"],
        ["-n", "0"],
        ["-A"],
        ["-a"],
        ["-a", "-n", "3"],
        ["-T"],
        ["-aT"],
        ["--rev", "main", "--rev", "v1"],
        ["--rev", "main", "-T", "--sha"],
        ["--rev", "a"],
        ["-A", "-a", "--rev", "HEAD"],
    ):
        assert same(team, *arguments, "--hide-workspace") or arguments == ["-n", "0"], arguments
    git("checkout", "-q", "--detach", "v1", cwd=alice)
    assert [row[1] for row in same(team) if row[2] == "baseline"] == ["workspace", "v1"]


def _at(time: int) -> dict[str, str]:
    return {"GIT_COMMITTER_DATE": f"{time} +0000"}


def test_experiments_of_several_commits_are_shown_by_their_tip(team: Team) -> None:
    baseline = git("rev-parse", "HEAD", cwd=team.alice)
    ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/a"
    more = git("commit-tree", "-p", ref, "-m", "more", "HEAD^{tree}", cwd=team.alice, env=_at(2_000_000_000))
    git("update-ref", ref, more, cwd=team.alice)
    assert [row[0] for row in same(team)] == ["", "", "a", "b"]
    (ours,) = (_told(exp("show", "--json", cwd=team.alice).stdout)["a"],)
    assert str(ours) == str(_told(dvc("exp", "show", "--json", "--force", cwd=team.alice))["a"])
    assert len(ours["revs"]) == 2


def test_only_the_project_of_the_current_folder_is_shown(team: Team) -> None:
    inner = team.alice / "inner"
    inner.mkdir()
    dvc("init", "-q", "--subdir", cwd=inner)
    (inner / "params.yaml").write_text("inner: 1\n")
    (inner / "dvc.yaml").write_text("metrics: [m.json]\n")
    (inner / "m.json").write_text('{"deep": {"er": 1.5}}')
    git("add", "-A", cwd=team.alice)
    git("commit", "-q", "-m", "two projects", cwd=team.alice)
    dvc("exp", "save", "-q", "-n", "both", cwd=team.alice)
    assert same(team, "-n", "2", cwd=inner)[2][-2:] == ["1.5", "1"]
    same(team, "-n", "2")


def test_no_commit_is_no_row(tmp_path: Path) -> None:
    git("init", "-q", tmp_path, cwd=tmp_path)
    dvc("init", "-q", cwd=tmp_path)
    for form in ("--csv", "--md", "--json"):
        assert exp("show", form, cwd=tmp_path).stdout.strip() == dvc("exp", "show", form, cwd=tmp_path).strip()
