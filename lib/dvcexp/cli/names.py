"""What people call experiments: by name, full ref or commit id, here or on a Git remote."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from dvcexp.concealed import scrub
from dvcexp.errors import DvcexpError, printable
from dvcexp.experiments import NAMESPACE, Experiment
from dvcexp.git import foreground
from dvcexp.git.repository import Repository

# Git takes no shorter abbreviation of an id.
_COMMIT_ID = re.compile(r"[0-9a-f]{4,64}\Z", re.IGNORECASE)


class UnknownExperiment(DvcexpError):
    """There is no such experiment; `git_remote` is where it was looked for, None for here."""

    def __init__(self, word: str, git_remote: str | None) -> None:
        where = f"on Git remote '{shown(git_remote)}'" if git_remote is not None else "here"
        look = ["git exp list --all-commits", *([shown(git_remote)] if git_remote is not None else [])]
        super().__init__(f"there is no experiment '{printable(word)}' {where}", f"see {' '.join(look)}")


class AmbiguousExperiment(DvcexpError):
    """Several experiments of one name, none of them based on HEAD."""

    def __init__(self, word: str, refs: Sequence[str]) -> None:
        super().__init__(
            f"there are {len(refs)} experiments called '{printable(word)}'",
            *(f"use {printable(ref)}" for ref in sorted(refs)),
        )


class UnreachableGitRemote(DvcexpError):
    """Git could not list the remote's refs, and has said why."""

    def __init__(self, git_remote: str) -> None:
        super().__init__(f"cannot list the experiments of Git remote '{shown(git_remote)}'", "see git remote -v")


class Names:
    """Finds experiments among `known` (full ref -> tip), those of `git_remote` or, where that is None, those here."""

    def __init__(self, repository: Repository, known: Mapping[str, str], git_remote: str | None = None) -> None:
        self._repository = repository
        self._known = known
        self._git_remote = git_remote

    def find(self, word: str) -> str:
        """The full ref of the experiment that `word` means: a full ref, a name or a commit id, perhaps abbreviated.

        Of several the one based on HEAD is meant, as in DVC; UnknownExperiment, AmbiguousExperiment.
        """
        if word in self._known:
            return word
        found = self._by_name.get(word) or self._by_tip(word)
        if not found:
            raise UnknownExperiment(word, self._git_remote)
        if len(found) == 1:
            return found[0]
        here = [ref for ref in found if _baseline(ref) == self._head]
        if len(here) != 1:
            raise AmbiguousExperiment(word, found)
        return here[0]

    def find_all(self, words: Iterable[str]) -> dict[str, str]:
        """Full ref -> tip of every one of `words`; an unknown one is an error before anything has been done."""
        return {ref: self._known[ref] for ref in map(self.find, words)}

    def _by_tip(self, word: str) -> list[str]:
        if _COMMIT_ID.match(word) is None:
            return []
        return [ref for ref, tip in self._known.items() if tip.startswith(word.lower())]

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        by_name: dict[str, list[str]] = {}
        for ref in self._known:
            by_name.setdefault(name_of(ref), []).append(ref)
        return by_name

    @cached_property
    def _head(self) -> str | None:
        return self._repository.resolve("HEAD")


def experiments_here(repository: Repository) -> dict[str, str]:
    """Full ref -> tip of every local experiment, by ref."""
    return _experiments(repository.refs(NAMESPACE))


def experiments_there(git_remote: str) -> dict[str, str]:
    """Full ref -> tip of every experiment on a Git remote; UnreachableGitRemote."""
    code, listing = foreground.answer("ls-remote", "--refs", "--", git_remote, f"{NAMESPACE}*")
    if code != 0:
        raise UnreachableGitRemote(git_remote)
    lines = (line.partition("\t") for line in os.fsdecode(listing).splitlines())
    return _experiments({ref: sha for sha, _, ref in lines})


def name_of(ref: str) -> str:
    """The name in an experiment's full ref."""
    return ref.rpartition("/")[2]


def quoted(refs: Iterable[str]) -> str:
    """The experiments' names for a sentence: `'a', 'b' and 'c'`."""
    names = [f"'{printable(name_of(ref))}'" for ref in refs]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def experiments(refs: Collection[str], *, first: bool = False) -> str:
    """`experiment 'a'` or `experiments 'a' and 'b'`. first: the sentence begins with it."""
    return f"{'E' if first else 'e'}xperiment{'s' if len(refs) > 1 else ''} {quoted(refs)}"


def shown(git_remote: str) -> str:
    """A Git remote's name or URL for a message: a password in it is not repeated."""
    return scrub(printable(git_remote))


def _experiments(refs: Mapping[str, str]) -> dict[str, str]:
    return {ref: sha for ref, sha in refs.items() if Experiment.parse(ref) is not None}


def _baseline(ref: str) -> str | None:
    experiment = Experiment.parse(ref)
    return experiment.baseline if experiment is not None else None
