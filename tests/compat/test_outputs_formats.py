"""The layers under a commit's outputs, each against the library that DVC uses for it."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from pathlib import Path
from random import Random
from typing import Any

import pytest
from dvc.exceptions import DvcException
from dvc.fs import LocalFileSystem
from dvc.ignore import DvcIgnoreFilter, DvcIgnorePatterns
from dvc.utils.serialize import load_path
from dvc_data.hashfile.hash import fobj_md5
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.meta import Meta
from dvc_data.hashfile.tree import Tree
from ruamel.yaml import YAML

from dvcexp.dvc import gitignore, ignore, params, yaml
from dvcexp.dvc.objects import LEGACY, MD5, Entry, dir_oid, dump_manifest, new_digest, parse_manifest
from dvcexp.errors import FormatError

SCALARS = """
no on y Off Yes True TRUE tRue false null Null ~ 1:30 12:30:45 010 08 0o17 0o8 0b11 0b 0x1F 0xg -0x10 1e5 1e 12e03 1.e5
.5 -.5e+3 1_000 1__0 _1 0_ -_ + - . .. +1_0.5e1 1. 0.1.2 1.5. .inf -.Inf +.inf .NAN -.nan -0 0 00 -1 << = @b `b %b
1234567890e2 2024-01-01 2024-1-1 2024-13-01 2024-01-01T10:00:00 2024-01-01T10:00:00.25Z 2024-01-01T10:00:00+02:00
9223372036854775808 12345678901234567890123456789012 00000000000000000000000000000001 '1' "1" 'it''s' "\\x41\\n"
"""

DOCUMENTS = r"""
a: !!str 1 | a: !!int '3' | a: !!float 3 | a: !!bool yes | a: !!null x | a: ! 1 | a: !x 1 | a: !!binary aGVsbG8=
a: !!timestamp 2001-12-14 | a: 2001-12-14 21:59:43.10 -5 | a: [a, b: c] | # a comment | --- | --- a\n...
a: {a: 1} | a: 1\n---\nb: 2 | a: 1\na: 2 | 1: a\n1.0: b | true: a\n1: b
{a: 1, b} | ? [a, b]\n: 1 | ? {a: 1}\n: 2 | a: b: c | a: [1, 2 | a: 'x
a: >-\n  x\n  y\n | <<: 1 | <<: [1] | <<: {b: 1} | '<<': 1 | =: 1 | a: {<<: {b: 1}, <<: {c: 1}} | a: &x 1\nb: *x | a: *x
x: &x {a: 1, b: 2}\ny: {<<: *x, a: 3} | x: &x {a: 1}\nz: &z {a: 2, c: 3}\ny: {<<: [*x, *z], d: 1}
!!set {a, b} | !!set {a: 1} | !!omap [a: 1, b: 2] | !!pairs [a: 1, a: 2] | a: !!map [1] | a: !!seq {a: 1}
!!omap [a] | !!binary x: 1 | \ta: 1 | %YAML 1.2\n---\na: no | a:\n- b\n-  c: d\n   e: f\n | \ufeffa: 1 | []
"""


def examples() -> list[str]:
    documents = [document for line in DOCUMENTS.split("\n") for document in line.split(" | ")]
    unescaped = [document.encode().decode("unicode_escape") for document in documents]
    return [*(f"a: {scalar}" for scalar in SCALARS.split()), *unescaped, "a: |\n  x\n  y\n"]


def by_ruamel(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = YAML(typ="safe").load(text)
            return dict(value) if type(value).__name__ == "ordereddict" else value
        except Exception:
            return FormatError


CLASS = """
class A:
    def __init__(self):
        self.b = 1
        c = 2
        self.d.e = 3
    def f(self):
        self.g = 4
"""


def by_us(text: str) -> Any:
    try:
        return yaml.load(text.encode(), "f")
    except FormatError:
        return FormatError


@pytest.mark.parametrize("text", examples())
def test_yaml_means_what_ruamel_reads(text: str) -> None:
    theirs, our = by_ruamel(text), by_us(text)
    assert repr(our) == repr(theirs) or our == theirs


def test_random_yaml_means_what_ruamel_reads() -> None:
    """libyaml and ruamel's scanner differ in a few corners of syntax; where both can read, they read the same."""
    pieces = [
        "a",
        "b",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "1",
        "0x1",
        "no",
        "'",
        '"',
        "&x ",
        "*x",
        "<<: ",
    ]
    random, compared = Random(5), 0
    for _ in range(4000):
        text = "".join(random.choice(pieces) for _ in range(random.randint(1, 12)))
        theirs, our = by_ruamel(text), by_us(text)
        if FormatError not in (theirs, our):
            compared += 1
            assert our == theirs or repr(our) == repr(theirs), text
    assert compared > 800


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.yaml", "a: no\nb: {c: [1, 2.5]}"),
        ("p.yaml", ""),
        ("p.other", "a: 1"),
        ("p.json", '{"a": [1, null, true], "b": {"c": "é"}}'),
        ("p.json", "null"),
        ("p.JSON", "{}"),
        ("a.b.json", "a: 1"),
        ("p.json", "{"),
        ("p.toml", 'a = 1\n[b]\nc = ["x", 2.5]\n[[d]]\ne = true\n'),
        ("p.toml", ""),
        ("p.toml", "a = "),
        ("p.py", "A = 1\nB: float = 2.5\nC = D = 3\nE = {'f': [1, (2,)]}\nF = g()\nH: int\nclass I:\n    j = {1, 2}\n"),
        ("p.py", CLASS),
        ("p.py", "a.b = 1\nself.c = 2\nx, y = 1, 2\nz = -1\nw = 1 + 2j\nv = f'{1}'\nu = [*[1]]\nt = {**{}}\n"),
        ("p.py", "a = {'b': 1,\r\n 'c': 2}\r\n"),
        ("p.py", "a = ("),
        ("p.py", ""),
    ],
)  # fmt: skip
def test_parameters_are_what_dvc_reads(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_bytes(content.encode())
    try:
        theirs = load_path(str(tmp_path / name), LocalFileSystem())
    except (DvcException, ValueError):
        with pytest.raises(FormatError):
            params.load(content.encode(), name)
    else:
        assert params.load(content.encode(), name) == theirs


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
def test_patterns_match_what_dvc_matches() -> None:
    pieces = ["*", "**", "?", "/", "a", "b", "[ab]", "[]a]", "[", "\\", "-", "!", "ab", ".", "#", "[a-c]"]
    names = ["a", "b", "ab", "abc", "c", "a.b", "]", "-", "\\", "#", "a b", "*"]
    random = Random(7)
    for _ in range(8000):
        lines = [
            "".join(random.choice(pieces) for _ in range(random.randint(1, 6))) for _ in range(random.randint(1, 2))
        ]
        path = [random.choice(names) for _ in range(random.randint(1, 4))]
        is_dir = random.random() < 0.5
        try:
            theirs = DvcIgnorePatterns(lines, "/", "/").matches("/".join(["", *path[:-1]]) or "/", path[-1], is_dir)
        except ValueError:
            theirs = None
        try:
            for line in lines:
                gitignore.parse(line)
            our = ignore.IgnoreFilter({"": lines}).is_ignored("/".join(path), is_dir=is_dir)
        except ValueError:
            our = None
        assert our == theirs, (lines, path, is_dir)


def test_dvcignore_files_in_many_folders_add_up_as_in_dvc(tmp_path: Path) -> None:
    lines = ["a", "/a", "a/", "*.x", "!a", "!b.x", "b/**", "/**/c", "a/b", "\\#", "!a/", "**"]
    folders = ["", "a", "a/b", "b", "b/a"]
    random = Random(9)
    for number in range(60):
        root = tmp_path / str(number)
        sources = {folder: random.sample(lines, random.randint(1, 3)) for folder in random.sample(folders, 3)}
        for folder in folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for folder, chosen in sources.items():
            (root / folder / ".dvcignore").write_text("\n".join(chosen))
        theirs, ours = DvcIgnoreFilter(LocalFileSystem(), str(root)), ignore.IgnoreFilter(sources)
        for path in [
            "a",
            "b",
            "a/b",
            "a/b/c",
            "b/a",
            "b/a/b.x",
            "a/b/q.x",
            "b/c/a",
            ".git",
            "a/.dvc",
            "x/.hg/y",
            "a/#",
        ]:
            for is_dir in (False, True):
                expected = theirs.is_ignored_dir if is_dir else theirs.is_ignored_file
                told = ours.is_ignored(path, is_dir=is_dir)
                assert told == expected(str(root / path)), (sources, path, is_dir)


def test_a_manifest_has_the_bytes_and_the_name_that_dvc_gives_it() -> None:
    names = ["run.sh", "B", "a b/x", "a-b", "a.b", "a/b", "ab", "é", "\x7f", 'q"\\', "\t", "\U0001f600", "d/e/f"]
    files = [Entry(name, hashlib.md5(name.encode()).hexdigest()) for name in names]
    tree = Tree()
    for name, md5 in files:
        tree.add(tuple(name.split("/")), Meta(), HashInfo("md5", md5))
    tree.digest()
    assert dump_manifest(files) == tree.as_bytes()
    assert dir_oid(files) == tree.hash_info.value
    assert parse_manifest(tree.as_bytes(), dir_oid(files)) == sorted(files)


@pytest.mark.parametrize("size", [0, 1, 511, 513, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (5 << 19) + 7])
@pytest.mark.parametrize("content", [b"text\r\n", b"\r\n", b"\xff\xfe\r\n", b"ab\0\r\n", b"abc\x01\r\n", b"\x80a\r\n"])
def test_a_legacy_digest_is_the_one_of_dvc_2(size: int, content: bytes) -> None:
    data = (content * (size // len(content) + 1))[:size]
    expected = {LEGACY: fobj_md5(io.BytesIO(data), name="md5-dos2unix"), MD5: hashlib.md5(data).hexdigest()}
    for kind, digest in expected.items():
        for piece in (1 << 22, 300_001):
            ours = new_digest(kind)
            for start in range(0, len(data), piece):
                ours.update(data[start : start + piece])
            assert ours.hexdigest() == digest


def test_other_keys_in_a_manifest_are_ignored() -> None:
    rows = [{"relpath": "b", "md5": "b" * 32, "size": 3, "isexec": True}, {"md5": "a" * 32, "relpath": "a"}]
    assert parse_manifest(json.dumps(rows).encode(), "x.dir") == [Entry("b", "b" * 32), Entry("a", "a" * 32)]
