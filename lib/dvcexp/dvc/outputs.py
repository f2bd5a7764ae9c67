"""dvc.lock, dvc.yaml and *.dvc of one commit -> its outputs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from dvcexp.dvc import ignore
from dvcexp.dvc.output import Member, Origin, Output
from dvcexp.dvc.project import Folder, Node, Store, Survey, find_roots
from dvcexp.dvc.runcache import Run, run_of
from dvcexp.dvc.stagefiles import LOCK, FileOutputs, Project, load_lock, read_file
from dvcexp.dvc.tree import Found, Tree, TreeIndex, found
from dvcexp.errors import FormatError

__all__ = ["Carrier", "FileOutputs", "Member", "Origin", "Output", "OutputsReader", "RootOutputs"]

# Who takes an output's content elsewhere: Git, because the commit holds it; DVC, because its cache does; or nobody.
Carrier = Literal["Git", "DVC", "nobody"]

# A hostile tree of a few objects can stand for any number of files.
MAX_FILES = 1_000_000


class RootOutputs(NamedTuple):
    """What one DVC root of one commit says. `root`: relative to the Git root, '.' if the same.

    outputs: every output of every readable file, sorted by path. errors: the files that could not be read, each naming
    file and reason. skipped: notes on outputs left out on purpose (external ones), for a warning. ignored: what the
    root's .dvcignore files and DVC itself ignore, by paths relative to the root.
    """

    root: str
    outputs: tuple[Output, ...]
    errors: tuple[FormatError, ...] = ()
    skipped: tuple[str, ...] = ()
    ignored: ignore.IgnoreFilter = ignore.NOTHING


# Files with their blobs, in some order.
_Blobs = tuple[tuple[str, str], ...]

# The answers that a file's outputs depend on: paths looked up, and what was there -> the outputs.
_Answers = dict[tuple[str, ...], dict[tuple[Found, ...], FileOutputs]]


class OutputsReader:
    """Reads the outputs of many commits. What commits share is read once.

    Where DVC 3.67.1 and its users would disagree, this is on the users' side: a file that cannot be read spoils nothing
    but itself, of outputs that overlap both are there, of a path that is named twice every hash, and an external output
    is left out alone.
    """

    def __init__(self, store: Store, index: TreeIndex | None = None) -> None:
        """`index`: what lies in the trees of `store`, where it is to be shared or is a work tree's."""
        self._store = store
        self._index = index or TreeIndex(store)
        self._survey = Survey(self._index)
        self._files: dict[tuple[str, str, str, _Blobs], _Answers] = {}
        self._ignore_files: dict[tuple[str, str], tuple[str, ...]] = {}
        self._runs: dict[str, Mapping[str, Run]] = {}

    def read(self, tree_id: str) -> tuple[RootOutputs, ...]:
        """What each DVC root of a commit with this tree says, sorted by root. The Git root, if there is none."""
        top = self._survey.folder(tree_id)
        if top is None:
            return (RootOutputs(".", ()),)
        if top.weight > MAX_FILES:
            error = FormatError(".", f"there are more than {MAX_FILES} files and folders that matter to DVC")
            return (RootOutputs(".", (), (error,)),)
        tree = Tree(self._index, tree_id)
        roots = sorted(find_roots(top)) or [("", top)]
        return tuple(self._read_root(tree, path, folder) for path, folder in roots)

    def files(self, tree_id: str, root: str) -> tuple[FileOutputs, ...]:
        """What each DVC file below the folder `root` ('' for the Git root) says, in DVC's order.

        FormatError where one of them, or a .dvcignore, cannot be read.
        """
        folder = self._survey.folder(tree_id)
        for name in root.split("/") if root else ():
            folder = next((below for part, below in folder.folders if part == name), None) if folder else None
        if folder is None:
            return ()
        told, errors, _ = self._read_files(Tree(self._index, tree_id), root, folder)
        for error in (*errors, *(error for file in told for error in file.errors)):
            raise error
        return tuple(told)

    def carrier(self, tree_id: str, output: Output) -> Carrier:
        """Who takes an output of a commit with this tree."""
        if output.cached and (output.object is not None or output.origin == "repo-import"):
            return "DVC"
        return "nobody" if Tree(self._index, tree_id).node(output.path) is None else "Git"

    def runs(self, tree_id: str, pipeline: str) -> Mapping[str, Run]:
        """Stage -> its run-cache entry, of a dvc.yaml at the path `pipeline` that `read` could read."""
        lock = posixpath.join(posixpath.dirname(pipeline), LOCK)
        node = Tree(self._index, tree_id).node(lock)
        if node is None:
            return {}
        if node.id not in self._runs:
            stages = load_lock(self._store.read(node.id), lock).get("stages", {})
            runs = {name: run_of(stage) for name, stage in stages.items()}
            self._runs[node.id] = {name: run for name, run in runs.items() if run is not None}
        return self._runs[node.id]

    def blobs(self, tree_id: str, path: str) -> dict[str, str]:
        """The files that Git has at `path` and below it: path below it ('' for the file itself) -> blob id."""
        node = Tree(self._index, tree_id).node(path)
        if node is None or node.kind != "dir":
            return {"": node.id} if node is not None and node.kind == "file" else {}
        found: dict[str, str] = {}
        todo = [("", node.id)]
        while todo and len(found) <= MAX_FILES:
            folder, tree = todo.pop()
            for child in self._index.children(tree):
                if child.kind == "dir":
                    todo.append((f"{folder}{child.name}/", child.id))
                elif child.kind == "file":
                    found[folder + child.name] = child.id
        return found

    def _read_root(self, tree: Tree, root: str, folder: Folder) -> RootOutputs:
        told, errors, ignored = self._read_files(tree, root, folder)
        outputs = sorted((output for file in told for output in file.outputs), key=_order)
        errors += [error for file in told for error in file.errors]
        skipped = tuple(note for file in told for note in file.skipped)
        return RootOutputs(root or ".", tuple(outputs), tuple(errors), skipped, ignored)

    def _read_files(
        self, tree: Tree, root: str, folder: Folder
    ) -> tuple[list[FileOutputs], list[FormatError], ignore.IgnoreFilter]:
        """What each file of a root says, which .dvcignore cannot be read, and what the others ignore."""
        ignored, key, errors = self._ignored(root, folder)
        project = Project(root, tree, ignored)
        found: list[FileOutputs] = []
        seen: set[str] = set()
        for path, node in _walk(root, folder, project, seen):
            told = self._read_file(project, path, node, key)
            found.append(told)
            seen.update(output.path for output in told.outputs)
        return found, errors, ignored

    def _read_file(self, project: Project, path: str, node: Node, ignored: _Blobs) -> FileOutputs:
        """As `read_file`, but done once for commits that agree in all that the file's outputs depend on."""
        answers = self._files.setdefault((project.root, path, node.id, ignored), {})
        for paths, known in answers.items():
            told = known.get(tuple(found(project.tree.node(name)) for name in paths))
            if told is not None:
                return told
        project.tree.lookups.clear()
        try:
            told = read_file(project, path)
        except FormatError as exc:
            told = FileOutputs(errors=(exc.with_traceback(None),))
        lookups = project.tree.lookups
        answers.setdefault(tuple(lookups), {})[tuple(lookups.values())] = told
        return told

    def _ignored(self, root: str, folder: Folder) -> tuple[ignore.IgnoreFilter, _Blobs, list[FormatError]]:
        """What is ignored below a root, which .dvcignore files say so, and which of them cannot be read."""
        patterns: dict[str, tuple[str, ...]] = {}
        ignored = ignore.IgnoreFilter(patterns)
        blobs: list[tuple[str, str]] = []
        errors = []
        todo = [("", folder)]
        while todo:
            name, current = todo.pop()
            path = f"{name}/{ignore.NAME}" if name else ignore.NAME
            # A folder's own file comes after those above it, which may ignore it.
            if current.ignore is not None and not ignored.is_ignored(path):
                try:
                    patterns[name] = self._patterns(f"{root}/{path}" if root else path, current.ignore)
                    blobs.append((path, current.ignore.id))
                except FormatError as exc:
                    errors.append(exc)
            todo.extend(
                (f"{name}/{part}" if name else part, below) for part, below in current.folders if not below.is_foreign
            )
        return ignored, tuple(blobs), errors

    def _patterns(self, path: str, node: Node) -> tuple[str, ...]:
        """The patterns of a .dvcignore."""
        key = (path, node.id)
        if key not in self._ignore_files:
            self._ignore_files[key] = ignore.parse(self._store.read(node.id), path)
        return self._ignore_files[key]


def _walk(root: str, folder: Folder, project: Project, outputs: set[str]) -> Iterator[tuple[str, Node]]:
    """The files of a root in DVC's order, their paths relative to the Git root.

    DVC does not look into ignored folders, nor into other projects, nor into folders that are outputs of a file it has
    seen before, but for those at the top of a project that is the whole repository: there it compares `//x` with `/x`.
    `outputs` is what the caller has seen so far.
    """
    todo = [(root, folder)]
    while todo:
        here, current = todo.pop()
        for node in current.files:
            path = f"{here}/{node.name}" if here else node.name
            if not project.ignored.is_ignored(project.below(path)):
                yield path, node
        below = []
        for name, child in current.folders:
            path = f"{here}/{name}" if here else name
            is_output = path in outputs and here != ""
            if (
                not child.is_foreign
                and not is_output
                and not project.ignored.is_ignored(project.below(path), is_dir=True)
            ):
                below.append((path, child))
        todo.extend(reversed(below))


def _order(output: Output) -> tuple[str, str]:
    return output.path, output.object.oid if output.object is not None else ""
