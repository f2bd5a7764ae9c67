"""An environment as `pip install dvcexp` makes it: dvcexp and what it depends on, and no DVC anywhere."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent.parent


def make(folder: Path) -> dict[str, str]:
    """PATH and PYTHONPATH of such an environment, which is built in `folder`: no `dvc` to run, none to import."""
    packages, programs = folder / "packages", folder / "programs"
    packages.mkdir(parents=True)
    programs.mkdir()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for found in _with_dependencies(project["dependencies"]):
        for name in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            if not (packages / name).exists():
                (packages / name).symlink_to(Path(str(found.locate_file(name))))
    python = programs / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # -S: no packages but those of PYTHONPATH
    python.chmod(0o755)
    path = [str(programs), str(ROOT / "helpers"), *_without_program("dvc", os.environ["PATH"])]
    return {"PATH": os.pathsep.join(path), "PYTHONPATH": os.pathsep.join([str(ROOT / "lib"), str(packages)])}


def _with_dependencies(requirements: list[str]) -> Iterator[Distribution]:
    todo, seen = list(requirements), set()
    while todo:
        requirement, _, marker = todo.pop().partition(";")
        name = re.split(r"[ \[<>=!~(]", requirement, maxsplit=1)[0].lower()
        if name in seen or "extra ==" in marker:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # for another version of Python
        todo.extend(found.requires or ())
        yield found


def _without_program(name: str, path: str) -> list[str]:
    return [folder for folder in path.split(os.pathsep) if not Path(folder, name).exists()]
