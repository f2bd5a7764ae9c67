"""Parameters, metrics, dependencies and outputs of one commit or of the work tree, as `dvc exp show` has them.

What counts is DVC 3.67.1's (repo/params/show.py, repo/metrics/show.py, repo/experiments/serialize.py).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from dvcexp.dvc import params
from dvcexp.dvc.objects import Object, parse_manifest
from dvcexp.dvc.outputs import FileOutputs, Output, OutputsReader
from dvcexp.dvc.project import Store
from dvcexp.dvc.stagefiles import Dependency
from dvcexp.dvc.tree import Tree, TreeIndex, is_inside, join
from dvcexp.errors import DvcexpError, FormatError, printable


class MissingFile(DvcexpError):
    """A file that neither the tree nor the cache has."""

    def __init__(self, path: str) -> None:
        super().__init__(f"'{printable(path)}' is neither in Git nor in the cache")


class Values(NamedTuple):
    """What one file holds; error: why that cannot be told."""

    data: Any = None
    error: DvcexpError | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to compare of one commit and DVC root, by path relative to that root, in DVC's order.

    outputs: without metrics and plots.
    """

    params: Mapping[str, Values]
    metrics: Mapping[str, Values]
    dependencies: Mapping[str, Dependency]
    outputs: Mapping[str, Output]


class ReportReader:
    """Reads many commits. What they share is read once."""

    def __init__(self, store: Store, cached: Callable[[Object], bytes | None], index: TreeIndex | None = None) -> None:
        """cached: the content of an object, None where the cache has none. index: as OutputsReader's."""
        self._index = index or TreeIndex(store)
        self._files = OutputsReader(store, self._index)
        self._cached = cached
        self._values: dict[tuple[str, str], Values] = {}

    def read(self, tree_id: str, root: str, *, param_deps: bool = False) -> Report:
        """What the commit with this tree says of the DVC root `root` ('' for the Git root).

        param_deps: only parameters that stages depend on. FormatError where the root is not there or a DVC file cannot
        be read: as in DVC, nothing is told of such a commit.
        """
        if not self.tree(tree_id).is_dir(root):
            raise FormatError(root, "there is no such folder")
        files = self._files.files(tree_id, root)
        outputs = [output for file in files for output in file.outputs]
        look = _Look(self, tree_id, root, outputs)
        metrics = [output.path for output in outputs if output.section == "metrics"]
        metrics += [path for file in files for path in file.declared.metrics_files]
        return Report(
            params=_params(look, files, param_deps=param_deps),
            metrics={
                look.below(path): _metric(look.values(path))
                for metric in dict.fromkeys(metrics)
                for path in look.expand(metric)
            },
            dependencies={look.below(dep.path): dep for file in files for dep in file.declared.dependencies},
            outputs={look.below(output.path): output for output in outputs if output.section == "outs"},
        )

    def tree(self, tree_id: str) -> Tree:
        """The tree, to look up paths in."""
        return Tree(self._index, tree_id)

    def load(self, blob: str, path: str, read: Callable[[], bytes]) -> Values:
        """The values in a file; `blob` stands for its content."""
        key = (blob, path)
        if key not in self._values:
            try:
                self._values[key] = Values(params.load(read(), path))
            except FormatError as error:
                self._values[key] = Values(error=error)
        return self._values[key]

    def entries(self, directory: Object) -> dict[str, Object] | None:
        """The files of a directory by path in it; None where its list is not in the cache."""
        data = self._cached(directory)
        if data is None:
            return None
        return {entry.relpath: Object(entry.md5, directory.hash) for entry in parse_manifest(data, directory.oid)}

    def object_values(self, item: Object, path: str) -> Values:
        """The values in an object of the cache."""
        data = self._cached(item)
        return Values(error=MissingFile(path)) if data is None else self.load(item.oid, path, lambda: data)

    def tree_values(self, blob: str, path: str) -> Values:
        """The values in a file of the tree."""
        return self.load(blob, path, lambda: self._index.read(blob))

    def files_below(self, tree_id: str, path: str) -> list[str]:
        """The files of the tree below `path` that are not DVC's own."""
        names = self._files.blobs(tree_id, path)
        own = ("dvc.yaml", ".dvcignore")
        return [f"{path}/{name}" for name in names if not name.endswith(".dvc") and name.rpartition("/")[2] not in own]


class _Look:
    """One tree, with DVC's outputs lying in it where Git has nothing."""

    def __init__(self, reader: ReportReader, tree_id: str, root: str, outputs: Sequence[Output]) -> None:
        self._reader = reader
        self._tree_id = tree_id
        self._tree = reader.tree(tree_id)
        self._root = root
        self._outputs = {
            output.path: output.object for output in outputs if output.cached and output.object is not None
        }

    def below(self, path: str) -> str:
        """`path` relative to the DVC root; an external one as it is."""
        if is_inside(path, self._root):
            return path[len(self._root) + 1 :] if self._root else path
        return path if path.startswith("/") or "://" in path else posixpath.relpath(f"/{path}", f"/{self._root}")

    def at(self, name: str) -> str:
        """What `below` was, back again."""
        return join(self._root, name)

    def exists(self, path: str) -> bool:
        """Is there anything at `path`?"""
        return self._tree.node(path) is not None or path in self._outputs

    def values(self, path: str) -> Values:
        """The values in the file at `path`."""
        node = self._tree.node(path)
        if node is not None and node.kind != "dir":
            return self._reader.tree_values(node.id, path)
        try:
            found = self._object(path)
        except FormatError as error:
            return Values(error=error)
        return Values(error=MissingFile(path)) if found is None else self._reader.object_values(found, path)

    def expand(self, path: str) -> list[str]:
        """The files below `path` where it is a directory; itself where it is not, or where that cannot be told."""
        node = self._tree.node(path)
        if node is not None and node.kind != "dir":
            return [path]
        found = set(self._reader.files_below(self._tree_id, path))
        for output, item in self._outputs.items():
            if output != path and not is_inside(output, path) and not is_inside(path, output):
                continue
            try:
                entries = self._reader.entries(item) if item.is_dir else {"": item}
            except FormatError:
                entries = None
            for name in entries or ():
                file = f"{output}/{name}" if name else output
                if is_inside(file, path):
                    found.add(file)
        return sorted(found) if found else [path]

    def _object(self, path: str) -> Object | None:
        """The object of the file at `path`: an output, or a file in one. UnsafeManifest."""
        if path in self._outputs:
            return None if self._outputs[path].is_dir else self._outputs[path]
        for output, item in self._outputs.items():
            if item.is_dir and is_inside(path, output):
                entries = self._reader.entries(item) or {}
                if path[len(output) + 1 :] in entries:
                    return entries[path[len(output) + 1 :]]
        return None


def _params(look: _Look, files: Sequence[FileOutputs], *, param_deps: bool) -> dict[str, Values]:
    wanted: list[str | Mapping[str, list[str] | None]] = [
        {look.below(path): list(names)} for file in files for path, names in file.declared.params
    ]
    if not param_deps:
        wanted += [{look.below(path): None} for file in files for path in file.declared.params_files]
        if look.exists(look.at(params.DEFAULT)):
            wanted.append({params.DEFAULT: None})
    found = {}
    for name, keys in params.merge(wanted).items():
        for path in look.expand(look.at(name)):
            values = look.values(path)
            if keys and values.error is None:
                values = Values(_selected(values.data, keys))
            found[look.below(path)] = values
    used: dict[str, dict[str, Any]] = {}
    for file in files:
        for path, taken in file.declared.used.items():
            if look.below(path) not in found:
                used.setdefault(look.below(path), {}).update(taken)
    return {**found, **{path: Values(data) for path, data in used.items()}}


def _metric(values: Values) -> Values:
    return values if values.error is not None else Values(_numbers(values.data) or {})


def _numbers(value: Any) -> Any:
    """What counts as a metric: numbers and text, in mappings of any depth; None for the rest."""
    if isinstance(value, (int, float, str)):
        return value
    if not isinstance(value, dict):
        return None
    kept = {key: _numbers(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item is not None and item != {}}


def _selected(data: Any, names: Iterable[str]) -> Any:
    """The part of `data` that dotted names lead to, `*` and `?` being patterns, as dpath.search and dpath.merge do."""
    found: dict[Any, Any] = {}
    for name in dict.fromkeys(names):
        part = _search(data, str(name).split("."))
        if isinstance(part, dict):
            _merge(found, part)
    return found


def _search(value: Any, steps: Sequence[str]) -> Any:
    """_NOTHING where nothing is found; a list is filled up with None before what is."""
    if not steps:
        return value
    if isinstance(value, dict):
        below = {key: _search(item, steps[1:]) for key, item in value.items() if fnmatchcase(str(key), steps[0])}
        return {key: item for key, item in below.items() if item is not _NOTHING} or _NOTHING
    if isinstance(value, list):
        members = [
            _search(item, steps[1:]) if fnmatchcase(str(index), steps[0]) else _NOTHING
            for index, item in enumerate(value)
        ]
        while members and members[-1] is _NOTHING:
            members.pop()
        return [None if item is _NOTHING else item for item in members] or _NOTHING
    return _NOTHING


class _Nothing:
    """Found nothing, which a parameter cannot be; None can."""


_NOTHING = _Nothing()


def _merge(into: dict[Any, Any], part: Mapping[Any, Any]) -> None:
    for key, value in part.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value)
        elif isinstance(present, list) and isinstance(value, list):
            into[key] = [*present, *value]
        else:
            into[key] = _copy(value)


def _copy(value: Any) -> Any:
    """Mappings anew, for they are merged into; what was loaded is shared."""
    return {key: _copy(item) for key, item in value.items()} if isinstance(value, dict) else value
