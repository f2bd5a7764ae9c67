"""The smallest projects that each show one thing about how DVC reads its files."""

from __future__ import annotations

from typing import Any

from tests.support.trees import Link, Submodule

A, B, C = "a" * 32, "b" * 31 + "0", "c" * 32


def dvc_file(*outs: str, **top: str) -> str:
    lines = [f"{key}: {value}" for key, value in top.items()]
    return "\n".join([*lines, "outs:", *(f"- {{{out}}}" for out in outs)]) + "\n"


def lock(**stages: str) -> str:
    body = "".join(f"  {name}:\n    cmd: x\n    outs: [{outs}]\n" for name, outs in stages.items())
    return f"schema: '2.0'\nstages:\n{body}"


OUT = f"{{path: m, hash: md5, md5: {A}}}"


def stage(says: str, params: str | None = None, **files: str) -> dict[str, str]:
    """A dvc.yaml with one stage, `t`."""
    return pipeline(f"stages: {{t: {{cmd: x, {says}}}}}", params, **files)


def group(says: str, params: str | None = None, **files: str) -> dict[str, str]:
    """A dvc.yaml with one group, `g`."""
    return pipeline(f"stages: {{g: {{{says}}}}}", params, **files)


def pipeline(says: str, params: str | None = None, *, locked: str | None = None, **files: str) -> dict[str, str]:
    """A dvc.yaml, with its params.yaml and dvc.lock if it has any. In names of files, `_` stands for `.`."""
    named = {name.replace("_", "."): text for name, text in files.items()}
    if params is not None:
        named["params.yaml"] = params
    if locked is not None:
        named["dvc.lock"] = locked
    return {"dvc.yaml": says, **named}


FINE: dict[str, dict[str, Any]] = {
    "no files at all": {"README.md": "x"},
    "an empty .dvc file": {"x.dvc": ""},
    "a .dvc file without outputs": {"x.dvc": "outs:\n"},
    "a legacy hash": {"x.dvc": dvc_file(f"path: x, md5: {A}")},
    "a hash kind that is not md5": {"x.dvc": dvc_file(f"path: x, hash: etag, etag: {A}")},
    "a byte order mark": {"x.dvc": "\ufeff" + dvc_file(f"path: x, md5: {A}")},
    "windows line ends": {"x.dvc": dvc_file(f"path: x, md5: {A}").replace("\n", "\r\n")},
    "words that YAML 1.1 takes for booleans": {
        "x.dvc": dvc_file(f"path: no, md5: {A}", f"path: 'on', md5: {B}", f"path: y, md5: {C}", f"path: 1:30, md5: {A}")
    },
    "merge keys": {"x.dvc": f"outs:\n- &a {{path: x, md5: {A}}}\n- {{<<: *a, path: y, push: false}}\n"},
    "wdir upwards": {"a/x.dvc": dvc_file(f"path: x, md5: {A}", wdir="..")},
    "wdir from the Git root": {"a/x.dvc": dvc_file(f"path: x, md5: {A}", wdir="/b")},
    "upwards from the top": {"x.dvc": dvc_file(f"path: ../x, md5: {A}")},
    "files listed in place": {
        "x.dvc": dvc_file(f"path: x, hash: md5, files: [{{relpath: b, md5: {A}, size: 2}}, {{relpath: a/c, md5: {B}}}]")
    },
    "files listed twice": {
        "x.dvc": dvc_file(f"path: x, hash: md5, files: [{{relpath: b, md5: {A}}}, {{relpath: b, md5: {B}}}]")
    },
    "legacy files listed in place": {"x.dvc": dvc_file(f"path: x, files: [{{relpath: b, md5: {A}}}]")},
    "files with a hash of DVC 2 by its name": {
        "x.dvc": dvc_file(f"path: x, hash: md5-dos2unix, files: [{{relpath: a, md5: {A}}}]")
    },
    "files without a hash": {"x.dvc": dvc_file("path: x, hash: md5, files: [{relpath: b, etag: abc}]")},
    "no files listed": {"x.dvc": dvc_file(f"path: x, hash: md5, md5: {A}, files: []")},
    "what the cloud says wins": {
        "x.dvc": dvc_file(f"path: x, hash: md5, md5: {A}, cloud: {{s: {{md5: {B}, version_id: v}}}}")
    },
    "a repository import": {
        "x.dvc": dvc_file(f"path: x, hash: md5, md5: {A}", deps="[{path: a, repo: {url: https://example.invalid}}]")
    },
    "two outputs make no import": {
        "x.dvc": dvc_file(f"path: x, md5: {A}", f"path: y, md5: {B}", deps="[{path: a, repo: {url: u}}]")
    },
    "a partial import": {"x.dvc": dvc_file("path: x, hash: md5", deps="[{path: 'https://example.invalid/x'}]")},
    "a database import": {"x.dvc": dvc_file(f"path: x, hash: md5, md5: {A}", deps="[{db: {query: q}}]")},
    "a link whose target is YAML": {"x.dvc": Link(f"outs: [{{path: x, md5: {A}}}]")},
    "a folder called x.dvc": {"x.dvc/file": "x"},
    "dvc.yml and Dvcfile": {"dvc.yml": "stages: 1", "Dvcfile": "cmd: x"},
    "a lock without its dvc.yaml": {"dvc.lock": "nonsense: ["},
    "a stage that the lock does not know": {"dvc.yaml": "stages: {t: {cmd: x, outs: [m]}}"},
    "a path as text": {
        "dvc.yaml": "stages: {t: {cmd: x, outs: [./m, n]}}",
        "dvc.lock": lock(t=f"{{path: m, md5: {A}}}, {{path: n/, md5: {B}}}"),
    },
    "a path twice in the lock": {
        "dvc.yaml": "stages: {t: {cmd: x, outs: [m]}}",
        "dvc.lock": lock(t=f"{{path: m, md5: {A}}}, {{path: m, md5: {B}}}"),
    },
    "a path twice in a stage": {
        "dvc.yaml": "stages: {t: {cmd: x, outs: [m, {m: {cache: false}}, {m: {push: false}}], metrics: [m]}}",
        "dvc.lock": lock(t=OUT),
    },
    "remotes in any case": {"x.dvc": dvc_file(f"path: x, md5: {A}, remote: Other")},
    "metrics and plots": {
        "dvc.yaml": "stages: {t: {cmd: x, metrics: [{m: {cache: false}}], plots: [{p: {x: a, cache: false}}, q]}}",
        "dvc.lock": lock(t=f"{OUT}, {{path: q, md5: {B}}}"),
    },
    "an empty command": {"dvc.yaml": "stages: {t: {cmd: '', deps: [a], outs: [m]}}", "dvc.lock": lock(t=OUT)},
    "an ignored lock": {".dvcignore": "dvc.lock\n", "dvc.yaml": "stages: {t: {cmd: x, outs: [m]}}", "dvc.lock": "["},
    "an ignored .dvc file": {".dvcignore": "*.dvc\n!y.dvc\n", "x.dvc": "[", "y.dvc": dvc_file(f"path: y, md5: {A}")},
    "an ignored folder": {".dvcignore": "a/\n", "a/x.dvc": "[", "b/a/x.dvc": "["},
    "a .dvcignore below": {"a/.dvcignore": "/x.dvc\n", "a/x.dvc": "[", "x.dvc": "", "a/b/x.dvc": ""},
    "a .dvcignore in an ignored folder": {".dvcignore": "a\n", "a/.dvcignore": b"\xff", "a/x.dvc": "["},
    "another project below": {"b/.dvc/config": "", "b/x.dvc": "[", "x.dvc": ""},
    "a folder with a file called .dvc": {"b/.dvc": "", "b/x.dvc": "["},
    "DVC files in an output folder at the top": {
        "d.dvc": dvc_file(f"path: d, md5: {A}.dir"),
        "d/x.dvc": dvc_file(f"path: x, md5: {B}"),
    },
    "DVC files in an output folder further down": {
        "b/d.dvc": dvc_file(f"path: d, md5: {A}.dir"),
        "b/d/x.dvc": "[",
        "b/c/x.dvc": dvc_file(f"path: ../e, md5: {B}"),
        "b/e/y.dvc": dvc_file(f"path: y, md5: {C}"),
    },
    "an uncached URL": {"x.dvc": dvc_file("path: 's3://b/x', cache: false")},
    "odd names": {
        "x.dvc": dvc_file(*(f"path: {name!r}, md5: {A}" for name in ("a:b", "a#b", "ü ", "-x", "C:y", "'q'")))
    },
    "a submodule beside": {"x.dvc": "", "module": Submodule("1" * 40)},
}

TEMPLATES: dict[str, dict[str, Any]] = {
    "a value": stage("outs: ['${a.b[1].c}']", "a: {b: [0, {c: m}]}"),
    "amid text": stage("outs: ['${i}-${f}-${b}-${n}']", "{i: 010, f: 1e3, b: true, n: null}"),
    "escaped": stage("outs: ['\\${a}', '$a', '${']"),
    "as a key": stage("outs: [{'${a}': {cache: false}}]", "a: m"),
    "in wdir": {"b/dvc.yaml": "stages: {t: {cmd: x, wdir: '${a}', outs: [m]}}", "b/params.yaml": "a: c/.."},
    "vars": pipeline(
        "vars: [{a: m}, v.json, v.toml:t, v.py:C]\nstages: {t: {cmd: x, outs: ['${a}', '${j}', '${t}', '${C.D}']}}",
        v_json='{"j": "k"}',
        v_toml='t = "u"\nu = 1',
        v_py="class C:\n  D = 'e'\nF = f()\n",
    ),
    "vars of a stage": {**stage("wdir: w, vars: [{a: m}, v.yaml], outs: ['${a}', '${b}']"), "w/v.yaml": "b: n"},
    "vars that merge": pipeline("vars: [{a: {c: 2}}]\nstages: {t: {cmd: x, outs: ['${a.b}${a.c}']}}", "a: {b: 1}"),
    "vars loaded again": pipeline(
        "vars: [params.yaml]\nstages: {t: {cmd: x, vars: [./params.yaml], outs: ['${a}-']}}", "a: 1"
    ),
    "vars from above the top": pipeline(
        "vars: [../v.yaml, /w.yaml]\nstages: {t: {cmd: x, outs: ['${a}', '${b}']}}", v_yaml="a: m", w_yaml="b: n"
    ),
    "a mapping in a command": pipeline("stages: {t: {cmd: 'x ${a}', outs: [m]}}", "a: {b: [1, x], c: true, d: {e: f}}"),
    "foreach over a list": group(
        "foreach: [a, 1, true, null, 2.50], do: {cmd: x, outs: ['m-${item}']}",
        locked=lock(**{"g@true": f"{{path: m-true, md5: {A}}}"}),
    ),
    "foreach over values": group(
        "foreach: '${l}', do: {cmd: x, outs: ['m-${item}']}",
        "l: [true, null, 1]",
        locked=lock(**{"g@True": f"{{path: m-true, md5: {A}}}"}),
    ),
    "foreach over mappings": group(
        "foreach: [{n: a}, {n: b}], do: {cmd: x, outs: ['m-${item.n}']}",
        locked=lock(**{"g@1": f"{{path: m-b, md5: {A}}}"}),
    ),
    "foreach over keys": group(
        "foreach: {1: a, b: c}, do: {cmd: x, outs: ['${key}-${item}']}",
        locked=lock(**{"g@1": f"{{path: 1-a, md5: {A}}}"}),
    ),
    "foreach over a date": group("foreach: {2024-01-02: a}, do: {cmd: x, outs: ['${key}']}"),
    "foreach over nothing": group("foreach: [], do: {cmd: x, outs: ['${nowhere}']}"),
    "matrix": group(
        "matrix: {u: [a, 2.5], o: [{k: 1}, {k: 2}]}, cmd: x, outs: ['${item.u}-${item.o.k}']",
        locked=lock(**{"g@2.5-o1": f"{{path: 2.5-2, md5: {A}}}"}),
    ),
    "matrix over text": group("matrix: {u: abc}, cmd: x, outs: ['${key}']"),
    "matrix over values": group(
        "matrix: {u: '${l}', m: '${m}'}, cmd: x, outs: ['${key}']", "{l: [true, {a: 1}], m: {k: 1}}"
    ),
    "a group with the name of a stage": pipeline(
        "stages: {g: {foreach: [a], do: {cmd: x, outs: [m]}}, 'g@a': {cmd: y, outs: [n]}}"
    ),
    "metrics, plots, params, artifacts, datasets": pipeline(
        "metrics: ['${a}']\nplots: [{'${a}': {x: '${a}'}}]\nparams: ['${a}']\n"
        "artifacts: {'${a}': {path: '${a}'}}\ndatasets: [{n: '${a}'}]\n",
        "a: m",
    ),
    "keys that are not text": stage("outs: ['${a.b}-']", "a: {1: 2024-01-01, b: 1}"),
}

WRONG: dict[str, dict[str, Any]] = {
    "a command in a .dvc file": {"x.dvc": "cmd: x\n"},
    "an output without a path": {"x.dvc": "outs: [{md5: abc}]\n"},
    "metric": {"x.dvc": dvc_file("path: x, metric: true")},
    "an output that is a DVC file": {"x.dvc": dvc_file("path: y.dvc")},
    "a dependency that is one": {"x.dvc": dvc_file("path: x", deps="[{path: a/dvc.yaml}]")},
    "a dependency without a path": {"x.dvc": dvc_file("path: x", deps="[{md5: abc}]")},
    "an empty kind of hash": {"x.dvc": dvc_file(f"path: x, hash: '', md5: {A}")},
    "a number for a hash": {"x.dvc": dvc_file(f"path: x, md5: {'1' * 32}")},
    "a short hash": {"x.dvc": dvc_file("path: x, md5: ab")},
    "duplicate keys": {"x.dvc": "outs: []\nouts: []\n"},
    "two documents": {"x.dvc": "outs: []\n---\nouts: []\n"},
    "a merge conflict": {"x.dvc": "<<<<<<< a\nouts: []\n=======\nouts:\n>>>>>>> b\n"},
    "a list": {"x.dvc": "[1]"},
    "Latin-1": {"x.dvc": b"desc: \xfc"},
    "files with a hash that nobody knows": {"x.dvc": dvc_file("path: x, hash: sha256, files: [{relpath: a}]")},
    "an unknown scheme": {"x.dvc": dvc_file("path: 'foo://x/y'")},
    "a lock of version 1": {"dvc.yaml": "{}", "dvc.lock": "t: {cmd: x}\n"},
    "a lock with a number for its version": {"dvc.yaml": "{}", "dvc.lock": "schema: 2.0\n"},
    "an empty lock": {"dvc.yaml": "{}", "dvc.lock": ""},
    "a lock that is a folder": {"dvc.yaml": "{}", "dvc.lock/x": ""},
    "a lock with a strange key": {"dvc.yaml": "{}", "dvc.lock": "schema: '2.0'\nmeta: 1\n"},
    "stages without any": {"dvc.yaml": "stages:\n"},
    "live": {"dvc.yaml": "stages: {t: {cmd: x, live: y}}"},
    "no command": {"dvc.yaml": "stages: {t: {outs: [m]}}"},
    "a template for a flag": stage("outs: [{m: {cache: '${a}'}}]", "a: true"),
    "an @ in a name": {"dvc.yaml": "stages: {'t@u': {cmd: x}}"},
    "an @ in a key": {"dvc.yaml": "stages: {g: {foreach: ['a@b'], do: {cmd: x}}}"},
    "an empty name": {"dvc.yaml": "stages: {'': {cmd: x}}"},
    "an empty key": {"dvc.yaml": "stages: {g: {foreach: [''], do: {cmd: x}}}"},
    "an unknown value": {"dvc.yaml": "stages: {t: {cmd: '${a}'}}"},
    "an unknown value in a description": {"dvc.yaml": "stages: {t: {cmd: x, desc: '${a}'}}"},
    "a number for an output": {"dvc.yaml": "stages: {t: {cmd: x, outs: ['${a}']}}", "params.yaml": "a: 1"},
    "a list for an output": {"dvc.yaml": "stages: {t: {cmd: x, outs: ['${a}']}}", "params.yaml": "a: [m]"},
    "a list in a list in a command": {"dvc.yaml": "stages: {t: {cmd: 'x ${a}'}}", "params.yaml": "a: {b: [[1]]}"},
    "an odd expression": {"dvc.yaml": "stages: {t: {cmd: 'x ${a..b}'}}", "params.yaml": "a: 1"},
    "an empty expression": {"dvc.yaml": "stages: {t: {cmd: 'x ${}'}}"},
    "a date among the parameters": {"dvc.yaml": "{}", "params.yaml": "a: 2024-01-01"},
    "parameters that are a list": {"dvc.yaml": "{}", "params.yaml": "[1]"},
    "parameters that are a folder": {"dvc.yaml": "{}", "params.yaml/x": ""},
    "vars that are not there": {"dvc.yaml": "vars: [v.yaml]"},
    "a key of vars that is not there": {"dvc.yaml": "vars: ['params.yaml:b']", "params.yaml": "a: 1"},
    "vars with templates": {"dvc.yaml": "vars: [{a: '${b}'}]", "params.yaml": "b: 1"},
    "vars that redefine": {"dvc.yaml": "vars: [{a: 2}]", "params.yaml": "a: 1"},
    "vars loaded whole after a part": {"dvc.yaml": "vars: ['v.yaml:a', v.yaml]", "v.yaml": "{a: 1, b: 2}"},
    "vars that redefine the item": {"dvc.yaml": "stages: {g: {foreach: [a], do: {cmd: x, vars: [{item: b}]}}}"},
    "foreach over a number": {"dvc.yaml": "stages: {g: {foreach: '${a}', do: {cmd: x}}}", "params.yaml": "a: 1"},
    "matrix over a number": {"dvc.yaml": "stages: {g: {matrix: {u: '${a}'}, cmd: x}}", "params.yaml": "a: 1"},
    "foreach and matrix": {"dvc.yaml": "stages: {g: {foreach: [a], matrix: {u: [1]}, do: {cmd: x}}}"},
    "an ignored output": {".dvcignore": "m\n", "dvc.yaml": "stages: {t: {cmd: x, outs: [m]}}"},
    "an output in .dvc": {"x.dvc": dvc_file("path: .dvc/x")},
    "datasets that are none": {"dvc.yaml": "datasets:\n"},
    "an empty plot": {"dvc.yaml": "plots: [{}]"},
    "params that are neither": {"dvc.yaml": "stages: {t: {cmd: x, params: [{p.yaml: 1}]}}"},
    "invalid JSON": {"dvc.yaml": "vars: [v.json]", "v.json": "{"},
    "invalid TOML": {"dvc.yaml": "vars: [v.toml]", "v.toml": "a = "},
    "invalid Python": {"dvc.yaml": "vars: [v.py]", "v.py": "a = ("},
}
