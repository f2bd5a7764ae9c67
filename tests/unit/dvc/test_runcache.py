"""Names and content of run-cache entries, against one that DVC 3.67.1 has written."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from dvcexp.dvc import yaml
from dvcexp.dvc.objects import LEGACY, Object
from dvcexp.dvc.runcache import Run, named_objects, run_of
from dvcexp.errors import FormatError

ENTRY = b"""\
cmd: python3 train.py
deps:
- path: data
  hash: md5
  md5: 3ddbd2c7273cced92776360fcd27ee35.dir
  size: 8
  nfiles: 1
- path: train.py
  hash: md5
  md5: 20b088a5d0dbba31a4c12f11304c3180
  size: 336
params:
  params.yaml:
    n: 1
outs:
- path: metrics.json
  hash: md5
  md5: 96d730b7a405ed0e9cb1068b43e06fe4
  size: 8
- path: model.bin
  hash: md5
  md5: 0b6d19947a53e4ef8a25d687edb97a46
  size: 5005
- path: out
  hash: md5
  md5: 2f2ef9a8c1dc771cd2dfceb370b118af.dir
  size: 17
  nfiles: 2
"""
RUN = Run(
    "75aa826494a4697265249a2a8c679e803547f832ec08e1e48f9dae5a08adebf5",
    "cbbecf2160428cef6b47489404cb1d8260a902bad18e928d325d0141491aded7",
)


def stage(**changes: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(ENTRY, "entry")
    return {key: value for key, value in {**loaded, **changes}.items() if value is not None}


def test_the_name_is_dvcs() -> None:
    assert run_of(stage()) == RUN
    assert RUN.key == f"runs/75/{RUN.inputs}/{RUN.results}"


def test_other_results_of_the_same_inputs_have_the_same_folder() -> None:
    outs = [{**out, "md5": "0" * 32} for out in stage()["outs"]]
    other = run_of(stage(outs=outs))
    assert other is not None
    assert (other.inputs, other.results != RUN.results) == (RUN.inputs, True)


@pytest.mark.parametrize(
    "changes",
    [{"outs": None}, {"outs": []}, {"deps": None, "params": None}, {"params": {"p": {"d": datetime.date(2024, 1, 1)}}}],
)
def test_stages_of_which_dvc_keeps_no_run_have_no_name(changes: dict[str, Any]) -> None:
    assert run_of(stage(**changes)) is None


def test_an_entry_names_the_objects_of_every_output() -> None:
    assert named_objects(ENTRY, RUN) == [
        Object("96d730b7a405ed0e9cb1068b43e06fe4"),
        Object("0b6d19947a53e4ef8a25d687edb97a46"),
        Object("2f2ef9a8c1dc771cd2dfceb370b118af.dir"),
    ]


def test_objects_of_dvc_2_are_named_as_such() -> None:
    old = ENTRY.replace(b"  hash: md5\n", b"")
    run = run_of(yaml.load(old, "entry"))
    assert run is not None
    assert {item.hash for item in named_objects(old, run)} == {LEGACY}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "should be a mapping"),
        (b"- 1\n", "should be a mapping"),
        (b"cmd: [\n", "line"),
        (ENTRY + b"name: train\n", "unknown key 'name'"),
        (ENTRY.replace(b"n: 1", b"n: 2"), "content does not match its name"),
        (ENTRY.replace(b"0b6d1994", b"../../.."), "content does not match its name"),
        (ENTRY.replace(b"outs:", b"params:"), "line"),
    ],
)
def test_anything_else_is_refused_by_name(content: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as refused:
        named_objects(content, RUN)
    assert refused.value.where == RUN.key


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"0b6d19947a53e4ef8a25d687edb97a46", b"../../../../../etc/passwd", "its md5 .* is not one"),
        (b"  md5: 0b6d19947a53e4ef8a25d687edb97a46\n", b"", "an output has no md5"),
        (b"hash: md5\n  md5: 0b6d", b"hash: etag\n  md5: 0b6d", "an output has no md5"),
    ],
)
def test_an_entry_of_the_right_name_must_name_objects(old: bytes, new: bytes, reason: str) -> None:
    content = ENTRY.replace(old, new)
    run = run_of(yaml.load(content, "entry"))
    assert run is not None
    with pytest.raises(FormatError, match=reason):
        named_objects(content, run)
