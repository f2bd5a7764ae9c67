"""`git exp pre-push <git remote> <url>`: what hooks/pre-push starts once a push names `refs/exps/`.

stdin is as githooks(5) has it, a line for each ref that will be updated:

    <local ref> SP <local sha> SP <remote ref> SP <remote sha> LF

A deleted ref has `(delete)` and zeros on the local side. Git lets a hook stop the whole push, never a single ref, and
does not tell it about `--dry-run`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from dvcexp.errors import DvcexpError, printable
from dvcexp.experiments import NAMESPACE, Experiment, is_internal
from dvcexp.git import caller
from dvcexp.git.pushing import Command

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs
    from dvcexp.git.repository import Repository
    from dvcexp.progress import Progress

# A transport named in front of the URL wins over `remote.<name>.vcs`.
_OTHER_HELPER = re.compile(r"[A-Za-z0-9]+::")


class Updates(NamedTuple):
    """What a push does under `refs/exps/`: experiment ref -> tip, and the refs there that are no experiment. branches:
    the branches that it sets."""

    tips: Mapping[str, str]
    malformed: tuple[str, ...]
    branches: tuple[Command, ...] = ()


def add_parser(verbs: Verbs) -> None:
    """Only hooks call this verb."""
    parser = verbs.add_parser("pre-push", description="Upload the data of the experiments named on stdin.")
    parser.add_argument("git_remote", help="its name, or its URL if it has none")
    parser.add_argument("url")


def run(args: argparse.Namespace) -> int:
    """Upload; an error stops the push. What follows the push does not."""
    updates = read_updates(sys.stdin.buffer)
    if not any(updates):
        return 0
    from dvcexp import sync
    from dvcexp.git.repository import Repository
    from dvcexp.progress import Progress
    from dvcexp.settings import Settings

    repository = Repository.discover()
    if uses_helper(repository.config.get(f"remote.{args.git_remote}.vcs"), args.url):
        return 0
    command = caller.ancestor("push")
    progress = Progress(
        show=sys.stderr.isatty() if command is None else command.shows_progress(terminal=sys.stderr.isatty()),
        quiet=command is not None and command.is_quiet,
    )
    for ref in updates.malformed:
        progress.warning(f"'{printable(ref)}' is not an experiment, its data is not uploaded")
    settings = Settings.load(repository.config, args.git_remote)
    refused = sync.push(repository, updates.tips, git_remote=args.git_remote, settings=settings, progress=progress)
    if refused:
        raise _stopped(refused)
    if settings.follow and not settings.skip and updates.branches:
        _push_along(repository, args.git_remote, updates, progress)
    return 0


def _push_along(repository: Repository, git_remote: str, updates: Updates, progress: Progress) -> None:
    """Push the experiments that follow the branches: before these, for a hook is not called again after them."""
    from dvcexp.along import failed, push_along

    command = caller.ancestor("push")
    if command is None:
        progress.warning("whether this is a dry run cannot be told here, so no experiments follow the branch")
    elif not command.is_dry_run and not push_along(
        repository, git_remote, updates.branches, updates.tips, progress, quiet=command.is_quiet
    ):
        progress.failure(failed(git_remote))


def read_updates(lines: Iterable[bytes]) -> Updates:
    """Git's lines -> what they do under `refs/exps/`, deletions and DVC's internal refs left out."""
    tips: dict[str, str] = {}
    malformed: list[str] = []
    branches: list[Command] = []
    for line in lines:
        # The local side is what the user typed, `HEAD@{1 day ago}` for one: count the fields from the end.
        fields = os.fsdecode(line).rstrip("\n").rsplit(" ", 3)
        if len(fields) != 4:
            continue
        _, sha, ref, old = fields
        if ref.startswith("refs/heads/") and sha.strip("0"):
            branches.append(Command(old, sha, ref))
        if not ref.startswith(NAMESPACE) or is_internal(ref) or not sha.strip("0"):
            continue
        if Experiment.parse(ref) is None:
            malformed.append(ref)
        else:
            tips[ref] = sha
    return Updates(tips, tuple(malformed), tuple(branches))


def uses_helper(vcs: str | None, url: str) -> bool:
    """Does Git go through git-remote-dvcexp to this URL, which moves the data by itself?"""
    if url.startswith(("dvcexp::", "dvcexp://")):
        return True
    return vcs == "dvcexp" and _OTHER_HELPER.match(url) is None


def _stopped(refused: Mapping[str, str]) -> DvcexpError:
    reasons = [f"'{printable(ref)}': {printable(reason)}" for ref, reason in sorted(refused.items())]
    return DvcexpError("\n".join(["nothing is pushed, for not all data could be uploaded", *reasons]))
