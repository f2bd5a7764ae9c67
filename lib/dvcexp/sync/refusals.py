"""Which experiments may not be pushed, and what the user is told about it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping

from dvcexp.dvc.objects import Object
from dvcexp.errors import DvcexpError, printable
from dvcexp.experiments import Experiment
from dvcexp.progress import Progress, plural
from dvcexp.settings import Settings
from dvcexp.sync.demand import Part, Selection, Use, is_shared
from dvcexp.sync.stores import Store

_SHOWN = 10  # of one kind; the rest are counted
_ALLOW = "to push all the same: git -c dvcexp.allowIncompletePush=true push ..."


class Refusals:
    """Collects what stands against each ref. `reasons`: ref -> one line. `damaged`: manifests that cannot be used."""

    def __init__(self, selection: Selection, settings: Settings, progress: Progress) -> None:
        self._selection = selection
        self._allow = settings.allow_incomplete_push
        self._progress = progress
        self.reasons: dict[str, str] = {}
        self.damaged: dict[Object, DvcexpError] = {}

    def check_commits(self) -> None:
        """Refuse experiments whose history or DVC files do not tell what they use; warn of what nobody carries."""
        for ref, found in self._selection.chains.items():
            if found.gap == "shallow":
                self._incomplete(
                    [ref],
                    f"{_name(ref)}: its baseline is not in this shallow clone, so its commits are not all known",
                    "git fetch --unshallow",
                    reason="its baseline is not in this clone",
                )
            elif found.gap == "unrelated":
                self._progress.warning(f"{_name(ref)}: its baseline is not among its ancestors; only its tip is shared")
        for commit in self._selection.commits():
            for root in self._selection.roots(commit):
                for error in root.errors:
                    refs = self._selection.refs_of(commit)
                    text = f"{_names(refs)}: commit {commit[:10]}: {error.message}"
                    self._incomplete(refs, text, *error.hints, reason=f"cannot read '{printable(error.where)}'")
            for path in self._selection.carried_by_nobody(commit):
                names = _names(self._selection.refs_of(commit))
                self._progress.warning(
                    f"{names}: '{printable(path)}' is neither in Git nor in DVC's cache: nobody has it"
                )
            for root in self._selection.roots(commit):
                for note in root.skipped:
                    self._progress.warning(f"{_names(self._selection.refs_of(commit))}: {printable(note)}")

    def no_store(self, use: Use, error: DvcexpError) -> None:
        """The store of an output cannot be told."""
        refs = self._selection.refs_of(use.commit)
        if any(ref not in self.reasons for ref in refs):
            self._progress.error(f"{_names(refs)}: '{printable(use.output.path)}': {error.message}", *error.hints)
        self._refuse(refs, error.message)

    def store_failed(self, part: Part, error: DvcexpError) -> None:
        """Nothing could be sent to a store: every experiment that uses it is refused."""
        refs = self._refs_using(part.uses)
        self._progress.error(f"{_names(refs)} not pushed: {error.message}", *error.hints)
        self._refuse(refs, "its data could not be uploaded")

    def runs_failed(self, uses: Iterable[Use], error: DvcexpError) -> None:
        """The run-cache entries of some stages, whose outputs are `uses`, could not be sent."""
        refs = list(dict.fromkeys(ref for use in uses for ref in self._selection.refs_of(use.commit)))
        without = "to push without the run-cache: git -c dvcexp.runCache=false push ..."
        self._progress.error(f"{_names(refs)} not pushed: run-cache: {error.message}", *error.hints, without)
        self._refuse(refs, "its run-cache entries could not be uploaded")

    def objects(
        self,
        part: Part,
        store: Store,
        *,
        lost: Collection[Object],
        withheld: Collection[Object],
        failed: Mapping[Object, DvcexpError],
    ) -> None:
        """Some objects are nowhere (`lost`), could not be sent (`failed`), or are directories that list such."""
        if failed:
            for item, error in _first(failed.items()):
                self._progress.error(f"{self._where(part, item)}: {error.message}", *error.hints)
            self._rest(len(failed), "object could not be uploaded", "objects could not be uploaded")
            owners = _owners(part, failed)
            self._refuse(self._refs_using(owners), "its data could not be uploaded")
            withheld = set(withheld) - owners
        if not lost:
            return
        lines = []
        for item in sorted(lost)[:_SHOWN]:
            cause = self.damaged[item].message if item in self.damaged else "is neither in the cache nor"
            lines.append(f"{self._where(part, item)} {cause} on DVC remote '{store.name}'")
        owners = _owners(part, lost) | set(withheld)
        refs = self._refs_using(owners)
        tell = self._progress.warning if self._allow else self._progress.error
        for line in lines[:-1]:
            tell(line)
        hints = () if self._allow else ("make them again with: dvc repro, or fetch them: git exp fetch", _ALLOW)
        if store.cache is not None and not os.path.isdir(store.cache.directory):
            where = printable(store.cache.directory)
            hints = (f"there is no cache '{where}': if it is on a share, is that mounted?", *hints)
        tell(lines[-1], *hints)
        self._rest(len(lost), "object is nowhere", "objects are nowhere")
        if not self._allow:
            self._refuse(refs, f"{plural(len(lost), 'object')} of its data missing, here and on '{store.name}'")

    def _where(self, part: Part, item: Object) -> str:
        """The experiments and the path that an object is used by; a directory's file is named by the directory."""
        owner = item if item in part.uses else next(iter(_owners(part, [item])))
        use = part.uses[owner]
        inside = "" if owner == item else "/..."
        refs = self._selection.refs_of(use.commit)
        return f"{_names(refs)}: '{printable(use.output.path)}{inside}' ({item.oid})"

    def _refs_using(self, items: Collection[Object]) -> list[str]:
        """The refs whose commits use one of `items` directly."""
        return [
            ref
            for ref, found in self._selection.chains.items()
            if any(is_shared(use.output) and use.output.object in items for use in self._selection.uses(found.commits))
        ]

    def _incomplete(self, refs: Iterable[str], text: str, *hints: str, reason: str) -> None:
        if self._allow:
            self._progress.warning(text, *hints)
        else:
            self._progress.error(text, *hints, _ALLOW)
            self._refuse(refs, reason)

    def _refuse(self, refs: Iterable[str], reason: str) -> None:
        for ref in refs:
            self.reasons.setdefault(ref, reason)

    def _rest(self, count: int, one: str, many: str) -> None:
        if count > _SHOWN:
            rest = count - _SHOWN
            self._progress.error(f"... and {rest} more {one if rest == 1 else many}")


def _owners(part: Part, items: Collection[Object]) -> set[Object]:
    """What commits name of `items`: the files themselves, and the directories that list them."""
    wanted = set(items)
    listed = {d for d, members in part.demand.directories.items() if members and not members.isdisjoint(wanted)}
    return (wanted & part.uses.keys()) | listed


def _first(items: Iterable[tuple[Object, DvcexpError]]) -> list[tuple[Object, DvcexpError]]:
    return sorted(items, key=lambda pair: pair[0])[:_SHOWN]


def _name(ref: str) -> str:
    experiment = Experiment.parse(ref)
    return f"experiment '{printable(experiment.name if experiment else ref)}'"


def _names(refs: Collection[str]) -> str:
    """`experiment 'a'`, or the first and how many more."""
    first = next(iter(refs), "")
    more = f" (and {len(refs) - 1} more)" if len(refs) > 1 else ""
    return _name(first) + more
