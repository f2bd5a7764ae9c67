"""The house keeps its shape: which room may import which, read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parent.parent.parent / "lib"
SOURCES = sorted(LIB.rglob("*.py"))
GROUND = {"concealed", "errors", "files", "inside", "settings", "progress", "trace"}
MAY_IMPORT = {
    "git": GROUND | {"git"},
    "dvc": GROUND | {"dvc"},
    "remotes": GROUND | {"remotes"},
    "sync": GROUND | {"git", "dvc", "remotes", "sync", "experiments", "notes"},
    "errors": set(),
    "files": set(),
    "inside": {"errors", "files"},
    "settings": {"errors"},
    "concealed": set(),
    "progress": {"concealed", "errors"},
    "trace": {"concealed", "errors"},
    "experiments": {"errors"},
    "notes": set(),
}


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import of ours, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


def _name(path: Path) -> str:
    return str(path.relative_to(LIB))


def _room(path: Path) -> str:
    return path.relative_to(LIB / "dvcexp").parts[0].removesuffix(".py")


# cli, helper, hook and what stands with them may use everything.
@pytest.mark.parametrize("path", [p for p in SOURCES if _room(p) in MAY_IMPORT], ids=_name)
def test_imports_run_one_way(path: Path) -> None:
    allowed = MAY_IMPORT[_room(path)]
    wrong = [
        f"line {line}: {module}"
        for line, module in _imports(path)
        if module.startswith("dvcexp.") and module.split(".")[1] not in allowed | {"__version__"}
    ]
    assert wrong == []


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_dvc_itself_is_never_imported(path: Path) -> None:
    assert [module for _, module in _imports(path) if module.split(".")[0] in {"dvc", "dvc_data", "scmrepo"}] == []
