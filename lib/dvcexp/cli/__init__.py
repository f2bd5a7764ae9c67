"""`git exp <verb>`: the frame. A verb is one row here and one module, which is imported only when it is asked for.

A verb's module has `add_parser(verbs)`, which adds its parser to argparse's sub-parsers under the verb's name, and
`run(args) -> int`, the exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from dvcexp.errors import DvcexpError

if TYPE_CHECKING:
    from dvcexp.cli.parser import Parser, Verbs


class Verb(NamedTuple):
    """Where a verb lives, and what `git exp -h` says of it; nothing for one that only scripts call."""

    module: str
    summary: str


VERBS = {
    "install": Verb("dvcexp.cli.install", "let plain git push and fetch carry experiments here"),
    "uninstall": Verb("dvcexp.cli.uninstall", "take back what install did"),
    "ls-files": Verb("dvcexp.cli.ls_files", "show the outputs of a commit and who carries them"),
    "push": Verb("dvcexp.cli.push", "share experiments: data to the DVC remote, then refs to the Git remote"),
    "pull": Verb("dvcexp.cli.pull", "take experiments with their data from a Git remote"),
    "fetch": Verb("dvcexp.cli.fetch", "complete the data of experiments that are here"),
    "list": Verb("dvcexp.cli.list", "list the experiments here or on a Git remote"),
    "show": Verb("dvcexp.cli.show", "show experiments with their params and metrics"),
    "apply": Verb("dvcexp.cli.apply", "put the files and data of an experiment into the work tree"),
    "checkout": Verb("dvcexp.cli.checkout", "put the data of HEAD into the work tree"),
    "branch": Verb("dvcexp.cli.branch", "make a Git branch of an experiment"),
    "rename": Verb("dvcexp.cli.rename", "give an experiment another name"),
    "remove": Verb("dvcexp.cli.remove", "remove experiments here or on a Git remote"),
    "status": Verb("dvcexp.cli.status", "show which experiments are whole here, and which are shared"),
    "fsck": Verb("dvcexp.cli.fsck", "check the data of experiments, and mend the cache from the DVC remote"),
    "prune": Verb("dvcexp.cli.prune", "free what only removed experiments used"),
    "env": Verb("dvcexp.cli.env", "print what a bug report needs"),
    "pre-push": Verb("dvcexp.hook", ""),
    "__complete": Verb("dvcexp.cli.complete", ""),
}


# As in DVC.
ALIASES = {"ls": "list", "rm": "remove"}

# What somebody who knows `dvc exp` may look for here -> where it is.
_DVCS = {
    **{word: f"dvc exp {word}" for word in ("run", "save", "diff", "clean")},
    "gc": "git exp prune frees the data of removed experiments, dvc gc more",
    "queue": "dvc queue --help",
}


def main() -> NoReturn:
    """The program `git-exp`."""
    from dvcexp.boundary import leave, run

    leave(run(lambda: dispatch(sys.argv[1:])))


def dispatch(argv: Sequence[str]) -> int:
    """Run the verb that `argv` begins with."""
    if argv and ALIASES.get(argv[0], argv[0]) in VERBS:
        return _run_verb(ALIASES.get(argv[0], argv[0]), argv[1:])
    if argv and argv[0] in ("--version", "-v", "version"):
        from dvcexp import __version__

        print(f"git exp version {__version__}")
        return 0
    if len(argv) > 1 and argv[0] == "help":
        return dispatch([argv[1], "--help"])
    if argv and argv[0] in ("-h", "help"):
        print(overview())
        return 0
    if argv and argv[0] == "--help":
        # Git itself makes `git help exp` of `git exp --help`.
        from dvcexp.git import foreground

        if not foreground.manual("git-exp"):
            print(overview())
        return 0
    if not argv:
        print(overview())
        return 1
    raise _unknown(argv[0])


def overview() -> str:
    """What `git exp -h` prints: the verbs, one a line."""
    listed = {name: verb.summary for name, verb in VERBS.items() if verb.summary}
    width = max(map(len, listed))
    lines = [f"   {name:<{width}}   {summary}" for name, summary in listed.items()]
    return "\n".join(
        [
            "usage: git exp <verb> [<options>]",
            "",
            "DVC experiments over plain Git: share them, see them, take them, tidy them.",
            "",
            *lines,
            "",
            "'git exp <verb> -h' tells the options of a verb, 'git exp help <verb>' more of it.",
        ]
    )


def parser_of(name: str) -> Parser:
    """The parser of a verb."""
    from dvcexp.cli.parser import Parser

    verbs: Verbs = Parser(prog="git exp").add_subparsers(metavar="<verb>")
    import_module(VERBS[name].module).add_parser(verbs)
    return verbs.choices[name]


def _run_verb(name: str, argv: Sequence[str]) -> int:
    # Asked directly: on its way through the outer parser a `--` would be lost, and names may begin with a dash.
    args = parser_of(name).parse_args(argv)
    if name != "prune" and getattr(args, "verbose", False):
        os.environ.setdefault("DVCEXP_TRACE", "1")  # of the git commands that we start, too
    code: int = import_module(VERBS[name].module).run(args)
    return code


def _unknown(word: str) -> DvcexpError:
    if word.startswith("-"):
        from dvcexp.errors import UsageError

        return UsageError(f"unknown option '{word}'", "git exp -h")
    from difflib import get_close_matches

    if word in _DVCS:
        return DvcexpError(f"'{word}' is not a git exp command: that is DVC's to do", _DVCS[word])
    near = get_close_matches(word, [name for name, verb in VERBS.items() if verb.summary], n=3)
    hints = [f"did you mean 'git exp {name}'?" for name in near]
    return DvcexpError(f"'{word}' is not a git exp command", *hints, "see 'git exp -h'")
