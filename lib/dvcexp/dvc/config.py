"""DVC's config levels -> cache directory and remotes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """One `remote "x"` section: `url` with paths made absolute and `remote://` resolved, `options` the other keys.

    Keys are lower-case as DVC reads them; values are text as written, lists joined by ','. `source` names the file
    that gave the url, for messages.
    """

    name: str
    url: str
    options: Mapping[str, str]
    source: str


@dataclass(frozen=True, slots=True)
class DvcConfig:
    """The merged levels. cache_dir: absolute, None where no work tree gives one. cache_types: in order of choice."""

    default_remote: str | None
    remotes: Mapping[str, RemoteConfig]
    cache_dir: str | None
    cache_types: tuple[str, ...] = ("reflink", "copy")
    cache_shared: bool = False
