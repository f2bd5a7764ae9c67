"""Whatever a stranger's commit holds, reading it gives values and FormatErrors, soon."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dvcexp.dvc import gitignore, yaml
from dvcexp.dvc.outputs import OutputsReader, RootOutputs
from dvcexp.errors import FormatError
from tests.support.dvc_projects import Projects
from tests.support.fuzz_targets import PIECES
from tests.support.trees import MemoryStore

_TEXT = st.lists(st.sampled_from(PIECES), max_size=5).map(b"".join)

_PATIENT = settings(max_examples=300, deadline=2000, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def read(files: dict[str, Any]) -> tuple[RootOutputs, ...]:
    store = MemoryStore()
    return OutputsReader(store).read(store.add({".dvc/config": "", **files}))


@settings(_PATIENT, max_examples=80)
@given(st.integers(0, 10**6), st.data())
def test_a_project_with_some_of_its_bytes_changed(seed: int, data: st.DataObject) -> None:
    files = {"x.dvc": "", **Projects(seed).project()}
    path = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[path].encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 5))] = data.draw(_TEXT)
    read({**files, path: bytes(content)})


def command(text: str) -> str:
    return f"stages: {{t: {{cmd: '{text}'}}}}"


DEEP = 200_000
THOUSAND = list(range(1000))
ATTACKS: dict[str, dict[str, Any]] = {
    "aliases of aliases": {
        "x.dvc": "a: &a [x, x]\n"
        + "".join(f"k{n}: &{'a' * n} [{f'*{chr(97) * (n - 1)}, ' * 9}]\n" for n in range(2, 20))
    },
    "merges of merges": {
        "dvc.yaml": "vars:\n- &a {" + ", ".join(f"k{n}: 1" for n in range(2000)) + "}\n" + "- {<<: *a}\n" * 20_000
    },
    "nested lists": {"x.dvc": "[" * DEEP},
    "nested mappings": {"x.dvc": "".join(" " * n + "a:\n" for n in range(1000))},
    "a number of a million digits": {"x.dvc": "outs: [{path: x, size: " + "9" * 1_000_000 + "}]"},
    "keys that collide": {"dvc.yaml": "{}", "params.yaml": "\n".join(f"{n * (2**61 - 1)}: 1" for n in range(50_000))},
    "an output inside itself": {"x.dvc": "outs: &a [*a]"},
    "a million brackets in a template": {"dvc.yaml": command("${" * 500_000)},
    "a hundred thousand lines in a template": {"dvc.yaml": "stages: {t: {cmd: |\n" + "    ${\n" * 100_000 + "    }}}"},
    "an expression of blanks": {"dvc.yaml": command("${a" + " " * 300_000 + "]}")},
    "a matrix of billions": {
        "dvc.yaml": "stages: {t: {cmd: x, matrix: {"
        + ", ".join(f"{a}: [1,2,3,4,5,6,7,8]" for a in "abcdefghij")
        + "}}}"
    },
    "a long text in many stages": {
        "dvc.yaml": f"vars: [{{a: {'x' * 1_000_000}}}]\nstages: {{t: {{foreach: {THOUSAND}, do: {{cmd: '${{a}} x'}}}}}}"
    },
    "vars copied for every stage": {
        "dvc.yaml": f"vars: [{{a: [{'1,' * 100_000}]}}]\n"
        f"stages: {{t: {{foreach: {THOUSAND}, do: {{cmd: x, vars: [{{b: 1}}]}}}}}}"
    },
    "nested JSON": {"dvc.yaml": "vars: [v.json]", "v.json": "[" * DEEP},
    "JSON that is nested less": {"dvc.yaml": "vars: [v.json]", "v.json": '{"a":' * 900 + "1" + "}" * 900},
    "nested Python": {"dvc.yaml": "vars: [v.py]", "v.py": "a = " + "-" * DEEP + "1"},
    "nested TOML": {"dvc.yaml": "vars: [v.toml]", "v.toml": "a = " + "[" * DEEP},
    "a path without end": {"x.dvc": "outs: [{path: " + "a/" * 100_000 + "}]"},
    "patterns full of stars": {".dvcignore": "*a" * 400 + "b\n", "a" * 250 + ".dvc": "", "x.dvc": ""},
    "patterns full of folders": {".dvcignore": "**/a/" * 200 + "b\n", "a/" * 100 + "x.dvc": ""},
    "twenty thousand outputs": {"x.dvc": "outs:\n" + f"- {{path: f, hash: md5, md5: {'a' * 32}}}\n" * 20_000},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_costs_little(attack: str) -> None:
    start = time.process_time()
    read(ATTACKS[attack])
    assert time.process_time() - start < 10


def test_a_tree_that_stands_for_billions_of_files_is_not_walked() -> None:
    """Ten folders, each with the next one ten times: Git stores eleven trees."""
    files: dict[str, Any] = {"x.dvc": ""}
    store = MemoryStore()
    tree = store.add(files)
    for _ in range(12):
        tree = store.add_same(tree, [f"f{number}" for number in range(10)])
    (root,) = OutputsReader(store).read(tree)
    assert [error.reason for error in root.errors] == [
        "there are more than 1000000 files and folders that matter to DVC"
    ]
    assert store.trees_read == 13


def test_folders_nested_by_the_thousand_are_read() -> None:
    store = MemoryStore()
    tree = store.add({"x.dvc": f"outs: [{{path: x, md5: {'a' * 32}}}]"})
    for _ in range(3000):
        tree = store.add_same(tree, ["f"])
    (root,) = OutputsReader(store).read(tree)
    assert [error.reason for error in root.errors] == ["output 'x': no path can be that long"]


def test_one_pattern_against_a_name_made_for_it() -> None:
    pattern = gitignore.parse("*a" * 100 + "b")
    assert pattern is not None
    assert not pattern.matches(["a" * 4000], is_dir=False)


def test_the_yaml_reader_names_the_line() -> None:
    with pytest.raises(FormatError, match=r"'f': line 3: duplicate key 'a'"):
        yaml.load(b"a: 1\nb: 2\na: 3\n", "f")
