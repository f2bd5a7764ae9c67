"""What a YAML scalar stands for, by YAML 1.2 as ruamel.yaml's safe loader understands it.

The patterns are compiled when they are first needed: many files have neither floats nor timestamps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

TAG = "tag:yaml.org,2002:"
STR = TAG + "str"
_NULL, _BOOL, _INT, _FLOAT = (TAG + name for name in ("null", "bool", "int", "float"))
_TIMESTAMP, _MERGE, _VALUE, _BINARY = (TAG + name for name in ("timestamp", "merge", "value", "binary"))
# Python's own limit for int(), which versions before 3.10.7 do not have.
_MAX_DIGITS = 4300

_FLOATS = (
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN)"
)
_INTS = r"[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = (
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})(?:[Tt]|[ \t]+)"
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]*))?"
    r"(?:[ \t]*(?P<zone>Z|(?P<sign>[-+])(?P<zone_hour>[0-9]{1,2})(?::(?P<zone_minute>[0-9]{2}))?))?"
)
_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE", "false", "False", "FALSE"), _BOOL),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), _NULL),
    "<<": _MERGE,
    "=": _VALUE,
}
_FIRST = frozenset("-+.0123456789")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def tag_of(text: str) -> str:
    """What a plain scalar is taken for: a tag."""
    if text[:1] not in _FIRST or not text:
        return _WORDS.get(text, STR)
    if _pattern(_FLOATS).fullmatch(text):
        return _FLOAT
    if text[0] != "." and _pattern(_INTS).fullmatch(text):
        return _INT
    is_date = text[4:5] == "-" and (_pattern(_DATE).fullmatch(text) or _pattern(_TIME).fullmatch(text))
    return _TIMESTAMP if is_date else STR


def construct(tag: str, text: str) -> Any:
    """The value of a scalar with this tag. LookupError if no scalar can have it, ValueError for a wrong text."""
    if tag == STR:
        return text
    constructor = _CONSTRUCTORS[tag]
    try:
        return constructor(text)
    except (LookupError, OverflowError) as exc:
        raise ValueError(str(exc)) from None


def _int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("too many digits")
    text = text.replace("_", "")
    sign = -1 if text[0] == "-" else 1
    if text[0] in "+-":
        text = text[1:]
    base = {"0b": 2, "0x": 16, "0o": 8}.get(text[:2])
    return sign * (int(text) if base is None else int(text[2:], base))


def _float(text: str) -> float:
    text = text.replace("_", "").lower()
    if text.lstrip("+-") in (".inf", ".nan"):
        text = text.replace(".", "")
    return float(text)


def _bool(text: str) -> bool:
    return {"true": True, "yes": True, "y": True, "on": True, "false": False, "no": False, "n": False, "off": False}[
        text.lower()
    ]


def _timestamp(text: str) -> Any:
    """A date, or a datetime, with a zone where the text has one."""
    import datetime

    match = _pattern(_TIME).fullmatch(text)
    if match is None:
        year, month, day = (int(part) for part in text.split("-"))
        return datetime.date(year, month, day)
    year, month, day = (int(part) for part in match["date"].split("-"))
    micros = datetime.timedelta(microseconds=round(float(f"0.{match['fraction'] or 0}") * 1_000_000))
    time = datetime.datetime(year, month, day, int(match["hour"]), int(match["minute"]), int(match["second"])) + micros
    if match["zone"] is None:
        return time
    offset = datetime.timedelta(hours=int(match["zone_hour"] or 0), minutes=int(match["zone_minute"] or 0))
    return time.replace(tzinfo=datetime.timezone(-offset if match["sign"] == "-" else offset))


def _binary(text: str) -> bytes:
    import base64

    return base64.decodebytes(text.encode("ascii"))


_CONSTRUCTORS: dict[str, Callable[[str], Any]] = {
    _NULL: lambda text: None,
    _BOOL: _bool,
    _INT: _int,
    _FLOAT: _float,
    _TIMESTAMP: _timestamp,
    _BINARY: _binary,
}
