"""`./install.sh`: an environment of its own for one user, upgraded at once, and taken back without a trace."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.shell import Done, git, sh, write_program

ROOT = Path(__file__).resolve().parent.parent.parent
# Each test has a HOME of its own; what pip downloaded once need not be downloaded for each.
PIP_CACHE = Path.home() / ".cache" / "pip"
COMMANDS = ("git-exp", "git-remote-dvcexp")


class User:
    """A user who has Git and Python and nothing of ours."""

    def __init__(self, home: Path, sources: Path = ROOT) -> None:
        self.home = home
        self.sources = sources
        self.bin = home / ".local" / "bin"
        self.data = home / ".local" / "share" / "dvcexp"
        programs = home.parent / "programs"
        if not programs.exists():
            programs.mkdir()
            (programs / "python3").symlink_to(sys.executable)
        self.environment = {
            "HOME": str(home),
            "XDG_DATA_HOME": "",
            "XDG_CONFIG_HOME": "",
            "PIP_CACHE_DIR": str(PIP_CACHE),
            "PYTHONPATH": "",
            "PATH": os.pathsep.join([str(programs), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]),
        }

    def run(self, *args: str, check: bool = True, whole: bool = False, **env: str) -> Done:
        """`./install.sh args...`; without the libraries unless `whole`, for `git exp --version` needs none."""
        slim = {} if whole else {"PIP_NO_DEPS": "1"}
        command = self.sources / "install.sh"
        return sh(command, *args, cwd=self.home, check=check, env={**self.environment, **slim, **env})

    def type(self, *argv: str, cwd: Path | None = None, check: bool = True) -> Done:
        """A command with our folder on PATH, as the hint said."""
        path = os.pathsep.join([str(self.bin), self.environment["PATH"]])
        return sh(*argv, cwd=cwd or self.home, check=check, env={**self.environment, "PATH": path})

    def versions(self) -> set[Path]:
        return set((self.data / "versions").iterdir())


@pytest.fixture
def user(tmp_path: Path) -> User:
    (tmp_path / "home").mkdir()
    return User(tmp_path / "home")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[User, Done]:
    """A user who has installed once, with all libraries, and seen the demo. For tests that change nothing."""
    home = tmp_path_factory.mktemp("user") / "home"
    home.mkdir()
    user = User(home)
    return user, user.run("--demo", whole=True)


@pytest.fixture
def earlier(user: User, installed: tuple[User, Done]) -> User:
    """A user who has installed before: copied, for an installation takes its time."""
    shutil.copytree(installed[0].data, user.data, symlinks=True)
    user.bin.mkdir(parents=True)
    for command in COMMANDS:
        (user.bin / command).symlink_to(user.data / "current" / "bin" / command)
    return user


class TestInstall:
    """What is there afterwards."""

    def test_the_demo_passes(self, installed: tuple[User, Done]) -> None:
        _, done = installed
        assert done.stdout.splitlines()[-1] == "All is as it should be."
        assert done.stdout.count("  checked: ") >= 8

    def test_both_commands_are_found_by_git(self, installed: tuple[User, Done]) -> None:
        user, _ = installed
        assert user.type("git", "exp", "--version").stdout.startswith("git exp version ")
        # Asked outside a repository for what is none: the helper itself has answered.
        assert "is not a git command" not in user.type("git", "ls-remote", "dvcexp::/nowhere", check=False).stderr

    def test_it_says_that_the_folder_is_not_on_path(self, installed: tuple[User, Done]) -> None:
        user, done = installed
        assert f"hint: '{user.bin}' is not on PATH" in done.stdout

    def test_nothing_is_written_into_the_sources(self, installed: tuple[User, Done]) -> None:
        assert not (ROOT / "build").exists()

    def test_the_commands_start_without_looking_for_sites(self, installed: tuple[User, Done]) -> None:
        user, _ = installed
        for command in COMMANDS:
            assert (user.bin / command).read_text().splitlines()[0].endswith("/bin/python -IS")

    def test_every_library_loads_when_started_so(self, installed: tuple[User, Done]) -> None:
        user, _ = installed
        prologue = [line for line in (user.bin / "git-exp").read_text().splitlines() if line.startswith("sys.path")]
        code = f"import sys\n{prologue[0]}\nimport dulwich, google.auth, obstore, requests, tqdm, yaml"
        user.type(str(user.data / "current" / "bin" / "python"), "-IS", "-c", code)

    def test_the_manual_pages_are_found(self, installed: tuple[User, Done]) -> None:
        user, _ = installed
        page = user.home / ".local" / "share" / "man" / "man1" / "git-exp-push.1"
        assert user.type("man", "-w", "git-exp-push").stdout == f"{page.resolve()}\n"
        assert "share experiments" in user.type("git", "help", "exp-push").stdout

    def test_the_completions_lie_where_the_shells_look(self, installed: tuple[User, Done]) -> None:
        user, _ = installed
        for name in (
            "bash-completion/completions/git-exp",
            "zsh/site-functions/_git-exp",
            "fish/vendor_conf.d/git-exp.fish",
        ):
            text = (user.home / ".local" / "share" / name).read_text()
            assert text == (ROOT / "lib" / "dvcexp" / "completion" / name.rpartition("/")[2]).read_text()

    def test_nothing_lies_elsewhere(self, installed: tuple[User, Done]) -> None:
        user, _ = installed
        assert sorted(str(path.relative_to(user.home)) for path in user.home.glob("*/*")) == [
            ".local/bin",
            ".local/share",
        ]
        assert sorted(path.name for path in user.bin.iterdir()) == sorted(COMMANDS)
        assert {path.name for path in user.data.iterdir()} == {"current", "versions"}


class TestUpgrade:
    """Running it again."""

    def test_versions_follow_each_other(self, earlier: User, tmp_path: Path) -> None:
        """The version before stays for what still runs, older ones go; manual pages that are gone go, extras stay."""
        sources = copy_of_sources(tmp_path)
        pages = sources / "docs" / "man"
        (pages / "git-old.1").write_text(".TH GIT-OLD 1\n")
        user = User(earlier.home, sources)
        (first,) = user.versions()
        user.run("--with", "azure")
        second = (user.data / "current").resolve()
        assert user.versions() == {first, second}
        man = user.home / ".local" / "share" / "man" / "man1"
        assert {path.name for path in man.iterdir()} == {path.name for path in pages.iterdir()}
        assert (man / "git-exp.1").read_bytes() == (pages / "git-exp.1").read_bytes()

        (pages / "git-old.1").unlink()
        git("init", "-q", user.home / "repo", cwd=user.home)
        done = user.run("--repo", str(user.home / "repo"))
        assert f"installed hook {user.home}/repo/.git/hooks/pre-push\n" in done.stdout
        assert user.versions() == {second, (user.data / "current").resolve()}
        assert {path.name for path in man.iterdir()} == {path.name for path in pages.iterdir()}
        assert (user.data / "current" / "extras").read_text() == "azure"
        user.type("git", "exp", "--version")

    def test_one_that_does_not_start_leaves_the_old_version_in_use(self, earlier: User, tmp_path: Path) -> None:
        before = earlier.versions()
        broken = copy_of_sources(tmp_path)
        (broken / "lib" / "dvcexp" / "cli" / "__init__.py").write_text("raise SystemError\n")
        done = User(earlier.home, broken).run(check=False)
        assert done.code == 1
        assert "error: the new version does not start; what was installed before is unchanged\n" in done.stderr
        assert earlier.versions() == before
        earlier.type("git", "exp", "--version")

    def test_one_that_cannot_download_leaves_the_old_version_in_use(self, earlier: User) -> None:
        before = earlier.versions()
        nothing = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
        done = earlier.run(check=False, **nothing)
        assert done.code == 1
        assert "error: pip could not install dvcexp" in done.stderr
        assert earlier.versions() == before
        earlier.type("git", "exp", "--version")


class TestUninstall:
    """Everything is taken back."""

    def test_nothing_of_ours_is_left(self, earlier: User) -> None:
        user = earlier
        other = write_program(user.bin / "other", "#!/bin/sh\n")
        repo = user.home / "repo"
        git("init", "-q", repo, cwd=user.home)
        git("remote", "add", "origin", "https://host/x", cwd=repo)
        before = (repo / ".git" / "config").read_bytes()
        user.type("git", "exp", "install", cwd=repo)
        user.type("git", "exp", "install", "--global", "--for", "https://host/org/**")
        user.run("--uninstall", "--repo", str(repo))
        left = [path for path in user.home.rglob("*") if not path.is_dir() and repo not in path.parents]
        assert left == [user.home / ".gitconfig", other]
        assert (user.home / ".gitconfig").read_text() == ""
        assert (repo / ".git" / "config").read_bytes() == before
        assert not (repo / ".git" / "hooks" / "pre-push").exists()
        assert not user.data.exists()

    def test_it_can_be_run_with_nothing_there(self, user: User) -> None:
        assert user.run("--uninstall").code == 0


class TestRefusals:
    """What it cannot do it says before it changes anything."""

    def test_a_command_of_somebody_else_is_not_replaced(self, user: User) -> None:
        write_program(user.bin / "git-exp", "#!/bin/sh\n")
        done = user.run(check=False)
        assert (done.code, done.stderr) == (
            1,
            f"error: '{user.bin}/git-exp' is not from this installer\nhint: remove it, then run this again\n",
        )
        assert not user.data.exists()

    def test_an_old_python_is_named(self, user: User, tmp_path: Path) -> None:
        old = write_program(tmp_path / "python3.9", "#!/bin/sh\nexit 1\n")
        done = user.run(check=False, PYTHON=str(old))
        assert (done.code, done.stderr.splitlines()[0]) == (
            1,
            f"error: dvcexp needs Python 3.10 or newer, and '{old}' is not",
        )

    @pytest.mark.parametrize("said", ["git version 2.29.2", "git version 1.9.1"])
    def test_an_old_git_is_named(self, user: User, said: str, tmp_path: Path) -> None:
        old = write_program(tmp_path / "old" / "git", f"#!/bin/sh\necho {said}\n")
        done = user.run(check=False, PATH=f"{old.parent}:{user.environment['PATH']}")
        assert (done.code, done.stderr.splitlines()[0]) == (
            1,
            f"error: dvcexp needs Git 2.30 or newer, and '{old}' is '{said}'",
        )
        assert not user.data.exists()

    def test_a_python_without_venv_is_told_which_package_has_it(self, user: User, tmp_path: Path) -> None:
        # As Debian ships it: everything works but the module ensurepip.
        bare = write_program(
            tmp_path / "python3",
            f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; *sys.executable*) echo "$0"; exit ;; esac\n'
            f'exec {sys.executable} "$@"\n',
        )
        done = user.run(check=False, PYTHON=str(bare))
        assert done.code == 1
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        assert f"hint: on Debian: sudo apt install python{version}-venv\n" in done.stderr
        assert list((user.data / "versions").iterdir()) == []

    @pytest.mark.parametrize("args", [["--wrong"], ["--repo"], ["--repo", "/nowhere"], ["--with", "azure,nope"]])
    def test_a_wrong_command_line_changes_nothing(self, user: User, args: list[str]) -> None:
        done = user.run(*args, check=False)
        assert done.code == 1
        assert done.stderr.startswith("error: ")
        assert not user.data.exists()

    def test_help_shows_every_option(self, user: User) -> None:
        done = user.run("--help")
        for option in ("--repo", "--with", "--demo", "--uninstall"):
            assert option in done.stdout


def copy_of_sources(tmp_path: Path) -> Path:
    """What install.sh needs of the sources, to be changed."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for name in ("install.sh", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("lib", "hooks", "docs/man"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
