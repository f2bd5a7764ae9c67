"""The stash that `dvc exp apply` keeps, in the same shape: DVC's documented undo works on it.

`git reset --hard`, then `git stash apply refs/exps/apply/stash`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from dvcexp.git.repository import GitError
from dvcexp.git.worktree import Status, WorkTree

APPLY_HEAD = "refs/exps/apply/ORIG_HEAD"
APPLY_STASH = "refs/exps/apply/stash"
EXEC_APPLY = "refs/exps/exec/EXEC_APPLY"

# What `git stash` writes where the user has told Git no name (builtin/stash.c).
_SOMEBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "git"), ("EMAIL", "git@stash"))
}


def remember(work_tree: WorkTree, status: Status, head: str, commit: str, word: str) -> None:
    """Note HEAD, and all that is not in it, before `commit`, which the user called `word`, is applied.

    What an earlier apply noted goes. Without a difference to HEAD there is no stash.
    """
    subject = os.fsdecode(work_tree.git("log", "-1", "--format=%h %s", head)).strip()
    symbolic = os.fsdecode(work_tree.git("rev-parse", "--abbrev-ref", "HEAD")).strip()
    branch = "(no branch)" if symbolic == "HEAD" else symbolic.rpartition("/")[2]
    message = f"On {branch}: dvc-exp-apply:{head}:{commit}:{word}\n"
    stash = _commit_of(work_tree, status, head, f"{branch}: {subject}\n\n", message) if status.is_dirty else None
    if work_tree.git("for-each-ref", APPLY_STASH):
        work_tree.git("update-ref", "-d", APPLY_STASH)
    work_tree.git("update-ref", APPLY_HEAD, head)
    if stash is not None:
        work_tree.git("update-ref", "--create-reflog", "-m", message.strip(), APPLY_STASH, stash)


def _commit_of(work_tree: WorkTree, status: Status, head: str, where: str, message: str) -> str:
    """The stash commit: its parents are HEAD, the index, and the untracked files, as libgit2 makes it."""
    parents = [head, _commit(work_tree, _text(work_tree.git("write-tree")), f"index on {where}", [head])]
    _add(work_tree, "untracked", [path for path in status.untracked if not path.endswith("/")])
    tree = _text(work_tree.git("write-tree", index="untracked"))
    parents.append(_commit(work_tree, tree, f"untracked files on {where}", []))
    work_tree.copy_index("stash")
    _add(work_tree, "stash", [change.path for change in status.changes.values() if change.unstaged != "."])
    return _commit(work_tree, _text(work_tree.git("write-tree", index="stash")), message, parents)


def _add(work_tree: WorkTree, index: str, paths: Sequence[str]) -> None:
    """Bring these files as they are now into a scratch index."""
    listing = "".join(f"{path}\0" for path in paths)
    if listing:
        work_tree.git("update-index", "--add", "--remove", "-z", "--stdin", stdin=os.fsencode(listing), index=index)


def _commit(work_tree: WorkTree, tree: str, message: str, parents: Sequence[str]) -> str:
    options = [option for parent in parents for option in ("-p", parent)]
    text = message.encode("utf-8", "surrogateescape")
    try:
        return _text(work_tree.git("commit-tree", tree, *options, stdin=text))
    except GitError:
        return _text(work_tree.git("commit-tree", tree, *options, stdin=text, environ=_SOMEBODY))


def _text(answer: bytes) -> str:
    return os.fsdecode(answer).strip()
