"""Colours as Git has them: by `color.exp`, else `color.ui`; `color.exp.<slot>` changes one."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Literal

from dvcexp.cli import pager
from dvcexp.git.repository import parse_bool

if TYPE_CHECKING:
    from dvcexp.git.repository import GitConfig, Repository

Slot = Literal["header", "commit", "complete", "partial", "missing"]

# The same as in Git where it has something alike: the commit of git log, the added and changed files of git status.
_DEFAULTS: dict[Slot, str] = {
    "header": "\x1b[1m",
    "commit": "\x1b[33m",
    "complete": "\x1b[32m",
    "partial": "\x1b[33m",
    "missing": "\x1b[31m",
}
_RESET = "\x1b[m"
_SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")


class Colours:
    """Paints, or does not. Called with a slot and a text: `paint("commit", "1a2b3c4")`."""

    def __init__(self, codes: dict[Slot, str]) -> None:
        self._codes = codes

    def __call__(self, slot: Slot, text: str) -> str:
        """`text` in the colour of `slot`."""
        code = self._codes.get(slot)
        return f"{code}{text}{_RESET}" if code and text else text


def colours(repository: Repository) -> Colours:
    """What paints stdout, as the configuration wants it. Inside `pager` or before, it is the same."""
    config = repository.config
    if not _wanted(config):
        return Colours({})
    codes = dict(_DEFAULTS)
    for slot in codes:
        if config.get(f"color.exp.{slot}") is not None:
            # Git parses its own words for colours: `bold red`, `#ff0ab3`, `normal`.
            codes[slot] = os.fsdecode(repository.git("config", "--get-color", f"color.exp.{slot}"))
    return Colours(codes)


def width(text: str) -> int:
    """How wide `text` stands on the terminal, whatever colours are in it."""
    return len(_SEQUENCE.sub("", text)) if "\x1b" in text else len(text)


def _wanted(config: GitConfig) -> bool:
    key = "color.exp" if config.get("color.exp") is not None else "color.ui"
    value = config.get(key) or "auto"
    if value in ("always", "never"):
        return value == "always"
    if value != "auto" and not parse_bool(key, value):
        return False
    if os.environ.get("TERM", "dumb") == "dumb" or sys.stdout is None:
        return False
    return sys.stdout.isatty() or (pager.in_use() and config.get_bool("color.pager", True))
