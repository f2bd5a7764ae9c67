"""`git exp install --global --for <url pattern>`: opting in once for all repositories of an organisation."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvcexp import cli
from dvcexp.cli import install
from dvcexp.errors import DvcexpError, UsageError
from dvcexp.git import by_url
from dvcexp.git.version import git_version
from tests.support.handmade import Handmade, oids
from tests.support.shell import Done, git, sh

ROOT = Path(__file__).resolve().parent.parent.parent


needs_condition = pytest.mark.skipif(git_version() < by_url.HASCONFIG_SINCE, reason="this Git has no condition on URLs")


def exp(*args: str, cwd: Path, check: bool = True) -> Done:
    return sh("git", "exp", *args, cwd=cwd, check=check)


@pytest.fixture
def organisation(tmp_path: Path) -> str:
    """The URL below which the organisation's repositories lie; there is one, `host.git`."""
    folder = tmp_path / "org"
    folder.mkdir()
    git("init", "-q", "--bare", folder / "host.git", cwd=folder)
    return f"file://{folder}/"


@pytest.fixture
def project(tmp_path: Path, organisation: str) -> Handmade:
    """A project of the organisation, where nothing was installed."""
    project = Handmade(tmp_path / "project")
    git("remote", "add", "origin", f"{organisation}host.git", cwd=project.path)
    return project


def vcs(repo: Path) -> str:
    return git("config", "remote.origin.vcs", cwd=repo, check=False)


def test_what_this_git_gets(project: Handmade, organisation: str, tmp_path: Path) -> None:
    """The versions are those of tests/gits/run: before 2.36, between, from 2.54 on."""
    version = git_version()
    done = exp("install", "--global", "--for", organisation, cwd=tmp_path, check=version >= by_url.HASCONFIG_SINCE)
    if version < by_url.HASCONFIG_SINCE:
        assert done.code == 1
        assert "has no condition on URLs: it came with 2.36" in done.stderr
        return
    first, second = (project.experiment(name, {"model.bin": name.encode()}) for name in ("a", "b"))
    git("push", "-q", "origin", "main", first, cwd=project.path)
    by_helper = oids(project.storage)
    assert len(by_helper) == 1
    git("remote", "rename", "origin", "upstream", cwd=project.path)
    git("push", "-q", "upstream", second, cwd=project.path)
    by_hook = oids(project.storage) - by_helper
    assert len(by_hook) == by_url.has_config_hooks(version)


@needs_condition
class TestWhereItCounts:
    """The condition is Git's own: the URL of a remote."""

    def test_in_repositories_of_the_organisation_and_no_other(
        self, project: Handmade, organisation: str, tmp_path: Path
    ) -> None:
        git("init", "-q", tmp_path / "other", cwd=tmp_path)
        git("remote", "add", "origin", "https://elsewhere/x", cwd=tmp_path / "other")
        exp("install", "--global", "--for", organisation, cwd=tmp_path)
        assert vcs(project.path) == "dvcexp"
        assert vcs(tmp_path / "other") == ""

    def test_push_and_clone_carry_the_data_with_no_setting_in_any_repository(
        self, project: Handmade, organisation: str, tmp_path: Path
    ) -> None:
        exp("install", "--global", "--for", organisation, cwd=tmp_path)
        ref = project.experiment("a", {"model.bin": b"a"})
        git("push", "-q", "origin", "main", ref, cwd=project.path)
        assert oids(project.storage) == {"0cc175b9c0f1b6a831c399e269772661"}
        git("clone", "-q", f"{organisation}host.git", "clone", cwd=tmp_path)
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=tmp_path / "clone")
        assert oids(tmp_path / "clone" / ".dvc" / "cache") == {"0cc175b9c0f1b6a831c399e269772661"}

    def test_following_works_for_clones_too(self, project: Handmade, organisation: str, tmp_path: Path) -> None:
        exp("install", "--global", "--for", organisation, "--follow", cwd=tmp_path)
        ref = project.experiment("a", {"model.bin": b"a"})
        git("push", "-q", "origin", "main", ref, cwd=project.path)
        git("clone", "-q", f"{organisation}host.git", "clone", cwd=tmp_path)
        git("fetch", "-q", cwd=tmp_path / "clone")
        copy = ref.replace("refs/exps/", "refs/dvcexp/origin/")
        assert copy in git("for-each-ref", "--format=%(refname)", cwd=tmp_path / "clone").splitlines()

    def test_other_remote_names_can_be_meant(self, project: Handmade, organisation: str, tmp_path: Path) -> None:
        git("remote", "rename", "origin", "upstream", cwd=project.path)
        exp("install", "--global", "--for", organisation, "upstream", cwd=tmp_path)
        assert git("config", "remote.upstream.vcs", cwd=project.path) == "dvcexp"
        assert vcs(project.path) == ""


class TestWhatEachGitGets:
    """The condition came with Git 2.36, hooks in the configuration with 2.54."""

    @staticmethod
    def install(version: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(install, "git_version", lambda: version)
        cli.dispatch(["install", "--global", "--for", "https://host/org/**"])

    @pytest.mark.parametrize("version", [(2, 30), (2, 35)])
    def test_before_the_condition_nothing_but_the_reason(
        self, version: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(DvcexpError, match=r"has no condition on URLs: it came with 2\.36") as error:
            self.install(version, monkeypatch)
        assert error.value.hints == ("in each repository: git exp install",)
        assert by_url.included() == {}

    @pytest.mark.parametrize("version", [(2, 36), (2, 39), (2, 53)])
    def test_with_the_condition_the_helper(
        self, version: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.install(version, monkeypatch)
        assert capsys.readouterr().out == (
            "wherever a Git remote's URL matches 'https://host/org/**':\n"
            "  remote.origin.vcs = dvcexp\n"
            "your Git has no hooks by configuration (2.54 has): for Git remotes by other names, run\n"
            "'git exp install' in their repositories\n"
        )

    @pytest.mark.parametrize("version", [(2, 54), (2, 55), (3, 0)])
    def test_with_hooks_in_the_configuration_the_hook_too(
        self, version: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.install(version, monkeypatch)
        (path,) = by_url.included()["https://host/org/**"]
        script = Path(path).with_name("pre-push")
        assert capsys.readouterr().out == (
            "wherever a Git remote's URL matches 'https://host/org/**':\n"
            "  remote.origin.vcs = dvcexp\n"
            "  hook.dvcexp.event = pre-push\n"
            f"  hook.dvcexp.command = {script}\n"
        )
        assert script.read_bytes() == (ROOT / "hooks" / "pre-push").read_bytes()

    def test_the_command_is_a_line_for_the_shell(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "it's mine"))
        self.install((2, 54), monkeypatch)
        (path,) = by_url.included()["https://host/org/**"]
        command = git("config", "--file", path, "hook.dvcexp.command", cwd=tmp_path)
        # As Git 2.54 runs it: a line of shell with the hook's arguments behind.
        stdin = f"x {'1' * 40} refs/exps/ab/{'1' * 38}/a {'0' * 40}\n"
        done = sh("sh", "-c", f'{command} "$@"', command, "origin", "dvcexp::x", cwd=tmp_path, stdin=stdin)
        assert done == Done(0, "", "")


@needs_condition
class TestBothWays:
    """Installing is idempotent; uninstalling leaves no trace."""

    def test_twice_is_as_once(self, organisation: str, tmp_path: Path) -> None:
        exp("install", "--global", "--for", organisation, cwd=tmp_path)
        before = (Path.home() / ".gitconfig").read_bytes()
        exp("install", "--global", "--for", organisation, cwd=tmp_path)
        assert (Path.home() / ".gitconfig").read_bytes() == before

    def test_a_second_choice_replaces_the_first(self, organisation: str, tmp_path: Path) -> None:
        exp("install", "--global", "--for", organisation, "--follow", cwd=tmp_path)
        exp("install", "--global", "--for", organisation, cwd=tmp_path)
        (path,) = by_url.included()[f"{organisation}**"]
        assert git("config", "--file", path, "remote.origin.fetch", cwd=tmp_path, check=False) == ""

    def test_uninstalling_restores_the_configuration(self, organisation: str, tmp_path: Path) -> None:
        before = (Path.home() / ".gitconfig").read_bytes()
        exp("install", "--global", "--for", organisation, cwd=tmp_path)
        exp("install", "--global", "--for", "https://host/org/**", cwd=tmp_path)
        done = exp("uninstall", "--global", "--for", organisation, cwd=tmp_path)
        assert done.stdout == f"removed for URLs '{organisation}**'\n"
        assert list(by_url.included()) == ["https://host/org/**"]
        exp("uninstall", "--global", cwd=tmp_path)
        assert (Path.home() / ".gitconfig").read_bytes() == before
        assert not (Path.home() / "config" / "dvcexp").exists()
        assert exp("uninstall", "--global", cwd=tmp_path).stdout == "nothing to do, nothing is installed\n"

    @pytest.mark.parametrize(
        "argv", [["--global"], ["--for", "x"], ["--global", "--for", ""], ["--global", "--for", "\n"]]
    )
    def test_half_a_command_is_wrong_usage(self, argv: list[str]) -> None:
        with pytest.raises(UsageError):
            cli.dispatch(["install", *argv])
