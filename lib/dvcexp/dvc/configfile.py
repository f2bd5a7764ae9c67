"""DVC's configuration files, in the dialect of the ConfigObj library: text -> sections.

    [core]
        remote = store
    ['remote "store"']
        url = ../store            # a comment starts at any '#' outside of quotes

No message quotes what a file says, for it may hold secrets.
"""

from __future__ import annotations

import re

from dvcexp.errors import ConfigError, printable

Value = str | list[str]
Section = dict[str, Value]

MAX_SIZE = 1 << 20
# What `%(name)s` may grow a value to.
_MAX_VALUE = 1 << 16

_NAMED = re.compile(r'\s*(remote|machine|db)\s*"(.*)"\s*', re.DOTALL)
_CLOSING = re.compile(r"\](?=\s*(?:#|\Z))")
_INTERPOLATION = re.compile(r"%\(([^)]*)\)s")


def parse(data: bytes, where: str) -> dict[str, Section]:
    """The sections of a file, all names and keys in lower case; `remote "x"` is called so. ConfigError with `where`."""
    if len(data) > MAX_SIZE:
        raise ConfigError(f"'{printable(where)}' is too large for a configuration file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"'{printable(where)}' is not valid UTF-8") from None
    sections = _Parser(re.sub("\r\n?", "\n", text).splitlines(), where).sections()
    return {
        _named(name): {key.lower(): _interpolated(value, name, sections, where) for key, value in section.items()}
        for name, section in sections.items()
    }


def remote_name(section: str) -> str | None:
    """The remote's name in `remote "name"`; None for any other section."""
    return section[len('remote "') : -1] if section.startswith('remote "') else None


def _named(section: str) -> str:
    match = _NAMED.fullmatch(section.lower())
    return f'{match[1]} "{match[2]}"' if match else section.lower()


class _Parser:
    def __init__(self, lines: list[str], where: str) -> None:
        self._lines = lines
        self._where = where
        self._number = 0  # of the line in hand, from 1

    def sections(self) -> dict[str, Section]:
        found: dict[str, Section] = {}
        section: Section | None = None
        while self._number < len(self._lines):
            line = self._next()
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            name = _section_name(stripped)
            if name is not None:
                if name in found:
                    raise self._error("the section stands twice")
                section = found[name] = {}
                continue
            key, value = self._key_and_value(stripped)
            if section is None:
                raise self._error("a key outside of any section")
            if key in section:
                raise self._error("the key stands twice in its section")
            section[key] = value
        return found

    def _next(self) -> str:
        self._number += 1
        return self._lines[self._number - 1]

    def _error(self, reason: str) -> ConfigError:
        return ConfigError(f"'{printable(self._where)}', line {self._number}: {reason}")

    def _key_and_value(self, line: str) -> tuple[str, Value]:
        if line.startswith("[["):
            raise self._error("DVC has no sections in sections")
        if line[0] in "\"'":
            match = re.match(r"""(["'])(.*?)\1\s*=\s*(.*)""", line)
            if match is None:
                raise self._error("neither a section nor 'key = value'")
            key, text = match[2], match[3]
        else:
            before, equals, text = line.partition("=")
            key, text = before.rstrip(), text.lstrip()
            if not equals or not key:
                raise self._error("neither a section nor 'key = value'")
        if text[:3] in ('"""', "'''"):
            return key, self._long_text(text[:3], text[3:])
        return key, self._value(text)

    def _long_text(self, quotes: str, text: str) -> str:
        """A value in triple quotes, over any number of lines."""
        lines = []
        while True:
            content, closed, rest = text.partition(quotes)
            lines.append(content)
            if closed:
                if rest.strip() and not rest.lstrip().startswith("#"):
                    raise self._error("something stands behind the closing quotes")
                return "\n".join(lines)
            if self._number == len(self._lines):
                raise self._error("the closing quotes are missing")
            text = self._next()

    def _value(self, text: str) -> Value:
        """Text, in quotes or not, or a list of them with commas; a comma at the end makes a list of one."""
        items = []
        rest = text
        while True:
            item, rest = self._item(rest)
            if not rest.startswith(","):
                break
            items.append(item)
            rest = rest[1:].lstrip()
            if not rest or rest.startswith("#"):
                return [] if items == [None] else [self._present(one) for one in items]
        if not items:
            return item or ""
        return [self._present(one) for one in (*items, item)]

    def _present(self, item: str | None) -> str:
        if item is None:
            raise self._error("an item of the list is missing")
        return item

    def _item(self, text: str) -> tuple[str | None, str]:
        """The first item of a value, None where there is none, and what follows: nothing, a comment, or `,...`."""
        if not text or text[0] in ",#":
            return None, text
        if text[0] not in "\"'":
            end = min((position for position in (text.find(","), text.find("#")) if position >= 0), default=len(text))
            return text[:end].rstrip(), text[end:]
        # There are no escapes: a quote closes if what follows could follow a value.
        close = text.find(text[0], 1)
        while close > 0:
            rest = text[close + 1 :].lstrip()
            if not rest or rest[0] in ",#":
                return text[1:close], rest
            close = text.find(text[0], close + 1)
        raise self._error("the closing quote is missing")


def _section_name(line: str) -> str | None:
    """The name in `[name]`, without its quotes; None for any other line."""
    if not line.startswith("["):
        return None
    inner = line[1:].lstrip()
    if not inner or inner.startswith("["):
        return None
    for bracket in _CLOSING.finditer(inner):
        name = inner[: bracket.start()].rstrip()
        if inner[0] in "\"'":
            if len(name) > 2 and name[-1] == name[0]:
                return name[1:-1]
        elif not name.endswith("]"):
            return name or None
    return None


def _interpolated(value: Value, section: str, sections: dict[str, Section], where: str) -> Value:
    """`value` with each `%(key)s` replaced by that key's value in the section or in `[DEFAULT]`."""

    def lookup(key: str) -> str:
        for name in (section, "DEFAULT"):
            found = sections.get(name, {}).get(key)
            if isinstance(found, str):
                return found
        raise ConfigError(f"'{printable(where)}': a value in [{printable(section)}] refers to a key that is not there")

    def expand(text: str, within: tuple[str, ...]) -> str:
        pieces, position, length = [], 0, 0
        for match in _INTERPOLATION.finditer(text):
            key = match[1]
            piece = expand(lookup(key), (*within, key)) if key not in within else None
            length += len(piece or "")
            if piece is None or length > _MAX_VALUE or len(within) > 10:
                raise ConfigError(f"'{printable(where)}': a value in [{printable(section)}] refers to itself")
            pieces += [text[position : match.start()], piece]
            position = match.end()
        return "".join([*pieces, text[position:]])

    if isinstance(value, list):
        return [expand(item, ()) for item in value]
    return expand(value, ()) if "%(" in value else value
