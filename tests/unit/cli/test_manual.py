"""The manual pages in docs/man say what the parsers know: every verb, every option, every setting."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from dvcexp import cli
from dvcexp.cli.parser import Parser

ROOT = Path(__file__).resolve().parent.parent.parent.parent
MAN = ROOT / "docs" / "man"
VERBS = [name for name, verb in cli.VERBS.items() if verb.summary]
# A flag with the words of its argument, in an item of a list: `.It Fl j Ar <number> , Fl -jobs Ar <number>`.
_FLAG = re.compile(r"Fl (-?[\w-]+)(?: Ar ([^,]+?))?(?= ,|$)")


def parser_of(verb: str) -> Parser:
    verbs = Parser(prog="git exp").add_subparsers()
    import_module(cli.VERBS[verb].module).add_parser(verbs)
    parser: Parser = verbs.choices[verb]
    return parser


def page(name: str) -> str:
    path = MAN / f"{name}.1"
    assert path.exists(), f"write docs/man/{name}.1; docs/man/git-exp-push.1 shows how"
    return path.read_text()


def documented(text: str) -> set[str]:
    """`--jobs <number>` for every flag that a page has an item for."""
    items = re.findall(r"^\.It (Fl .*)$", text, re.MULTILINE)
    return {f"-{flag} {value}".rstrip() for item in items for flag, value in _FLAG.findall(item)}


def accepted(parser: Parser) -> Iterator[str]:
    """The same of the parser, but for `-h` and `--help`, which each has."""
    for action in parser._actions:
        if action.help is argparse.SUPPRESS or action.dest in ("h", "help"):
            continue
        for option in action.option_strings:
            yield option if action.nargs == 0 else f"{option} {action.metavar}"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_page_with_its_summary(verb: str) -> None:
    text = page(f"git-exp-{verb}")
    assert f".Nm git-exp-{verb}\n.Nd {cli.VERBS[verb].summary}\n.Sh SYNOPSIS\n.Nm git exp {verb}\n" in text


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_has_the_options_that_the_verb_takes(verb: str) -> None:
    assert documented(page(f"git-exp-{verb}")) == set(accepted(parser_of(verb)))


@pytest.mark.parametrize("verb", VERBS)
def test_the_synopsis_names_every_option_and_argument(verb: str) -> None:
    synopsis = page(f"git-exp-{verb}").split(".Sh SYNOPSIS\n")[1].split(".Sh ")[0]
    for action in parser_of(verb)._actions:
        if action.option_strings and action.dest not in ("h", "help"):
            assert any(f"Fl {option[1:]}" in synopsis for option in action.option_strings), action.option_strings
        elif action.metavar is not None:
            for word in re.findall(r"<[^>]+>", str(action.metavar)):
                assert f"Ar {word}" in synopsis, f"{word} is not in the synopsis"


@pytest.mark.parametrize("verb", VERBS)
def test_git_help_finds_the_page_by_the_words_that_one_types(verb: str) -> None:
    """`git help exp-push` looks for a page gitexp-push, since no program is called git-exp-push."""
    link = MAN / f"gitexp-{verb}.1"
    assert link.is_symlink() and str(link.readlink()) == f"git-exp-{verb}.1", (
        f"ln -s git-exp-{verb}.1 docs/man/gitexp-{verb}.1"
    )


def test_no_page_is_left_of_a_verb_that_is_gone() -> None:
    pages = {f"git-exp-{verb}" for verb in VERBS} | {f"gitexp-{verb}" for verb in VERBS}
    assert {path.stem for path in MAN.iterdir()} == pages | {"git-exp", "git-remote-dvcexp"}


def test_the_first_page_lists_the_verbs_as_the_overview_does() -> None:
    items = [f".It Xr git-exp-{verb} 1\n{_sentence(cli.VERBS[verb].summary)}\n" for verb in VERBS]
    assert "".join(items) in page("git-exp")


def test_the_first_page_has_every_setting() -> None:
    source = (ROOT / "lib" / "dvcexp" / "settings.py").read_text()
    known = {f"dvcexp.{key}" for key in re.findall(r"\b(?:last|values)\(\"(\w+)\"", source)}
    assert len(known) >= 7
    items = re.findall(r"^\.It Cm (dvcexp\..*)$", page("git-exp"), re.MULTILINE)
    assert {key for item in items for key in item.split(" , ")} == known


def test_every_page_that_is_referred_to_is_there() -> None:
    for path in MAN.iterdir():
        for name in re.findall(r"Xr (git-(?:exp|remote-dvcexp)[\w-]*) 1", path.read_text()):
            assert (MAN / f"{name}.1").exists(), f"{path.name} refers to {name}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
