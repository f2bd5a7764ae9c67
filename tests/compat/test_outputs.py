"""The outputs of a commit are those that DVC itself finds there, and what DVC rejects is an error here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dvcexp.dvc.outputs import OutputsReader, RootOutputs
from dvcexp.git.objects import ObjectReader
from tests.support.dvc_cases import FINE, TEMPLATES, WRONG, A, B, dvc_file
from tests.support.dvc_oracle import Oracle, ours
from tests.support.dvc_projects import Projects

ROOTS = (".", "sub", "sub/deep", "a")


class Both:
    """DVC and our reader, over one repository. The reader sees every commit of the module, in whatever order."""

    def __init__(self, folder: Path, roots: tuple[str, ...]) -> None:
        self.oracle = Oracle(folder, roots)
        self.objects = ObjectReader(str(folder / ".git"), "sha1", str(folder))
        self.reader = OutputsReader(self.objects)

    def read(self, commit: str) -> dict[str, RootOutputs]:
        return {root.root: root for root in self.reader.read(self.oracle.tree(commit))}

    def assert_agree(self, files: dict[str, Any], root: str = ".", hint: object = "") -> RootOutputs:
        """DVC rejects the commit if and only if we report an error; otherwise the outputs are the same."""
        commit = self.oracle.commit(files)
        told = self.read(commit)[root]
        expected = self.oracle.outputs(commit, root)
        if isinstance(expected, str):
            assert told.errors, f"{hint} DVC rejects this commit: {expected}"
        else:
            assert (told.errors, ours(told)) == ((), expected), hint
        return told

    def close(self) -> None:
        self.objects.close()
        self.oracle.close()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("oracle")
    with pytest.MonkeyPatch.context() as patch:  # DVC reads these when it opens the repository, before any test runs
        for name in ("DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
            patch.setenv(name, str(folder / name))
        opened = Both(folder / "repository", ROOTS)
    yield opened
    opened.close()


ROOT = {".dvc/config": ""}


@pytest.mark.parametrize("first", range(0, 200, 25))
def test_any_project_has_the_outputs_that_dvc_finds(both: Both, first: int) -> None:
    for seed in range(first, first + 25):
        both.assert_agree(Projects(seed).project(), hint=f"seed {seed}:")


@pytest.mark.parametrize("first", range(10_000, 10_024, 8))
def test_so_has_each_of_several_roots_in_one_repository(both: Both, first: int) -> None:
    for seed in range(first, first + 8):
        files = Projects(seed).project(ROOTS)
        files |= {f"{root}/.dvc/config".removeprefix("./"): "" for root in ROOTS}
        for root in ROOTS:
            both.assert_agree(files, root, hint=f"seed {seed}:")


def test_the_random_projects_are_neither_all_fine_nor_all_wrong(both: Both) -> None:
    verdicts = [bool(both.read(both.oracle.commit(Projects(seed).project()))["."].errors) for seed in range(60)]
    assert 10 <= sum(verdicts) <= 40


@pytest.mark.parametrize("case", FINE)
def test_dvc_and_we_read_the_same(both: Both, case: str) -> None:
    assert not both.assert_agree({**ROOT, **FINE[case]}).errors


@pytest.mark.parametrize("case", TEMPLATES)
def test_templates_become_what_dvc_makes_of_them(both: Both, case: str) -> None:
    assert not both.assert_agree({**ROOT, **TEMPLATES[case]}).errors


@pytest.mark.parametrize("case", WRONG)
def test_what_dvc_rejects_is_an_error_here(both: Both, case: str) -> None:
    files = {**ROOT, **WRONG[case]}
    assert isinstance(both.oracle.outputs(both.oracle.commit(files)), str)
    assert both.assert_agree(files).errors


def test_a_commit_without_a_dvc_folder_is_read_too(both: Both) -> None:
    both.assert_agree({"x.dvc": dvc_file(f"path: x, md5: {A}")})


def test_a_project_below_the_git_root_names_its_paths_from_there(both: Both) -> None:
    told = both.assert_agree(
        {"sub/.dvc/config": "", "sub/x.dvc": dvc_file(f"path: y, md5: {A}", f"path: ../z, md5: {B}")}, "sub"
    )
    assert [output.path for output in told.outputs] == ["sub/y"]
    assert told.skipped == ("'../z' in 'sub/x.dvc' lies outside of the DVC project",)


# Where we are of another opinion than DVC, on purpose.


def test_a_file_that_cannot_be_read_spoils_only_itself(both: Both) -> None:
    commit = both.oracle.commit({**ROOT, "x.dvc": dvc_file(f"path: x, md5: {A}"), "y.dvc": "<<<<<<< a\n"})
    assert isinstance(both.oracle.outputs(commit), str)
    told = both.read(commit)["."]
    assert [output.path for output in told.outputs] == ["x"]
    assert [(error.where, "merge conflict" in error.reason) for error in told.errors] == [("y.dvc", True)]


@pytest.mark.parametrize("md5", [A.upper(), "abcdef", f"{A}/../x", f"{A}.dir.dir"])
def test_a_hash_that_is_none_is_an_error_though_dvc_would_look_for_it(both: Both, md5: str) -> None:
    commit = both.oracle.commit({**ROOT, "x.dvc": dvc_file(f"path: x, md5: '{md5}'", f"path: y, md5: {B}")})
    assert not isinstance(both.oracle.outputs(commit), str)
    told = both.read(commit)["."]
    assert [(output.path, output.object and output.object.oid) for output in told.outputs] == [("x", None), ("y", B)]
    assert [error.reason for error in told.errors] == [f"output 'x': its md5 '{md5}' is not one"]


def test_files_listed_in_place_stay_in_their_folder(both: Both) -> None:
    commit = both.oracle.commit({**ROOT, "x.dvc": dvc_file(f"path: x, files: [{{relpath: ../y, md5: {A}}}]")})
    assert not isinstance(both.oracle.outputs(commit), str)
    assert [error.reason for error in both.read(commit)["."].errors] == ["output 'x': '../y' would leave its directory"]


def test_a_name_that_ends_like_a_url_keeps_its_end(both: Both) -> None:
    commit = both.oracle.commit({**ROOT, "x.dvc": dvc_file(f"path: 'a#', md5: {A}", f"path: 'b?', md5: {B}")})
    assert [told.path for told in both.oracle.outputs(commit) if not isinstance(told, str)] == ["a", "b"]
    assert [output.path for output in both.read(commit)["."].outputs] == ["a#", "b?"]


def test_a_cached_external_output_is_left_out_alone(both: Both) -> None:
    files = {**ROOT, "x.dvc": dvc_file(f"path: /x, md5: {A}"), "y.dvc": dvc_file(f"path: y, md5: {A}")}
    told = both.read(both.oracle.commit(files))["."]
    assert [output.path for output in told.outputs] == ["y"]
    assert told.skipped == ("'/x' in 'x.dvc' lies outside of the DVC project",)


def test_a_project_below_whose_name_looks_like_a_pattern_is_not_its_parents(both: Both) -> None:
    commit = both.oracle.commit({**ROOT, "[x]/.dvc/config": "", "[x]/y.dvc": dvc_file(f"path: y, md5: {A}")})
    assert len(both.oracle.outputs(commit)) == 1
    assert {root: len(told.outputs) for root, told in both.read(commit).items()} == {".": 0, "[x]": 1}
