"""Objects between the cache and a DVC remote: order, hash checks, durability; an outcome for each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from dvcexp.dvc.cache import Cache, is_intact, is_protected
from dvcexp.dvc.objects import MD5, Object
from dvcexp.errors import DvcexpError, printable
from dvcexp.files import Staging, Vanished
from dvcexp.progress import Phase, Progress, Transit
from dvcexp.remotes.base import Download, ObjectMissing, Outcome, Remote, Upload
from dvcexp.settings import Verify
from dvcexp.sync.hashing import HashPool
from dvcexp.sync.plan import Demand, UploadPlan, broken


class Transferred:
    """What became of the objects: how many of which size moved, which failed and why, which are not there."""

    def __init__(self) -> None:
        self.objects = self.size = 0
        self.failed: dict[Object, DvcexpError] = {}
        self.missing: set[Object] = set()


class Source(Protocol):
    """Where objects are read from: a Remote, as a rule."""

    name: str
    url: str

    def download(self, downloads: Iterable[Download]) -> Iterator[Outcome]:
        """As `Remote.download`."""


class CorruptObject(DvcexpError):
    """An object's content does not have the hash that its name says. `where` is the file or remote it was read from."""

    def __init__(self, where: str, *hints: str) -> None:
        super().__init__(f"{where}: content does not match its hash", *hints)


def unreadable(cache: Cache, cause: OSError) -> DvcexpError:
    """The error for a cache that fails, or has vanished."""
    error = cache.base.reason(cause)
    way = "bring it back" if isinstance(error, Vanished) else "give access to it"
    where = printable(str(error.filename))
    return DvcexpError(f"cannot read the cache: '{where}': {error.strerror}", f"{way}, then run the same command again")


def upload(
    remote: Remote,
    cache: Cache,
    plan: UploadPlan,
    demand: Demand,
    verify: Verify,
    sizes: Mapping[Object, int],
    progress: Progress,
) -> Transferred:
    """Send what the plan says: files, and then the directories whose files all arrived, made durable together.

    In between nothing need be: a directory's flush, before its manifests get their names, has the files' names too, and
    the other kinds are durable object by object.
    `sizes`: what DVC's files say of single-file outputs. A RemoteError that dooms the rest is raised.
    """
    done = Transferred()
    with progress.phase("Uploading objects", len(plan.files) + len(plan.directories)) as phase:
        for objects in (plan.files, plan.directories):
            sendable = objects - broken(demand, objects, done.failed)
            _send(remote, cache, sendable, verify, sizes, phase, done)
        remote.make_durable()
    return done


def _send(
    remote: Remote,
    cache: Cache,
    objects: Collection[Object],
    verify: Verify,
    sizes: Mapping[Object, int],
    phase: Phase,
    done: Transferred,
) -> None:
    by_key = {item.key: item for item in objects}
    under_way: dict[str, Transit] = {}

    def uploads() -> Iterator[Upload]:
        for item, size in _checked(cache, _largest_first(objects, sizes), verify, sizes, done):
            md5 = item.oid[:32] if verify != "never" and (item.hash == MD5 or item.is_dir) else None
            moved = under_way[item.key] = phase.transit()
            yield Upload(item.key, cache.path(item), size, md5=md5, moved=moved)

    for outcome in remote.upload(uploads()):
        if outcome.error is not None:
            done.failed[by_key[outcome.key]] = outcome.error
        else:
            done.objects += 1
            done.size += outcome.size
        phase.advance(1, outcome.size, under_way.pop(outcome.key, None))
    if done.failed:
        try:
            cache.base.check()
        except OSError as error:
            raise unreadable(cache, error) from None


def _largest_first(objects: Iterable[Object], bytes_of: Mapping[Object, int]) -> list[Object]:
    """What takes longest begins first, and is hashed and sent beside the many others; those of no known size last."""
    return sorted(objects, key=lambda item: (-bytes_of.get(item, 0), item))


def _checked(
    cache: Cache, objects: Iterable[Object], verify: Verify, sizes: Mapping[Object, int], done: Transferred
) -> Iterator[tuple[Object, int]]:
    """Those that may be sent, with their sizes. Any other is put among the failed."""
    for item in objects:
        path = cache.path(item)
        try:
            status = os.stat(path)
            suspect = not is_protected(status) or sizes.get(item, status.st_size) != status.st_size
            # A link may have come with a clone, to have a private file of its user's sent under a name of the clone's.
            check = verify == "always" or os.path.islink(path) or (verify == "auto" and suspect)
            if check and not is_intact(path, item):
                hint = f"remove '{path}', then make it again with 'dvc repro' or fetch it with 'git exp fetch'"
                done.failed[item] = CorruptObject(f"cache object '{path}'", hint)
                continue
        except OSError as error:
            if isinstance(cache.base.reason(error), Vanished):
                raise unreadable(cache, error) from None
            done.failed[item] = DvcexpError(f"cache object '{path}': {error.strerror}")
            continue
        yield item, status.st_size


def download(
    source: Source,
    cache: Cache,
    objects: Collection[Object],
    limits: Mapping[Object, int],
    phase: Phase,
    staging: Staging,
    done: Transferred,
) -> Transferred:
    """Bring `objects` into the cache, every hash checked. What arrives corrupt is fetched once more: lines flip bits.

    limits: bytes after which a sender is cut off, where that is known. The caller's `staging` gives the final names: at
    its end, or when a batch is full. An OSError is the cache's. `done` is added to and returned.
    """
    corrupt = _receive(source, cache, objects, limits, phase, staging, done)
    again = _receive(source, cache, corrupt, limits, phase, staging, done) if corrupt else []
    for item in again:
        hint = "someone who has the experiment can mend it: remove that object from the DVC remote, then push again"
        done.failed[item] = CorruptObject(f"'{item.key}' on DVC remote '{source.name}' ({source.url})", hint)
    return done


def _receive(
    source: Source,
    cache: Cache,
    objects: Collection[Object],
    limits: Mapping[Object, int],
    phase: Phase,
    staging: Staging,
    done: Transferred,
) -> list[Object]:
    """One pass; the objects whose content was wrong are returned."""
    under_way: dict[str, tuple[Object, str, Transit]] = {}
    corrupt: list[Object] = []

    def downloads() -> Iterator[Download]:
        for item in _largest_first(objects, limits):
            temporary = staging.temporary(cache.path(item))
            moved = phase.transit()
            under_way[item.key] = (item, temporary, moved)
            yield Download(item.key, temporary, limits.get(item), moved=moved)

    def settle(item: Object, temporary: str, size: int, intact: bool) -> None:
        if not intact:
            staging.drop(temporary)
            corrupt.append(item)
            return
        os.chmod(temporary, 0o444)
        staging.keep(temporary, cache.path(item), size)
        done.objects += 1
        done.size += size
        phase.advance()

    with HashPool(is_intact) as hashes:
        for outcome in source.download(downloads()):
            item, temporary, moved = under_way.pop(outcome.key)
            phase.advance(0, 0 if outcome.error is not None else outcome.size, moved)
            if outcome.error is not None:
                staging.drop(temporary)
                if isinstance(outcome.error, ObjectMissing):
                    done.missing.add(item)
                else:
                    done.failed[item] = outcome.error
            elif outcome.md5 == item.oid[:32]:
                settle(item, temporary, outcome.size, True)
            else:
                for result in hashes.check(item, temporary, outcome.size):
                    settle(*result)
        for result in hashes.rest():
            settle(*result)
    return corrupt
