"""The pre-push hook: `git push` to a Git remote that the helper does not serve."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.handmade import Handmade, assert_whole, object_path, oids
from tests.support.shell import Done, git, sh, write_program

ROOT = Path(__file__).resolve().parent.parent.parent
HOOK = ROOT / "hooks" / "pre-push"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A bare repository, the Git host."""
    git("init", "-q", "--bare", tmp_path / "host.git", cwd=tmp_path)
    return tmp_path / "host.git"


@pytest.fixture
def project(tmp_path: Path, host: Path) -> Handmade:
    """A project whose `origin` is native, with the hook."""
    project = Handmade(tmp_path / "project")
    git("remote", "add", "origin", host, cwd=project.path)
    shutil.copy(HOOK, project.path / ".git" / "hooks" / "pre-push")
    return project


def push(project: Handmade, *refspecs: str, **env: str) -> Done:
    return sh("git", "push", "origin", *refspecs, cwd=project.path, check=False, env=env)


def refs(host: Path) -> list[str]:
    return git("for-each-ref", "--format=%(refname)", cwd=host).splitlines()


class Previous:
    """The hook that was there before ours: it keeps what it was given."""

    def __init__(self, folder: Path, code: int = 0) -> None:
        self.log = folder / "previous.log"
        write_program(
            folder / "pre-push.before-dvcexp",
            f'#!/bin/sh\nprintf "%s|" "$0" "$@" >>"{self.log}"\ncat >>"{self.log}"\nexit {code}\n',
        )


class TestPushWithTheHook:
    """Data before refs, with nothing but Git."""

    def test_the_data_is_on_the_dvc_remote_with_the_ref(self, project: Handmade, host: Path) -> None:
        ref = project.experiment("a", {"model.bin": b"a", "features": {"x": b"1", "sub/y": b"2"}})
        done = push(project, "refs/exps/*/a")
        assert done.code == 0, done.stderr
        assert refs(host) == [ref]
        assert oids(project.storage) == oids(project.cache) - untrained()
        assert_whole(project.storage)

    def test_a_failing_upload_stops_the_push_with_the_words(self, project: Handmade, host: Path) -> None:
        project.experiment("a", {"model.bin": b"a"})
        project.storage.rmdir()
        project.storage.write_bytes(b"not a folder")
        done = push(project, "refs/exps/*/a")
        assert done.code == 1
        assert "error: " in done.stderr
        assert "storage" in done.stderr
        assert "error: failed to push some refs" in done.stderr
        assert refs(host) == []

    def test_missing_data_stops_the_push_and_names_it(self, project: Handmade, host: Path) -> None:
        project.experiment("a", {"model.bin": b"a"})
        object_path(project.cache, "0cc175b9c0f1b6a831c399e269772661").unlink()
        done = push(project, "refs/exps/*/a", "main")
        assert done.code == 1
        assert "model.bin" in done.stderr
        assert refs(host) == []

    def test_deleting_an_experiment_needs_no_data(self, project: Handmade, host: Path) -> None:
        ref = project.experiment("a", {"model.bin": b"a"})
        push(project, ref)
        object_path(project.cache, "0cc175b9c0f1b6a831c399e269772661").unlink()
        done = push(project, "--delete", ref)
        assert done.code == 0, done.stderr
        assert refs(host) == []

    def test_dvcs_own_refs_need_no_data(self, project: Handmade, host: Path) -> None:
        git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD", cwd=project.path)
        assert push(project, "refs/exps/exec/EXEC_HEAD").code == 0
        assert oids(project.storage) == set()

    def test_a_ref_that_is_no_experiment_is_pushed_with_a_warning(self, project: Handmade, host: Path) -> None:
        git("update-ref", "refs/exps/x", "HEAD", cwd=project.path)
        done = push(project, "refs/exps/x")
        assert done.code == 0
        assert "warning: 'refs/exps/x' is not an experiment, its data is not uploaded\n" in done.stderr
        assert refs(host) == ["refs/exps/x"]

    def test_skip_pushes_the_refs_alone(self, project: Handmade, host: Path) -> None:
        ref = project.experiment("a", {"model.bin": b"a"})
        assert push(project, ref, DVCEXP_SKIP="1").code == 0
        assert refs(host) == [ref]
        assert oids(project.storage) == set()

    def test_no_verify_bypasses_the_hook(self, project: Handmade, host: Path) -> None:
        project.experiment("a", {"model.bin": b"a"})
        assert push(project, "--no-verify", "refs/exps/*/a").code == 0
        assert oids(project.storage) == set()

    def test_from_a_linked_worktree_and_a_subfolder(self, project: Handmade, host: Path, tmp_path: Path) -> None:
        ref = project.experiment("a", {"model.bin": b"a"})
        git("worktree", "add", "-q", tmp_path / "linked", cwd=project.path)
        # Each worktree has a cache of its own, as with DVC.
        shutil.copytree(project.cache, tmp_path / "linked" / ".dvc" / "cache")
        (tmp_path / "linked" / "sub").mkdir()
        done = sh("git", "push", "origin", ref, cwd=tmp_path / "linked" / "sub", check=False)
        assert done.code == 0, done.stderr
        assert "0cc175b9c0f1b6a831c399e269772661" in oids(project.storage)


def untrained() -> set[str]:
    """The object of the baseline, which no experiment here uses."""
    import hashlib

    return {hashlib.md5(b"untrained").hexdigest()}


class TestInTheShell:
    """What the hook does before Python: called as Git calls it, with a `git-exp` that only notes it was."""

    UPDATE = f"refs/exps/ab/{'1' * 38}/a {'2' * 40} refs/exps/ab/{'1' * 38}/a {'0' * 40}\n"
    BRANCH = f"refs/heads/main {'2' * 40} refs/heads/main {'0' * 40}\n"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "hooks"
        folder.mkdir()
        shutil.copy(HOOK, folder / "pre-push")
        write_program(
            tmp_path / "bin" / "git-exp",
            f'#!/bin/sh\nprintf "%s|" "$@" >"{tmp_path}/exp.log"\ncat >>"{tmp_path}/exp.log"\nexit 5\n',
        )
        return folder

    @staticmethod
    def call(folder: Path, stdin: str, *args: str, path: str | None = None, **env: str) -> Done:
        bin_ = str(folder.parent / "bin")
        search = path if path is not None else os.pathsep.join([bin_, "/usr/bin", "/bin"])
        arguments = args or ("origin", "https://host/x")
        return sh(folder / "pre-push", *arguments, cwd=folder, check=False, stdin=stdin, env={"PATH": search, **env})

    def started_with(self, folder: Path) -> str | None:
        log = folder.parent / "exp.log"
        return log.read_text() if log.exists() else None

    @pytest.mark.parametrize("stdin", ["", BRANCH, BRANCH * 1000])
    def test_without_experiments_nothing_is_started(self, folder: Path, stdin: str) -> None:
        # No program can be found: all must be the shell's own.
        assert self.call(folder, stdin, path="/nonexistent") == Done(0, "", "")

    def test_with_experiments_everything_is_handed_on(self, folder: Path) -> None:
        stdin = self.UPDATE + self.BRANCH * 3 + self.UPDATE
        assert self.call(folder, stdin).code == 5
        assert self.started_with(folder) == "pre-push|origin|https://host/x|" + stdin

    def test_either_side_of_a_line_counts(self, folder: Path) -> None:
        line = f"refs/heads/x {'2' * 40} refs/exps/ab/{'1' * 38}/a {'0' * 40}\n"
        assert self.call(folder, self.BRANCH + line).code == 5
        assert self.started_with(folder) == "pre-push|origin|https://host/x|" + line

    def test_backslashes_and_spaces_arrive_as_they_were(self, folder: Path) -> None:
        line = f"  HEAD@{{1 day ago}}\\n\\t {'2' * 40} refs/exps/ab/{'1' * 38}/é {'0' * 40}\n"
        self.call(folder, line)
        assert self.started_with(folder) == "pre-push|origin|https://host/x|" + line

    def test_the_helpers_own_urls_are_left_to_the_helper(self, folder: Path) -> None:
        assert self.call(folder, self.UPDATE, "origin", "dvcexp::https://host/x").code == 0
        assert self.started_with(folder) is None

    def test_without_git_exp_the_push_stops_and_the_way_out_is_said(self, folder: Path) -> None:
        (folder.parent / "bin" / "git-exp").unlink()
        done = self.call(folder, self.UPDATE, HOME=str(folder))
        assert done.code == 1
        assert done.stderr.startswith("error: this push shares DVC experiments, but 'git-exp' is not on PATH")
        assert f"remove the hook '{folder}/pre-push'" in done.stderr

    def test_without_git_exp_skip_still_works(self, folder: Path) -> None:
        (folder.parent / "bin" / "git-exp").unlink()
        assert self.call(folder, self.UPDATE, HOME=str(folder), DVCEXP_SKIP="1") == Done(0, "", "")

    def test_git_exp_in_the_users_own_folder_is_found(self, folder: Path) -> None:
        local = folder / ".local" / "bin"
        local.mkdir(parents=True)
        (folder.parent / "bin" / "git-exp").rename(local / "git-exp")
        assert self.call(folder, self.UPDATE, HOME=str(folder)).code == 5

    @pytest.mark.parametrize("stdin", ["", BRANCH, BRANCH + UPDATE, "no newline at the end", "\n\n"])
    def test_the_previous_hook_gets_the_same_bytes_and_arguments(self, folder: Path, stdin: str) -> None:
        previous = Previous(folder)
        self.call(folder, stdin, "team", "host:a b")
        assert previous.log.read_text() == f"{folder}/pre-push.before-dvcexp|team|host:a b|{stdin}"

    def test_the_previous_hooks_refusal_counts_and_nothing_is_uploaded(self, folder: Path) -> None:
        Previous(folder, code=7)
        assert self.call(folder, self.UPDATE).code == 7
        assert self.started_with(folder) is None

    def test_after_a_content_previous_hook_ours_runs(self, folder: Path) -> None:
        Previous(folder)
        assert self.call(folder, self.BRANCH + self.UPDATE).code == 5
        assert self.started_with(folder) == f"pre-push|origin|https://host/x|{self.BRANCH}{self.UPDATE}"

    def test_a_previous_hook_that_is_not_executable_is_ignored_as_git_does(self, folder: Path) -> None:
        write_program(folder / "pre-push.before-dvcexp", "#!/bin/sh\nexit 7\n", 0o644)
        assert self.call(folder, self.BRANCH).code == 0

    def test_a_previous_hook_that_reads_nothing_is_no_trouble(self, folder: Path) -> None:
        write_program(folder / "pre-push.before-dvcexp", "#!/bin/sh\nexit 0\n")
        assert self.call(folder, self.BRANCH * 20_000) == Done(0, "", "")

    def test_a_previous_hook_without_a_shebang_runs(self, folder: Path) -> None:
        write_program(folder / "pre-push.before-dvcexp", "exit 7\n")
        assert self.call(folder, self.BRANCH).code == 7

    @pytest.mark.parametrize("shell", ["dash", "bash"])
    def test_every_shell_agrees(self, folder: Path, shell: str) -> None:
        program = shutil.which(shell)
        if program is None:
            pytest.skip(f"this platform has no {shell}")
        argv = [program, str(folder / "pre-push"), "origin", "https://host/x"]
        env = {"PATH": os.pathsep.join([str(folder.parent / "bin"), "/usr/bin", "/bin"])}
        assert sh(*argv, cwd=folder, check=False, stdin=self.BRANCH, env=env).code == 0
        assert sh(*argv, cwd=folder, check=False, stdin=self.BRANCH + self.UPDATE, env=env).code == 5
        assert self.started_with(folder) == "pre-push|origin|https://host/x|" + self.UPDATE
