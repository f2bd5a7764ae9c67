"""Every message that the program can print, read from its sources.

A message is a text that reaches a person: what an error is raised with, a warning, a note, a hint, a result. Where a
text ends up cannot always be followed, for many are put together from pieces; so every literal of three words is one,
unless it stands where none can be, or in `NO_MESSAGE` with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

HOLE = "…"

# Arguments for somebody else: Git, a file, a search, the help of the option parser, a trace, the title of a meter.
_NOT_FOR_PEOPLE = frozenset(
    {"add_argument", "add_attached", "add_parser", "Verb", "phase", "trace", "compile", "strftime"}
    | {"startswith", "removeprefix", "split", "get", "get_all", "git", "refs", "open", "mkstemp", "Setting"}
)
# A shorter text is a message where it is an argument of these, or of an error.
_SINKS = frozenset(
    {"warning", "error", "note", "print", "_bad", "_say", "_error", "_lost", "_problem", "_refuse", "_lacks"}
    | {"invalid", "unsupported"}
)
NO_MESSAGES_IN = {
    "cli/complete.py": "what the shell completes",
    "cli/env.py": "a listing of versions and paths",
    "git/stash.py": "subjects of the commits that DVC's undo expects",
}
NO_MESSAGE = (
    (r"\0|^(ng|create|error) … ", "a line for Git"),
    (r"\(\?[P:i<]|\]\*|\\d", "a regular expression"),
    (r" \| (None|_)", "a type"),
    (r"^exec |^import os, socket|^#!/bin/sh", "a program"),
    (r"^bytes [*…=]", "a header"),
    (
        r"^(HOST IDENT|Host key|No matching|No supported|Too many auth|subsystem req|Warning: Perm|Confirm user)",
        "ssh's",
    ),
    (r"^(Connection timed|Operation timed|Could not resolve|Network is|No route|Tunnel conn)", "the system's words"),
    (r"^(certificate verify failed|source: TokenRequest|can't start new thread)", "what a library says"),
    (r"^# dvcexp: unexpected error|^Git not found$", "the report"),
    (r"^(data on DVC remote|up to date)$", "a heading or a cell of a table"),
    (r"^{desc}: ", "a meter"),
    (r"^dvc: commit experiment$", "the subject of DVC's commits"),
    (r"^no reflinks on this platform$", "caught: the next way to link follows"),
    (r"^usage: git exp|^DVC experiments over|^'git exp <verb> -h'|^git exp version …", "the usage"),
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'')
_SHELL_HOLE = re.compile(r"\$\(.*|\$\{[^}]*\}|\$\w+|%s")


class Message(NamedTuple):
    """text: with `…` for each hole, white space folded. place: `<file>:<line>`."""

    text: str
    place: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds the message with anything in its holes; each of its constant parts is a group."""
        parts = re.split(f"{HOLE}+", self.text.strip(f"{HOLE} "))
        return re.compile(".*?".join(f"({re.escape(part)})" for part in parts))


def collect(folder: Path) -> list[Message]:
    """The messages of all Python files below `folder`, by file and line."""
    trees = _trees(folder)
    sinks = _SINKS | _errors(trees.values())
    return [
        Message(text, f"{name}:{line}")
        for name, tree in trees.items()
        if name not in NO_MESSAGES_IN
        for line, text in sorted(set(_messages(tree, sinks)))
        if not any(re.search(noise, text) for noise, _ in NO_MESSAGE)
    ]


def words_of_pieces(folder: Path) -> set[str]:
    """The words, in lower case, of all texts too short to be messages, of which messages may be put together."""
    texts = (text for tree in _trees(folder).values() for _, text, _ in _texts(tree))
    return {word.lower() for text in texts if len(text.split()) < 4 for word in re.findall(r"[^\W\d]+", text)}


def collect_shell(script: Path) -> list[Message]:
    """The messages of a shell script: the quoted texts of `error`, `echo` and `printf`, and lines in Git's form."""
    found = []
    for number, line in enumerate(script.read_text().splitlines(), 1):
        texts = [line] if re.match(r"(error|hint): ", line) else []
        if re.search(r"\b(?:error|echo|printf) |^ +\"", line):
            texts += [part for double, single in _QUOTED.findall(line) for part in (double or single).split("\\n")]
        for text in texts:
            text = re.sub(r"^(error|hint|warning): ", "", _SHELL_HOLE.sub(HOLE, text).replace('\\"', '"'))
            if _words(text) >= 3 and "import" not in text:
                found.append(Message(_folded(text), f"{script.name}:{number}"))
    return found


def _trees(folder: Path) -> dict[str, ast.Module]:
    return {path.relative_to(folder).as_posix(): ast.parse(path.read_text()) for path in sorted(folder.rglob("*.py"))}


def _errors(trees: Iterable[ast.Module]) -> set[str]:
    """The names of all classes that are exceptions, and `__init__`, through which they hand on their text."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = {"Exception", "ValueError", "OSError", "TimeoutError", "__init__"}
    while True:
        more = {c.name for c in classes if any(ast.unparse(base).split(".")[-1] in names for base in c.bases)}
        if more <= names:
            return names
        names |= more


def _messages(tree: ast.Module, sinks: set[str]) -> Iterator[tuple[int, str]]:
    for line, text, taker in _texts(tree):
        if taker not in _NOT_FOR_PEOPLE and _words(text) >= (2 if taker in sinks else 3):
            yield line, _folded(text)


def _texts(tree: ast.Module) -> Iterator[tuple[int, str, str | None]]:
    """Line, text and taker of each literal that is no docstring."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        text = _text(node)
        if text is not None and not isinstance(parents[node], (ast.JoinedStr, ast.Expr)):
            yield node.lineno, text, _taker(node, parents)  # type: ignore[attr-defined]


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _taker(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str | None:
    """The name of the function or class that `node` is an argument of, as it is or as a part."""
    while node in parents and not isinstance(node, ast.stmt):
        below, node = node, parents[node]
        if isinstance(node, ast.Call) and below is not node.func:
            return ast.unparse(node.func).rpartition(".")[2]
    return None


def _words(text: str) -> int:
    """How many words it has, a hole being one; 0 if it says less than two by itself."""
    said = re.findall(r"[A-Za-z][a-z']+", text)
    return len(re.findall(rf"[^\s{HOLE}]*[A-Za-z][^\s]*|{HOLE}", text)) if len(said) >= 2 and " " in text.strip() else 0


def _folded(text: str) -> str:
    return " ".join(text.split())
