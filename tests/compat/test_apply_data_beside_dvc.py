"""How data is put in place, beside DVC: link types and permissions, and every shape that data has in a commit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.sharing import exp
from tests.support.shell import git, sh
from tests.support.team import dvc_file, put
from tests.support.workspaces import Twins, differences, dvc, snapshot


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "p"


@pytest.fixture
def twins(project: Path, tmp_path: Path) -> Twins:
    return Twins(project, tmp_path)


CONFIGS = {
    "reflink": ["cache.type reflink,copy"],
    "hardlink": ["cache.type hardlink"],
    "symlink": ["cache.type symlink"],
    "copy": ["cache.type copy"],
    "reflink or hardlink": ["cache.type reflink,hardlink,symlink"],
    "reflink or symlink": ["cache.type reflink,symlink,copy"],
    "hardlink, shared": ["cache.type hardlink", "cache.shared group"],
    "copy, shared": ["cache.shared group"],
}


@pytest.mark.parametrize("name", CONFIGS)
def test_links_and_modes_are_dvcs(twins: Twins, name: str) -> None:
    for config in CONFIGS[name]:
        for path in (twins.theirs, twins.ours):
            dvc("config", "--local", *config.split(), cwd=path)
    for experiment in ("two", "other"):
        twins.both(lambda path: git("reset", "-q", "--hard", cwd=path))
        twins.both(lambda path: git("clean", "-q", "-fd", cwd=path))
        dvc("exp", "apply", "-q", experiment, cwd=twins.theirs)
        exp("apply", experiment, cwd=twins.ours)
        assert differences(snapshot(twins.theirs), snapshot(twins.ours)) == []


@pytest.mark.parametrize("kind", ["hardlink", "symlink", "copy"])
def test_a_cache_elsewhere_is_used(twins: Twins, kind: str) -> None:
    for path in (twins.theirs, twins.ours):
        shutil.move(path / ".dvc" / "cache", path.parent / "elsewhere")
        dvc("config", "--local", "cache.dir", "../elsewhere", cwd=path)
        dvc("config", "--local", "cache.type", kind, cwd=path)
    dvc("exp", "apply", "-q", "two", cwd=twins.theirs)
    exp("apply", "two", cwd=twins.ours)
    assert differences(snapshot(twins.theirs), snapshot(twins.ours)) == []


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_umask_counts_as_with_dvc(twins: Twins, mask: int) -> None:
    before = os.umask(mask)
    try:
        sh("dvc", "exp", "apply", "-q", "two", cwd=twins.theirs)  # in this process it has read the umask already
        exp("apply", "two", cwd=twins.ours)
    finally:
        os.umask(before)
    theirs, ours = snapshot(twins.theirs).files, snapshot(twins.ours).files
    data = ("model.bin", "run.sh", "out/only2", "out/sub/b.txt")
    assert [ours[path] for path in data] == [theirs[path] for path in data]
    assert ours["model.bin"][1] == f"{0o666 & ~mask:o}"


Files = Mapping[str, "str | Callable[[Path], str]"]


def data(path: str, content: object, flags: str = "", *, legacy: bool = False) -> Callable[[Path], str]:
    """The `.dvc` file of an output, its content in the cache beside it."""
    return lambda cache: dvc_file(path, put(cache, content, legacy=legacy), flags, legacy=legacy)  # type: ignore[arg-type]


def ignoring(*paths: str) -> str:
    return "".join(f"/{path}\n" for path in paths)


# name -> the files of the commit before and of the one that is applied
SHAPES: dict[str, tuple[Files, Files]] = {
    "a directory becomes a file": (
        {"x.dvc": data("x", {"a": b"a", "b/c": b"c"}), ".gitignore": ignoring("x")},
        {"x.dvc": data("x", b"file"), ".gitignore": ignoring("x")},
    ),
    "a file becomes a directory": (
        {"x.dvc": data("x", b"file"), ".gitignore": ignoring("x")},
        {"x.dvc": data("x", {"a": b"a", "b/c": b"c"}), ".gitignore": ignoring("x")},
    ),
    "within a directory a file becomes a folder": (
        {"x.dvc": data("x", {"a": b"a", "b": b"b"}), ".gitignore": ignoring("x")},
        {"x.dvc": data("x", {"a/b": b"a", "b/c/d": b"b"}), ".gitignore": ignoring("x")},
    ),
    "within a directory a folder becomes a file": (
        {"x.dvc": data("x", {"a/b": b"a", "b/c/d": b"b"}), ".gitignore": ignoring("x")},
        {"x.dvc": data("x", {"a": b"a", "b": b"b"}), ".gitignore": ignoring("x")},
    ),
    "data comes under Git": (
        {"x.dvc": data("x", b"data"), ".gitignore": ignoring("x")},
        {"x": "text\n"},
    ),
    "what was under Git becomes data": (
        {"x": "text\n"},
        {"x.dvc": data("x", b"data"), ".gitignore": ignoring("x")},
    ),
    "a directory comes under Git": (
        {"x.dvc": data("x", {"a": b"a", "b": b"b"}), ".gitignore": ignoring("x")},
        {"x/a": "text\n"},
    ),
    "a directory was under Git": (
        {"x/a": "text\n", "x/c": "text\n"},
        {"x.dvc": data("x", {"a": b"a", "b": b"b"}), ".gitignore": ignoring("x")},
    ),
    "an output moves": (
        {"x.dvc": data("x", {"a": b"a"}), ".gitignore": ignoring("x")},
        {"y/z.dvc": data("z", {"a": b"a"}), "y/.gitignore": ignoring("z")},
    ),
    "an empty file and an empty directory": (
        {},
        {
            "x.dvc": data("x", b""),
            "y.dvc": data("y", {}),
            "z.dvc": data("z", {"e": b"", "f/e": b""}),
            ".gitignore": ignoring("x", "y", "z"),
        },
    ),
    "the right to be run": (
        {"x.dvc": data("x", b"#!/bin/sh\n"), ".gitignore": ignoring("x")},
        {"x.dvc": data("x", b"#!/bin/sh\n", "  isexec: true\n"), ".gitignore": ignoring("x")},
    ),
    "the right to be run, taken away": (
        {"x.dvc": data("x", b"#!/bin/sh\n", "  isexec: true\n"), ".gitignore": ignoring("x")},
        {"x.dvc": data("x", b"#!/bin/sh\n"), ".gitignore": ignoring("x")},
    ),
    "objects of DVC 2": (
        {"x.dvc": data("x", b"one\r\ntwo\r\n", legacy=True), ".gitignore": ignoring("x", "y")},
        {
            "x.dvc": data("x", b"three\r\n", legacy=True),
            "y.dvc": data("y", {"a": b"a\r\n", "b/c": b"\0\r\n"}, legacy=True),
            ".gitignore": ignoring("x", "y"),
        },
    ),
    "not in the cache": (
        {"x.dvc": data("x", b"data", "  cache: false\n"), "x": "data"},
        {"x.dvc": data("x", b"other", "  cache: false\n"), "x": "other"},
    ),
    "not pushed, of a remote of its own": (
        {},
        {
            "x.dvc": data("x", b"data", "  push: false\n"),
            "y.dvc": data("y", b"data", "  remote: other\n"),
            ".gitignore": ignoring("x", "y"),
        },
    ),
    "odd names": (
        {},
        {
            "ä b.dvc": data("ä b", {"ü/x y": b"1", "-rf": b"2", "a\tb": b"3", "q'uote\"": b"4"}),
            "-x.dvc": data("-x", b"5"),
            ".gitignore": ignoring("ä b", "-x"),
            "git -file": "6",
            'quo"ted': "7",
        },
    ),
    "an ignored file in a directory": (
        {"x.dvc": data("x", {"a": b"a"}), ".gitignore": ignoring("x"), ".dvcignore": "*.tmp\n"},
        {"x.dvc": data("x", {"a": b"b"}), ".gitignore": ignoring("x"), ".dvcignore": "*.tmp\n"},
    ),
}


# Where DVC does otherwise, what we leave: path -> mode and content.
BETTER = {
    # DVC's Git writes through the link, into the cache.
    "data comes under Git": {"x": ("644", b"text\n")},
    "a directory comes under Git": {"x/a": ("644", b"text\n")},
    # DVC remembers by the hash alone what it knows of the output.
    "the right to be run": {"x": ("744", b"#!/bin/sh\n")},
}


@pytest.mark.parametrize("kind", ["copy", "symlink"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_data_is_left_as_dvc_leaves_it(tmp_path: Path, shape: str, kind: str) -> None:
    template, theirs, ours = (tmp_path / name / "p" for name in ("template", "theirs", "ours"))
    before, after = SHAPES[shape]
    template.mkdir(parents=True)
    git("init", "-q", cwd=template)
    config = f"[cache]\n    type = {kind}\n['remote \"other\"']\n    url = {tmp_path}\n"
    base = {".dvc/config": config, ".dvc/.gitignore": "/cache\n/config.local\n/tmp\n"}
    write(template, {**base, **after}, "exp")
    git("branch", "exp", cwd=template)
    git("checkout", "-q", "--orphan", "other", cwd=template)
    git("rm", "-rfq", ".", cwd=template)
    write(template, {**base, **before}, "base")
    for path in (theirs, ours):
        shutil.copytree(template, path)
        dvc("checkout", "-q", cwd=path)
        if shape == "an ignored file in a directory":
            (path / "x" / "mine.tmp").write_text("mine")
    dvc("exp", "apply", "-q", "exp", cwd=theirs)
    done = exp("apply", "exp", cwd=ours)
    assert done.stderr == ""
    if shape in BETTER and not (shape == "data comes under Git" and kind == "copy"):
        files = {path: file for path, file in snapshot(ours).files.items() if path.split("/")[0] == "x"}
        files = {path: (mode, content) for path, (of, mode, content) in files.items() if of != "dir"}
        if kind == "copy" or shape != "the right to be run":
            assert files == BETTER[shape]
        assert os.access(ours / "x", os.X_OK) or shape != "the right to be run"
    else:
        assert differences(snapshot(theirs), snapshot(ours)) == []
    times = {path: path.lstat().st_mtime_ns for path in ours.rglob("*") if ".git" not in path.parts}
    exp("apply", "exp", cwd=ours)
    assert {path: path.lstat().st_mtime_ns for path in times} == times, "what is right already was touched"


def write(path: Path, files: Files, message: str) -> None:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content if isinstance(content, str) else content(path / ".dvc" / "cache"))
    git("add", "-A", cwd=path)
    git("commit", "-q", "-m", message, cwd=path)
