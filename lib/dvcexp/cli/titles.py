"""What DVC calls commits in its lists."""

from __future__ import annotations

import os

from dvcexp.git.repository import Repository


def titles(repository: Repository) -> dict[str, str]:
    """Commit -> the current branch, else its first tag, else its first branch."""
    asked = repository.git(
        "for-each-ref", "--format=%(objectname) %(*objectname) %(refname)", "refs/heads", "refs/tags"
    )
    tags: dict[str, str] = {}
    branches: dict[str, str] = {}
    for line in os.fsdecode(asked).splitlines():
        commit, peeled, ref = line.split(" ", 2)
        if ref.startswith("refs/tags/"):
            tags.setdefault(peeled or commit, ref.removeprefix("refs/tags/"))
        else:
            branches.setdefault(commit, ref.removeprefix("refs/heads/"))
    found = {**branches, **tags}
    head = os.fsdecode(repository.git("symbolic-ref", "--quiet", "HEAD", check=False)).strip()
    commit_at_head = repository.resolve("HEAD")
    if head.startswith("refs/heads/") and commit_at_head is not None:
        found[commit_at_head] = head.removeprefix("refs/heads/")
    return found
