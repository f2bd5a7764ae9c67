"""Which git command started this helper. Git does not tell, and asks us the same for several; Linux knows.

Nothing may depend on the answer but politeness: where it is unknown, the command counts as a fetch.
"""

from __future__ import annotations

import os

_WITH_VALUE = ("-c", "-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env", "--super-prefix")
_LISTING = ("ls-remote", "remote")


def words() -> list[str]:
    """The command line of the git command that we serve; empty where it cannot be told."""
    # Our parent is `git remote-dvcexp`, which only starts and awaits us; its parent is the command.
    return _arguments(_parent_of(os.getppid()))


def only_looks(words: list[str]) -> bool:
    """Is this surely a command that updates no ref: `git ls-remote`, `git remote show`, `git fetch --dry-run`?"""
    command, options = _command(words)
    return command in _LISTING or (command in ("fetch", "pull") and "--dry-run" in options)


def names_no_experiment(words: list[str]) -> bool:
    """Is this surely a command whose own refspecs, if it has any, lead to no experiment?"""
    command, arguments = _command(words)
    return command != "" and not any("exps" in word or "*" in word or word == "--stdin" for word in arguments)


def _command(words: list[str]) -> tuple[str, list[str]]:
    """The git command among the words of its command line, and what follows it."""
    position = 1
    while position < len(words) and words[position].startswith("-"):
        position += 2 if words[position] in _WITH_VALUE else 1
    return (words[position], words[position + 1 :]) if position < len(words) else ("", [])


def _parent_of(pid: int) -> int:
    """From /proc/<pid>/stat: pid (program) state parent ...; the program may hold spaces and parentheses."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _arguments(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().split("\0")[:-1]
    except OSError:
        return []
