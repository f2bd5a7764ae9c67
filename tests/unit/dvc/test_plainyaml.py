"""The quick way to read what DVC writes agrees with the whole parser, or leaves the file to it."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvcexp.dvc import plainyaml, yaml
from dvcexp.errors import FormatError

# As DVC 3.67.1 writes it.
LOCK = b"""\
schema: '2.0'
stages:
  train@a-0.5:
    cmd: python train.py --lr 0.1 | tee "log" a#2
    deps:
    - path: data/raw.csv
      hash: md5
      md5: 115aa89ee660e108ad2daf4f9bca730b
      size: 8
    params:
      params.yaml:
        lr: 0.1
        name: no
        nothing:
        steps: 1e3
    outs:
    - path: out
      hash: md5
      md5: '12345678901234567890123456789012'
      size: 8
      nfiles: 2
      isexec: true
"""


def whole(text: bytes) -> Any:
    """The whole parser's answer; FormatError where it has none."""
    try:
        return yaml._load(text, "x")
    except FormatError:
        return FormatError


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types all the way down; no number is itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) or (isinstance(left, float) and math.isnan(left) and math.isnan(right))


def test_what_dvc_writes_is_read_the_quick_way() -> None:
    found = plainyaml.load(LOCK)
    assert isinstance(found, dict)
    assert same(found, whole(LOCK))
    assert found["stages"]["train@a-0.5"]["params"]["params.yaml"] == {
        "lr": 0.1,
        "name": "no",
        "nothing": None,
        "steps": 1000.0,
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# nothing",
        b"a",
        b"a: b # comment",
        b"a: [1, 2]",
        b"a: {b: c}",
        b"a: &x 1",
        b"a: |\n  text",
        b"a: 'it''s'",
        b'a: "\\n"',
        b"a: b\n  c",
        b"a: b: c",
        b"a: 1\na: 2",
        b"a:\tb",
        b"a: b\r\n",
        "a: é".encode(),
        b"a: =",
        b"<<: 1",
        b"1: a",
        b"null: a",
        b"2024-01-01: a",
        b"a:\n    b: 1\n  c: 2",
        b"- a\nb: c",
        b"- - a",
        b"---\na: b",
        b"a: b\n...\n",
        b"<<<<<<< HEAD\na: b\n",
        b"a: " + b"9" * 5000,
        b"k" * 1100 + b": v",
        b"".join(b" " * depth + b"a:\n" for depth in range(60)),
    ],
)
def test_all_else_is_left_to_the_whole_parser(text: bytes) -> None:
    assert plainyaml.load(text) is None


FRAGMENTS = [
    *[
        "",
        " ",
        "  ",
        "    ",
        "- ",
        "-",
        "a:",
        "b.c:",
        "path:",
        "a: ",
        "md5: ",
        "- a:",
        "- a: ",
        "1:",
        "no:",
        "2024-01-01:",
    ],
    *[
        "x",
        "1",
        "-1",
        "0.5",
        ".5",
        ".inf",
        "-.inf",
        ".nan",
        "1e3",
        "1_000",
        "010",
        "0x1F",
        "0b1",
        "0o7",
        "1:30",
        "2024-01-01",
    ],
    *[
        "2024-01-01 10:00:00",
        "2024-1-1T1:00:00Z",
        "true",
        "no",
        "null",
        "~",
        "'2.0'",
        "'a b'",
        "''",
        "'it''s'",
        '"x"',
        '"\\n"',
    ],
    *[
        "#",
        " # c",
        "a#b",
        "a: b",
        "a:b",
        "c:",
        "&x",
        "*x",
        "!t",
        "|",
        ">",
        "%",
        "@",
        "?",
        "? ",
        "[",
        "{}",
        "---",
        "...",
        "=",
        "<<",
    ],
    *[
        "5d41402abc4b2a76b9719d911017c592",
        "1234567890e21234567890e212345678",
        "python a.py ${x} | tee y",
        "\t",
        "\r",
        "é",
        "\x00",
    ],
]


@given(st.lists(st.lists(st.sampled_from(FRAGMENTS), max_size=5).map("".join), max_size=8).map("\n".join))
def test_any_text_is_read_as_the_whole_parser_reads_it_or_not_at_all(text: str) -> None:
    data = text.encode()
    found = plainyaml.load(data)
    assert found is None or same(found, whole(data)), text


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_lock_is_read_as_the_whole_parser_reads_it_or_not_at_all(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(LOCK)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        piece = chance.choice(
            [b"", b" ", b"\n", b"  ", b"- ", b": ", b":", b"#", b"'", b"0", b"-", b".", b"e", b"\n\n"]
        )
        data[at : at + chance.randint(0, 2)] = piece
    found = plainyaml.load(bytes(data))
    assert found is None or same(found, whole(bytes(data))), bytes(data).decode()
