"""`git help exp`, `man git-exp-push` and `git exp help push` show manual pages; no formatter finds fault with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shell import Done, sh, write_program

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(path for path in (ROOT / "docs" / "man").iterdir() if not path.is_symlink())
PUSH = "git-exp-push -- share experiments: data to the DVC remote, then refs to the Git remote"


class User:
    """A user with the commands in ~/.local/bin and the pages in ~/.local/share/man, where install.sh puts them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        man = home / ".local" / "share" / "man" / "man1"
        man.mkdir(parents=True)
        for page in (ROOT / "docs" / "man").iterdir():
            (man / page.name).symlink_to(page.resolve())
        for command in ("git-exp", "git-remote-dvcexp"):
            write_program(home / ".local" / "bin" / command, f'#!/bin/sh\nexec "{ROOT}/helpers/{command}" "$@"\n')
        # ASCII and no justification: the text is compared, not the look.
        self.environment = {"PATH": f"{home}/.local/bin:/usr/bin:/bin", "LC_ALL": "C", "MANWIDTH": "120"}

    def type(self, *argv: str, check: bool = True, **env: str) -> Done:
        return sh(*argv, cwd=self.home, check=check, env={**self.environment, **env})


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


def name_line(shown: str) -> str:
    lines = shown.splitlines()
    return lines[lines.index("NAME") + 1].strip()


@pytest.mark.parametrize(
    "command",
    [
        "git help exp-push",
        "git help git-exp-push",
        "man git-exp-push",
        "git exp help push",
        "git exp push --help",
        "git exp push origin --help",
    ],
)
def test_the_page_of_a_verb_is_found(user: User, command: str) -> None:
    assert name_line(user.type(*command.split()).stdout) == PUSH


@pytest.mark.parametrize("command", ["git help exp", "git exp --help", "man git-exp", "git-exp --help"])
def test_the_page_of_the_command_is_found(user: User, command: str) -> None:
    assert name_line(user.type(*command.split()).stdout) == "git-exp -- DVC experiments over plain Git"


@pytest.mark.parametrize("command", ["git help remote-dvcexp", "man git-remote-dvcexp"])
def test_the_page_of_the_helper_is_found(user: User, command: str) -> None:
    shown = name_line(user.type(*command.split()).stdout)
    assert shown == "git-remote-dvcexp -- let experiments' data travel with their refs"


@pytest.mark.parametrize("command", ["git exp help push", "git exp push --help"])
def test_where_no_page_is_to_be_had_the_usage_is_shown(user: User, command: str) -> None:
    done = user.type(*command.split(), MANPATH="/nowhere")
    assert done.stdout.startswith("usage: git exp push ")
    assert done.stderr == ""


def test_help_of_what_is_no_verb_suggests_one(user: User) -> None:
    done = user.type("git", "exp", "help", "psuh", check=False)
    assert (done.code, done.stderr.splitlines()[:2]) == (
        1,
        ["error: 'psuh' is not a git exp command", "hint: did you mean 'git exp push'?"],
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_mandoc_has_nothing_to_say(page: Path, tmp_path: Path) -> None:
    """But that pages are not installed here, which depends on the machine."""
    said = sh("mandoc", "-T", "lint", "-W", "style", page, cwd=tmp_path, check=False).stdout.splitlines()
    assert [line for line in said if "referenced manual not found" not in line and "mandoc.db" not in line] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_groff_has_nothing_to_say(page: Path, tmp_path: Path) -> None:
    done = sh("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page, cwd=tmp_path)
    assert done.stderr == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_apropos_can_index_it(page: Path, tmp_path: Path) -> None:
    assert sh("lexgrog", page, cwd=tmp_path).stdout.startswith(f'{page}: "{page.stem} - ')
