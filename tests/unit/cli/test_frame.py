"""The frame of `git exp`: finding the verb, and telling what there is."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib import import_module
from types import SimpleNamespace

import pytest

from dvcexp import __version__, cli
from dvcexp.cli.parser import Parser
from dvcexp.errors import DvcexpError, UsageError


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_a_parser_and_something_to_run(verb: str) -> None:
    module = import_module(cli.VERBS[verb].module)
    parser = Parser(prog="git exp")
    verbs = parser.add_subparsers()
    module.add_parser(verbs)
    assert list(verbs.choices) == [verb]
    assert callable(module.run)


def test_the_overview_names_every_verb_but_those_for_scripts() -> None:
    listed = [line.split()[0] for line in cli.overview().splitlines() if line.startswith("   ")]
    assert listed == [name for name in cli.VERBS if name not in ("pre-push", "__complete")]


@pytest.mark.parametrize("argument", ["-h", "--help", "help"])
def test_help_is_the_overview(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.dispatch([argument]) == 0
    assert capsys.readouterr().out == cli.overview() + "\n"


def test_no_verb_prints_the_overview_and_fails() -> None:
    assert cli.dispatch([]) == 1


def test_help_of_a_verb_is_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.dispatch(["help", "install"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("usage: git exp install ")


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.dispatch(["--version"]) == 0
    assert capsys.readouterr().out == f"git exp version {__version__}\n"


def test_a_typo_names_the_verb_that_was_meant() -> None:
    with pytest.raises(DvcexpError) as error:
        cli.dispatch(["instal"])
    assert error.value.message == "'instal' is not a git exp command"
    assert "did you mean 'git exp install'?" in error.value.hints


def test_an_unknown_option_is_wrong_usage() -> None:
    with pytest.raises(UsageError):
        cli.dispatch(["--wrong"])


def test_a_wrong_option_of_a_verb_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError):
        cli.dispatch(["install", "--wrong"])
    assert capsys.readouterr().err.startswith("usage: git exp install ")


@pytest.mark.parametrize(
    ("given", "meant"), [("--al-commits", "--all-commits"), ("--dryrun", "--dry-run"), ("--remot=x", None)]
)
def test_an_option_with_a_typo_names_the_one_that_was_meant(given: str, meant: str | None) -> None:
    parser = cli.parser_of("push")
    if meant is None:  # an abbreviation is none
        assert parser.parse_args([given, "origin"]).remote == "x"
        return
    with pytest.raises(UsageError) as error:
        parser.parse_args([given])
    assert error.value.message == f"unknown option '{given}'"
    assert error.value.hints[0] == f"did you mean '{meant}'?"


class TestOptionsBetweenArguments:
    """`git exp pull origin --no-cache exp-a`, which plain argparse refuses."""

    @staticmethod
    def parse(*argv: str) -> argparse.Namespace:
        parser = Parser(prog="git exp")
        verb = parser.add_subparsers().add_parser("pull")
        verb.add_argument("git_remote")
        verb.add_argument("experiments", nargs="*")
        verb.add_argument("--no-cache", action="store_true")
        verb.add_argument("-j", "--jobs", type=int)
        return parser.parse_args(["pull", *argv])

    @pytest.mark.parametrize(
        "argv",
        [
            ["origin", "a", "b", "--no-cache", "-j", "2"],
            ["origin", "--no-cache", "a", "-j2", "b"],
            ["--no-cache", "origin", "a", "-j", "2", "b"],
        ],
    )
    def test_all_orders_mean_the_same(self, argv: list[str]) -> None:
        expected = SimpleNamespace(git_remote="origin", experiments=["a", "b"], no_cache=True, jobs=2)
        assert vars(self.parse(*argv)) == vars(expected)

    def test_no_further_argument_is_an_empty_list(self) -> None:
        assert self.parse("origin").experiments == []

    def test_a_missing_argument_is_wrong_usage(self) -> None:
        with pytest.raises(UsageError, match="git_remote"):
            self.parse("--no-cache")


def test_one_verb_imports_no_other() -> None:
    code = "import sys; from dvcexp import cli; cli.overview(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not [name for name in loaded if name.startswith(("dvcexp.git", "dvcexp.dvc", "dvcexp.sync", "argparse"))]
