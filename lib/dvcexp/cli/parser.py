"""argparse with Git's manners: exit code 129 for a wrong command line, options anywhere between the arguments, `-h` for
the usage and `--help` for the manual page.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from dvcexp.errors import UsageError, printable

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction["Parser"]


class Parser(argparse.ArgumentParser):
    """The parser of `git exp` and of each verb."""

    _intermixing = False
    _attached: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, add_help=False)
        self.add_argument("-h", action="help", default=argparse.SUPPRESS, help="show this help")
        self.add_argument(
            "--help", action=_ManualAction, nargs=0, default=argparse.SUPPRESS, help="show the manual page"
        )

    def error(self, message: str) -> NoReturn:
        """Usage on stderr, and the rest is the boundary's."""
        self.print_usage(sys.stderr)
        raise UsageError(message)

    def add_attached(self, option: str, **keywords: Any) -> None:
        """A long option whose value, if it has one, follows `=`: never the next word. Without one it is empty text."""
        self._attached += (option,)
        self.add_argument(option, nargs="?", **keywords)

    def parse_known_args(  # type: ignore[override]  # argparse's overloads are not ours to repeat
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's, but `pull origin --no-cache exp-a` works: plain argparse ends the arguments at an option.

        What a verb does not know is an error here already, with the verb's own usage.
        """
        if self._intermixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._intermixing = True
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        self._refuse_unknown(words[:end])
        options = [f"{word}=" if self._is_attached(word) else word for word in words[:end]]
        # argparse loses a `--` that stands before intermixed arguments: what is behind it is made to look like none.
        behind = [f"{_VEIL}{word}" for word in words[end + 1 :]]
        try:
            known, unknown = self.parse_known_intermixed_args([*options, *behind], namespace)
        finally:
            self._intermixing = False
        if unknown:
            self.error(f"unknown arguments: {' '.join(map(_unveiled, unknown))}")
        for name, value in vars(known).items():
            setattr(known, name, _unveiled(value))
        return known, unknown

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        """Name a long option that is none, and what may have been meant, before argparse misses an argument for it."""
        for word in words:
            name = word.partition("=")[0]
            known = self._option_string_actions
            if len(name) > 2 and name.startswith("--") and not any(option.startswith(name) for option in known):
                from difflib import get_close_matches

                self.print_usage(sys.stderr)
                near = get_close_matches(name, [option for option in known if option.startswith("--")], n=3)
                raise UsageError(f"unknown option '{printable(name)}'", *(f"did you mean '{one}'?" for one in near))

    def _is_attached(self, word: str) -> bool:
        """Is it such an option, perhaps abbreviated, without a value?"""
        return len(word) > 2 and any(option.startswith(word) for option in self._attached)


_VEIL = "\0"  # what no argument of a program can hold


def _unveiled(value: Any) -> Any:
    if isinstance(value, list):
        return [_unveiled(one) for one in value]
    return value.removeprefix(_VEIL) if isinstance(value, str) else value


class _ManualAction(argparse.Action):
    """Shows the page named after the command, `git-exp-push` for one; without manual pages here, what `-h` shows."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from dvcexp.git import foreground

        if not foreground.manual(parser.prog.replace(" ", "-")):
            parser.print_help()
        parser.exit()
