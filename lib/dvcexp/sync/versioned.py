"""Reading from cloud-versioned DVC remotes (`version_aware`, `worktree`), where files lie under their paths.

What lies at a path now need not be the experiment's: a file is read by the version id that the commit records, or not
at all, and its hash is checked like any other's. Nothing is written to such a remote.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dvcexp.dvc.config import RemoteConfig
from dvcexp.dvc.objects import MD5, Entry, Object
from dvcexp.remotes.base import Download, ObjectMissing, Outcome, Remote
from dvcexp.sync.demand import Use


class Version(NamedTuple):
    """Where one object lies: its path below the remote's URL, and the version id there."""

    key: str
    version: str


def versions(uses: Iterable[Use], config: RemoteConfig) -> dict[str, Version]:
    """Object key -> its version, for all that the outputs record of this remote."""
    found = {}
    for root, output in ((use.root, use.output) for use in uses):
        for member in output.members or ():
            if member.version is not None and member.remote in (None, config.name):
                path = posixpath.join(output.path, member.relpath) if member.relpath else output.path
                below = path if root == "." else path.removeprefix(f"{root}/")
                found[Object(member.md5, MD5).key] = Version(below, member.version)
    return found


def listed_in_place(use: Use) -> list[Entry] | None:
    """The entries of a directory that the commit itself lists (`files:`); None where only its manifest does."""
    directory, members = use.output.object, use.output.members
    if members is None or directory is None or not directory.is_dir:
        return None
    return [Entry(member.relpath, member.md5) for member in members]


class VersionedSource:
    """Downloads objects by their recorded versions: the `download` of a Remote, over `remote`."""

    def __init__(self, remote: Remote, recorded: dict[str, Version]) -> None:
        self.name = remote.name
        self.url = remote.url
        self._remote = remote
        self._recorded = recorded

    def download(self, downloads: Iterable[Download]) -> Iterator[Outcome]:
        """As `Remote.download`; an object without a recorded version is missing."""
        rounds: list[dict[str, Download]] = []  # an outcome names the path alone, so each path stands once in a round
        for wanted in downloads:
            place = self._recorded.get(wanted.key)
            if place is None:
                cause = "no version of it is recorded"
                yield Outcome(wanted.key, 0, ObjectMissing(self.name, self.url, cause, key=wanted.key))
                continue
            free = next((requests for requests in rounds if place.key not in requests), None)
            if free is None:
                free = {}
                rounds.append(free)
            free[place.key] = wanted
        for requests in rounds:
            versioned = (w._replace(key=path, version=self._recorded[w.key].version) for path, w in requests.items())
            for outcome in self._remote.download(versioned):
                yield outcome._replace(key=requests[outcome.key].key)
