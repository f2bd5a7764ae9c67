"""Which refs the git command that we serve is about to update, as far as its words and the configuration tell.

Where the command is unknown (see `git.caller`) nothing is taken for certain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from dvcexp.experiments import Experiment, chain
from dvcexp.git.caller import Command
from dvcexp.git.refspec import covers, updates
from dvcexp.git.repository import Repository


class Updates:
    """What `command` does with the refs of `git_remote`, in `repository` as it was before."""

    def __init__(self, command: Command, repository: Repository, git_remote: str) -> None:
        self._command = command
        self._repository = repository
        self._git_remote = git_remote

    def fetched(self, tips: Mapping[str, str], otherwise: Collection[str]) -> dict[str, str]:
        """Those of the experiments `tips` that are fetched; where the command does not tell, those in `otherwise`."""
        if self._command.fetches_what_is_promised:
            return {}
        if not self.known:
            return {ref: tip for ref, tip in tips.items() if tip in otherwise}
        given = self._command.refspecs(self._git_remote) or self._configured
        everything = "--stdin" in self._command.arguments  # then they are not on the command line
        return {ref: tip for ref, tip in tips.items() if everything or covers(given, ref)}

    @property
    def known(self) -> bool:
        """Is this one of the commands whose words tell what they fetch?"""
        return self._command.name in ("fetch", "pull", "clone") or self._command.only_looks

    def refused(self, ref: str, tip: str) -> bool:
        """Will Git surely leave as it is whatever `ref` goes to? `tip` is here.

        So it does with a ref that has other commits, if not told to force it (builtin/fetch.c update_local_ref).
        """
        if not self._may_refuse:
            return False
        given = [*self._command.refspecs(self._git_remote), *self._configured]
        found = updates(given, ref)
        return bool(found) and all(
            not update.forced and self._is_rewritten(update.destination, ref, tip) for update in found
        )

    @cached_property
    def _configured(self) -> tuple[str, ...]:
        return tuple(self._repository.config.get_all(f"remote.{self._git_remote}.fetch"))

    @cached_property
    def _may_refuse(self) -> bool:
        """Does the command look at all whether an update is a fast-forward?"""
        shows = (self._repository.config.get("fetch.showforcedupdates") or "true").lower()
        words = self._command.arguments
        return (
            self._command.name in ("fetch", "pull")
            and not self._command.forces
            and shows in ("true", "yes", "on", "1")
            and not {"--stdin", "--no-show-forced-updates"}.intersection(words)
        )

    @cached_property
    def _here(self) -> dict[str, str]:
        return self._repository.refs()

    def _is_rewritten(self, destination: str, ref: str, tip: str) -> bool:
        """Is there a `destination` that surely is no ancestor of `tip`, as an earlier state of the experiment `ref`?"""
        experiment, old = Experiment.parse(ref), self._here.get(destination)
        if experiment is None or old is None or old in (tip, experiment.baseline):
            return False
        objects = self._repository.objects
        before, after = (chain(objects, experiment.baseline, commit) for commit in (old, tip))
        if before.gap or after.gap or any(len(objects.parents(commit)) > 1 for commit in after.commits):
            return False
        # Both descend from the baseline, so what is not between it and the tip is nowhere before the tip.
        return old not in after.commits
