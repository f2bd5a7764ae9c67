"""One output, and what a record of it in dvc.lock or a .dvc file says (dvc/output.py)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from dvcexp.dvc.objects import LEGACY, MD5, Object, check_relpath, is_oid

Origin = Literal["output", "repo-import", "url-import", "db-import"]

# Where a stage lists an output; those of a .dvc file are `outs`.
Section = Literal["outs", "metrics", "plots"]

MAX_PATH = 4096  # what Linux takes

# With these, and with a host after them, a path is a URL; DVC rejects every other scheme that is followed by a host.
_SCHEMES = frozenset(
    {"s3", "gs", "ssh", "hdfs", "webhdfs", "azure", "oss", "gdrive", "http", "https", "webdav", "webdavs", "remote"}
)


class Member(NamedTuple):
    """One file of a directory output that a cloud-versioned remote lists in place (`files:`), or the file itself."""

    relpath: str
    md5: str
    size: int | None
    remote: str | None
    version: str | None


class Output(NamedTuple):
    """One output of a stage or of a `.dvc` file.

    path: relative to the Git root, normalised, with `/`. defined_in: the dvc.yaml or .dvc file, same form.
    object: None where no hash is recorded. cached, push, persist: the flags, as DVC defaults them.
    remote: the output's own DVC remote, lower-cased as DVC looks it up. members: the files of a cloud-versioned output.
    """

    path: str
    defined_in: str
    object: Object | None
    size: int | None = None
    nfiles: int | None = None
    cached: bool = True
    push: bool = True
    persist: bool = False
    isexec: bool = False
    remote: str | None = None
    origin: Origin = "output"
    stage: str | None = None
    members: tuple[Member, ...] | None = None
    section: Section = "outs"


class RecordError(Exception):
    """What is wrong with one output; whoever reads the file says where."""


class Record(NamedTuple):
    """What is recorded of an output's content, in the words of Output."""

    object: Object | None = None
    size: int | None = None
    nfiles: int | None = None
    isexec: bool = False
    members: tuple[Member, ...] | None = None


def read_record(item: Mapping[str, Any]) -> Record:
    """An item of `outs` in dvc.lock or a .dvc file. RecordError for a hash or member path that must not be used."""
    meta = _with_cloud(item)
    kind = _hash_kind(item)
    isexec = bool(meta.get("isexec", False))
    if item.get("files"):
        return _directory(item["files"], item.get("hash"), isexec=isexec)
    md5 = meta.get("md5") if kind is not None else None
    size, nfiles = meta.get("size"), meta.get("nfiles")
    if not md5 or kind is None:
        return Record(None, size, nfiles, isexec)
    if not isinstance(md5, str) or not is_oid(md5):
        raise RecordError(f"its md5 '{md5}' is not one")
    members = None
    if meta.get("version_id"):
        members = (Member("", md5, size, meta.get("remote"), meta["version_id"]),)
    return Record(Object(md5, kind), size, nfiles, isexec, members)


def check_hash(item: Mapping[str, Any]) -> None:
    """Raise RecordError where DVC fails over the hash of a dependency."""
    kind = _hash_kind(item)
    if kind is not None and not item.get("files") and not item.get("nfiles"):
        md5 = _with_cloud(item).get("md5")
        if md5 and not isinstance(md5, str):
            raise RecordError(f"its md5 '{md5}' is a number; text needs quotes")


def is_local(path: str) -> bool:
    """Is this path of an output or dependency one in a file tree, relative to something? RecordError if it is nothing.

    Absolute paths and URLs are external: DVC does not keep what lies there.
    """
    if ":" not in path:
        return not path.startswith("/")
    from urllib.parse import urlparse

    try:
        parsed = urlparse(path)
    except ValueError as exc:
        raise RecordError(str(exc)) from None
    if parsed.netloc and parsed.scheme and parsed.scheme not in _SCHEMES:
        raise RecordError(f"'{parsed.scheme}://' is no URL that DVC knows")
    if parsed.scheme == "remote" and not parsed.netloc:
        raise RecordError("it names no DVC remote")
    return parsed.scheme not in _SCHEMES and not path.startswith("/")


def check_path(path: Any) -> str:
    """`path` as text, if it can be that of an output or dependency; RecordError if not."""
    if not isinstance(path, str):
        raise RecordError("its path is not text")
    if path.endswith(".dvc") or path.rpartition("/")[2] == "dvc.yaml":
        raise RecordError("it is a DVC file")
    if "\0" in path or len(path) > MAX_PATH:
        raise RecordError("no file can be called so")
    return path


def _hash_kind(item: Mapping[str, Any]) -> str | None:
    """The kind of hash an item records; None for one that names no object."""
    name = item.get("hash")
    if name == "":
        raise RecordError("its 'hash' is empty")
    return {None: LEGACY, "md5": MD5}.get(name)


def _with_cloud(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The item with what its one DVC remote says of it (`cloud:`) in place, and that remote's name as `remote`."""
    cloud = item.get("cloud")
    if not cloud:
        return item
    remote, meta = next(iter(cloud.items()))
    return {**item, **meta, "remote": remote}


def _directory(files: Sequence[Mapping[str, Any]], name: str | None, *, isexec: bool) -> Record:
    """A directory whose files are listed in place. Its oid is that of the manifest they would make.

    name: of the hash; here alone DVC also knows what `md5-dos2unix` means.
    """
    kind = {None: LEGACY, LEGACY: LEGACY, "md5": MD5}.get(name)
    rows: dict[str, Mapping[str, Any]] = {}
    for file in files:
        reason = check_relpath(file["relpath"])
        if reason is not None:
            raise RecordError(f"'{file['relpath']}' {reason}")
        row = _with_cloud(file)
        md5 = row.get("md5")
        if md5 and (not isinstance(md5, str) or len(md5) != 32 or not is_oid(md5)):
            raise RecordError(f"the md5 of '{file['relpath']}' is not one")
        rows[file["relpath"]] = row
    if kind is None:
        if name not in ("etag", "checksum"):
            raise RecordError(f"its files have no '{name}'")
        return Record(isexec=isexec, nfiles=len(files))
    listed = [
        {**({"md5": row["md5"]} if row.get("md5") else {}), "relpath": path} for path, row in sorted(rows.items())
    ]
    digest = hashlib.md5(json.dumps(listed).encode("ascii"), usedforsecurity=False).hexdigest()
    members = tuple(
        Member(path, row["md5"], row.get("size"), row.get("remote"), row.get("version_id"))
        for path, row in rows.items()
        if row.get("md5")
    )
    size = sum(row.get("size") or 0 for row in map(_with_cloud, files))
    return Record(Object(f"{digest}.dir", kind), size, len(files), isexec, members)
