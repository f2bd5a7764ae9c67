"""The options that Git sets on a remote helper, `option <name> <value>`."""

from __future__ import annotations

from dvcexp.git.remote_helper import unquote

# What we have use for where we open the connection; Git then keeps the others (depth, filter, ...) to itself.
_UNDERSTOOD = frozenset({"verbosity", "progress", "servpath", "family"})


class Options:
    """What Git has said so far. verbosity: 0 for -q, 1 without options, 2 and more for -v. follows: not Git's to say,
    is something to be done after a push?"""

    def __init__(self, *, follows: bool = False) -> None:
        self.follows = follows
        self.verbosity = 1
        self.progress = False
        self.dry_run = False
        self.atomic = False
        self.object_format = False
        self.servpath: str | None = None
        self.family: str | None = None

    def note(self, line: str) -> str:
        """Take in a whole `option` line; the answer of a helper that opens the connection itself."""
        name, _, quoted = line.removeprefix("option ").partition(" ")
        value = unquote(quoted)
        if name == "verbosity" and value.isdigit():
            self.verbosity = int(value)
        elif name in ("progress", "dry-run", "atomic", "object-format"):
            # Git 2.39 sends `object-format` without a value.
            setattr(self, name.replace("-", "_"), value in ("true", ""))
        elif name == "servpath":
            self.servpath = value
        elif name == "family":
            self.family = value if value in ("ipv4", "ipv6") else None
        return "ok" if name in _UNDERSTOOD else "unsupported"
