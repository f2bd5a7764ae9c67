"""What the helper does where a ref can still be stopped: experiments' data goes first, both ways.

Imported only once a ref below `refs/exps/` is in play; an ordinary fetch or push pays for nothing here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property

from dvcexp import sync
from dvcexp.errors import DvcexpError, printable
from dvcexp.experiments import NAMESPACE, Experiment, is_internal
from dvcexp.follow import copy_of, deal_with, follow, followed
from dvcexp.git import caller
from dvcexp.git.options import Options
from dvcexp.git.pushing import Command, Verdict
from dvcexp.git.refspec import destinations
from dvcexp.git.repository import GitConfig, NotARepository, Repository
from dvcexp.notes import Note
from dvcexp.progress import Progress, plural
from dvcexp.settings import Settings
from dvcexp.sync import lock
from dvcexp.updates import Updates


class DataGate:
    """The gate of one connection to `git_remote`, which is a URL where it has no name.

    config: Git's, as the helper has read it. source: the repository that it leads to, where that is a folder.
    """

    def __init__(self, git_remote: str, config: GitConfig, options: Options, source: str | None = None) -> None:
        self._git_remote = git_remote
        self._config: GitConfig | None = config
        self._options = options
        self._source = source
        self._seen_to: set[str] = set()  # tips, in this connection

    def at_listing(self, refs: Mapping[str, str], *, asked: bool) -> str | None:
        """Complete the data of listed experiments whose commits are here, for Git may not wait for it later."""
        try:
            tips = _experiments(refs)
            self._complete_for_clone(tips)
            tips = self._updates.fetched(tips, set(tips.values()) if asked else self._pending.read())
            self._complete(tips, arrived=False)
            if asked or self._updates.known:
                self._follow(tips)  # of commits that are here Git updates the copies without waiting
        except NotARepository:
            return None  # `git ls-remote <url>` outside of one
        except DvcexpError as error:
            self._progress.failure(error)
            return "not all data of the experiments could be fetched, no ref is updated"
        return None

    def before_push(self, commands: Sequence[Command]) -> Verdict:
        """Upload. What has no data on the DVC remote is refused; DVC's own refs stay here."""
        if self._settings.skip:
            return Verdict()
        updates = {c.ref: c.new for c in commands if c.ref.startswith(NAMESPACE) and c.new.strip("0")}
        withheld = frozenset(filter(is_internal, updates))
        if withheld:
            self._progress.note(f"{plural(len(withheld), 'ref')} of DVC's own not shared: {_listed(withheld)}")
        tips = {ref: new for ref, new in updates.items() if Experiment.parse(ref)}
        for ref in updates.keys() - tips.keys() - withheld:
            self._progress.warning(f"'{printable(ref)}' is not an experiment, its data is not uploaded")
        refused = self._upload(tips)
        deal_with(self._repository, {ref: tip for ref, tip in tips.items() if ref not in refused})
        return Verdict(refused, withheld)

    def after_push(self, commands: Sequence[Command], there: Mapping[str, str]) -> bool:
        """Push the experiments that follow these branches; what fails there does not undo the push."""
        if not self._settings.follow or self._settings.skip:
            return True
        from dvcexp.along import failed, push_along

        quiet = self._options.verbosity == 0
        now = {**there, **{command.ref: command.new for command in commands}}
        try:
            whole = push_along(self._repository, self._git_remote, commands, now, self._progress, quiet=quiet)
        except DvcexpError as error:
            self._progress.failure(error)
            whole = False
        if not whole:
            self._progress.failure(failed(self._git_remote))
        return whole

    def after_fetch(self, refs: Mapping[str, str]) -> bool:
        """Complete the data of experiments whose commits have come since the listing."""
        try:
            tips = _experiments(refs)
            self._notice_object_format(tips)
            tips = self._updates.fetched(tips, set(tips.values()))
            self._complete(tips)
            self._follow(tips)
        except DvcexpError as error:
            self._progress.failure(error)
            return False
        return True

    def after_listing(self, refs: Mapping[str, str]) -> bool:
        """Complete the data of experiments that Git has given their refs here without a transfer."""
        try:
            here = self._repository.refs("refs/")
            tips = _experiments(refs)
            copied = {ref: tip for ref, tip in tips.items() if here.get(copy_of(ref, self._git_remote)) == tip}
            self._complete({**copied, **{ref: tip for ref, tip in tips.items() if here.get(ref) == tip}})
            self._follow(copied)
        except NotARepository:
            return True
        except DvcexpError as error:
            self._progress.failure(error)
            return False
        return True

    @cached_property
    def _repository(self) -> Repository:
        return Repository.discover(config=self._config)

    @cached_property
    def _settings(self) -> Settings:
        settings = Settings.load(self._repository.config, self._git_remote)
        # In a partial clone, the git commands that we run may fetch what they miss, through this helper again.
        os.environ["DVCEXP_SKIP"] = "1"
        return settings

    @cached_property
    def _progress(self) -> Progress:
        return Progress(show=self._options.progress, quiet=self._options.verbosity == 0)

    @cached_property
    def _command(self) -> caller.Command:
        return caller.command()

    @property
    def _updates(self) -> Updates:
        return Updates(self._command, self._repository, self._git_remote)

    @cached_property
    def _pending(self) -> Note:
        return Note(self._repository.common_dir, "pending")

    @cached_property
    def _tips_here(self) -> set[str]:
        return sync.tips_here(self._repository)

    def _notice_object_format(self, tips: Mapping[str, str]) -> None:
        """`git clone` changes it in the new repository only once it has seen the listing."""
        if any((len(tip) == 64) != (self._repository.object_format == "sha256") for tip in tips.values()):
            self._repository.objects.close()
            self._config = None
            del self._repository

    def _complete_for_clone(self, tips: Mapping[str, str]) -> None:
        """Complete what `git clone <folder>` is about to bring. The commits are looked at where they are now, for Git
        copies them without asking us, and makes the refs without waiting."""
        objects = _objects_of(self._source) if self._source is not None else None
        if objects is None or self._command.name not in ("clone", "") or self._repository.refs():
            return
        refspecs = self._repository.config.get_all(f"remote.{self._git_remote}.fetch")
        with _alternate(objects):
            self._complete({ref: tip for ref, tip in tips.items() if destinations(refspecs, ref)})
        self._repository.objects.close()

    def _complete(self, tips: Mapping[str, str], *, arrived: bool = True) -> None:
        """Download what `tips` lack whose commits are here; DvcexpError where a transfer failed. Nothing for refs that
        Git will not update.

        arrived: Git has stored what belongs to them; else those of which something is missing are left for later. A
        bare repository keeps no data: it is a mirror, and has no cache.
        """
        if self._repository.work_tree is None or not tips or not self._settings.moves_data:
            return
        lock.share(self._repository.common_dir)  # until Git has the refs: it gets them when we end
        unseen = {ref: tip for ref, tip in tips.items() if tip not in self._seen_to}
        lacking = sync.incomplete(self._repository, unseen, self._settings, lambda: self._tips_here) if unseen else {}
        updates = self._updates
        lacking = {ref: tip for ref, tip in lacking.items() if not updates.refused(ref, tip)}
        if not arrived:
            lacking = self._whole(lacking)
        if not lacking:
            return
        self._pending.add(lacking.values())
        if self._command.only_looks:
            return
        sync.fetch(
            self._repository,
            lacking,
            git_remote=self._git_remote,
            settings=self._settings,
            progress=self._progress,
            recheck=True,
        )
        self._pending.remove(lacking.values())
        self._seen_to.update(lacking.values())

    def _follow(self, tips: Mapping[str, str]) -> None:
        candidates = followed(self._repository, tips, self._git_remote)
        if not candidates or self._command.only_looks:
            return
        here = {ref: tip for ref, tip in candidates.items() if self._repository.objects.has_commit(tip)}
        here = self._whole(here)
        lacking = sync.incomplete(self._repository, here, self._settings, here.values)
        whole = {ref: tip for ref, tip in here.items() if ref not in lacking}
        follow(self._repository, whole, self._git_remote, self._progress)

    def _whole(self, tips: Mapping[str, str]) -> dict[str, str]:
        whole = self._repository.whole(set(tips.values()))
        return {ref: tip for ref, tip in tips.items() if tip in whole}

    def _upload(self, tips: Mapping[str, str]) -> dict[str, str]:
        """Ref -> reason for those whose data is not all on the DVC remote."""
        try:
            resolved = {ref: self._resolve(new) for ref, new in tips.items()}
            return sync.push(
                self._repository,
                resolved,
                git_remote=self._git_remote,
                settings=self._settings,
                progress=self._progress,
            )
        except DvcexpError as error:
            self._progress.failure(error)
            return dict.fromkeys(tips, "its data could not be uploaded")

    def _resolve(self, new: str) -> str:
        """The commit that a push sends: an id, or a revision where it comes from a nested helper's batch."""
        if len(new) in (40, 64) and new.isalnum():
            return new
        sha = self._repository.resolve(new)
        if sha is None:
            raise DvcexpError(f"'{printable(new)}' is not a commit")
        return sha


def _objects_of(source: str) -> str | None:
    """The object folder of the repository that Git finds at a path (setup.c enter_repo)."""
    for suffix in ("/.git", "", ".git/.git", ".git"):
        objects = os.path.join(os.path.abspath(source + suffix), "objects")
        if os.path.isdir(objects):
            return objects
    return None


@contextmanager
def _alternate(objects: str) -> Iterator[None]:
    """Inside, the git commands that we start also find the objects in this folder."""
    name = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
    before = os.environ.get(name)
    os.environ[name] = f"{objects}{os.pathsep}{before}" if before else objects
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _experiments(refs: Mapping[str, str]) -> dict[str, str]:
    return {ref: sha for ref, sha in refs.items() if Experiment.parse(ref)}


def _listed(refs: frozenset[str]) -> str:
    return ", ".join(sorted(printable(ref) for ref in refs))
