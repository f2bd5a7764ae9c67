"""The run-cache: what a stage was run on and what came of it, so that `dvc repro` need not run it again.

An entry is the YAML of one stage as dvc.lock has it, without its name, at `runs/<key[:2]>/<key>/<value>` below a cache
or a DVC remote's URL. DVC's key is a hash of what went in and of the outputs' paths, its value one of the whole stage
(dvc/stage/cache.py, DVC 3.67.1). A commit's dvc.lock has the stage, so the name of its entry is computed, and never
taken from a listing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from dvcexp.dvc import schema, yaml
from dvcexp.dvc.objects import Object
from dvcexp.dvc.output import RecordError, read_record
from dvcexp.errors import FormatError

MAX_SIZE = 16 << 20  # a dvc.lock of a thousand stages has 1 MB

_NOT_HASHED = ("size", "nfiles")  # wherever they stand, in the parameters too


class Run(NamedTuple):
    """The name of an entry: DVC's key, `inputs`, and value, `results`, 64 hex digits each."""

    inputs: str
    results: str

    @property
    def key(self) -> str:
        """Its path below a cache folder or a remote's URL."""
        return f"runs/{self.inputs[:2]}/{self.inputs}/{self.results}"


def run_of(stage: Mapping[str, Any]) -> Run | None:
    """The entry of a stage as dvc.lock records it; None where DVC keeps none."""
    outs = stage.get("outs")
    if not outs or not (stage.get("deps") or stage.get("params")):
        return None
    try:
        return Run(_digest({**stage, "outs": [out["path"] for out in outs]}), _digest(stage))
    except TypeError:
        return None  # a date among the parameters: DVC cannot hash it either


def named_objects(data: bytes, run: Run) -> list[Object]:
    """The objects that an entry names. FormatError where it is not the one that `run` means, or DVC would reject it."""
    stage = yaml.load(data, run.key)
    problem = schema.LOCKED_STAGE(stage, "")
    if problem is not None:
        raise FormatError(run.key, problem)
    if run_of(stage) != run:
        raise FormatError(run.key, "content does not match its name")
    try:
        records = [read_record(item).object for item in stage["outs"]]
    except RecordError as exc:
        raise FormatError(run.key, str(exc)) from None
    objects = [item for item in records if item is not None]
    if len(objects) < len(records):
        raise FormatError(run.key, "an output has no md5")
    return objects


def _digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(_without_sizes(value), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _without_sizes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_sizes(one) for key, one in value.items() if key not in _NOT_HASHED}
    return [_without_sizes(one) for one in value] if isinstance(value, list) else value
