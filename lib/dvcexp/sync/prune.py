"""Freeing cache objects that only experiments which are no more used.

What may go: objects that an experiment's commit used to which nothing leads any more, neither ref nor HEAD nor another
commit of a reflog, in no worktree. (DVC leaves an entry in HEAD's reflog for each run, so that alone does not count.)
Of those, everything stays whose hash is mentioned anywhere else: in a DVC file of any commit that Git
would keep, in the index or the folders of any worktree, in a run that goes on in DVC's temporary folders. Mentioned is
meant literally, so that a file that DVC cannot read keeps its objects too. What DVC stored for work that was never
committed is not among what may go.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.objects import LEGACY, MD5, Object, UnsafeManifest
from dvcexp.dvc.running import lock_files, refuse_running, texts
from dvcexp.errors import DvcexpError, printable
from dvcexp.git.reachable import Worktree, all_commits, committed_dvc_files, reachable_commits, worktrees
from dvcexp.git.repository import Repository, child_environment
from dvcexp.notes import Note
from dvcexp.progress import Progress
from dvcexp.settings import Settings
from dvcexp.sync import manifests
from dvcexp.sync.complete import CompleteCommits
from dvcexp.sync.demand import Part, Selection, by_store
from dvcexp.sync.lock import Exclusive, alone
from dvcexp.sync.stores import Stores

# What DVC writes when it makes an experiment without -m (dvc/repo/experiments/executor/base.py).
_MESSAGE = "dvc: commit experiment"
_MENTIONED = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?:\.dir)?(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to free. expire: only what came into the cache before, in seconds since the epoch.

    projects: folders of other projects that use the same cache. force: also where the cache lies outside of the
    repository. keep_runs: what an entry of the run-cache mentions stays. dry_run: only tell.
    """

    expire: float
    projects: Sequence[str] = ()
    force: bool = False
    keep_runs: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class Pruned:
    """What was freed, or would be: the objects' paths, each with its bytes (none where a hard link goes on holding
    them).

    experiments: how many that are no more have been looked at. young: objects that stay because they are new here.
    failed: path -> why it could not be removed.
    """

    objects: dict[str, int] = field(default_factory=dict)
    experiments: int = 0
    young: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """All bytes together."""
        return sum(self.objects.values())


def prune(repository: Repository, *, settings: Settings, progress: Progress, choice: Choice) -> Pruned:
    """Free what `choice` says. DvcexpError where it cannot be told what is used, or somebody is at work."""
    if repository.work_tree is None:
        raise DvcexpError("a bare repository has no cache", "run this in a clone with a work tree")
    trees = worktrees(repository)
    with contextlib.ExitStack() as held:
        if not choice.dry_run:
            held.enter_context(alone(repository.common_dir))
        removed = _Removed(repository)
        reachable = reachable_commits(repository, removed.has)
        lost = sorted(filter(removed.has, all_commits(repository) - reachable))
        done = Pruned(experiments=len(lost))
        parts = _by_cache(repository, lost, settings, progress)
        if not choice.projects and not choice.force:
            _refuse_foreign(parts, [*(tree.path for tree in trees), repository.common_dir])
        folders = _temporary_folders(trees, parts.values())
        refuse_running(folders)
        if not choice.dry_run:
            held.enter_context(Exclusive(lock_files(folders), "a dvc command is running in this project"))
            CompleteCommits.forget(repository)
        kept = _mentioned(repository, trees, reachable)
        kept |= _find(text for folder in folders for text in texts(folder))
        for folder in choice.projects:
            other = Repository.discover(folder, environ=child_environment())
            kept |= _mentioned(other, worktrees(other), reachable_commits(other, _Removed(other).has))
        for directory, part in parts.items():
            runs = _find(texts(os.path.join(directory, "runs"), every=True)) if choice.keep_runs else set()
            _prune_cache(Cache(directory), part, kept | runs, trees, choice, progress, done)
    return done


class _Removed:
    """Tells commits that were made as experiments, of which nothing is left but that HEAD once passed by."""

    def __init__(self, repository: Repository) -> None:
        self._objects = repository.objects
        self._noted = Note(repository.common_dir, "removed").read()

    def has(self, commit: str) -> bool:
        """Is it one? By DVC's own message, or, where the user gave another, because `git exp remove` has noted it."""
        return commit in self._noted or self._message(commit).startswith(_MESSAGE)

    def _message(self, commit: str) -> str:
        try:
            return self._objects.commit(commit).message
        except LookupError:
            return ""  # pruned by Git


def _by_cache(
    repository: Repository, commits: Collection[str], settings: Settings, progress: Progress
) -> dict[str, Part]:
    """Cache -> what the commits use there. An output whose cache cannot be told is left out, and stays."""
    found: dict[str, Part] = {}
    selection = Selection(repository, {commit: commit for commit in commits})
    selection.read(progress)
    with Stores(repository, settings, "origin") as stores:
        parts = by_store(selection, stores, lambda use: True, lambda use, error: None, unshared=True)
        for store, part in parts.items():
            if store.cache is not None:
                merged = found.setdefault(store.cache.directory, Part())
                for item, use in part.uses.items():
                    merged.add(use, item)
    return found


def _refuse_foreign(directories: Iterable[str], ours: Collection[str]) -> None:
    """DvcexpError for a cache that other projects may use as well."""
    tops = [os.path.join(os.path.realpath(top), "") for top in ours]
    for directory in directories:
        if not os.path.realpath(directory).startswith(tuple(tops)):
            raise DvcexpError(
                f"the cache '{printable(directory)}' lies outside of this repository: other projects may use it, and"
                " what they use is not known here",
                "name every other project that uses it: git exp prune -p <folder> ...",
                "if there is none: git exp prune --force",
            )


def _temporary_folders(trees: Collection[Worktree], parts: Iterable[Part]) -> list[str]:
    """`.dvc/tmp` of each DVC root concerned, in each worktree."""
    roots = sorted({use.root for part in parts for use in part.uses.values()})
    folders = [os.path.normpath(os.path.join(tree.path, root, ".dvc")) for tree in trees for root in roots]
    return [os.path.join(folder, "tmp") for folder in folders if os.path.isdir(folder)]


def _mentioned(repository: Repository, trees: Iterable[Worktree], reachable: Collection[str]) -> set[str]:
    """Every hash in a DVC file of a reachable commit or of a worktree."""
    found = _find(committed_dvc_files(repository, reachable))
    for tree in trees:
        found |= _find(tree.dvc_files())
    return found


def _find(contents: Iterable[bytes]) -> set[str]:
    found: set[bytes] = set()
    for content in contents:
        found.update(_MENTIONED.findall(content))
    return {oid.decode("ascii") for oid in found}


def _prune_cache(
    cache: Cache,
    part: Part,
    kept: Collection[str],
    trees: Collection[Worktree],
    choice: Choice,
    progress: Progress,
    done: Pruned,
) -> None:
    directories = {item: _members(cache, item) for item in part.demand.directories}
    listed = part.demand.files.union(directories, *directories.values())
    unused = {item for item in listed if item.oid not in kept}
    if unused:
        unused -= _listed_by(cache, kept)
    # The list of a directory whose files all stay costs nothing; a cloud-versioned one is mentioned by its files alone.
    unused -= {item for item, members in directories.items() if members.isdisjoint(unused)}
    unused -= _linked_to(cache, part, trees, unused)
    young = {item for item in unused if _changed(cache.path(item)) > choice.expire}
    done.young += len(young)
    unused = unused.difference(young, *(directories[item] for item in young if item.is_dir))  # it vouches for them
    with progress.phase("Freeing objects", len(unused)) as phase:
        vouched: set[Object] = set()
        for item in sorted(unused, key=lambda item: (not item.is_dir, item)):
            path = cache.path(item)
            if item in vouched:
                continue
            try:
                size = _free(path, dry_run=choice.dry_run)
            except FileNotFoundError:
                continue
            except OSError as error:
                done.failed[path] = str(error.strerror)
                vouched |= directories.get(item, frozenset())
                continue
            done.objects[path] = size
            phase.advance(1, size)


def _members(cache: Cache, directory: Object) -> frozenset[Object]:
    """The files that a directory lists; none where its manifest is not here or damaged: they stay, then."""
    try:
        entries = manifests.entries_in_cache(cache, directory)
    except UnsafeManifest:
        entries = None
    return manifests.members(directory, entries) if entries is not None else frozenset()


def _listed_by(cache: Cache, kept: Collection[str]) -> set[Object]:
    """The files of all directories that stay. Of a damaged manifest every hash counts that can still be read.

    One that is not here has no claim: with it a fetch would bring its files again.
    """
    found: set[Object] = set()
    wanted = [Object(oid, kind) for oid in kept if oid.endswith(".dir") for kind in (MD5, LEGACY)]
    for directory in cache.present(wanted):
        try:
            found |= _members_or_raise(cache, directory)
        except UnsafeManifest:
            found |= {Object(oid, directory.hash) for oid in _find([cache.read(directory) or b""])}
    return found


def _members_or_raise(cache: Cache, directory: Object) -> frozenset[Object]:
    return manifests.members(directory, manifests.entries_in_cache(cache, directory) or [])


def _linked_to(cache: Cache, part: Part, trees: Iterable[Worktree], unused: Collection[Object]) -> set[Object]:
    """Those of `unused` that a file in a worktree is a symbolic link to."""
    by_path = {os.path.realpath(cache.path(item)): item for item in unused}
    places = [os.path.join(tree.path, use.output.path) for tree in trees for use in part.uses.values()]
    targets = (os.path.realpath(link) for place in places for link in _links(place))
    return {by_path[target] for target in targets if target in by_path}


def _links(path: str) -> Iterator[str]:
    """The symbolic links at and below `path`."""
    if os.path.islink(path):
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (link for name in names if os.path.islink(link := os.path.join(folder, name)))


def _changed(path: str) -> float:
    """When the object came into the cache, or something was last done to its file."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0


def _free(path: str, *, dry_run: bool) -> int:
    """Remove an object; the bytes that it gives back."""
    status = os.stat(path)
    if not dry_run:
        os.unlink(path)
    return status.st_size if status.st_nlink == 1 else 0
