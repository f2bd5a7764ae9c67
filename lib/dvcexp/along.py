"""Experiments that go along with a branch (`dvcexp.follow`), in a second push of their own.

An experiment goes along if its baseline is among the commits that the push publishes, or is what it sets a branch to.
Commits that the Git remote had before, as far as the push and the remote-tracking branches tell, are not published by
it: their experiments were to be had before, and are pushed by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence

from dvcexp.errors import DvcexpError
from dvcexp.experiments import NAMESPACE, Experiment
from dvcexp.git.pushing import Command
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, plural

_BRANCHES = "refs/heads/"
_AT_A_TIME = 500  # refs on a command line


def based_on(repository: Repository, git_remote: str, commands: Sequence[Command]) -> dict[str, str]:
    """The experiments here (full ref -> tip) that go along with `commands`.

    Of a command `new` may be any revision, and `old` may be empty where it is not known.
    """
    here = {ref: tip for ref, tip in repository.refs(NAMESPACE).items() if Experiment.parse(ref)}
    branches = [command for command in commands if command.ref.startswith(_BRANCHES) and command.new.strip("0")]
    if not here or not branches:
        return {}
    tips = {tip for command in branches if (tip := repository.resolve(command.new)) is not None}
    known = {command.old for command in branches if command.old.strip("0")}
    known = {old for old in known if repository.objects.has_commit(old)}
    published = tips | _new_commits(repository, git_remote, tips, known)
    return {ref: tip for ref, tip in here.items() if _baseline(ref) in published}


def push_along(
    repository: Repository,
    git_remote: str,
    commands: Sequence[Command],
    there: Mapping[str, str],
    progress: Progress,
    *,
    quiet: bool = False,
) -> bool:
    """Push them, data first; False where not all could be. there: what the Git remote has already, as far as known."""
    found = based_on(repository, git_remote, commands)
    refs = [ref for ref, tip in found.items() if there.get(ref) != tip]
    if not refs:
        return True
    progress.note(f"{plural(len(refs), 'experiment')} based on the pushed commits go{'es' * (len(refs) == 1)} along")
    return all(
        _push(git_remote, refs[start : start + _AT_A_TIME], quiet=quiet) for start in range(0, len(refs), _AT_A_TIME)
    )


def failed(git_remote: str) -> DvcexpError:
    """What to say where not all could be pushed."""
    return DvcexpError(
        "the branch is not held up by it, but not all experiments based on it could be pushed",
        f"once that is mended: git exp push {git_remote} <experiment>",
    )


def _baseline(ref: str) -> str | None:
    experiment = Experiment.parse(ref)
    return experiment.baseline if experiment is not None else None


def _new_commits(repository: Repository, git_remote: str, tips: Collection[str], known: Collection[str]) -> set[str]:
    revs = "".join(f"{line}\n" for line in [*tips, *(f"^{old}" for old in known)])
    listing = repository.git("rev-list", "--stdin", "--not", f"--remotes={git_remote}", stdin=revs.encode("ascii"))
    return set(listing.decode("ascii").split())


def _push(git_remote: str, refs: Sequence[str], *, quiet: bool) -> bool:
    """`git exp push`, whose results go to stderr: our stdout is Git's. What it starts does not follow in its turn."""
    import subprocess

    environ = {name: value for name, value in os.environ.items() if name != "DVCEXP_SKIP"}
    lib = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [lib, environ.get("PYTHONPATH")]))
    options = ["--quiet"] if quiet else []
    command = [sys.executable, "-m", "dvcexp.cli", "push", *options, "--", git_remote, *refs]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, env=environ, check=False).returncode == 0
