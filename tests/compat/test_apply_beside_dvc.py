"""`git exp apply` beside `dvc exp apply`: the same work tree, index, data and refs, whatever state it begins in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sharing import exp, experiments
from tests.support.shell import git
from tests.support.workspaces import Twins, differences, dvc, remove, snapshot


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "p"


@pytest.fixture
def twins(project: Path, tmp_path: Path) -> Twins:
    return Twins(project, tmp_path)


def edit(name: str, text: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)

    return change


# Both make the same commit, though not in the same second.
_AT_ONCE = {"GIT_AUTHOR_DATE": "2026-01-01T00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00Z"}


def run(*commands: str) -> Callable[[Path], object]:
    """Git commands, in which `{two}` is the commit of that experiment."""

    def change(path: Path) -> None:
        tips = {ref.rpartition("/")[2]: tip for ref, tip in experiments(path).items()}
        for command in commands:
            git(*command.format(**tips).split(), cwd=path, env=_AT_ONCE)

    return change


def delete(name: str) -> Callable[[Path], object]:
    return lambda path: remove(path / name)


# state -> what is done to the clean work tree
STATES: dict[str, list[Callable[[Path], object]]] = {
    "clean": [],
    "a dirty tracked file": [edit("params.yaml", "n: 99\n")],
    "a dirty file that no experiment changes": [edit("note.md", "mine\n")],
    "a staged file": [edit("params.yaml", "n: 99\n"), run("add params.yaml")],
    "a staged file, changed again": [
        edit("params.yaml", "n: 99\n"),
        run("add params.yaml"),
        edit("params.yaml", "n: 100\n"),
    ],
    "a new staged file": [edit("mine.py", "mine\n"), run("add mine.py")],
    "a new staged file in the way": [edit("new.py", "mine\n"), run("add new.py")],
    "a file to be added": [edit("mine.py", "mine\n"), run("add -N mine.py")],
    "an untracked file": [edit("deep/mine.txt", "mine\n")],
    "an untracked file in the way": [edit("new.py", "mine\n")],
    "a folder in the way": [edit("new.py/mine", "mine\n")],
    "a file where a folder is needed": [edit("code", "mine\n")],
    "an ignored file": [edit("my.log", "mine\n")],
    "a deleted file": [delete("note.md")],
    "a deleted file, staged": [run("rm -q note.md")],
    "a file that is tracked no more": [run("rm -q --cached note.md")],
    "a changed mode": [lambda path: (path / "note.md").chmod(0o755)],
    "data missing": [delete("model.bin"), delete("out/sub")],
    "data changed": [edit("model.bin", "mine"), edit("out/sub/b.txt", "mine")],
    "data in excess": [edit("out/mine", "mine"), edit("out/more/mine", "mine")],
    "an empty folder in the data": [lambda path: (path / "out" / "hollow").mkdir()],
    "a folder where a file of data is": [delete("model.bin"), edit("model.bin/mine", "mine")],
    "a file where a folder of data is": [delete("out"), edit("out", "mine")],
    "data linked elsewhere": [delete("model.bin"), lambda path: (path / "model.bin").symlink_to("note.md")],
    "a later commit": [edit("later.py", "later\n"), run("add later.py", "commit -q -m later")],
    "a detached HEAD": [run("checkout -q --detach")],
    "the other experiment applied": [lambda path: dvc("exp", "apply", "-q", "other", cwd=path)],
    "an earlier stash": [edit("params.yaml", "n: 5\n"), lambda path: dvc("exp", "apply", "-q", "two", cwd=path)],
}
# Where something else was modified, DVC leaves files that the experiment does not have; we remove them all the same.
LEFT_BY_DVC = {"old.py", "tool", "train.py", "later.py", "weights", "weights/w.bin"}
# libgit2 has ideas of its own about what a stash holds of these.
STASHED_OTHERWISE = {"a file to be added", "a file that is tracked no more", "a changed mode"}


# DVC itself fails over the one that is left out: there is a test of its own for it.
CASES = [
    (state, name) for state in STATES for name in ("two", "other") if (state, name) != ("a folder in the way", "other")
]


@pytest.mark.parametrize(("state", "name"), CASES)
def test_force_leaves_what_dvc_leaves(twins: Twins, state: str, name: str) -> None:
    for change in STATES[state]:
        twins.both(change)
    dvc("exp", "apply", "-q", name, cwd=twins.theirs)
    exp("apply", "--force", name, cwd=twins.ours)
    for path in sorted(LEFT_BY_DVC, reverse=True):
        if not (twins.ours / path).exists():
            remove(twins.theirs / path)
    theirs, ours = snapshot(twins.theirs), snapshot(twins.ours)
    for path in untracked(twins.ours):
        # DVC writes them anew, without the right to be run, and links as files.
        assert theirs.files[path][2] == ours.files[path][2]
        theirs.files[path] = ours.files[path]
    if state in STASHED_OTHERWISE:
        theirs.refs["stash"] = ours.refs["stash"]
    assert differences(theirs, ours) == []


def untracked(path: Path) -> list[str]:
    return git("ls-files", "--others", "--exclude-standard", cwd=path).splitlines()


def test_a_folder_in_the_way_makes_room_where_dvc_fails(twins: Twins) -> None:
    twins.both(edit("new.py/mine", "mine\n"))
    exp("apply", "--force", "other", cwd=twins.ours)
    assert (twins.ours / "new.py").read_text() == "new\n"
    assert git("show", "refs/exps/apply/stash^3:new.py/mine", cwd=twins.ours) == "mine"


# state -> what is named of it; of the states that are not here nothing would be lost
REFUSED: dict[tuple[str, str], list[str]] = {
    ("a dirty tracked file", "two"): ["params.yaml"],
    ("a dirty tracked file", "other"): [],  # the experiment does not change it: the edit stays
    ("a staged file", "two"): ["params.yaml"],
    ("a staged file, changed again", "two"): ["params.yaml"],
    ("a staged file, changed again", "other"): ["params.yaml"],
    ("a new staged file in the way", "other"): ["new.py"],
    ("an untracked file in the way", "other"): ["new.py"],
    ("a folder in the way", "other"): ["new.py/mine"],
    ("a file where a folder is needed", "other"): ["code"],
    ("data changed", "two"): ["model.bin", "out/sub/b.txt"],
    ("data changed", "other"): ["out/sub/b.txt"],  # model.bin is no output any more, and stays
    ("data in excess", "two"): ["out/mine", "out/more/mine"],
    ("data in excess", "other"): ["out/mine", "out/more/mine"],
    ("a folder where a file of data is", "two"): ["model.bin/mine"],
    ("a file where a folder of data is", "two"): ["out"],
    ("a file where a folder of data is", "other"): ["out"],
    ("data linked elsewhere", "two"): ["model.bin"],
}


@pytest.mark.parametrize("name", ["two", "other"])
@pytest.mark.parametrize("state", STATES)
def test_without_force_nothing_is_lost(twins: Twins, state: str, name: str) -> None:
    for change in STATES[state]:
        change(twins.ours)
    before = snapshot(twins.ours)
    done = exp("apply", name, cwd=twins.ours, check=False)
    named = [line.removeprefix("error:   ") for line in done.stderr.splitlines() if line.startswith("error:   ")]
    assert named == REFUSED.get((state, name), []), done.stderr
    if named:
        assert done.code == 1
        assert differences(before, snapshot(twins.ours)) == []
    else:
        assert done.code == 0, done.stderr
        assert done.stdout == f"Changes for experiment '{name}' have been applied to your current workspace.\n"
        git("diff", "--quiet", "--cached", cwd=twins.ours)


def each(*changes: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda path: [change(path) for change in changes]


# state -> what is done to the clean work tree; where DVC asks for a confirmation, so do we
CHECKOUTS: dict[str, Callable[[Path], object]] = {
    "nothing to do": each(),
    "data missing": each(delete("model.bin"), delete("out/sub"), delete("raw")),
    "all data missing": each(delete("model.bin"), delete("run.sh"), delete("out"), delete("raw")),
    "data of another commit": each(edit("model.bin", "model " + "2" * 50)),
    "data changed": each(edit("model.bin", "mine"), edit("out/sub/b.txt", "mine")),
    "data in excess": each(edit("out/mine", "mine")),
    "the right to be run is gone": each(lambda path: (path / "run.sh").chmod(0o644)),
    "an empty folder in the data": each(lambda path: (path / "out" / "hollow").mkdir()),
    "other DVC files": each(run("checkout -q {two}")),
    "other outputs": each(run("checkout -q {other}")),
    "edited DVC files": each(edit("dvc.yaml", "stages: {}\n")),
    "an edited lock": each(run("checkout -q {two} -- dvc.lock")),
}


@pytest.mark.parametrize("state", CHECKOUTS)
def test_checkout_leaves_and_says_what_dvc_does(twins: Twins, state: str) -> None:
    twins.both(CHECKOUTS[state])
    theirs = dvc("checkout", "--force", cwd=twins.theirs)
    ours = exp("checkout", "--force", cwd=twins.ours).stdout
    assert differences(snapshot(twins.theirs), snapshot(twins.ours)) == []
    assert ours == theirs


def test_checkout_of_what_is_nowhere_else_needs_force(twins: Twins) -> None:
    twins.both(CHECKOUTS["data changed"])
    before = snapshot(twins.ours)
    done = exp("checkout", cwd=twins.ours, check=False)
    assert done.code == 1
    assert "error:   model.bin\nerror:   out/sub/b.txt\n" in done.stderr
    assert differences(before, snapshot(twins.ours)) == []


@pytest.mark.parametrize(
    "arguments",
    [["out"], ["out/sub"], ["raw.dvc"], ["raw", "model.bin"], ["train"], ["dvc.yaml"], ["dvc.yaml:train"]],
    ids=" ".join,
)
def test_checkout_of_some_is_dvcs(twins: Twins, arguments: list[str]) -> None:
    twins.both(CHECKOUTS["all data missing"])
    theirs = dvc("checkout", *arguments, cwd=twins.theirs)
    assert exp("checkout", *arguments, cwd=twins.ours).stdout == theirs
    assert differences(snapshot(twins.theirs), snapshot(twins.ours)) == []


def test_checkout_from_a_folder_takes_paths_from_there(twins: Twins) -> None:
    twins.both(CHECKOUTS["all data missing"])
    for path in (twins.theirs, twins.ours):
        (path / "raw").mkdir()
    theirs = dvc("checkout", "../model.bin", "deep", cwd=twins.theirs / "raw")
    assert exp("checkout", "../model.bin", "deep", cwd=twins.ours / "raw").stdout == theirs
    assert differences(snapshot(twins.theirs), snapshot(twins.ours)) == []
    done = exp("checkout", "nowhere", cwd=twins.ours, check=False)
    assert done.stderr == ("error: 'nowhere' is no output, no stage and no DVC file here\nhint: see git exp ls-files\n")
