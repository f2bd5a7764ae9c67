"""`git exp __complete <word>...`: what the last word, which may be empty, can become. For the shells' completion alone.

A candidate a line, behind a tab what it is. All of it comes from the parsers and the repository, so that no list of
verbs or options has to be kept for a shell. Nothing to say, as for file names, is nothing printed.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from dvcexp import cli
from dvcexp.cli.names import experiments_here, name_of
from dvcexp.errors import DvcexpError
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    from dvcexp.cli.parser import Parser, Verbs

Candidates = Iterator[tuple[str, str]]


def add_parser(verbs: Verbs) -> None:
    """Only completion calls this verb."""
    parser = verbs.add_parser("__complete", description="Print what the last word can become.")
    parser.add_argument("words", nargs="*")


def run(args: argparse.Namespace) -> int:
    """Print; what cannot be found out is left out, for nobody waits for an error here."""
    *before, word = args.words or [""]
    seen = set()
    for value, description in _candidates(before, word):
        if value.startswith(word) and value not in seen and value.isprintable():
            seen.add(value)
            print(f"{value}\t{description}")
    return 0


def _candidates(before: Sequence[str], word: str) -> Candidates:
    if not before or before == ["help"]:
        yield from ((name, verb.summary) for name, verb in cli.VERBS.items() if verb.summary)
        if not before:
            yield "help", "show the manual page of a verb"
        return
    verb = cli.ALIASES.get(before[0], before[0])
    if verb in cli.VERBS:
        yield from _Line(cli.parser_of(verb), before[1:]).candidates(word)


class _Line:
    """The words behind a verb: which options they are, which argument comes next."""

    def __init__(self, parser: Parser, before: Sequence[str]) -> None:
        self._options = {option: action for action in parser._actions for option in action.option_strings}
        self._arguments = [action for action in parser._actions if not action.option_strings]
        self._given: list[str] = []
        self._waiting: argparse.Action | None = None  # an option whose value is next
        self._only_arguments = False
        for word in before:
            self._take(word)

    def _take(self, word: str) -> None:
        if self._waiting is not None:
            self._waiting = None
        elif self._only_arguments or not word.startswith("-"):
            self._given.append(word)
        elif word == "--":
            self._only_arguments = True
        else:
            action = self._options.get(word)
            self._waiting = action if action is not None and action.nargs is None else None

    def candidates(self, word: str) -> Candidates:
        """For the word that follows."""
        option, equals, _ = word.partition("=")
        if self._waiting is not None:
            yield from _values(self._waiting, None)
        elif not self._only_arguments and equals and option in self._options:
            for value, description in _values(self._options[option], None):
                yield f"{option}={value}", description
        elif not self._only_arguments and word.startswith("-"):
            for name, action in self._options.items():
                if action.help == argparse.SUPPRESS:
                    continue
                takes_value = name.startswith("--") and action.nargs is None
                yield f"{name}=" if takes_value else name, action.help or ""
        else:
            yield from self._argument_values()

    def _argument_values(self) -> Candidates:
        """Each argument takes one word, the last one perhaps more."""
        if not self._arguments:
            return
        position = len(self._given)
        last = self._arguments[-1]
        action = self._arguments[position] if position < len(self._arguments) else last
        if position >= len(self._arguments) and last.nargs not in ("*", "+"):
            return
        # `[<git remote>] [<experiment>...]`: the first word may be either.
        beyond_first = action.nargs == "*" and position > 0
        for value, description in _values(action, self._git_remote()):
            if not (beyond_first and description == "Git remote" and len(self._arguments) == 1):
                yield value, description

    def _git_remote(self) -> str | None:
        """The Git remote whose experiments are meant, if one is named before them."""
        named = len(self._arguments) > 1 and self._arguments[0].dest == "git_remote" and self._given
        return self._given[0] if named and self._arguments[0].nargs is None else None


def _values(action: argparse.Action, git_remote: str | None) -> Candidates:
    """By the words that the usage has for the value: `<experiment>`, `<git remote>`, `<commit>`, ..."""
    if action.choices is not None:
        yield from ((str(choice), "") for choice in action.choices)
        return
    try:
        repository = Repository.discover()
        for word in re.findall(r"<([^>]+)>", str(action.metavar)):
            for kind in word.split(" or "):
                find = _KINDS.get("dvc remote" if action.dest == "remote" else kind)
                if find is not None:
                    yield from find(repository, git_remote)
    except DvcexpError:
        return


def _experiments(repository: Repository, git_remote: str | None) -> Candidates:
    known = experiments_here(repository)
    if git_remote is not None:
        known = {**(_on_git_remote(repository, git_remote)), **known}
    yield from ((name_of(ref), "experiment") for ref in known)


def _on_git_remote(repository: Repository, git_remote: str) -> dict[str, str]:
    """The experiments there, by Git without a question to the user, and without a look at any data."""
    from dvcexp.experiments import NAMESPACE, Experiment

    os.environ.update({"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "DVCEXP_SKIP": "1"})
    listing = repository.git("ls-remote", "--refs", "--", git_remote, f"{NAMESPACE}*", check=False)
    refs = (line.partition("\t") for line in os.fsdecode(listing).splitlines())
    return {ref: sha for sha, _, ref in refs if Experiment.parse(ref) is not None}


def _git_remotes(repository: Repository, _: str | None) -> Candidates:
    from dvcexp.git.optin import remotes

    yield from ((name, "Git remote") for name in remotes(repository.config))


def _dvc_remotes(repository: Repository, _: str | None) -> Candidates:
    from dvcexp.dvc.config import work_tree_config

    config = work_tree_config(repository.work_tree, os.environ) if repository.work_tree is not None else None
    yield from ((name, "DVC remote") for name in (config.remotes if config is not None else ()))


def _branches(repository: Repository, _: str | None) -> Candidates:
    yield from ((ref.removeprefix("refs/heads/"), "branch") for ref in repository.refs("refs/heads"))


def _revisions(repository: Repository, _: str | None) -> Candidates:
    yield "HEAD", "commit"
    yield from _branches(repository, None)
    yield from ((ref.removeprefix("refs/tags/"), "tag") for ref in repository.refs("refs/tags"))


_KINDS: dict[str, Callable[[Repository, str | None], Candidates]] = {
    "experiment": _experiments,
    "git remote": _git_remotes,
    "dvc remote": _dvc_remotes,
    "commit": _revisions,
    "rev": _revisions,
}
