"""Which paths a fetch downloads: `dvcexp.fetchInclude` and `dvcexp.fetchExclude`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.ignore import IgnoreFilter
from dvcexp.dvc.objects import Entry, Object
from dvcexp.settings import Settings
from dvcexp.sync import manifests
from dvcexp.sync.demand import Part, Use


class NamedOutput(NamedTuple):
    """What somebody named of an output: the paths below it, or all of it where there are none."""

    path: str
    object: Object
    limits: Sequence[str]


class PathFilter:
    """Patterns as in .gitignore, on paths relative to the Git root. No include pattern means everything."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._include = IgnoreFilter({"": include}) if include else None
        self._exclude = IgnoreFilter({"": exclude}) if exclude else None

    @classmethod
    def of(cls, settings: Settings) -> PathFilter:
        """The configured one."""
        return cls(settings.fetch_include, settings.fetch_exclude)

    @property
    def limits(self) -> bool:
        """Is anything left out at all?"""
        return self._include is not None or self._exclude is not None

    def matches(self, path: str) -> bool:
        """Is the file at `path` wanted?"""
        return not self.excludes(path) and (self._include is None or self._include.is_ignored(path))

    def excludes(self, path: str, *, is_dir: bool = False) -> bool:
        """Is the file at `path`, or the directory with all that is in it, unwanted?"""
        return self._exclude is not None and self._exclude.is_ignored(path, is_dir=is_dir)

    def may_want(self, use: Use) -> bool:
        """Is this output wanted, or perhaps some file of it? A directory has to be looked into, with `wanted`."""
        is_dir = use.output.object is not None and use.output.object.is_dir
        return not self.excludes(use.output.path, is_dir=True) if is_dir else self.matches(use.output.path)

    def wanted(self, directory: str, entries: Sequence[Entry]) -> list[Entry] | None:
        """The files that are wanted of an output `directory` with these; None where it is not wanted itself.

        An empty directory is, and one of whose files some are.
        """
        found = [entry for entry in entries if self.matches(f"{directory}/{entry.relpath}")]
        return found if found or not entries else None

    def expected(
        self, part: Part | None, members: Mapping[Object, frozenset[Object] | None], cache: Cache
    ) -> set[Object]:
        """What a fetch of `part`, chosen by `may_want`, brings. members: of its directories, where they are known."""
        found = set(part.demand.files) if part is not None else set()
        for directory in part.demand.directories if part is not None else ():
            listed = members.get(directory)
            if part is not None and listed is not None and self.limits:
                entries = manifests.entries_in_cache(cache, directory) or []
                wanted = self.wanted(part.uses[directory].output.path, entries)
                if wanted is None:
                    continue
                listed = manifests.members(directory, wanted)
            found |= {directory, *(listed or ())}
        return found


class NamedPaths(PathFilter):
    """Some outputs, or parts of them, and nothing else; the settings do not count."""

    def __init__(self, named: Sequence[NamedOutput]) -> None:
        super().__init__((), ())
        self._named = {(output.path, output.object): output.limits for output in named}
        self._limits = {output.path: output.limits for output in named if output.limits}

    def may_want(self, use: Use) -> bool:
        return (use.output.path, use.output.object) in self._named

    def matches(self, path: str) -> bool:
        """Only asked of files in outputs that are wanted."""
        for output, limits in self._limits.items():
            if path.startswith(f"{output}/"):
                return any(path == limit or path.startswith(f"{limit}/") for limit in limits)
        return True
