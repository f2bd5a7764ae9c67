"""YAML as DVC reads it: version 1.2 the way ruamel.yaml's safe loader understands it.

The parser is libyaml's, through PyYAML; its events are turned into values here, because PyYAML's own constructors speak
YAML 1.1 (`no` is False, `1:30` is 90), accept duplicate keys, and let a short file with aliases grow without bound.
What is as simple as DVC writes it is read by `plainyaml` instead, which is quicker to import and to read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dvcexp.dvc import plainyaml, scalars
from dvcexp.errors import FormatError

if TYPE_CHECKING:
    from yaml import Event, MappingStartEvent, ScalarEvent, SequenceStartEvent

MAX_SIZE = 128 << 20
MAX_DEPTH = 100
# How many values aliases may stand for: ten lines of aliases to aliases could otherwise stand for billions.
MAX_ALIASED = 1_000_000
# Strings hash unpredictably, numbers do not: enough of them, chosen well, make one dictionary quadratic.
MAX_ODD_KEYS = 10_000

_CONFLICT = re.compile(rb"^(?:<{7} |={7}\r?$|>{7} )", re.MULTILINE)

_MAP, _SET, _SEQ, _OMAP, _PAIRS = (scalars.TAG + name for name in ("map", "set", "seq", "omap", "pairs"))


class _Rejected(Exception):
    """What is wrong, and in which line; never leaves this module."""

    def __init__(self, reason: str, event: Event | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = event.start_mark.line + 1 if event is not None and event.start_mark is not None else None


def load(data: bytes, where: str) -> Any:
    """The one document in `data`, as dict, list, str, int, float, bool, None, date, datetime, bytes, set, tuple.

    None for an empty file. Equal parts that aliases stand for are one object: do not change what is returned. Raises
    FormatError with `where`.
    """
    if len(data) > MAX_SIZE:
        raise FormatError(where, f"{len(data)} bytes are too many for a file of this kind")
    value = plainyaml.load(data)
    return value if value is not None else _load(data, where)


def _load(data: bytes, where: str) -> Any:
    """Any YAML there is."""
    import yaml

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(where, "is not valid UTF-8") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it
    try:
        return _Builder(loader(text)).document()
    except _Rejected as exc:
        reason, line = exc.reason, exc.line
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        reason, line = exc.problem or exc.context or "cannot be parsed", mark.line + 1 if mark is not None else None
    except yaml.YAMLError as exc:
        reason, line = " ".join(str(exc).split()), None
    raise broken(where, f"line {line}: {reason}" if line is not None else reason, data)


def broken(where: str, reason: str, data: bytes) -> FormatError:
    """The error for a file with something wrong in it; where Git has left its marks that is what is wrong."""
    return FormatError(where, f"unresolved merge conflict ({reason})" if _CONFLICT.search(data) else reason)


class _Merge:
    """The key `<<`, unquoted: what stands after it is merged into the mapping."""


class _Builder:
    """One pass over the events of one document.

    Every value has a weight, the number of values in it with aliases counted as often as they stand there.
    """

    def __init__(self, parser: Any) -> None:
        from yaml import events

        self._next: Callable[[], Any] = parser.get_event
        self._events = events
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open: set[str] = set()  # anchors of the collections we stand in
        self._aliased = 0
        self._odd_keys = 0

    def document(self) -> Any:
        self._next()  # the stream begins
        event = self._next()
        if isinstance(event, self._events.StreamEndEvent):
            return None
        value, _ = self._value(self._next(), 0)
        self._next()  # the document ends
        event = self._next()
        if not isinstance(event, self._events.StreamEndEvent):
            raise _Rejected("more than one document", event)
        return value

    def _value(self, event: Any, depth: int) -> tuple[Any, int]:
        """The value that `event` begins, and its weight."""
        kind = type(event)
        if kind is self._events.ScalarEvent:
            value, weight = _scalar(event), 1
        elif kind is self._events.AliasEvent:
            return self._alias(event)
        elif depth == MAX_DEPTH:
            raise _Rejected(f"nested more than {MAX_DEPTH} deep", event)
        else:
            build = self._mapping if kind is self._events.MappingStartEvent else self._sequence
            if event.anchor is None:
                return build(event, depth + 1)
            self._open.add(event.anchor)
            value, weight = build(event, depth + 1)
            self._open.discard(event.anchor)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, weight
        return value, weight

    def _alias(self, event: Any) -> tuple[Any, int]:
        if event.anchor in self._open:
            raise _Rejected(f"'*{event.anchor}' stands inside of what it stands for", event)
        if event.anchor not in self._anchors:
            raise _Rejected(f"nothing is called '&{event.anchor}' above", event)
        value, weight = self._anchors[event.anchor]
        self._aliased += weight
        if self._aliased > MAX_ALIASED:
            raise _Rejected(f"aliases stand for more than {MAX_ALIASED} values", event)
        return value, weight

    def _sequence(self, start: SequenceStartEvent, depth: int) -> tuple[Any, int]:
        items, total, end = [], 1, self._events.SequenceEndEvent
        event = self._next()
        while type(event) is not end:
            value, weight = self._value(event, depth)
            items.append(value)
            total += weight
            event = self._next()
        tag = start.tag
        if tag in (None, "!", _SEQ):
            return items, total
        if tag in (_OMAP, _PAIRS) and all(isinstance(item, dict) and len(item) == 1 for item in items):
            pairs = [next(iter(item.items())) for item in items]
            return (dict(pairs) if tag == _OMAP else pairs), total
        raise _Rejected(f"a list cannot be a '{tag}'", start)

    def _mapping(self, start: MappingStartEvent, depth: int) -> tuple[Any, int]:
        own: dict[Any, Any] = {}
        merged: list[Any] | None = None
        total, end = 1, self._events.MappingEndEvent
        event = self._next()
        while type(event) is not end:
            key, key_weight = self._key(event, depth)
            value_event = self._next()
            value, weight = self._value(value_event, depth)
            total += key_weight + weight
            if key is _Merge:
                if merged is not None:
                    raise _Rejected("'<<' stands twice in one mapping", event)
                merged = value if isinstance(value, list) else [value]
                if not all(isinstance(part, dict) for part in merged):
                    raise _Rejected("'<<' takes a mapping or a list of mappings", value_event)
            elif key in own:
                raise _Rejected(f"duplicate key '{key}'", event)
            else:
                own[key] = value
            event = self._next()
        result = own if not merged else _merge(merged, own)
        if start.tag in (None, "!", _MAP):
            return result, total
        if start.tag == _SET:
            return set(result), total
        raise _Rejected(f"a mapping cannot be a '{start.tag}'", start)

    def _key(self, event: Any, depth: int) -> tuple[Any, int]:
        if type(event) is self._events.ScalarEvent and event.implicit[0] and event.tag is None:
            if event.value == "<<":
                return _Merge, 1
            if event.value == "=":
                return "=", 1
        key, weight = self._value(event, depth)
        if type(key) is not str:
            if isinstance(key, list):
                key = tuple(key)
            self._odd_keys += 1
            if self._odd_keys > MAX_ODD_KEYS:
                raise _Rejected(f"more than {MAX_ODD_KEYS} keys that are not text", event)
            try:
                hash(key)
            except TypeError:
                raise _Rejected("a mapping cannot be a key", event) from None
        return key, weight


def _merge(parts: list[Any], own: dict[Any, Any]) -> dict[Any, Any]:
    """Earlier parts win over later ones, the mapping's own keys over all; merged keys stand first, as in ruamel."""
    result: dict[Any, Any] = {}
    for part in reversed(parts):
        result.update(part)
    result.update(own)
    return result


def _scalar(event: ScalarEvent) -> Any:
    text: str = event.value
    tag: str | None = event.tag
    if tag is None or tag == "!":
        if not event.implicit[0]:
            return text
        tag = scalars.tag_of(text)
    try:
        return scalars.construct(tag, text)
    except LookupError:
        raise _Rejected(f"'{text}' cannot be a '{tag}'", event) from None
    except ValueError as exc:
        raise _Rejected(f"'{text[:80]}' is no {tag.removeprefix(scalars.TAG)} ({exc})", event) from None
