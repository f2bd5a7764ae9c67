"""What is shown on a terminal: colours and the pager, by Git's own configuration; none of it anywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.handmade import Handmade
from tests.support.shell import git, sh, write_program
from tests.support.terminal import on_terminal

# The pager, made visible: what went through it is in brackets.
PAGER = "sed 's/^/| /'"


@pytest.fixture
def project(tmp_path: Path) -> Handmade:
    """With an experiment `a` that is whole here and nowhere else."""
    project = Handmade(tmp_path / "project")
    project.experiment("a", {"model.bin": b"a"})
    return project


def short(project: Handmade, rev: str) -> str:
    return git("rev-parse", "--short=7", rev, cwd=project.path)


def tip(project: Handmade) -> str:
    return git("for-each-ref", "--format=%(objectname)", "refs/exps", cwd=project.path)[:7]


class TestPager:
    @pytest.fixture(autouse=True)
    def _pager(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_PAGER", PAGER)

    @pytest.mark.parametrize("verb", [["list", "--name-only"], ["status", "--offline"], ["ls-files"]])
    def test_listings_go_through_it(self, project: Handmade, verb: list[str]) -> None:
        plain = sh("git", "exp", *verb, cwd=project.path).stdout
        shown = on_terminal("git", "-c", "color.ui=never", "exp", *verb, cwd=project.path)
        assert plain
        assert shown == (0, "".join(f"| {line}\n" for line in plain.splitlines()))

    def test_git_can_be_told_to_do_without(self, project: Handmade) -> None:
        shown = on_terminal("git", "--no-pager", "exp", "list", "--name-only", cwd=project.path)
        assert shown == (0, "a\n")

    def test_the_configuration_of_the_command_counts(self, project: Handmade) -> None:
        shown = on_terminal("git", "-c", "pager.exp=false", "exp", "list", "--name-only", cwd=project.path)
        assert shown == (0, "a\n")

    def test_what_git_pages_already_is_paged_once(self, project: Handmade) -> None:
        shown = on_terminal("git", "-p", "exp", "list", "--name-only", cwd=project.path)
        assert shown == (0, "| a\n")

    def test_another_pager_is_configured_as_in_git(
        self, project: Handmade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("GIT_PAGER")
        program = write_program(tmp_path / "pager", '#!/bin/sh\necho "LESS=$LESS"; cat\n')
        shown = on_terminal("git", "-c", f"core.pager={program}", "exp", "list", "--name-only", cwd=project.path)
        assert shown == (0, "LESS=FRX\na\n")

    def test_one_that_does_not_start_is_done_without(self, project: Handmade) -> None:
        env = {"GIT_PAGER": "/nowhere/pager"}
        assert on_terminal("git", "exp", "list", "--name-only", cwd=project.path, env=env) == (0, "a\n")

    def test_one_that_is_left_early_ends_the_command_without_a_word(self, project: Handmade) -> None:
        env = {"GIT_PAGER": "head -n 1"}
        lines = "HEAD\n" * 20_000
        (project.path / "revs").write_text(lines)
        script = "git exp ls-files --json --stdin <revs; echo code $?"
        shown = on_terminal("sh", "-c", script, cwd=project.path, env=env)
        first, last = shown.text.splitlines()
        assert first.startswith('{"rev": ')
        assert last == "code 141"

    def test_warnings_go_where_the_listing_goes(self, project: Handmade) -> None:
        shown = on_terminal("git", "exp", "ls-files", "nope", cwd=project.path)
        assert shown.code == 1
        assert shown.text.startswith("| error: 'nope' is neither a revision nor an experiment\n")

    def test_a_listing_that_is_redirected_is_not_paged(self, project: Handmade) -> None:
        shown = on_terminal("sh", "-c", "git exp list --name-only >file; cat file", cwd=project.path)
        assert shown.text == "a\n"


class TestColours:
    @pytest.fixture(autouse=True)
    def _no_pager(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_PAGER", "cat")

    def test_a_terminal_gets_them(self, project: Handmade) -> None:
        shown = on_terminal("git", "exp", "list", cwd=project.path)
        assert shown.text == f"\x1b[1mmain\x1b[m:\n\t\x1b[33m{tip(project)}\x1b[m [a]\n"

    def test_columns_are_as_wide_as_without(self, project: Handmade) -> None:
        plain = sh("git", "exp", "status", cwd=project.path).stdout
        shown = on_terminal("git", "exp", "status", cwd=project.path).text
        assert "\x1b[32mcomplete\x1b[m" in shown
        assert "\x1b[31m1 missing\x1b[m" in shown
        bare = shown
        for code in ("\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[m"):
            bare = bare.replace(code, "")
        assert bare == plain

    @pytest.mark.parametrize("setting", ["color.ui=never", "color.ui=false", "color.exp=false"])
    def test_they_can_be_switched_off(self, project: Handmade, setting: str) -> None:
        shown = on_terminal("git", "-c", setting, "exp", "list", cwd=project.path)
        assert shown.text == f"main:\n\t{tip(project)} [a]\n"

    def test_a_dumb_terminal_gets_none(self, project: Handmade) -> None:
        shown = on_terminal("git", "exp", "list", cwd=project.path, env={"TERM": "dumb"})
        assert shown.text == f"main:\n\t{tip(project)} [a]\n"

    def test_a_pager_that_git_started_gets_them(self, project: Handmade) -> None:
        env = {"GIT_PAGER": PAGER}
        shown = on_terminal("git", "-p", "exp", "list", cwd=project.path, env=env)
        assert shown.text == f"| \x1b[1mmain\x1b[m:\n| \t\x1b[33m{tip(project)}\x1b[m [a]\n"
        none = on_terminal("git", "-p", "-c", "color.pager=false", "exp", "list", cwd=project.path, env=env)
        assert none.text == f"| main:\n| \t{tip(project)} [a]\n"

    def test_a_file_gets_none_unless_always(self, project: Handmade) -> None:
        assert sh("git", "exp", "list", cwd=project.path).stdout == f"main:\n\t{tip(project)} [a]\n"
        always = sh("git", "-c", "color.ui=always", "exp", "list", cwd=project.path).stdout
        assert always == f"\x1b[1mmain\x1b[m:\n\t\x1b[33m{tip(project)}\x1b[m [a]\n"

    def test_one_of_them_can_be_another(self, project: Handmade) -> None:
        shown = on_terminal("git", "-c", "color.exp.commit=bold red", "exp", "list", cwd=project.path)
        assert f"\x1b[1;31m{tip(project)}\x1b[m" in shown.text

    def test_json_has_none(self, project: Handmade) -> None:
        shown = on_terminal("git", "-c", "color.ui=always", "exp", "list", "--json", cwd=project.path)
        assert "\x1b" not in shown.text

    def test_a_value_that_means_nothing_is_an_error(self, project: Handmade) -> None:
        done = sh("git", "-c", "color.ui=sometimes", "exp", "list", cwd=project.path, check=False)
        assert (done.code, done.stderr) == (128, "error: bad boolean value 'sometimes' for 'color.ui'\n")
