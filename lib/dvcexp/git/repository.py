"""The user's repository: where it lies, its refs and its configuration. Questions go to the user's own `git`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from dvcexp.errors import DvcexpError, SettingsError, printable
from dvcexp.git import process

if TYPE_CHECKING:
    from dvcexp.git.objects import ObjectReader

# What binds a process to one repository: `git rev-parse --local-env-vars` of Git 2.55, fixed here to save a process.
LOCAL_ENV_VARS = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)


class GitError(DvcexpError):
    """A git command failed; `stderr` is what it said."""

    def __init__(self, argv: tuple[str, ...], code: int, stderr: str) -> None:
        said = stderr.strip().splitlines()
        reason = said[-1].removeprefix("fatal: ").removeprefix("error: ") if said else f"exit code {code}"
        super().__init__(f"git {printable(argv[0])}: {printable(reason)}")
        self.argv = argv
        self.code = code
        self.stderr = stderr


class NotARepository(DvcexpError):
    """There is no Git repository here."""

    exit_code = 128


def child_environment() -> dict[str, str]:
    """The environment for a git that works on another repository than ours."""
    return {name: value for name, value in os.environ.items() if name not in LOCAL_ENV_VARS}


class GitConfig:
    """Git's configuration as one process read it, `git -c` and all levels included. Keys as `git config --list` writes
    them: section and name in lower case, the subsection as it is."""

    def __init__(self, listing: bytes) -> None:
        self._values: dict[str, list[str]] = {}
        for record in listing.split(b"\0")[:-1]:
            key, newline, value = record.decode("utf-8", "surrogateescape").partition("\n")
            self._values.setdefault(key, []).append(value if newline else "true")  # a key without `=` is a true boolean

    def get(self, key: str) -> str | None:
        """The value that counts, the last one."""
        values = self._values.get(key)
        return values[-1] if values else None

    def get_all(self, key: str) -> list[str]:
        """Every value of a multi-valued key, in order."""
        return self._values.get(key, [])

    def get_bool(self, key: str, default: bool) -> bool:
        """As `git config --type=bool` reads it."""
        value = self.get(key)
        return default if value is None else parse_bool(key, value)

    def items(self) -> Iterator[tuple[str, str]]:
        """Every key with each of its values."""
        return ((key, value) for key, values in self._values.items() for value in values)


def parse_bool(key: str, value: str) -> bool:
    """`value` as Git reads a boolean; SettingsError names `key`."""
    text = value.lower()
    if text in ("true", "yes", "on"):
        return True
    if text in ("false", "no", "off", ""):
        return False
    try:
        return int(text) != 0
    except ValueError:
        raise SettingsError(f"bad boolean value '{printable(value)}' for '{printable(key)}'") from None


class Repository:
    """One repository as seen from one working directory. Paths are absolute.

    git_dir differs from common_dir in a linked worktree. work_tree is None in a bare repository. object_format is
    `sha1` or `sha256`.
    """

    def __init__(
        self,
        git_dir: str,
        common_dir: str,
        work_tree: str | None,
        object_format: str = "sha1",
        cwd: str | None = None,
        config: GitConfig | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.work_tree = work_tree
        self.object_format = object_format
        self._cwd = cwd
        self._config = config
        self._environ = environ

    @classmethod
    def discover(
        cls, cwd: str | None = None, config: GitConfig | None = None, environ: Mapping[str, str] = os.environ
    ) -> Repository:
        """The repository that git finds from `cwd` and the environment; NotARepository where there is none.

        config: its configuration, if that has been read. environ: `child_environment()` for another than ours.
        """
        if cwd is None:
            config = config or _read_config(None, environ)
            git_dir = _plain_git_dir(config, environ)
            if git_dir is not None:
                object_format = config.get("extensions.objectformat") or "sha1"
                return cls(git_dir, git_dir, os.path.dirname(git_dir), object_format, config=config)
        # --show-toplevel stands last: in a bare repository it fails, after the others have been answered.
        questions = ["--git-common-dir", "--is-bare-repository", "--show-object-format", "--show-toplevel"]
        asked = _run(["rev-parse", "--absolute-git-dir", *questions], cwd, environ)
        lines = os.fsdecode(asked.stdout).split("\n")[:-1]
        if len(lines) < 4:
            raise NotARepository(GitError(("rev-parse",), asked.code, os.fsdecode(asked.stderr)).message)
        git_dir, common_dir, bare, object_format, *top = lines
        # This one may be relative to where git was asked; --path-format=absolute came with 2.31.
        common_dir = os.path.realpath(os.path.join(cwd or "", common_dir))
        work_tree = _work_tree(git_dir, common_dir, top[0] if top else None, environ) if bare == "false" else None
        return cls(git_dir, common_dir, work_tree, object_format, cwd, config, environ)

    def git(self, *args: str, stdin: bytes = b"", check: bool = True) -> bytes:
        """What `git args...` writes to stdout. `check`: a failure is a GitError."""
        done = _run(args, self._cwd, self._environ, stdin)
        if check and done.code != 0:
            raise GitError(args, done.code, os.fsdecode(done.stderr))
        return done.stdout

    @cached_property
    def config(self) -> GitConfig:
        """The configuration, read once."""
        return self._config or _read_config(self._cwd, self._environ)

    @cached_property
    def objects(self) -> ObjectReader:
        """Commits, trees and blobs of this repository."""
        from dvcexp.git.objects import ObjectReader

        return ObjectReader(self.common_dir, self.object_format, self._cwd, self._environ)

    def refs(self, *prefixes: str) -> dict[str, str]:
        """Full ref -> id, for the refs below `prefixes` (as `git for-each-ref` matches them)."""
        listing = self.git("for-each-ref", "--format=%(objectname) %(refname)", *prefixes)
        return {ref: sha for sha, _, ref in (line.partition(" ") for line in os.fsdecode(listing).splitlines())}

    def is_tracked(self, path: str) -> bool:
        """Does the index have the file at this absolute path, or what it leads to by links, its own or its folders'?"""
        if self.work_tree is None:
            return False
        places = {os.path.relpath(name(path), name(self.work_tree)) for name in (os.path.abspath, os.path.realpath)}
        inside = [f":(top,literal){place}" for place in places if not place.startswith("..")]
        return bool(inside) and bool(self.git("ls-files", "-z", "--", *inside))

    def whole(self, tips: Collection[str]) -> set[str]:
        """Those of the commits `tips` that are here with all that belongs to them, as Git itself sees to before it goes
        without a transfer (connected.c): a fetch that broke off may have left commits without their trees."""
        walk = ["rev-list", "--objects", "--quiet", "--exclude-promisor-objects", "--stdin", "--not", "--all"]

        def all_here(some: Collection[str]) -> bool:
            return _run(walk, self._cwd, self._environ, "".join(f"{tip}\n" for tip in some).encode("ascii")).code == 0

        return set(tips) if not tips or all_here(tips) else {tip for tip in tips if all_here([tip])}

    def resolve(self, rev: str) -> str | None:
        """The id of the commit that `rev` names, None if it names none. Never taken for an option."""
        asked = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}", check=False)
        return os.fsdecode(asked).strip() or None


def _run(args: Sequence[str], cwd: str | None, environ: Mapping[str, str], stdin: bytes = b"") -> process.Finished:
    place = ("-C", cwd) if cwd is not None else ()
    return process.run(["git", *place, *args], environ, stdin)


def _read_config(cwd: str | None, environ: Mapping[str, str]) -> GitConfig:
    args = ("config", "--list", "-z")
    done = _run(args, cwd, environ)
    if done.code != 0:
        raise GitError(args, done.code, os.fsdecode(done.stderr))
    return GitConfig(done.stdout)


# What makes Git look somewhere else than in `.git`.
_ELSEWHERE = ("GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_NAMESPACE", "GIT_DISCOVERY_ACROSS_FILESYSTEM")


def _plain_git_dir(config: GitConfig, environ: Mapping[str, str]) -> str | None:
    """The git dir, where it plainly is the folder `.git` at the top of a work tree that we stand in, or that GIT_DIR
    names: most repositories are so, and need not be asked for. None where git knows better.

    `config` is what git has read there, so git has accepted that folder as ours (`safe.directory`).
    """
    path = environ.get("GIT_DIR", ".git")
    if (
        os.path.basename(path) != ".git"
        or any(name in environ for name in _ELSEWHERE)
        or config.get("core.repositoryformatversion") is None
        or config.get("core.worktree") is not None
        or config.get_bool("core.bare", True)
        or os.path.islink(path)
        or not os.path.isfile(os.path.join(path, "HEAD"))
        or os.path.exists(os.path.join(path, "commondir"))
    ):
        return None
    return os.path.realpath(path)


def _work_tree(git_dir: str, common_dir: str, top: str | None, environ: Mapping[str, str]) -> str | None:
    """The work tree that belongs to a repository which is not bare.

    Git's own answer `top` counts except where GIT_DIR alone is set, as git sets it for helpers and hooks: then the
    answer is the current folder, which is the wrong one while `git clone` runs and inside the git dir.
    """
    if "GIT_DIR" not in environ or "GIT_WORK_TREE" in environ:
        return top
    if git_dir != common_dir:
        try:
            with open(os.path.join(git_dir, "gitdir"), encoding="utf-8", errors="surrogateescape") as file:
                return os.path.dirname(os.path.join(git_dir, file.read().rstrip("\n")))
        except OSError:
            return top
    return os.path.dirname(git_dir) if os.path.basename(git_dir) == ".git" else top
