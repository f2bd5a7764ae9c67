"""Random DVC projects that combine what DVC's files can say, and now and then say something wrong."""

from __future__ import annotations

import json
from random import Random
from typing import Any

_MD5S = [f"{number:032x}" for number in (0xA1, 0xB2, 0xC3, 0xD4E5F6 << 80, (1 << 128) - 7)]
_FILES = [
    "m.bin",
    "./m.bin",
    "out/",
    "out",
    "sub//x.bin",
    "sub/../b.bin",
    "../up.out",
    "data/raw",
    "data",
    "a b",
    "é.txt",
]
_ODD_FILES = [
    "no",
    "on",
    "1:30",
    "~",
    "1e5",
    "x#y",
    "a:b",
    "-",
    "'q'",
    "x,y",
    "a@b",
    "[1]",
    "100%",
    "{b}",
    "null",
    "&z",
    "C:x",
]
_SCALARS: list[Any] = ["a", "b", 1, 2.5, True, False, None, "x/y", 10, "1", 1e3, "", "ü", [1, 2], {"k": "v"}]


class Projects:
    """A source of projects. One seed, one sequence."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._mischief = False

    def project(self, roots: tuple[str, ...] = (".",)) -> dict[str, str]:
        """Files of a commit: path -> text."""
        files: dict[str, str] = {}
        self._mischief = self._chance(0.3)
        for root in roots:
            prefix = "" if root == "." else f"{root}/"
            if self._chance(0.95):
                files[f"{prefix}.dvc/config"] = ""
            for folder in self._some(["", "", "a/", "a/b/", "data/", "data/raw/", "out/", "x y/"], 1, 3):
                self._fill(files, prefix + folder)
            for folder in self._some(["", "a/", "data/"], 0, 2) if self._chance(0.35) else []:
                files[f"{prefix}{folder}.dvcignore"] = self._ignore()
        return files

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _wrong(self, probability: float) -> bool:
        """Time for a mistake? Most projects have none: DVC rejects a commit for the first it finds."""
        return self._mischief and self._chance(probability)

    def _some(self, values: list[Any], least: int, most: int) -> list[Any]:
        return [self.random.choice(values) for _ in range(self.random.randint(least, most))]

    def _fill(self, files: dict[str, str], folder: str) -> None:
        for _ in range(self.random.randint(0, 2)):
            name = self.random.choice(["d.dvc", "m.bin.dvc", "z.dvc", "data.dvc", "a.dvc"])
            files[folder + name] = self._dvc_file()
        if self._chance(0.7):
            self._pipeline(files, folder)
        if self._chance(0.1):
            files[folder + self.random.choice(["data.txt", "README.md", "src/main.py", "dvc.yml"])] = "x"

    def _ignore(self) -> str:
        lines = ["data", "data/", "/a", "*.bin", "!m.bin", "# c", "", "a/b", "**/raw", "dvc.lock", "*.dvc", "!z.dvc"]
        lines += ["out/**", " b.bin ", "\\#x", "[ab]", "sub/", "/**/x.bin", "!data/raw/"]
        return "\n".join(self._some(lines, 1, 3)) + "\n"

    def _path(self) -> str:
        return str(self.random.choice(_FILES if not self._chance(0.05) else _ODD_FILES))

    def _record(self, *, lock: bool) -> dict[str, Any]:
        item: dict[str, Any] = {"path": self._path()}
        if self._chance(0.75):
            item["hash"] = "md5" if not self._wrong(0.1) else self.random.choice(["etag", "sha256", "md5-dos2unix", ""])
        if self._chance(0.9):
            item["md5"] = self.random.choice(_MD5S) + self.random.choice(["", "", ".dir"])
        if self._chance(0.5):
            item["size"] = self.random.randint(0, 9)
        if item.get("md5", "").endswith(".dir"):
            item["nfiles"] = 3
        if self._chance(0.05):
            item["files"] = [
                {"relpath": name, "md5": self.random.choice(_MD5S), **self._cloud()}
                for name in self._some(["a", "b/c"], 0, 2)
            ]
        if self._chance(0.04):
            item.update(self._cloud())
        if self._chance(0.02):
            item[self.random.choice(["etag", "checksum"])] = "abc"
        if self._wrong(0.003 if lock else 0.05):
            item[self.random.choice(["metric", "foo", "md5" if lock else "plot"])] = 5
        return item

    def _cloud(self) -> dict[str, Any]:
        return {"cloud": {"s": {"etag": "e" * 8, "version_id": "v1"}}} if self._chance(0.5) else {}

    def _dvc_file(self) -> str:
        if self._chance(0.02):
            return self.random.choice(["", "outs:\n"])
        if self._wrong(0.1):
            return self.random.choice(
                ["", "outs:\n", "[]", "<<<<<<< ours\nouts: []\n=======\n", "- a", "{", "outs: {}\n", "a: 1\na: 2"]
            )
        data: dict[str, Any] = {
            "outs": [{**self._record(lock=False), **self._flags()} for _ in range(self.random.choice([1, 1, 1, 2]))]
        }
        if self._chance(0.2):
            data["wdir"] = self.random.choice(["..", "b", ".", "", None, "/a", "../.."])
        if self._chance(0.25):
            data["deps"] = [self._dependency()]
            data["frozen"] = True
        if self._chance(0.1):
            data["md5"] = self.random.choice(_MD5S)
        if self._wrong(0.03):
            data["cmd"] = "x"
        return self._dump(data)

    def _dependency(self) -> dict[str, Any]:
        dep: dict[str, Any] = {"path": "in.txt"}
        if self._chance(0.4):
            dep["repo"] = {"url": "https://example.invalid/x", "rev_lock": "a" * 40}
        elif self._chance(0.1):
            dep = {"db": {"query": "select 1", "connection": "c", "file_format": "csv"}}
        else:
            dep["md5"] = self.random.choice(_MD5S)
        if self._wrong(0.2):
            dep["path"] = self.random.choice(["x.dvc", "dvc.yaml", "", "foo://bar/x"])
        return dep

    def _flags(self) -> dict[str, Any]:
        flags: dict[str, Any] = {}
        for name in ("cache", "push", "persist"):
            if self._chance(0.15):
                flags[name] = self._chance(0.3)
        if self._chance(0.1):
            flags["remote"] = self.random.choice(["Other", "s"])
        if self._chance(0.05):
            flags["desc"] = "text ${x}" if self._wrong(0.5) else "text"
        return flags

    def _pipeline(self, files: dict[str, str], folder: str) -> None:
        parameters = {
            "x": self.random.choice(_SCALARS),
            "n": {"p": self.random.choice(["m", "é", 3]), "deep": [{"q": "b.bin"}, 5]},
            "lst": self._some(_SCALARS, 0, 3),
            "plain": self._some(["a", "b", 1, True, 2.5, "c-d"], 1, 3),
            "map": {key: self.random.choice(_SCALARS) for key in self._some(["k1", "k2", "k@3"], 1, 2)},
        }
        if not self._wrong(0.2):
            files[f"{folder}params.yaml"] = self._dump(parameters)
        present: list[Any] = [{"v": "val"}, {"n": {"extra": "e"}}]
        if self._chance(0.2):
            present += ["more.json", "more.json:j"]
            files[f"{folder}more.json"] = json.dumps({"j": [1, "two"], "x2": "y"})
        if self._chance(0.2):
            present += ["t.toml:t", "t.toml"]
            files[f"{folder}t.toml"] = 't = "toml"\n[tab]\nq = 5\n'
        if self._chance(0.2):
            present += ["p.py", "p.py:C"]
            files[f"{folder}p.py"] = "py = 7\nclass C:\n    lr = 0.1\n    def __init__(self):\n        self.w = 'w'\n"
        stages = {self._stage_name(): self._definition() for _ in range(self.random.randint(1, 3))}
        data: dict[str, Any] = {"stages": stages}
        if self._chance(0.3):
            data["vars"] = self._some(present, 1, 1)
            if self._wrong(0.5):
                data["vars"] += self._some(["more.json", "t.toml:t", "../params.yaml", "more.json:j", {"x": 9}], 1, 2)
        if self._chance(0.1):
            data["metrics"] = ["${n.p}.json", "m.json"]
        if self._chance(0.1):
            data["plots"] = [{"pl": {"x": "a"}}, "q.csv", {"${x}": None}]
        if self._chance(0.05):
            data["artifacts"] = {"model": {"path": "${n.p}"}}
        files[f"{folder}dvc.yaml"] = self._dump(data)
        if self._chance(0.9):
            files[f"{folder}dvc.lock"] = self._lock(stages, parameters)

    def _stage_name(self) -> str:
        return str(self.random.choice(["train", "prep", "eval", "g", "mx", "st@x" if self._wrong(0.1) else "st"]))

    def _out_path(self, where: list[str]) -> str:
        if self._chance(0.5):
            return self._path()
        return str(self.random.choice(where)) + self.random.choice(["", ".bin", "/f"])

    def _definition(self) -> dict[str, Any]:
        kind = self.random.choice(["plain", "plain", "foreach", "matrix"])
        where = [
            "${n.p}-",
            "${n.deep[0].q}",
            "lit",
            "\\${esc}",
            "o-${n.deep[1]}",
            "o-${x}" if self._chance(0.2) else "p",
        ]
        if self._wrong(0.5):
            where += ["${v}", "${py}", "${x}", "${n.p}"]
        if kind == "plain":
            return self._stage(where)
        if kind == "foreach":
            data = self.random.choice(
                [
                    "${lst}",
                    "${plain}",
                    "${plain}",
                    "${map}",
                    ["a", 1, True, None],
                    [{"p": 1}, {"p": "z"}],
                    {"k": 1, "l": [2]},
                    ["${x}", "y"],
                    {"k": {"p": "${x}"}},
                ]
            )
            return {
                "foreach": data,
                "do": self._stage(
                    [*where, "f-${item}" if self._chance(0.6) else "f", "i-${item.p}" if self._wrong(0.5) else "i"]
                ),
            }
        axes = {
            "u": self.random.choice([["a", 2.5], "${plain}", ["${x}"], [True]]),
            "o": self.random.choice([[{"d": 1}, {"d": 2}], "${lst}", [1, "b"], "${n.p}" if self._wrong(0.3) else "xy"]),
        }
        return {
            "matrix": axes,
            **self._stage([*where, "m-${item.u}", "${key}", "m-${item.o.d}" if self._wrong(0.5) else "m-${key}"]),
        }

    def _stage(self, where: list[str]) -> dict[str, Any]:
        stage: dict[str, Any] = {
            "cmd": self.random.choice(["run", "run ${x}", ["a", "b ${n.p}"], "run ${n}" if self._wrong(0.2) else "r"])
        }
        for section in ("outs", "metrics", "plots"):
            if self._chance({"outs": 0.9, "metrics": 0.2, "plots": 0.15}[section]):
                stage[section] = [self._entry(where, section) for _ in range(self.random.randint(1, 2))]
        if self._chance(0.2):
            stage["wdir"] = self.random.choice(["b", "..", "w-${n.p}", "./", "/a", "${x}" if self._wrong(0.5) else "w"])
        if self._chance(0.3):
            stage["deps"] = self._some(["in.txt", "data", "${n.p}-", "x.dvc" if self._wrong(0.1) else "y"], 1, 2)
        if self._chance(0.3):
            stage["params"] = self._some(
                ["x", "n.p", {"more.json": ["j"]}, {"t.toml": None} if self._wrong(0.9) else "y", {"p.py": []}], 1, 2
            )
        if self._chance(0.1):
            stage["vars"] = self._some(
                [{"sv": "s"}, "params.yaml", *([{"x": 1}, {"item": 1}, "more.json"] if self._wrong(0.9) else [])], 1, 1
            )
        if self._chance(0.1):
            stage["frozen"] = True
        if self._wrong(0.05):
            stage[self.random.choice(["live", "extra"])] = 1
        return stage

    def _entry(self, where: list[str], section: str) -> Any:
        path = self._out_path(where)
        if self._chance(0.6):
            return path
        flags = self._flags()
        if section == "plots" and self._chance(0.5):
            flags["x"] = "a"
        if self._wrong(0.02):
            flags["cache"] = "${x}"
        return {path: flags}

    def _lock(self, stages: dict[str, Any], parameters: dict[str, Any]) -> str:
        if self._wrong(0.06):
            return self.random.choice(
                ["", "schema: 2.0\n", "train:\n  cmd: x\n", "schema: '2.0'\n", "schema: '2.0'\nstages:\n"]
            )
        paths = [
            *_FILES,
            "lit",
            "lit.bin",
            "${esc}",
            "f-a",
            "f-1",
            "a",
            "1",
            "m-a",
            "m-2.5",
            f"{parameters['n']['p']}",
            "b.bin",
            "o-5",
            "True",
            "true",
        ]
        locked: dict[str, Any] = {}
        for name in stages:
            keys = [name] + [
                f"{name}@{key}" for key in ("a", "1", "true", "True", "k", "0", "a-o0", "k1", "b", "2.5-1", "a-1")
            ]
            for key in keys:
                outs = [
                    {**self._record(lock=True), "path": self.random.choice(paths)}
                    for _ in range(self.random.randint(1, 6))
                ]
                locked[key] = {"cmd": "run", "outs": outs}
        return self._dump({"schema": "2.0", "stages": locked})

    def _dump(self, data: Any) -> str:
        import io

        from ruamel.yaml import YAML

        yaml = YAML()
        yaml.default_flow_style = False
        stream = io.StringIO()
        yaml.dump(json.loads(json.dumps(data)), stream)
        return stream.getvalue()
