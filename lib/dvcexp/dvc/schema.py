"""What may stand in dvc.yaml, dvc.lock and *.dvc: what DVC 3.67.1 rejects is rejected (dvc/schema.py, output.py).

A shape is checked before any template is resolved, as DVC does: `cache: ${x}` is wrong although x may be true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# Takes a value and says where it stands; returns what is wrong with it, or None.
Shape = Callable[[Any, str], str | None]


def a(kind: type, words: str) -> Shape:
    """An instance of `kind`; a boolean is an integer here, as in Python."""

    def shape(value: Any, at: str) -> str | None:
        return None if isinstance(value, kind) else f"{at or 'the file'} should be {words}"

    return shape


def anything(value: Any, at: str) -> str | None:
    """No restriction."""
    return None


def null(value: Any, at: str) -> str | None:
    """Nothing."""
    return None if value is None else f"{at} should be empty"


def any_of(*shapes: Shape) -> Shape:
    """Whatever one of `shapes` takes; the last one's complaint where none does."""

    def shape(value: Any, at: str) -> str | None:
        problem = None
        for one in shapes:
            problem = one(value, at)
            if problem is None:
                return None
        return problem

    return shape


def list_of(item: Shape) -> Shape:
    """A list, each of its items an `item`."""

    def shape(value: Any, at: str) -> str | None:
        if not isinstance(value, list):
            return f"{at} should be a list"
        for number, one in enumerate(value):
            problem = item(one, f"{at}[{number}]")
            if problem is not None:
                return problem
        return None

    return shape


def map_of(item: Shape, *, least: int = 0, most: int | None = None) -> Shape:
    """A mapping with names for keys, each of its values an `item`."""

    def shape(value: Any, at: str) -> str | None:
        if not isinstance(value, dict):
            return f"{at} should be a mapping"
        if len(value) < least or (most is not None and len(value) > most):
            return f"{at} has {len(value)} keys"
        for key, one in value.items():
            if not isinstance(key, str):
                return f"{at}: the key '{key}' is not text"
            problem = item(one, f"{at}.{key}")
            if problem is not None:
                return problem
        return None

    return shape


def fields(required: Mapping[str, Shape] | None = None, /, **optional: Shape) -> Shape:
    """A mapping with these keys and no others."""
    needed = required or {}
    known = {**optional, **needed}

    def shape(value: Any, at: str) -> str | None:
        if not isinstance(value, dict):
            return f"{at or 'the file'} should be a mapping"
        for key, one in value.items():
            # Looking up an odd key is fine: whatever YAML has for a key can be hashed.
            known_shape = known.get(key)
            if known_shape is None:
                return f"{at + ': ' if at else ''}unknown key '{key}'"
            problem = known_shape(one, f"{at}.{key}" if at else key)
            if problem is not None:
                return problem
        for key in needed:
            if key not in value:
                return f"{at + ': ' if at else ''}'{key}' is missing"
        return None

    return shape


def checksum(value: Any, at: str) -> str | None:
    """A hash: null, empty, or text or a number of at least three characters."""
    if value is None or value == "" or (isinstance(value, (str, int)) and len(str(value)) >= 3):
        return None
    return f"{at} is no hash"


text = a(str, "text")
number = a(int, "a whole number")
flag = a(bool, "true or false")
mapping = a(dict, "a mapping")
_command = any_of(text, a(list, "text or a list"))

_CHECKSUMS = {"md5": checksum, "checksum": checksum, "etag": checksum}
_META = {"size": number, "nfiles": number, "isexec": flag, "version_id": text}
_CLOUD = {"cloud": map_of(fields(**_META, **_CHECKSUMS), most=1)}
_FILES = {"files": list_of(fields({"relpath": text}, **_CHECKSUMS, **_META, **_CLOUD))}
_ANNOTATIONS = {"desc": text, "type": text, "labels": list_of(text), "meta": anything}
_RECORD = {**_CHECKSUMS, **_META, **_CLOUD, "path": text, "persist": flag, "hash": text}

_SOURCE_REPOSITORY = fields(
    {"url": text}, rev=text, rev_lock=text, config=any_of(text, mapping), remote=any_of(text, mapping)
)
_DATABASE = fields(query=text, connection=text, file_format=text, table=text)

DVC_FILE = fields(
    md5=checksum,
    wdir=any_of(text, null),
    deps=any_of(null, list_of(fields(**_RECORD, **_FILES, repo=_SOURCE_REPOSITORY, db=_DATABASE, fs_config=mapping))),
    outs=any_of(
        null,
        list_of(fields(**_RECORD, **_FILES, **_ANNOTATIONS, cache=flag, remote=text, push=flag, fs_config=mapping)),
    ),
    locked=flag,
    frozen=flag,
    meta=anything,
    always_changed=flag,
    desc=text,
)


def _version_2(value: Any, at: str) -> str | None:
    return None if value == "2.0" and isinstance(value, str) else f"{at} should be '2.0'"


_LOCKED = list_of(
    fields({"path": text}, **_CHECKSUMS, **_META, **_CLOUD, **_FILES, hash=text, dataset=mapping),
)

LOCKED_STAGE = fields({"cmd": _command}, deps=_LOCKED, params=map_of(map_of(anything)), outs=_LOCKED)

LOCK_FILE = fields({"schema": _version_2}, datasets=anything, stages=map_of(LOCKED_STAGE))

_FLAGS = {**_ANNOTATIONS, "cache": flag, "persist": flag, "checkpoint": flag, "remote": text, "push": flag}
_PLOT = fields(**_FLAGS, template=text, x=text, y=text, x_label=text, y_label=text, title=text, header=flag)
_OUTS = list_of(any_of(text, map_of(fields(**_FLAGS))))

VARS = list_of(any_of(text, mapping))

_STAGE = fields(
    {"cmd": _command},
    matrix=map_of(any_of(text, a(list, "text or a list"))),
    wdir=text,
    deps=list_of(text),
    params=list_of(any_of(text, mapping)),
    vars=VARS,
    frozen=flag,
    meta=anything,
    desc=text,
    always_changed=flag,
    outs=_OUTS,
    metrics=_OUTS,
    plots=list_of(any_of(text, map_of(any_of(list_of(_PLOT), _PLOT)))),
)
_FOREACH = fields({"foreach": any_of(text, mapping, a(list, "a list, a mapping or text")), "do": _STAGE})


def _stage(value: Any, at: str) -> str | None:
    generates = isinstance(value, dict) and ("foreach" in value or "do" in value)
    return (_FOREACH if generates else _STAGE)(value, at)


_TOP_PLOT = fields(
    x=any_of(text, map_of(text)),
    y=any_of(text, list_of(text), map_of(any_of(text, list_of(text)))),
    x_label=text,
    y_label=text,
    title=text,
    template=text,
)

PIPELINE_FILE = fields(
    datasets=anything,
    plots=list_of(any_of(text, map_of(any_of(null, _TOP_PLOT), least=1))),
    stages=map_of(_stage),
    vars=VARS,
    params=list_of(text),
    metrics=list_of(text),
    artifacts=map_of(fields({"path": text}, **_ANNOTATIONS)),
)
