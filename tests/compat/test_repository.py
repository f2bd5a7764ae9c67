"""What we read of a repository is what git says of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pytest_git import GitRepo

from dvcexp.git import objects
from dvcexp.git.objects import DamagedGitObject, MissingGitObject, ObjectReader
from dvcexp.git.repository import NotARepository, Repository
from tests.support.shell import git


@pytest.fixture
def repo(git_repo: GitRepo) -> Path:
    """Twenty commits over some folders, a link, half of them packed."""
    path = Path(git_repo.workspace)
    for n in range(20):
        (path / f"d{n % 3}").mkdir(exist_ok=True)
        (path / f"d{n % 3}" / f"é{n}").write_text(str(n))
        if n == 5:
            os.symlink("nowhere", path / "link")
        git("add", "-A", cwd=path)
        git("commit", "-q", "-m", f"commit {n}\n\nbody", cwd=path)
        if n == 10:
            git("gc", "-q", cwd=path)
    return path


@pytest.mark.parametrize("dulwich_from", [0, 10_000])
def test_both_readers_give_every_object_as_git_does(
    repo: Path, dulwich_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_DULWICH_PAYS_AFTER", dulwich_from)
    reader = ObjectReader(str(repo / ".git"), "sha1", str(repo))
    commits = git("rev-list", "--all", cwd=repo).split()
    assert len(commits) == 20
    for sha in commits:
        commit = reader.commit(sha)
        shown = git("show", "-s", "--format=%T%n%P%n%an <%ae>%n%ct%n%B", sha, cwd=repo).split("\n", 4)
        assert [commit.tree, " ".join(commit.parents), commit.author, str(commit.time)] == shown[:4]
        assert commit.message == shown[4]
    top = {entry.name: entry for entry in reader.children(reader.commit(commits[0]).tree)}
    assert [(name, entry.kind) for name, entry in top.items()] == [
        ("d0", "dir"),
        ("d1", "dir"),
        ("d2", "dir"),
        ("link", "link"),
    ]
    assert reader.read(top["link"].id) == b"nowhere"
    assert {e.name: reader.read(e.id) for e in reader.children(top["d1"].id)}["é7"] == b"7"
    with pytest.raises(MissingGitObject):
        reader.commit("1" * 40)
    assert not reader.has_commit("1" * 40)
    reader.close()


def test_a_repository_is_found_from_a_subfolder_a_linked_work_tree_and_a_bare_one(repo: Path, tmp_path: Path) -> None:
    found = Repository.discover(str(repo / "d1"))
    assert (found.git_dir, found.work_tree) == (str(repo / ".git"), str(repo))
    git("worktree", "add", "-q", tmp_path / "linked", cwd=repo)
    linked = Repository.discover(str(tmp_path / "linked"))
    assert (linked.common_dir, linked.work_tree) == (str(repo / ".git"), str(tmp_path / "linked"))
    assert linked.git_dir == str(repo / ".git" / "worktrees" / "linked")
    git("clone", "-q", "--bare", repo, tmp_path / "bare", cwd=tmp_path)
    assert Repository.discover(str(tmp_path / "bare")).work_tree is None
    with pytest.raises(NotARepository):
        Repository.discover(str(tmp_path))


def test_the_work_tree_of_a_clone_in_progress_is_not_the_current_folder(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repo / ".git"))
    assert Repository.discover(str(tmp_path)).work_tree == str(repo)


def _looks(repository: Repository) -> tuple[object, ...]:
    return repository.git_dir, repository.common_dir, repository.work_tree, repository.object_format


@pytest.mark.parametrize("named", [False, True], ids=["found", "GIT_DIR"])
@pytest.mark.parametrize("kind", ["plain", "sha256", "linked", "bare", "core.worktree", "symlink", "moved", "below"])
def test_where_git_need_not_be_asked_its_answer_is_known(
    kind: str, named: bool, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = repo
    if kind == "linked":
        place = tmp_path / "linked"
        git("worktree", "add", "-q", place, cwd=repo)
    elif kind == "bare":
        place = tmp_path / "bare"
        git("clone", "-q", "--bare", repo, place, cwd=tmp_path)
    elif kind == "sha256":
        place = tmp_path / "sha256"
        git("init", "-q", "--object-format=sha256", place, cwd=tmp_path)
    elif kind == "core.worktree":
        git("config", "core.worktree", tmp_path, cwd=repo)
    elif kind in ("symlink", "moved"):
        (repo / ".git").rename(tmp_path / "elsewhere")
        (repo / ".git").symlink_to(tmp_path / "elsewhere")
    elif kind == "below":
        place = repo / "d1"
    if kind == "moved":
        (repo / ".git").unlink()
        (repo / ".git").write_text(f"gitdir: {tmp_path / 'elsewhere'}\n")
    if named:
        monkeypatch.setenv("GIT_DIR", git("rev-parse", "--git-dir", cwd=place))
    monkeypatch.chdir(place)
    found = Repository.discover()
    assert _looks(found) == _looks(Repository.discover("."))
    assert found.config.get("core.repositoryformatversion") is not None


def test_configuration_is_read_with_its_order_and_booleans(repo: Path) -> None:
    git("config", "--add", "dvcexp.fetchInclude", "a", cwd=repo)
    git("config", "--add", "dvcexp.fetchInclude", "b\nc", cwd=repo)
    git("config", "dvcexp.Origin.cache", "off", cwd=repo)
    config = Repository.discover(str(repo)).config
    assert config.get_all("dvcexp.fetchinclude") == ["a", "b\nc"]
    assert config.get("dvcexp.fetchinclude") == "b\nc"
    assert config.get_bool("dvcexp.Origin.cache", True) is False
    assert config.get_bool("dvcexp.nothing", True) is True


def test_a_revision_that_looks_like_an_option_is_none(repo: Path) -> None:
    found = Repository.discover(str(repo))
    assert found.resolve("--all") is None
    assert found.resolve("HEAD") == git("rev-parse", "HEAD", cwd=repo)


@pytest.mark.parametrize("dulwich_from", [0, 10_000])
@pytest.mark.parametrize("kind", ["commit", "tree"])
@pytest.mark.parametrize("content", [b"", b"tree x\n\n", b"no \xff object", b"100644 name", b"\0" * 50])
def test_what_does_not_read_as_a_commit_or_tree_is_damaged(
    repo: Path, kind: str, content: bytes, dulwich_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server can send anything; Git looks into it only with `fetch.fsckObjects`."""
    monkeypatch.setattr(objects, "_DULWICH_PAYS_AFTER", dulwich_from)
    argv = ["git", "hash-object", "--literally", "-w", "-t", kind, "--stdin"]
    sha = subprocess.run(argv, cwd=repo, input=content, capture_output=True, check=True).stdout.decode().strip()
    reader = ObjectReader(str(repo / ".git"), "sha1", str(repo))
    if kind == "tree" and not content:
        assert reader.children(sha) == []
    else:
        with pytest.raises(DamagedGitObject, match=f"Git object '{sha}' is damaged"):
            reader.commit(sha) if kind == "commit" else reader.children(sha)
    reader.close()


@pytest.mark.parametrize("sha", ["HEAD", "main", ":link", "a b", "", "\udcff" * 40, "0" * 39, "-x"])
def test_what_is_no_id_names_no_object(repo: Path, sha: str) -> None:
    """A server lists what it likes in place of ids; `git cat-file` would take a revision."""
    reader = ObjectReader(str(repo / ".git"), "sha1", str(repo))
    assert not reader.has_commit(sha)
    with pytest.raises(MissingGitObject):
        reader.read(sha)
    reader.close()
