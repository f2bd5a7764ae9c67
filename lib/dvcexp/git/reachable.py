"""What a repository still knows: the commits that Git would keep, and what stands in their DVC files.

Reachable is what refs, HEADs, reflogs and half-done merges and rebases lead to, in every worktree: what `git prune`
would keep, and a little more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator

from dvcexp.errors import DvcexpError, printable
from dvcexp.git.repository import Repository, child_environment

# The files of a git dir that name commits besides refs; git keeps its own list in reachable.c.
_HEADS = re.compile(r"[A-Z_]*HEAD\Z|AUTO_MERGE\Z")
_REBASES = ("rebase-merge/", "rebase-apply/")
_ID = re.compile(rb"^[0-9a-f]{40}(?:[0-9a-f]{24})?(?=\s|$)", re.MULTILINE)

# From the top, for a command may be given anywhere; `*` matches across folders.
_DVC_FILES = (":(top)*.dvc", ":(top)*dvc.lock")
_LOCKED = "locked"


class Worktree:
    """One work tree of a repository, the main one or a linked one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._repository = Repository.discover(path, environ=child_environment())

    def dvc_files(self) -> Iterator[bytes]:
        """The content of `*.dvc` and dvc.lock: as they lie there, in Git or not, ignored or not, and as the index has
        them."""
        listing = self._repository.git("ls-files", "-z", "--cached", "--others", "--", *_DVC_FILES)
        for name in sorted(set(listing.split(b"\0")[:-1])):
            yield from _content(os.path.join(os.fsencode(self.path), name))
        staged = self._repository.git("ls-files", "-z", "--stage", "--", *_DVC_FILES)
        ids = {entry.split(b" ", 2)[1] for entry in staged.split(b"\0")[:-1]}
        yield self._repository.git("cat-file", "--batch", stdin=b"".join(name + b"\n" for name in sorted(ids)))


def worktrees(repository: Repository) -> list[Worktree]:
    """Those that are there. DvcexpError for one that is locked and away: on a medium that is not plugged in."""
    found = []
    for record in os.fsdecode(repository.git("worktree", "list", "--porcelain")).split("\n\n"):
        fields = dict(line.partition(" ")[::2] for line in record.splitlines())
        path = fields.get("worktree")
        if path is None or "bare" in fields:
            continue
        if os.path.isdir(path):
            found.append(Worktree(path))
        elif _LOCKED in fields:
            raise DvcexpError(
                f"the worktree '{printable(path)}' is locked and not there, so what it uses cannot be known",
                f"make it available, or give it up: git worktree unlock {printable(path)}",
            )
    return found


def reachable_commits(repository: Repository, is_passing: Callable[[str], bool]) -> set[str]:
    """Every commit that something leads to. Replacements hide nothing.

    is_passing: of a commit that a reflog or ORIG_HEAD names, did HEAD only pass by there, so that it does not count?
    """
    logged = set(_rev_list(repository, "", "--no-walk", "--reflog"))
    before = _named(repository, _is_trail)
    roots = {name for name in logged | before if not is_passing(name)} | _named(repository, _is_head)
    heads = "".join(f"{name}\n" for name in sorted(roots))
    return set(_rev_list(repository, heads, "--all"))


def _rev_list(repository: Repository, revs: str, *options: str) -> list[str]:
    """The ids that `git rev-list` gives for `options` and the lines `revs`."""
    given = ("--no-replace-objects", "rev-list", *options, "--ignore-missing", "--stdin")
    return repository.git(*given, stdin=revs.encode("ascii")).decode("ascii").split()


def all_commits(repository: Repository) -> set[str]:
    """Every commit in the object database, also what nothing leads to."""
    listing = repository.git(
        "cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype) %(objectname)"
    )
    return {line[7:].decode("ascii") for line in listing.splitlines() if line.startswith(b"commit ")}


def committed_dvc_files(repository: Repository, commits: Collection[str]) -> Iterator[bytes]:
    """The content of every `*.dvc` and dvc.lock that any of `commits`, whose history is complete, brought in."""
    raw = repository.git(
        "--no-replace-objects",
        "diff-tree",
        *("--stdin", "-r", "-m", "--root", "--no-commit-id", "--raw", "-z", "--no-renames", "--no-abbrev"),
        "--",
        *_DVC_FILES,
        stdin="".join(f"{commit}\n" for commit in commits).encode("ascii"),
    )
    # `:<mode> <mode> <id> <id> <status>` NUL path NUL
    ids = {meta.split(b" ")[3] for meta in raw.split(b"\0")[:-1:2]}
    for blob in ids:
        if blob.strip(b"0"):
            yield repository.objects.read(blob.decode("ascii"))


def _is_trail(name: str) -> bool:
    """Is this the file where HEAD was before its last leap?"""
    return name == "ORIG_HEAD"


def _is_head(name: str) -> bool:
    """Is this a file that names commits which somebody is at work on?"""
    return name != "ORIG_HEAD" and (_HEADS.match(name) is not None or name.startswith(_REBASES))


def _named(repository: Repository, wanted: Callable[[str], bool]) -> set[str]:
    """The ids in the `wanted` files of the git dir, and of that of each linked worktree."""
    linked = os.path.join(repository.common_dir, "worktrees")
    names = os.listdir(linked) if os.path.isdir(linked) else []
    found: set[bytes] = set()
    for git_dir in [repository.common_dir, *(os.path.join(linked, name) for name in names)]:
        files = os.listdir(git_dir)
        for folder in _REBASES:
            if os.path.isdir(os.path.join(git_dir, folder)):
                files += [folder + name for name in os.listdir(os.path.join(git_dir, folder))]
        for name in filter(wanted, files):
            for content in _content(os.fsencode(os.path.join(git_dir, name))):
                found.update(_ID.findall(content))
    return {name.decode("ascii") for name in found}


def _content(path: bytes) -> Iterator[bytes]:
    """The file's content; nothing for what has gone since, or is no file."""
    try:
        with open(path, "rb") as file:
            yield file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return
    except OSError as error:
        raise DvcexpError(f"cannot read '{printable(os.fsdecode(path))}': {error.strerror}") from error
