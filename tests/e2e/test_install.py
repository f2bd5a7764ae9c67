"""`git exp install` and `uninstall` in a repository, beside whatever is there already."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from tests.support.shell import Done, git, sh, write_program

OURS = (Path(__file__).resolve().parent.parent.parent / "hooks" / "pre-push").read_bytes()
BEFORE = "pre-push.before-dvcexp"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A bare repository, the Git host."""
    git("init", "-q", "--bare", tmp_path / "host.git", cwd=tmp_path)
    return tmp_path / "host.git"


@pytest.fixture
def repo(tmp_path: Path, host: Path) -> Path:
    """A repository with a commit and the host as `origin`."""
    path = tmp_path / "repo"
    git("init", "-q", path, cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "start", cwd=path)
    git("remote", "add", "origin", host, cwd=path)
    return path


def exp(*args: str, cwd: Path, check: bool = True) -> Done:
    return sh("git", "exp", *args, cwd=cwd, check=check)


def hook_of(repo: Path) -> Path:
    return repo / ".git" / "hooks" / "pre-push"


def contents(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Every file of a folder: mode, and bytes or link target."""
    return {
        path.name: (
            stat.S_IMODE(path.lstat().st_mode),
            os.readlink(path) if path.is_symlink() else path.read_bytes(),
        )
        for path in folder.iterdir()
    }


class TestInstall:
    """What it sets up, and says."""

    @pytest.mark.parametrize("said", ["git version 2.29.2", "git version 1.9.1 (Apple Git-1)"])
    def test_a_git_that_is_too_old_is_named_and_nothing_changed(self, said: str, repo: Path, tmp_path: Path) -> None:
        new = shutil.which("git")
        old = write_program(
            tmp_path / "old" / "git", f'#!/bin/sh\n[ "$1" = version ] && echo "{said}" || exec {new} "$@"\n'
        )
        before = contents(repo / ".git" / "hooks"), (repo / ".git" / "config").read_bytes()
        done = sh("git-exp", "install", cwd=repo, check=False, env={"PATH": f"{old.parent}:{os.environ['PATH']}"})
        assert done.code == 1
        assert done.stderr == (
            f"error: dvcexp needs Git 2.30 or newer, and 'git' on PATH is {said.split()[2].rpartition('.')[0]}\n"
            "hint: install a newer one, or put its folder first on PATH, then run this again\n"
        )
        assert (contents(repo / ".git" / "hooks"), (repo / ".git" / "config").read_bytes()) == before

    def test_it_routes_origin_and_puts_the_hook_in_place(self, repo: Path) -> None:
        done = exp("install", cwd=repo)
        assert done.stdout == f"installed hook {hook_of(repo)}\nset remote.origin.vcs = dvcexp\n"
        assert git("config", "--local", "remote.origin.vcs", cwd=repo) == "dvcexp"
        assert hook_of(repo).read_bytes() == OURS
        assert os.access(hook_of(repo), os.X_OK)

    def test_twice_is_as_once(self, repo: Path) -> None:
        exp("install", cwd=repo)
        config, hooks = (repo / ".git" / "config").read_bytes(), contents(repo / ".git" / "hooks")
        assert exp("install", cwd=repo).stdout == "nothing to do, all of it is in place\n"
        assert ((repo / ".git" / "config").read_bytes(), contents(repo / ".git" / "hooks")) == (config, hooks)

    def test_an_old_hook_of_ours_is_brought_up_to_date(self, repo: Path) -> None:
        write_program(hook_of(repo), "#!/bin/sh\n# dvcexp: an older one\n")
        assert f"updated hook {hook_of(repo)}" in exp("install", cwd=repo).stdout
        assert hook_of(repo).read_bytes() == OURS
        assert not (hook_of(repo).parent / BEFORE).exists()

    def test_named_remotes_are_routed_and_no_other(self, repo: Path, host: Path) -> None:
        git("remote", "add", "team", host, cwd=repo)
        exp("install", "team", cwd=repo)
        assert git("config", "--get-regexp", r"^remote\..*\.vcs", cwd=repo) == "remote.team.vcs dvcexp"

    def test_an_unknown_remote_changes_nothing(self, repo: Path) -> None:
        done = exp("install", "origin", "nope", cwd=repo, check=False)
        assert (done.code, done.stderr.splitlines()[0]) == (1, "error: no Git remote 'nope'")
        assert not hook_of(repo).exists()
        assert git("config", "remote.origin.vcs", cwd=repo, check=False) == ""

    def test_another_helper_is_not_displaced(self, repo: Path) -> None:
        git("config", "remote.origin.vcs", "hg", cwd=repo)
        done = exp("install", cwd=repo, check=False)
        assert done.code == 1
        assert done.stderr == (
            "error: Git remote 'origin' uses the helper 'hg'\nhint: git config --unset remote.origin.vcs\n"
        )
        assert not hook_of(repo).exists()

    def test_without_origin_the_hook_is_there_and_the_rest_is_said(self, repo: Path) -> None:
        git("remote", "rename", "origin", "upstream", cwd=repo)
        done = exp("install", cwd=repo)
        assert "there is no Git remote 'origin' yet" in done.stdout
        assert hook_of(repo).exists()

    def test_outside_a_repository_it_fails_as_git_does(self, tmp_path: Path) -> None:
        done = exp("install", cwd=tmp_path, check=False)
        assert (done.code, done.stdout) == (128, "")
        assert "not a git repository" in done.stderr

    def test_without_the_helper_on_path_nothing_is_changed(self, repo: Path, tmp_path: Path) -> None:
        # `git exp` is found in a folder of its own; git, env and python3 are where they are.
        alone = tmp_path / "bin"
        alone.mkdir()
        (alone / "git-exp").symlink_to(Path(OURS_HELPERS) / "git-exp")
        path = os.pathsep.join([str(alone), str(Path(sys.executable).parent), "/usr/bin", "/bin"])
        if any((Path(folder) / "git-remote-dvcexp").exists() for folder in path.split(os.pathsep)):
            path = os.pathsep.join([str(alone), *_links_without_helper(tmp_path)])
        done = sh("git", "exp", "install", cwd=repo, check=False, env={"PATH": path})
        assert (done.code, done.stderr.splitlines()[0]) == (
            1,
            "error: 'git-remote-dvcexp' is not on PATH, so Git could not use it",
        )
        assert not hook_of(repo).exists()

    def test_a_hooks_folder_that_cannot_be_made_is_named(self, repo: Path) -> None:
        git("config", "core.hooksPath", repo / ".git" / "config" / "hooks", cwd=repo)
        done = exp("install", cwd=repo, check=False)
        assert done.code == 1
        assert done.stderr.startswith(f"error: cannot write the hook '{repo}/.git/config")


OURS_HELPERS = Path(__file__).resolve().parent.parent.parent / "helpers"


def _links_without_helper(tmp_path: Path) -> list[str]:
    """A folder with links to the few programs that `git exp` starts."""
    import shutil

    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("git", "env", "sh"):
        (folder / name).symlink_to(shutil.which(name) or name)
    (folder / "python3").symlink_to(sys.executable)
    return [str(folder)]


class TestWhereHooksLie:
    """Git looks for hooks in more than one place."""

    def test_core_hooks_path_is_respected(self, repo: Path, tmp_path: Path) -> None:
        git("config", "core.hooksPath", tmp_path / "shared", cwd=repo)
        exp("install", cwd=repo)
        assert (tmp_path / "shared" / "pre-push").read_bytes() == OURS
        assert not hook_of(repo).exists()

    def test_a_relative_hooks_path_starts_at_the_top_of_the_work_tree(self, repo: Path) -> None:
        git("config", "core.hooksPath", "tools/hooks", cwd=repo)
        (repo / "sub").mkdir()
        exp("install", cwd=repo / "sub")
        assert (repo / "tools" / "hooks" / "pre-push").read_bytes() == OURS

    def test_a_linked_worktree_shares_the_hooks_of_its_repository(self, repo: Path, tmp_path: Path) -> None:
        git("worktree", "add", "-q", tmp_path / "linked", cwd=repo)
        exp("install", cwd=tmp_path / "linked")
        assert hook_of(repo).read_bytes() == OURS
        exp("uninstall", cwd=tmp_path / "linked")
        assert not hook_of(repo).exists()

    def test_a_submodule_has_hooks_of_its_own(self, repo: Path, host: Path) -> None:
        git("push", "-q", "origin", "HEAD:main", cwd=repo)
        git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", host, "part", cwd=repo)
        exp("install", cwd=repo / "part")
        assert (repo / ".git" / "modules" / "part" / "hooks" / "pre-push").read_bytes() == OURS
        assert not hook_of(repo).exists()

    def test_a_bare_repository_has_hooks_too(self, host: Path) -> None:
        exp("install", cwd=host)
        assert (host / "hooks" / "pre-push").read_bytes() == OURS

    def test_a_missing_hooks_folder_is_made(self, repo: Path) -> None:
        for path in sorted((repo / ".git" / "hooks").iterdir()):
            path.unlink()
        (repo / ".git" / "hooks").rmdir()
        exp("install", cwd=repo)
        assert hook_of(repo).read_bytes() == OURS


def not_utf8(path: Path) -> None:
    write_program(path, "")
    path.write_bytes(b"#!/bin/sh\n# caf\xe9\nexit 0\n")


def dead_symlink(path: Path) -> None:
    path.symlink_to("../../gone")


def tracked_script(path: Path) -> None:
    path.symlink_to(write_program(path.parent.parent / "script", "#!/bin/sh\n"))


FOREIGN_HOOKS = {
    "a script": lambda path: write_program(path, "#!/bin/sh\nexit 0\n", 0o750),
    "not executable": lambda path: write_program(path, "#!/bin/sh\nexit 1\n", 0o644),
    "not UTF-8": not_utf8,
    "a dead symlink": dead_symlink,
    "a symlink to a script": tracked_script,
    "DVC's own": lambda path: write_program(path, "#!/bin/sh\nexec dvc git-hook pre-push $@\n"),
}


class TestUninstall:
    """Everything is as it was, to the byte."""

    @pytest.mark.parametrize("kind", FOREIGN_HOOKS)
    def test_the_hook_that_was_there_comes_back(self, repo: Path, kind: str) -> None:
        FOREIGN_HOOKS[kind](hook_of(repo))
        before = contents(repo / ".git" / "hooks")
        done = exp("install", cwd=repo)
        assert f"  the hook that was there runs first: {hook_of(repo)}.before-dvcexp\n" in done.stdout
        assert hook_of(repo).read_bytes() == OURS
        exp("install", cwd=repo)
        done = exp("uninstall", cwd=repo)
        assert contents(repo / ".git" / "hooks") == before
        assert "the hook that was there before is back" in done.stdout

    def test_the_configuration_comes_back(self, repo: Path, host: Path) -> None:
        git("remote", "add", "team", host, cwd=repo)
        before = (repo / ".git" / "config").read_bytes()
        exp("install", "origin", "team", "--follow", cwd=repo)
        assert (repo / ".git" / "config").read_bytes() != before
        exp("uninstall", cwd=repo)
        assert (repo / ".git" / "config").read_bytes() == before

    def test_twice_is_as_once(self, repo: Path) -> None:
        exp("install", cwd=repo)
        exp("uninstall", cwd=repo)
        assert exp("uninstall", cwd=repo).stdout == "nothing to do, nothing is installed\n"

    def test_a_foreign_hook_is_never_removed(self, repo: Path) -> None:
        write_program(hook_of(repo), "#!/bin/sh\n")
        exp("uninstall", cwd=repo)
        assert hook_of(repo).read_text() == "#!/bin/sh\n"

    def test_a_named_remote_is_native_again_and_the_hook_stays(self, repo: Path, host: Path) -> None:
        git("remote", "add", "team", host, cwd=repo)
        exp("install", "origin", "team", cwd=repo)
        exp("uninstall", "team", cwd=repo)
        assert git("config", "--get-regexp", r"^remote\..*\.vcs", cwd=repo) == "remote.origin.vcs dvcexp"
        assert hook_of(repo).exists()

    def test_the_copies_that_following_made_are_removed(self, repo: Path) -> None:
        exp("install", "--follow", cwd=repo)
        copy = f"refs/dvcexp/origin/ab/{'1' * 38}/exp-a"
        git("update-ref", copy, "HEAD", cwd=repo)
        exp("uninstall", cwd=repo)
        assert git("for-each-ref", "refs/dvcexp/", cwd=repo) == ""


class TestOtherTools:
    """Tools that manage hooks, for real where they can be had."""

    @pytest.fixture
    def pre_commit(self, repo: Path) -> Path:
        """The repository, with the pre-commit framework's pre-push hook, which notes that it ran."""
        (repo / ".pre-commit-config.yaml").write_text(
            "repos: [{repo: local, hooks: [{id: note, name: note, language: system, always_run: true,"
            " pass_filenames: false, stages: [pre-push], entry: touch pre-commit-ran}]}]\n"
        )
        git("add", ".pre-commit-config.yaml", cwd=repo)
        git("commit", "-qm", "hooks", cwd=repo)
        sh("pre-commit", "install", "-t", "pre-push", cwd=repo)
        return repo

    @staticmethod
    def runs_on_push(repo: Path) -> bool:
        """Push a branch; did pre-commit's hook run?"""
        git("push", "-q", "origin", "HEAD:refs/heads/pushed", cwd=repo)
        return (repo / "pre-commit-ran").exists()

    def test_beside_pre_commit_ours_takes_the_place_for_others(self, pre_commit: Path) -> None:
        theirs = hook_of(pre_commit).read_bytes()
        exp("install", cwd=pre_commit)
        git("config", "--unset", "remote.origin.vcs", cwd=pre_commit)
        assert hook_of(pre_commit).read_bytes() == theirs
        assert hook_of(pre_commit).with_name("pre-push.legacy").read_bytes() == OURS
        assert self.runs_on_push(pre_commit)

    def test_pre_commit_may_install_again_in_any_order(self, pre_commit: Path) -> None:
        exp("install", cwd=pre_commit)
        git("config", "--unset", "remote.origin.vcs", cwd=pre_commit)
        for _ in range(2):
            sh("pre-commit", "install", "-t", "pre-push", cwd=pre_commit)
            exp("install", cwd=pre_commit)
            git("config", "--unset", "remote.origin.vcs", cwd=pre_commit)
        assert self.runs_on_push(pre_commit)
        assert sorted(p.name for p in hook_of(pre_commit).parent.glob("pre-push*") if p.suffix != ".sample") == [
            "pre-push",
            "pre-push.legacy",
        ]

    def test_pre_commit_after_ours_keeps_both(self, repo: Path) -> None:
        exp("install", cwd=repo)
        (repo / ".pre-commit-config.yaml").write_text("repos: []\n")
        sh("pre-commit", "install", "-t", "pre-push", cwd=repo)
        done = exp("install", cwd=repo)
        assert done.stdout == "nothing to do, all of it is in place\n"
        exp("uninstall", cwd=repo)
        assert [p.name for p in hook_of(repo).parent.glob("pre-push*") if p.suffix != ".sample"] == ["pre-push"]

    def test_uninstall_beside_pre_commit_leaves_pre_commit(self, pre_commit: Path) -> None:
        before = contents(pre_commit / ".git" / "hooks")
        exp("install", cwd=pre_commit)
        exp("uninstall", cwd=pre_commit)
        assert contents(pre_commit / ".git" / "hooks") == before

    def test_husky_is_told_what_to_add_by_hand(self, repo: Path) -> None:
        write_program(repo / ".husky" / "_" / "h", "#!/bin/sh\n")
        theirs = write_program(repo / ".husky" / "_" / "pre-push", '#!/bin/sh\n. "$(dirname "$0")/h"\n').read_bytes()
        git("config", "core.hooksPath", ".husky/_", cwd=repo)
        done = exp("install", cwd=repo)
        assert done.stderr.startswith("warning: the hooks in '")
        assert f"hint: add this line to '{repo}/.husky/pre-push': git exp pre-push \"$@\"\n" in done.stderr
        assert (repo / ".husky" / "_" / "pre-push").read_bytes() == theirs
        assert git("config", "remote.origin.vcs", cwd=repo) == "dvcexp"

    def test_a_hook_that_replaced_ours_is_not_overwritten(self, repo: Path) -> None:
        write_program(hook_of(repo), "#!/bin/sh\n# first\n")
        exp("install", cwd=repo)
        write_program(hook_of(repo), "#!/bin/sh\n# second\n")
        done = exp("install", cwd=repo)
        assert "warning: " in done.stderr
        assert "keep one of the two" in done.stderr
        assert hook_of(repo).read_text() == "#!/bin/sh\n# second\n"
        assert hook_of(repo).with_name(BEFORE).read_text() == "#!/bin/sh\n# first\n"


class TestFollow:
    """`--follow`: teammates' experiments come with every fetch, and pruning loses nothing."""

    BASE = f"refs/exps/ab/{'1' * 38}"

    @pytest.fixture
    def following(self, repo: Path) -> Path:
        """A repository that follows; fetches are native here, for it is Git's refspecs that are looked at."""
        exp("install", "--follow", cwd=repo)
        git("config", "--unset", "remote.origin.vcs", cwd=repo)
        return repo

    def test_the_refspecs_bring_experiments_and_no_internal_refs(self, following: Path, host: Path) -> None:
        git("push", "-q", "--no-verify", "origin", "HEAD:refs/heads/main", cwd=following)
        internal = ("exec/EXEC_HEAD", "execfoo/x", "apply/stash", "stash", "celery/failed", "temp/x")
        for ref in (f"{self.BASE}/exp-a", *(f"refs/exps/{name}" for name in internal)):
            git("update-ref", ref, "main", cwd=host)
        git("fetch", "-q", cwd=following)
        refs = git("for-each-ref", "--format=%(refname)", "refs/dvcexp", "refs/exps", cwd=following).splitlines()
        assert [ref for ref in refs if ref.startswith("refs/dvcexp")] == [f"refs/dvcexp/origin/ab/{'1' * 38}/exp-a"]

    @pytest.mark.parametrize(
        "command", [["fetch", "--prune"], ["-c", "fetch.prune=true", "fetch"], ["remote", "prune", "origin"]]
    )
    def test_pruning_never_removes_an_experiment_that_was_not_pushed(self, following: Path, command: list[str]) -> None:
        git("update-ref", f"{self.BASE}/mine", "HEAD", cwd=following)
        git("update-ref", f"refs/dvcexp/origin/ab/{'1' * 38}/gone", "HEAD", cwd=following)
        git(*command, cwd=following)
        assert git("for-each-ref", "--format=%(refname)", "refs/exps", "refs/dvcexp", cwd=following) == (
            f"{self.BASE}/mine"
        )

    def test_installing_again_adds_no_refspec_twice(self, following: Path) -> None:
        before = git("config", "--get-all", "remote.origin.fetch", cwd=following)
        exp("install", "--follow", cwd=following)
        assert git("config", "--get-all", "remote.origin.fetch", cwd=following) == before
