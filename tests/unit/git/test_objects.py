"""Reading Git objects: what is not here, and what nobody answers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvcexp.git import objects
from dvcexp.git.objects import GitEnded, MissingGitObject, ObjectReader
from dvcexp.git.repository import Repository
from tests.support.shell import git


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    git("init", "-q", cwd=tmp_path)
    (tmp_path / "file").write_text("content")
    git("add", "file", cwd=tmp_path)
    git("commit", "-q", "-m", "One", cwd=tmp_path)
    repository = Repository.discover(str(tmp_path))
    yield repository
    repository.objects.close()


def head(path: Path) -> str:
    return git("rev-parse", "HEAD", cwd=path)


def test_a_git_that_is_killed_is_no_missing_object(repository: Repository, tmp_path: Path) -> None:
    """It was once taken for a shallow clone: a push was refused for a reason that was not one."""
    reader: ObjectReader = repository.objects
    commit = reader.commit(head(tmp_path))
    os.kill(reader._batches[True]._process.pid, signal.SIGKILL)
    with pytest.raises(GitEnded):
        reader.children(commit.tree)
    with pytest.raises(GitEnded):
        reader.has_commit(commit.sha)
    reader.close()
    assert [entry.name for entry in reader.children(commit.tree)] == ["file"]


def test_what_is_not_here_is_named(repository: Repository) -> None:
    with pytest.raises(MissingGitObject, match="0000000000"):
        repository.objects.commit("0" * 40)


def test_a_commit_without_its_tree_is_not_whole(repository: Repository, tmp_path: Path) -> None:
    """unpack-objects stores a commit before its tree; a connection that breaks there leaves the first alone."""
    other = git("commit-tree", "-p", "HEAD", "-m", "Two", git("write-tree", cwd=tmp_path), cwd=tmp_path)
    blob = git("rev-parse", "HEAD:file", cwd=tmp_path)
    git("update-index", "--add", "--cacheinfo", f"100644,{blob},other", cwd=tmp_path)
    tree = git("write-tree", cwd=tmp_path)
    broken = git("commit-tree", "-m", "Broken", tree, cwd=tmp_path)
    (tmp_path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    tips = {head(tmp_path), other, broken, "f" * 40}
    assert repository.whole(tips) == {head(tmp_path), other}
    assert repository.whole({other}) == {other}
    assert repository.whole(set()) == set()


def test_a_repack_by_somebody_else_is_not_noticed(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packs that were open are gone, and what was loose is packed."""
    git("repack", "-q", "-a", "-d", cwd=tmp_path)
    first = head(tmp_path)
    for pays_after in (0, 1000):  # dulwich, and git cat-file
        monkeypatch.setattr(objects, "_DULWICH_PAYS_AFTER", pays_after)
        reader = ObjectReader(str(tmp_path / ".git"), "sha1", str(tmp_path))
        tree = reader.commit(first).tree
        git("commit", "-q", "--allow-empty", "-m", f"After {pays_after}", cwd=tmp_path)
        git("repack", "-q", "-a", "-d", "-f", cwd=tmp_path)
        (entry,) = reader.children(tree)
        assert reader.read(entry.id) == b"content"
        assert reader.commit(head(tmp_path)).parents
        reader.close()


def test_a_partial_clone_does_not_fetch_a_commit_to_tell_whether_it_is_here(
    repository: Repository, tmp_path: Path
) -> None:
    """Git did so for every experiment that a server listed, by two processes for each."""
    git("config", "uploadpack.allowFilter", "true", cwd=tmp_path)
    clone = tmp_path / "clone"
    git("clone", "-q", "--filter=blob:none", f"file://{tmp_path}", clone, cwd=tmp_path)
    first = head(tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "Two", cwd=tmp_path)
    reader = ObjectReader(str(clone / ".git"), "sha1", str(clone))
    assert (reader.has_commit(first), reader.has_commit(head(tmp_path))) == (True, False)
    assert not reader.has_commit(reader.commit(first).tree)
    reader.close()
    here = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=clone).split()
    assert head(tmp_path) not in here
