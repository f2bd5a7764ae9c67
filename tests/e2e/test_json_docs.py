"""docs/json.md has every field that any verb prints, with its types, and none that is never printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dvcexp import cli
from tests.support.handmade import object_path
from tests.support.sharing import Sharing, cached, exp
from tests.support.shell import git
from tests.unit.cli.test_manual import parser_of

DOCS = Path(__file__).resolve().parents[2] / "docs" / "json.md"
_TYPES = {str: "string", int: "integer", bool: "boolean", type(None): "null", dict: "object", list: "array"}

# Path of a field -> the types it may have.
Fields = dict[str, set[str]]


def documented(verb: str) -> Fields:
    """What the verb's section says."""
    found = re.search(rf"^## `git exp {verb} --json`\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"write a section on {verb} in docs/json.md"
    rows = re.findall(r"^\| `([^`]+)` \| ([a-z ]+) \|", found[1], re.MULTILINE)
    assert rows
    return {path: set(types.split(" or ")) for path, types in rows}


def walk(value: Any, path: str, fields: Fields) -> Iterator[tuple[str, str]]:
    """Each field in `value` with its type, as the documentation would write it."""
    if path:
        yield path, "any" if fields.get(path) == {"any"} else _TYPES[type(value)]
    if fields.get(path) == {"any"}:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            free = f"{path}.*" in fields
            yield from walk(item, f"{path}.*" if free else f"{path}.{key}" if path else key, fields)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, f"{path}[]", fields)


def printed(repository: Path, *args: str) -> Iterator[Any]:
    yield from map(json.loads, exp(*args, "--json", cwd=repository, check=False).stdout.splitlines())


def lists(team: Sharing) -> Iterator[Any]:
    bob = team.base / "bob"
    git("clone", "-q", f"file://{team.host}", bob, cwd=team.base)
    yield from printed(team.alice, "list")
    yield from printed(team.alice, "list", "--check")
    yield from printed(bob, "list", "--long", "origin")
    (team.alice / "x.dvc").write_text("outs: 5\n")
    team.project.experiment("broken", {"model.bin": b"x"})
    yield from printed(team.alice, "list", "--long")


def shows(team: Sharing) -> Iterator[Any]:
    (team.alice / "sub").mkdir()
    (team.alice / "params.yaml").write_text("lr: 1\n")
    (team.alice / "sub" / "bad.json").write_text("{")
    (team.alice / "sub" / "m.json").write_text('{"acc": 1}')
    (team.alice / "sub" / "dvc.yaml").write_text(
        "metrics: [bad.json, m.json]\nparams: [bad.json]\nstages:\n  s: {cmd: x, deps: [never, d], outs: [never-too]}\n"
    )
    recorded = {"path": "d", "hash": "md5", "md5": "0" * 31 + "1.dir", "size": 1, "nfiles": 1}
    lock = {"schema": "2.0", "stages": {"s": {"cmd": "x", "deps": [recorded]}}}
    (team.alice / "sub" / "dvc.lock").write_text(json.dumps(lock))
    team.project.commit({"model.bin": b"x", "out": {"x": b"y"}})
    team.project.experiment("c", {"model.bin": b"c", "out": {"x": b"c"}})
    yield from printed(team.alice, "show")
    git("checkout", "-q", "--orphan", "other", cwd=team.alice)
    (team.alice / "broken.dvc").write_text("outs: 5\n")
    team.project.commit({"model.bin": b"x"})
    yield from printed(team.alice, "show", "-A")
    yield from printed(team.alice, "show", "--sha", "--rev", "main~1", "--hide-workspace")


def outputs(team: Sharing) -> Iterator[Any]:
    (team.alice / "x.dvc").write_text("outs: [{path: x, md5: " + "a" * 32 + ", remote: other}]\n")
    team.project.commit({"model.bin": b"x"})
    yield from printed(team.alice, "ls-files", "a", "HEAD")
    (team.alice / "x.dvc").write_text("outs: 5\n")
    team.project.commit({"model.bin": b"x"})
    yield from printed(team.alice, "ls-files", "HEAD")


def states(team: Sharing) -> Iterator[Any]:
    yield from printed(team.alice, "status")
    (team.alice / "x.dvc").write_text("outs: 5\n")
    team.project.experiment("broken", {"model.bin": b"x"})
    yield from printed(team.alice, "status", "--offline")


def checks(team: Sharing) -> Iterator[Any]:
    spoilt, gone, *_ = sorted(cached(team.alice))
    object_path(team.project.cache, spoilt).chmod(0o644)
    object_path(team.project.cache, spoilt).write_bytes(b"rotten")
    object_path(team.project.cache, gone).unlink()
    yield from printed(team.alice, "fsck")


def prunes(team: Sharing) -> Iterator[Any]:
    exp("remove", "b", cwd=team.alice)
    yield from printed(team.alice, "prune", "--expire=now")


VERBS: dict[str, Callable[[Sharing], Iterator[Any]]] = {
    "list": lists,
    "show": shows,
    "ls-files": outputs,
    "status": states,
    "fsck": checks,
    "prune": prunes,
}
# Only a cache that is another user's makes prune fail, and tests may be root's.
_NOT_SEEN = {("prune", "failed.*", "string")}


def test_every_verb_that_prints_json_is_documented() -> None:
    verbs = [name for name, verb in cli.VERBS.items() if verb.summary]
    with_json = {verb for verb in verbs if any("--json" in one.option_strings for one in parser_of(verb)._actions)}
    assert with_json == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_printed_is_what_is_documented(tmp_path: Path, verb: str) -> None:
    team = Sharing(tmp_path, helper=False)
    exp("push", "-q", "origin", "a", cwd=team.alice)
    fields = documented(verb)
    promised = {(path, kind) for path, kinds in fields.items() for kind in kinds}
    seen = {found for sample in VERBS[verb](team) for found in walk(sample, "", fields)}
    members = {("[]", "object")} if verb == "show" else set()
    members |= {(path, kind) for path, kind in seen if path.endswith("[]") and path not in fields}
    assert seen - members == {one for one in promised if (verb, *one) not in _NOT_SEEN}
