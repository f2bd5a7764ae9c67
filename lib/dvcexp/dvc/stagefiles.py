"""One *.dvc file, or one dvc.yaml with its dvc.lock -> outputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dvcexp.dvc import params, schema, tree, yaml
from dvcexp.dvc.ignore import IgnoreFilter
from dvcexp.dvc.interpolate import TemplateError
from dvcexp.dvc.output import (
    MAX_PATH,
    Origin,
    Output,
    Record,
    RecordError,
    Section,
    check_hash,
    check_path,
    is_local,
    read_record,
)
from dvcexp.dvc.stages import Pipeline
from dvcexp.errors import FormatError

PIPELINE = "dvc.yaml"
LOCK = "dvc.lock"


class Project(NamedTuple):
    """One DVC root of one commit, as its files are read. root: relative to the Git root, '' if the same."""

    root: str
    tree: tree.Tree
    ignored: IgnoreFilter

    def below(self, path: str) -> str:
        """`path`, relative to the Git root, relative to the DVC root instead."""
        return path[len(self.root) + 1 :] if self.root else path

    def is_ignored(self, path: str) -> bool:
        """Is the file or directory at `path`, relative to the Git root, ignored by .dvcignore or by DVC itself?"""
        below = self.below(path)
        as_file = self.ignored.is_ignored(below)
        if as_file == self.ignored.is_ignored(below, is_dir=True):
            return as_file
        return as_file != self.tree.is_dir(path)


class Dependency(NamedTuple):
    """What a stage reads, and what is recorded of it. path: as Output's; of an external one as it is written."""

    path: str
    hash: str | None = None
    size: int | None = None
    nfiles: int | None = None


class Declared(NamedTuple):
    """What a file says besides its outputs. Paths are relative to the Git root.

    params: the files that stages take parameters from, with the names, or none for all. params_files, metrics_files:
    those named beside the stages. used: the values that templates took, by file and dotted name.
    """

    dependencies: tuple[Dependency, ...] = ()
    params: tuple[tuple[str, tuple[str, ...]], ...] = ()
    params_files: tuple[str, ...] = ()
    metrics_files: tuple[str, ...] = ()
    used: Mapping[str, Mapping[str, Any]] = {}


class FileOutputs(NamedTuple):
    """What one file says. `errors`: what is wrong with single outputs; the others count."""

    outputs: tuple[Output, ...] = ()
    errors: tuple[FormatError, ...] = ()
    skipped: tuple[str, ...] = ()
    declared: Declared = Declared()


def read_file(project: Project, path: str) -> FileOutputs:
    """The outputs of the *.dvc or dvc.yaml at `path`. FormatError where it, or what it needs, cannot be read."""
    return _read_pipeline(project, path) if path.rpartition("/")[2] == PIPELINE else _read_dvc_file(project, path)


def load_lock(content: bytes, path: str) -> dict[str, Any]:
    """The content of a dvc.lock; FormatError where DVC would reject it."""
    return _parse(content, path, schema.LOCK_FILE)


def _load(project: Project, path: str, shape: schema.Shape) -> dict[str, Any]:
    return _parse(project.tree.read(path), path, shape)


def _parse(content: bytes, path: str, shape: schema.Shape) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(content, path) or {}
    problem = shape(data, "")
    if problem is not None:
        raise yaml.broken(path, problem, content)
    return data


class _Collector:
    """Gathers the outputs of one file."""

    def __init__(self, project: Project, path: str) -> None:
        self.project = project
        self.path = path
        self.folder = path.rpartition("/")[0]
        self.outputs: list[Output] = []
        self.errors: list[FormatError] = []
        self.skipped: list[str] = []
        self.dependencies: list[Dependency] = []
        self.params: list[tuple[str, tuple[str, ...]]] = []

    def result(self, pipeline: Pipeline | None = None) -> FileOutputs:
        declared = Declared(tuple(self.dependencies), tuple(self.params))
        if pipeline is not None:
            params_files, metrics_files = (
                tuple(tree.join(self.folder, str(file)) for file in pipeline.top.get(section, ()))
                for section in ("params", "metrics")
            )
            used = {tree.join(self.project.root, file): values for file, values in pipeline.used.items()}
            declared = declared._replace(params_files=params_files, metrics_files=metrics_files, used=used)
        return FileOutputs(tuple(self.outputs), tuple(self.errors), tuple(self.skipped), declared)

    def add(
        self,
        written: Any,
        wdir: str,
        flags: Mapping[str, Any],
        item: Mapping[str, Any] | None,
        *,
        origin: Origin = "output",
        stage: str | None = None,
        section: Section = "outs",
    ) -> None:
        """The output that the file calls `written`, relative to `wdir`; `item` records its content."""
        try:
            text = check_path(written)
            cached = bool(flags.get("cache", True))
            path = tree.join(wdir, text)
            if not is_local(text) or not tree.is_inside(path, self.project.root):
                if cached:
                    self.skipped.append(f"'{text}' in '{self.path}' lies outside of the DVC project")
                return
            if len(path) > MAX_PATH:
                raise RecordError("no path can be that long")
            if self.project.is_ignored(path):
                self._problem(written, stage, "is ignored by .dvcignore")
            remote = flags.get("remote")
            if remote is not None and not isinstance(remote, str):
                raise RecordError("its 'remote' is not text")
            record = self._record(written, stage, item)
            self.outputs.append(
                Output(
                    path=path,
                    defined_in=self.path,
                    object=record.object,
                    size=record.size,
                    nfiles=record.nfiles,
                    cached=cached,
                    push=bool(flags.get("push", True)),
                    persist=bool(flags.get("persist", False)),
                    isexec=record.isexec,
                    remote=remote.lower() if remote else None,
                    origin=origin,
                    stage=stage,
                    members=record.members,
                    section=section,
                )
            )
        except RecordError as exc:
            self._problem(written, stage, str(exc))

    def check_dependency(self, written: Any, item: Mapping[str, Any] | None = None) -> bool:
        """DVC rejects some dependencies, and with them the file. False for one that is no file in the tree."""
        try:
            if not written:
                raise RecordError("it has no path")
            local = not check_path(written).startswith("ds://") and is_local(written)
            check_hash(item or {})
        except RecordError as exc:
            raise FormatError(self.path, f"dependency '{written}': {exc}") from None
        return local

    def add_dependency(self, written: Any, wdir: str, item: Mapping[str, Any] | None = None) -> None:
        """The dependency that the file calls `written`; one on a dataset is none."""
        local = self.check_dependency(written, item)
        if not local and written.startswith("ds://"):
            return
        path = tree.join(wdir, written) if local else written
        try:
            record = read_record(item) if item is not None else Record()
        except RecordError:
            record = Record()
        other = next((item[key] for key in ("etag", "checksum") if item and item.get(key)), None)
        oid = record.object.oid if record.object is not None else other
        self.dependencies.append(Dependency(path, oid, record.size, record.nfiles))

    def _record(self, written: str, stage: str | None, item: Mapping[str, Any] | None) -> Record:
        """Nothing where what is recorded cannot be used: the output is there, its hash is not."""
        try:
            return read_record(item) if item is not None else Record()
        except RecordError as exc:
            self._problem(written, stage, str(exc))
            return Record()

    def _problem(self, written: Any, stage: str | None, reason: str) -> None:
        subject = f"output '{written}'" if stage is None else f"output '{written}' of stage '{stage}'"
        self.errors.append(FormatError(self.path, f"{subject}: {reason}"))


def _read_dvc_file(project: Project, path: str) -> FileOutputs:
    data = _load(project, path, schema.DVC_FILE)
    collector = _Collector(project, path)
    wdir = tree.join(collector.folder, data.get("wdir") or "")
    deps, outs = data.get("deps") or [], data.get("outs") or []
    for dep in deps:
        if "repo" in dep:
            collector.check_dependency(dep.get("path"), dep)
        elif "db" not in dep:
            collector.add_dependency(dep.get("path"), wdir, dep)
    for out in outs:
        if "path" not in out:
            raise FormatError(path, "an output has no 'path'")
        collector.add(out["path"], wdir, out, out, origin=_origin(deps, outs))
    return collector.result()


def _origin(deps: list[dict[str, Any]], outs: list[dict[str, Any]]) -> Origin:
    """One dependency and one output make an import; `repo:` or `db:` say where from."""
    if len(deps) != 1 or len(outs) != 1:
        return "output"
    if "db" in deps[0]:
        return "db-import"
    return "repo-import" if deps[0].get("repo") else "url-import"


def _read_pipeline(project: Project, path: str) -> FileOutputs:
    data = _load(project, path, schema.PIPELINE_FILE)
    collector = _Collector(project, path)
    folder = collector.folder
    locked = _read_lock(project, tree.join(folder, LOCK)).get("stages", {})

    def load(relative: str) -> Any:
        file = tree.join(project.root, relative)
        node = project.tree.node(file)
        if node is None or node.kind == "dir":
            raise TemplateError(f"'{relative}' is {'not there' if node is None else 'a directory'}")
        return params.load(project.tree.read(file), file)

    has_params = project.tree.node(tree.join(folder, params.DEFAULT)) is not None
    try:
        pipeline = Pipeline(data, project.below(folder), load, has_params=has_params)
        for name, stage in pipeline.stages():
            _add_stage(collector, name, stage, locked.get(name, {}))
    except TemplateError as exc:
        raise FormatError(path, str(exc)) from None
    return collector.result(pipeline)


def _read_lock(project: Project, path: str) -> dict[str, Any]:
    """What dvc.lock says; an ignored one is not there."""
    if project.tree.node(path) is None or project.ignored.is_ignored(project.below(path)):
        return {}
    return _load(project, path, schema.LOCK_FILE)


def _add_stage(collector: _Collector, name: str, stage: Mapping[str, Any], locked: Mapping[str, Any]) -> None:
    """The outputs of one stage; the lock tells their hashes, matched by their paths as text."""
    wdir = stage.get("wdir") or ""
    if not isinstance(wdir, str):
        raise FormatError(collector.path, f"stage '{name}': its 'wdir' is not text")
    wdir = tree.join(collector.folder, wdir)
    locked_deps, locked_outs = ({item["path"]: item for item in locked.get(key, ())} for key in ("deps", "outs"))
    for dep in stage.get("deps", ()):
        collector.add_dependency(dep, wdir, locked_deps.get(dep) if isinstance(dep, str) else None)
    for file, names in _parameters(collector.path, name, stage.get("params", ())).items():
        collector.check_dependency(file)
        collector.params.append((tree.join(wdir, file), tuple(names)))
    sections: tuple[Section, ...] = ("outs", "metrics", "plots")
    for section in sections:
        for written, flags in _merge_flags(collector.path, name, stage.get(section, ())).items():
            item = locked_outs.get(written) if isinstance(written, str) else None
            collector.add(written, wdir, flags, item, stage=name, section=section)


def _merge_flags(path: str, stage: str, entries: Iterable[Any]) -> Mapping[Any, dict[str, Any]]:
    """Paths with their flags; a path that is named twice gets those of both."""
    merged: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for entry in entries:
        if isinstance(entry, str):
            merged[entry].update({})
        elif isinstance(entry, dict) and all(isinstance(flags, dict) for flags in entry.values()):
            for written, flags in entry.items():
                merged[written].update(flags)
        else:
            raise FormatError(path, f"stage '{stage}': an output is neither a path nor a path with flags")
    return merged


def _parameters(path: str, stage: str, entries: Iterable[Any]) -> dict[str, list[str]]:
    """The files that a stage's `params` name, with the names in each."""
    for entry in entries:
        if isinstance(entry, str):
            continue
        if not isinstance(entry, dict):
            raise FormatError(path, f"stage '{stage}': an entry of 'params' is neither a name nor a file with names")
        for file, names in entry.items():
            if names and not isinstance(names, list):
                raise FormatError(path, f"stage '{stage}': the 'params' of '{file}' are not a list")
    return {file or params.DEFAULT: names for file, names in params.merge(entries).items()}
