"""One reader for many commits: what it remembers never shows in what it says. DVC's own answers are in tests/compat."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from dvcexp.dvc.objects import LEGACY, MD5, Entry, Object, dir_oid
from dvcexp.dvc.outputs import Member, Output, OutputsReader, RootOutputs
from tests.support.dvc_cases import A, B, dvc_file, stage
from tests.support.dvc_projects import Projects
from tests.support.trees import MemoryStore, Submodule


def told(roots: tuple[RootOutputs, ...]) -> list[Any]:
    """Errors compare by what they say."""
    return [(root.root, root.outputs, [error.message for error in root.errors], root.skipped) for root in roots]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_remembered_never_shows(seed: int) -> None:
    """Commits that share files in every combination, read by one reader and each by its own."""
    random = Random(seed)
    store = MemoryStore()
    pool = [Projects(seed * 100 + number).project((".", "sub")) for number in range(4)]
    trees = []
    for _ in range(40):
        files: dict[str, str] = {}
        for path in {path for project in pool for path in project}:
            source = random.choice(pool)
            if path in source and random.random() < 0.8:
                files[path] = source[path]
        trees.append(store.add({"README": "x", **files}))
    reader = OutputsReader(store)
    for tree in [*trees, *reversed(trees)]:
        assert told(reader.read(tree)) == told(OutputsReader(store).read(tree))


def test_a_change_of_anything_that_matters_is_seen() -> None:
    store = MemoryStore()
    reader = OutputsReader(store)
    base = {
        ".dvc/config": "",
        **stage("wdir: w, vars: [v.yaml], outs: ['${a}', '${b}', '${c}']", "a: one", locked="schema: '2.0'\n"),
        "w/v.yaml": "b: two\nc: three",
    }
    names = []
    for change in (
        {},
        {"params.yaml": "a: ONE"},
        {"w/v.yaml": "b: TWO\nc: three"},
        {"dvc.yaml": base["dvc.yaml"].replace("wdir: w", "wdir: w/.")},
        {".dvcignore": "dvc.lock"},
        {".dvcignore": "/w/one"},
        {".dvcignore": "/w/one/"},
        {".dvcignore": "/w/one/", "w/one/file": "x"},
        {"dvc.lock": f"schema: '2.0'\nstages: {{t: {{cmd: x, outs: [{{path: one, md5: {A}}}]}}}}"},
        {"dvc.lock": "schema: 1"},
    ):
        (root,) = reader.read(store.add({**base, **change}))
        names.append(
            [f"{output.path} {output.object.oid[:1] if output.object else '-'}" for output in root.outputs]
            + ["error"] * len(root.errors)
        )
    plain = ["w/one -", "w/three -", "w/two -"]
    assert names == [
        plain,
        ["w/ONE -", "w/three -", "w/two -"],
        ["w/TWO -", "w/one -", "w/three -"],
        plain,
        plain,
        [*plain, "error"],
        plain,
        [*plain, "error"],
        ["w/one a", "w/three -", "w/two -"],
        ["error"],
    ]  # fmt: skip


def test_what_commits_share_is_read_once() -> None:
    store = MemoryStore()
    shared = {
        ".dvc/config": "",
        "data.dvc": dvc_file(f"path: data, md5: {A}.dir"),
        "lib/deep/x.py": "x",
        "docs/y.md": "y",
    }
    trees = [store.add({**shared, "src/main.py": f"v = {number}"}) for number in range(100)]
    reader = OutputsReader(store)
    for tree in trees:
        (root,) = reader.read(tree)
        assert [output.path for output in root.outputs] == ["data"]
    # Its top and `src` for each commit; `lib`, `deep` and `docs` once; data.dvc once. `.dvc` is not looked into.
    assert (store.trees_read, store.blobs_read) == (200 + 3, 1)


def test_every_field_of_an_output() -> None:
    store = MemoryStore()
    files = {
        "p/.dvc/config": "",
        "p/a/x.dvc": dvc_file(
            f"path: x, hash: md5, md5: {A}, size: 5, isexec: true, persist: true, push: false, cache: false, remote: M"
        ),
        "p/y.dvc": dvc_file(f"path: y, md5: {B}.dir, size: 7, nfiles: 2"),
        "p/z.dvc": dvc_file(
            f"path: z, hash: md5, files: [{{relpath: q, md5: {A}, size: 3, cloud: {{s3: {{version_id: v}}}}}}]"
        ),
    }
    (root,) = OutputsReader(store).read(store.add(files))
    assert root.root == "p"
    assert root.outputs == (
        Output("p/a/x", "p/a/x.dvc", Object(A, MD5), 5, None, False, False, True, True, "m"),
        Output("p/y", "p/y.dvc", Object(f"{B}.dir", LEGACY), 7, 2),
        Output(
            "p/z",
            "p/z.dvc",
            Object(dir_oid([Entry("q", A)]), MD5),
            3,
            1,
            members=(Member("q", A, 3, "s3", "v"),),
        ),
    )


def test_overlapping_outputs_are_both_there_and_one_path_keeps_every_hash() -> None:
    store = MemoryStore()
    files = {
        ".dvc/config": "",
        "a.dvc": dvc_file(f"path: d, md5: {A}.dir"),
        "b.dvc": dvc_file(f"path: d/e, md5: {B}"),
        "c.dvc": dvc_file(f"path: d, md5: {B}.dir"),
    }
    (root,) = OutputsReader(store).read(store.add(files))
    assert [(output.path, output.object and output.object.oid) for output in root.outputs] == [
        ("d", f"{A}.dir"),
        ("d", f"{B}.dir"),
        ("d/e", B),
    ]


def test_each_root_is_read_for_itself_and_none_within_dvcs_own_folder() -> None:
    store = MemoryStore()
    out = dvc_file(f"path: x, md5: {A}")
    roots = ["", "a/", "a/b/"]
    files = {f"{root}{name}": text for root in roots for name, text in ((".dvc/config", ""), ("x.dvc", out))}
    files |= {".dvc/tmp/exps/run/.dvc/config": "", ".dvc/tmp/exps/run/x.dvc": out, "module": Submodule("1" * 40)}
    told = OutputsReader(store).read(store.add(files))
    assert [(root.root, [output.path for output in root.outputs]) for root in told] == [
        (".", ["x"]),
        ("a", ["a/x"]),
        ("a/b", ["a/b/x"]),
    ]


def test_a_commit_without_anything_of_dvc_has_the_git_root_for_an_empty_project() -> None:
    store = MemoryStore()
    assert OutputsReader(store).read(store.add({"README": "x"})) == (RootOutputs(".", ()),)


@pytest.mark.parametrize(
    ("flags", "recorded", "tracked", "carrier"),
    [
        ("", f", md5: {A}", False, "DVC"),
        ("", f", md5: {A}", True, "DVC"),
        ("", "", False, "nobody"),
        ("", "", True, "Git"),
        (", cache: false", f", md5: {A}", True, "Git"),
        (", cache: false", f", md5: {A}", False, "nobody"),
    ],
)
def test_who_carries_an_output(flags: str, recorded: str, tracked: bool, carrier: str) -> None:
    store = MemoryStore()
    files = {".dvc/config": "", "x.dvc": dvc_file(f"path: x{flags}{recorded}"), **({"x": "content"} if tracked else {})}
    tree = store.add(files)
    reader = OutputsReader(store)
    (root,) = reader.read(tree)
    assert reader.carrier(tree, root.outputs[0]) == carrier
