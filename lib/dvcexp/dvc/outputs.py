"""dvc.lock, dvc.yaml and *.dvc of one commit -> its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dvcexp.dvc.objects import Object
from dvcexp.errors import FormatError

Origin = Literal["output", "repo-import", "url-import", "db-import"]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a directory output that a cloud-versioned remote lists in place (`files:`), or the file itself."""

    relpath: str
    md5: str
    size: int | None
    remote: str | None
    version: str | None


@dataclass(frozen=True, slots=True)
class Output:
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


@dataclass(frozen=True, slots=True)
class RootOutputs:
    """What one DVC root of one commit says. `root`: relative to the Git root, '.' if the same.

    outputs: every output of every readable file, sorted by path. errors: the files that could not be read, each naming
    file and reason. skipped: notes on outputs left out on purpose (external ones), for a warning.
    """

    root: str
    outputs: tuple[Output, ...]
    errors: tuple[FormatError, ...] = ()
    skipped: tuple[str, ...] = ()
