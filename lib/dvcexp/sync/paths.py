"""Which paths a fetch downloads: `dvcexp.fetchInclude` and `dvcexp.fetchExclude`."""

from __future__ import annotations

from collections.abc import Sequence

from dvcexp.dvc.ignore import IgnoreFilter


class PathFilter:
    """Patterns as in .gitignore, on paths relative to the Git root. No include pattern means everything."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._include = IgnoreFilter({"": include}) if include else None
        self._exclude = IgnoreFilter({"": exclude}) if exclude else None

    def matches(self, path: str) -> bool:
        """Is the file at `path` wanted?"""
        return not self.excludes(path) and (self._include is None or self._include.is_ignored(path))

    def excludes(self, path: str, *, is_dir: bool = False) -> bool:
        """Is the file at `path`, or the directory with all that is in it, unwanted?"""
        return self._exclude is not None and self._exclude.is_ignored(path, is_dir=is_dir)
