"""The work tree and the index as the user's Git sees them, and another commit's files made ready to be put there.

Everything is asked of Git's plumbing, a handful of processes for any number of files, and no hook runs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dvcexp.errors import DvcexpError
from dvcexp.git.repository import GitError, Repository

LINK = "120000"
_SUBMODULE = "160000"
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
_SCRATCH = "apply-"
# The copy of the index is no place for what belongs to the one and only.
_PLAIN = ("-c", "core.fsmonitor=false", "-c", "core.splitIndex=false")


class NoWorkTree(DvcexpError):
    """A bare repository has no files to put in place."""

    def __init__(self) -> None:
        super().__init__(
            "this repository has no work tree", "run it in a clone, or in one that 'git worktree add' makes"
        )


class Entry(NamedTuple):
    """A file in a tree or in the index: Git's mode in octal, and its blob."""

    mode: str
    blob: str


class Change(NamedTuple):
    """A tracked file that is not as in HEAD. staged, unstaged: Git's letter for it, '.' for no difference.

    committed, indexed: what is recorded there, None for nothing.
    """

    path: str
    staged: str
    unstaged: str
    committed: Entry | None
    indexed: Entry | None


class Status(NamedTuple):
    """What differs from HEAD, submodules left out. untracked: not ignored either; `x/` is another repository."""

    changes: Mapping[str, Change]
    untracked: Sequence[str]
    unmerged: Sequence[str]

    @property
    def is_dirty(self) -> bool:
        """Would `git stash --include-untracked` find anything?"""
        return bool(self.changes or self.untracked or self.unmerged)

    @property
    def is_staged(self) -> bool:
        """Is the index another than HEAD?"""
        return any(change.staged != "." or change.committed is None for change in self.changes.values())


class WorkTree:
    """The work tree of a repository. As a context manager it has scratch files, in the Git directory."""

    def __init__(self, repository: Repository) -> None:
        """NoWorkTree for a bare repository."""
        if repository.work_tree is None:
            raise NoWorkTree
        self.top = repository.work_tree
        self._git_dir = repository.git_dir
        self._object_format = repository.object_format
        self._index = os.environ.get("GIT_INDEX_FILE") or os.path.join(repository.git_dir, "index")
        self._folder = os.path.join(repository.git_dir, "dvcexp")
        self._scratch = ""

    @property
    def lock(self) -> str:
        """The file that is to be locked while the work tree changes; its folder is there."""
        os.makedirs(self._folder, exist_ok=True)
        return os.path.join(self._folder, "apply.lock")

    @property
    def hashes(self) -> str:
        """The file that keeps what is known of data in the work tree."""
        return os.path.join(self._folder, "hashes")

    def __enter__(self) -> WorkTree:
        """To be entered with the lock held: what a process that was killed has left is removed."""
        for name in os.listdir(self._folder):
            if name.startswith(_SCRATCH):
                shutil.rmtree(os.path.join(self._folder, name), ignore_errors=True)
        self._scratch = tempfile.mkdtemp(prefix=_SCRATCH, dir=self._folder)
        return self

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def git(
        self,
        *args: str,
        stdin: bytes | None = None,
        index: str | None = None,
        top: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> bytes:
        """What `git args...` writes, run at the top of the work tree without hooks; GitError.

        index: the name of a scratch index to use instead. top: another work tree. environ: on top of ours.
        """
        place = {
            "GIT_DIR": self._git_dir,
            "GIT_WORK_TREE": top or self.top,
            "GIT_INDEX_FILE": self._index if index is None else os.path.join(self._scratch, index),
        }
        done = subprocess.run(
            ["git", *_NO_HOOKS, *args],
            cwd=top or self.top,
            input=stdin or b"",
            capture_output=True,
            env={**os.environ, **place, **(environ or {})},
            check=False,
        )
        if done.returncode != 0:
            raise GitError(args, done.returncode, os.fsdecode(done.stderr))
        return done.stdout

    def copy_index(self, name: str) -> None:
        """A scratch index that begins as the index is, with what it knows of the files on the disk."""
        if os.path.exists(self._index):
            # With its time: by that Git knows which files may have changed since, in the same second.
            shutil.copy2(self._index, os.path.join(self._scratch, name))

    def status(self) -> Status:
        """How index and work tree differ from HEAD."""
        options = ("--porcelain=v2", "-z", "--untracked-files=all", "--ignore-submodules=all", "--no-renames")
        return parse_status(self.git("--no-optional-locks", "status", *options))

    def differences(self, commit: str) -> dict[str, Entry]:
        """The files of `commit` that are otherwise in the work tree, or not there: path -> what the commit has.

        Only files that differ between `commit` and the index, or whose time has changed, are read.
        """
        self.copy_index("commit")
        self.git(*_PLAIN, "read-tree", "--reset", commit, index="commit")
        self.git(*_PLAIN, "update-index", "-q", "--refresh", index="commit")
        options = ("--raw", "-z", "--no-renames", "--ignore-submodules=all")
        listing = self.git(*_PLAIN, "diff-files", *options, index="commit")
        return {raw.path: raw.old for raw in parse_raw(listing) if raw.old.mode != _SUBMODULE}

    def removed(self, old: str, new: str) -> dict[str, Entry]:
        """The files of the commit `old` that `new` does not have."""
        options = ("-r", "-z", "--raw", "--no-renames", "--diff-filter=D")
        listing = self.git("diff-tree", *options, old, new)
        return {raw.path: raw.old for raw in parse_raw(listing) if raw.old.mode != _SUBMODULE}

    def prepare(self, paths: Iterable[str]) -> str:
        """Write these files of the commit that was given to `differences`, filters applied, into a scratch folder.

        They lie there by their paths; the folder's path is returned.
        """
        folder = os.path.join(self._scratch, "files")
        os.mkdir(folder)
        listing = "".join(f"{path}\0" for path in paths)
        if listing:
            # An empty work tree: the attributes are those of the commit.
            self.git(*_PLAIN, "checkout-index", "-z", "--stdin", stdin=os.fsencode(listing), index="commit", top=folder)
        return folder

    def blobs(self, paths: Sequence[str]) -> dict[str, str]:
        """The ids that these files and links would have in Git; what is neither is left out."""
        found: dict[str, str] = {}
        files: list[str] = []
        for path in paths:
            full = os.path.join(self.top, path)
            mode = os.lstat(full).st_mode
            if stat.S_ISLNK(mode):
                target = os.fsencode(os.readlink(full))
                header = b"blob %d\0" % len(target)
                found[path] = hashlib.new(self._object_format, header + target, usedforsecurity=False).hexdigest()
            elif stat.S_ISREG(mode):
                files.append(path)
        if files:
            listing = b"".join(b"%s\n" % _quoted(path) for path in files)
            ids = os.fsdecode(self.git("hash-object", "--stdin-paths", stdin=listing)).split()
            found.update(zip(files, ids, strict=True))
        return found

    def reset_index(self) -> None:
        """Make the index HEAD's; the work tree stays as it is."""
        self.git("read-tree", "--reset", "HEAD")
        self.refresh_index()

    def refresh_index(self) -> None:
        """Let the index learn which files are as it has them."""
        self.git("update-index", "-q", "--refresh")


class Raw(NamedTuple):
    """One line of `git diff-* --raw -z`, its old side."""

    path: str
    old: Entry


def parse_raw(listing: bytes) -> Iterator[Raw]:
    """`:<old mode> <new mode> <old id> <new id> <letter>`, NUL, path, NUL, for each file."""
    fields = os.fsdecode(listing).split("\0")
    for header, path in zip(fields[::2], fields[1::2], strict=False):
        mode, _, blob, _, _ = header[1:].split(" ")
        yield Raw(path, Entry(mode, blob))


def parse_status(listing: bytes) -> Status:
    """`git status --porcelain=v2 -z --no-renames` (git-status, "Porcelain Format Version 2")."""
    changes: dict[str, Change] = {}
    untracked: list[str] = []
    unmerged: list[str] = []
    for line in os.fsdecode(listing).split("\0"):
        if line.startswith("? "):
            untracked.append(line[2:])
        elif line.startswith("u "):
            unmerged.append(line.split(" ", 10)[10])
        elif line.startswith("1 "):
            _, letters, submodule, head_mode, index_mode, _, head, index, path = line.split(" ", 8)
            if submodule == "N...":
                changes[path] = Change(path, letters[0], letters[1], _entry(head_mode, head), _entry(index_mode, index))
    return Status(changes, untracked, unmerged)


def _entry(mode: str, blob: str) -> Entry | None:
    return Entry(mode, blob) if blob.strip("0") else None


def _quoted(path: str) -> bytes:
    """In C's way, as `hash-object --stdin-paths` reads a line that begins with a quote."""
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % escaped
