"""What can go wrong, worded for the user, with the exit code it leads to.

A kind stands near the code that raises it (`remotes/base.py` has those of a DVC remote); here are the base and those
that several rooms share. Each keeps its facts as attributes, so that nobody has to parse a message. `boundary.py` alone
turns them into output.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""`text` with control characters made visible (`\x1b`), for names that come from elsewhere."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


class DvcexpError(Exception):
    """An expected failure. `message` has Git's look: lower case, no full stop; each of `hints` is a way out."""

    exit_code = 1

    def __init__(self, message: str, *hints: str) -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints


class UsageError(DvcexpError):
    """The command line is wrong; Git's exit code for it."""

    exit_code = 129


class SettingsError(DvcexpError):
    """A `dvcexp.*` key or an environment variable has a value that means nothing."""

    exit_code = 128


class FormatError(DvcexpError):
    """A DVC file that cannot be read as what it should be. `where` is its path, `reason` what is wrong in it."""

    def __init__(self, where: str, reason: str, *hints: str) -> None:
        super().__init__(f"'{printable(where)}': {printable(reason)}", *hints)
        self.where = where
        self.reason = reason


class ConfigError(DvcexpError):
    """DVC's own configuration cannot be used: unreadable, or it names something that is not there."""
