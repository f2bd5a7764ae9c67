"""What one cache lacks of what some commits use, brought from the places that may have it, every hash checked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.config import RemoteConfig
from dvcexp.dvc.objects import Entry, Object, UnsafeManifest, dir_oid, dump_manifest
from dvcexp.errors import DvcexpError, printable
from dvcexp.files import Staging, Vanished
from dvcexp.progress import Progress, format_size, plural
from dvcexp.remotes.base import Download, ObjectMissing, RemoteError
from dvcexp.sync import manifests
from dvcexp.sync.demand import Part
from dvcexp.sync.paths import PathFilter
from dvcexp.sync.plan import missing_files
from dvcexp.sync.stores import Store, Stores, is_absent
from dvcexp.sync.transfer import Source, Transferred, download
from dvcexp.sync.versioned import VersionedSource, listed_in_place, versions


class Arrived(NamedTuple):
    """A manifest under a temporary name. source: the DVC remote it came from, None if the commit itself told it."""

    temporary: str
    size: int
    source: str | None


class Gaps:
    """What did not come: `failed` transfers, each with a path and the reason, and objects that no place has (`missing`,
    each with a path and the DVC remote's name). absent: folders to look in that are not there."""

    def __init__(self, failed: dict[Object, tuple[str, DvcexpError]] | None = None) -> None:
        self.failed = {} if failed is None else failed
        self.missing: dict[Object, tuple[str, str]] = {}
        self.absent: set[str] = set()


class Removed(DvcexpError):
    """Somebody has taken from the cache what a fetch has just brought, or relies on."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} removed from the cache while data was fetched",
            "does dvc gc run here? When it has ended, run the same command again: it goes on where it stopped",
        )


@contextlib.contextmanager
def writing(cache: Cache) -> Iterator[None]:
    """Inside, an OSError is the cache's, and says so."""
    try:
        yield
    except OSError as cause:
        error = cache.base.reason(cause)
        where = error.filename or cache.directory
        if isinstance(error, FileNotFoundError):  # its folder was made, and the file was written
            raise Removed(f"'{printable(str(where))}' was") from error
        way = "bring it back" if isinstance(error, Vanished) else "make room or give access there"
        hint = f"{way}, then run the same command again: it goes on where it stopped"
        raise DvcexpError(f"cannot write to the cache: '{where}': {error.strerror}", hint) from error


class Completion:
    """Brings what one store's cache lacks; what is `damaged` there counts as lacking.

    replacing: hears of each file of the cache before it is written or replaced.
    """

    def __init__(
        self,
        store: Store,
        cache: Cache,
        part: Part,
        stores: Stores,
        paths: PathFilter,
        progress: Progress,
        gaps: Gaps,
        damaged: Collection[Object] = (),
        replacing: Callable[[str], object] | None = None,
    ) -> None:
        self._store = store
        self._cache = cache
        self._part = part
        self._stores = stores
        self._paths = paths
        self._progress = progress
        self._gaps = gaps
        self._damaged = frozenset(damaged)
        self._replacing = replacing
        self._listed: dict[Object, list[Entry]] = {}
        self._moved: dict[str, Transferred] = {}

    def run(self) -> None:
        """Manifests first, to know the files; but they get their names last, for they vouch for their files."""
        demand = self._part.demand
        where = self._cache.directory
        if not os.path.isdir(where) and not where.endswith(os.path.join(".dvc", "cache")):
            self._progress.note(f"making the cache '{printable(where)}', which is not there")
        with writing(self._cache):
            with self._staging() as late:
                late.BATCH_FILES = late.BATCH_BYTES = 1 << 62
                arrived = self._read_manifests(late)
                for directory, entries in self._listed.items():
                    wanted = self._paths.wanted(self._part.uses[directory].output.path, entries)
                    if wanted is not None:
                        demand.directories[directory] = manifests.members(directory, wanted)
                    else:
                        del demand.directories[directory]
                everything = demand.files | demand.members()
                lacking = missing_files(demand, self._whole(everything))
                left = self._bring(lacking)
                for directory, manifest in arrived.items():
                    members = demand.directories.get(directory)
                    if members is not None and members.isdisjoint(left):
                        late.keep(manifest.temporary, self._cache.path(directory), manifest.size)
                        self._count(manifest)
            if arrived or any(moved.objects for moved in self._moved.values()):
                self._cache.make_durable()  # the names too: the ref that Git is about to write will be
                self._notice_removed(everything - left)
        for name, moved in self._moved.items():
            if moved.objects:
                amount = f"{plural(moved.objects, 'object')} ({format_size(moved.size)})"
                self._progress.note(f"downloaded {amount} from '{name}'")

    def _notice_removed(self, objects: set[Object]) -> None:
        """A download takes its time. What `dvc gc` has removed meanwhile must be noticed before Git writes the ref."""
        directories = self._part.demand.directories.items()
        due = {*objects, *(item for item, members in directories if members is not None and members <= objects)}
        gone = due - self._cache.present(due)
        paths = self._paths_of(gone)
        for item in gone:
            self._gaps.failed[item] = (paths.get(item.oid, item.oid), Removed("it was"))

    def _count(self, manifest: Arrived) -> None:
        if manifest.source is not None:
            moved = self._moved_from(manifest.source)
            moved.objects += 1
            moved.size += manifest.size

    def _read_manifests(self, late: Staging) -> dict[Object, Arrived]:
        """Fill `self._listed`; those that were not in the cache have come under temporary names."""
        wanted: set[Object] = set()
        arrived: dict[Object, Arrived] = {}
        for directory in self._part.demand.directories:
            try:
                entries = manifests.entries_in_cache(self._cache, directory)
            except UnsafeManifest:
                entries = None  # a damaged one is fetched again and replaced
            if entries is not None:
                self._listed[directory] = entries
            elif not self._write_manifest(directory, late, arrived):
                wanted.add(directory)
        failed: dict[Object, DvcexpError] = {}
        for config in self._store.sources():
            if not wanted:
                break
            try:
                self._fetch_manifests(self._source(config), wanted, late, arrived, failed)
            except DvcexpError as error:
                failed.update(dict.fromkeys(wanted, error))
            wanted -= arrived.keys()
        self._give_up(wanted, failed)
        return arrived

    def _write_manifest(self, directory: Object, late: Staging, arrived: dict[Object, Arrived]) -> bool:
        """Make the manifest of a directory that the commit lists in place; False if it does not, or not all of it."""
        entries = listed_in_place(self._part.uses[directory])
        if entries is None or dir_oid(entries) != directory.oid:
            return False
        data = dump_manifest(entries)
        temporary = late.temporary(self._cache.path(directory))
        with open(temporary, "xb") as file:
            file.write(data)
        os.chmod(temporary, 0o444)
        self._listed[directory] = entries
        arrived[directory] = Arrived(temporary, len(data), None)
        return True

    def _source(self, config: RemoteConfig) -> Source:
        remote = self._stores.remote(config)
        return VersionedSource(remote, versions(self._part.uses.values(), config)) if config.is_versioned else remote

    def _fetch_manifests(
        self,
        source: Source,
        wanted: Collection[Object],
        late: Staging,
        arrived: dict[Object, Arrived],
        failed: dict[Object, DvcexpError],
    ) -> None:
        targets = {item.key: (item, late.temporary(self._cache.path(item))) for item in sorted(wanted)}
        limit = self._part.manifest_limit
        requests = (Download(key, temporary, limit(item)) for key, (item, temporary) in targets.items())
        with self._progress.phase("Downloading directories", len(targets)) as phase:
            for outcome in source.download(requests):
                phase.advance(1, outcome.size)
                directory, temporary = targets[outcome.key]
                if outcome.error is not None:
                    if not isinstance(outcome.error, ObjectMissing):
                        failed[directory] = outcome.error
                    continue
                try:
                    self._listed[directory] = _parse(directory, temporary)
                except UnsafeManifest as error:
                    late.drop(temporary)
                    failed[directory] = RemoteError(source.name, source.url, error.message, *error.hints)
                    continue
                os.chmod(temporary, 0o444)
                arrived[directory] = Arrived(temporary, outcome.size, source.name)

    def _bring(self, lacking: Collection[Object]) -> set[Object]:
        """Download files from the sources in turn; those that no source gave are returned, and noted as gaps."""
        left = set(lacking)
        limits = self._part.limits(left)
        failed: dict[Object, DvcexpError] = {}
        with self._progress.phase("Downloading objects", len(left)) as phase, self._staging() as staging:
            for config in self._store.sources():
                if not left:
                    break
                try:
                    source = self._source(config)
                    moved = self._moved_from(config.name)
                    done = download(source, self._cache, left, limits, phase, staging, moved)
                except RemoteError as error:
                    failed.update(dict.fromkeys(left, error))
                    continue
                left = done.missing | done.failed.keys()
                failed.update(done.failed)
        left -= self._whole(left)
        self._give_up(left, failed)
        return left

    def _staging(self) -> Staging:
        return self._cache.staging(self._replacing)

    def _whole(self, wanted: Collection[Object]) -> set[Object]:
        """Those of `wanted` that are here and not known to be damaged."""
        return self._cache.present(wanted) - self._damaged

    def _moved_from(self, name: str) -> Transferred:
        return self._moved.setdefault(printable(name), Transferred())

    def _give_up(self, left: Collection[Object], failed: Mapping[Object, DvcexpError]) -> None:
        paths = self._paths_of(left)
        for item in left:
            path = paths.get(item.oid, item.oid)
            if item in failed:
                self._gaps.failed[item] = (path, failed[item])
            else:
                self._gaps.missing[item] = (path, self._store.name)
        if self._gaps.missing:
            self._gaps.absent |= {config.url for config in self._store.sources() if is_absent(config)}

    def _paths_of(self, items: Collection[Object]) -> dict[str, str]:
        """By oid, the first place where each is used; the lists are gone through once, whatever is to be found."""
        paths = {item.oid: self._part.uses[item].output.path for item in items if item in self._part.uses}
        wanted = {item.oid for item in items} - paths.keys()
        for directory, entries in self._listed.items() if wanted else ():
            for entry in entries:
                if entry.md5 in wanted:
                    paths.setdefault(entry.md5, f"{self._part.uses[directory].output.path}/{entry.relpath}")
        return paths


def _parse(directory: Object, temporary: str) -> list[Entry]:
    with open(temporary, "rb") as file:
        return manifests.parse(directory, file.read())
