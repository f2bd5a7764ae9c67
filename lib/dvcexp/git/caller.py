"""Which git command started this helper. Git does not tell, and asks us the same for several; Linux knows.

Needed only in old protocols, where a fetch that has all commits looks like `git ls-remote`. Where the command is
unknown, the answers are the careful ones.
"""

from __future__ import annotations

import os
from typing import NamedTuple

_WITH_VALUE = ("-c", "-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env", "--super-prefix")
_LISTING = ("ls-remote", "remote")
_FOR_PROMISED = frozenset({"--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--stdin"})
_GENERATIONS = 16  # hooks are started by hook managers, by shells, by shells


class Command(NamedTuple):
    """A git command line: `fetch`, `clone`, ..., and what follows it. name: empty where it is unknown."""

    name: str
    arguments: tuple[str, ...]

    @classmethod
    def parse(cls, words: list[str]) -> Command:
        """From the whole command line, `git` and its own options included."""
        position = 1
        while position < len(words) and words[position].startswith("-"):
            position += 2 if words[position] in _WITH_VALUE else 1
        return cls(words[position], tuple(words[position + 1 :])) if position < len(words) else cls("", ())

    @property
    def only_looks(self) -> bool:
        """Does it surely update no ref that people use: `git ls-remote`, `git remote show`, `git fetch --dry-run`, the
        `git fetch --prefetch` that `git maintenance` runs unattended?"""
        return self.name in _LISTING or (
            self.name in ("fetch", "pull") and not {"--dry-run", "--prefetch"}.isdisjoint(self.arguments)
        )

    @property
    def fetches_what_is_promised(self) -> bool:
        """Is this how Git fetches objects that a partial clone lacks (promisor-remote.c)? It updates no ref."""
        return self.name == "fetch" and _FOR_PROMISED.issubset(self.arguments)

    @property
    def forces(self) -> bool:
        """May it update refs to what does not descend from them: `--force`, or an `f` among short options?"""
        short = (word for word in self.arguments if word.startswith("-") and not word.startswith("--"))
        return "--force" in self.arguments or any("f" in word for word in short)

    @property
    def is_dry_run(self) -> bool:
        """Of `git push`: does it only say what it would do?"""
        return any(word.startswith("--dr") for word in self._options) or "n" in self._letters

    @property
    def is_quiet(self) -> bool:
        """Of `git push`: is it to say nothing?"""
        return "--quiet" in self._options or "q" in self._letters

    def shows_progress(self, *, terminal: bool) -> bool:
        """Of `git push`: does it show meters? By Git's own rules."""
        chosen = [word.startswith("--p") for word in self._options if word.startswith(("--prog", "--no-prog"))]
        return chosen[-1] if chosen else terminal and not self.is_quiet

    @property
    def _options(self) -> list[str]:
        end = self.arguments.index("--") if "--" in self.arguments else len(self.arguments)
        return [word for word in self.arguments[:end] if word.startswith("-")]

    @property
    def _letters(self) -> str:
        """The short options of `git push`, of which `-o` alone takes what is left of its word for a value."""
        return "".join(word[1:].partition("o")[0] for word in self._options if not word.startswith("--"))

    def refspecs(self, git_remote: str) -> list[str]:
        """The refspecs given behind the Git remote; none where the configured ones count."""
        named = [word.removeprefix("dvcexp::") for word in self.arguments]
        if self.name not in ("fetch", "pull") or git_remote not in named:
            return []
        behind = self.arguments[named.index(git_remote) + 1 :]
        return [word for word in behind if not word.startswith("-")]


def command() -> Command:
    """The git command that we serve."""
    # Our parent is `git remote-dvcexp`, which only starts and awaits us; its parent is the command.
    return Command.parse(_words(_parent_of(os.getppid())))


def ancestor(name: str) -> Command | None:
    """The nearest command called `name` that we run inside of, in a hook for one; None if none is to be seen."""
    pid = os.getppid()
    for _ in range(_GENERATIONS):
        words = _words(pid)
        if words and os.path.basename(words[0]) == "git":
            found = Command.parse(words)
            if found.name == name:
                return found
        pid = _parent_of(pid)
        if pid <= 1:
            break
    return None


def _parent_of(pid: int) -> int:
    """From /proc/<pid>/stat: pid (program) state parent ...; the program may hold spaces and parentheses."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _words(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="surrogateescape") as file:
            return file.read().split("\0")[:-1]
    except OSError:
        return []
