"""Commits, trees and blobs of a repository, read many to a process."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, NamedTuple

from dvcexp.errors import DvcexpError, printable
from dvcexp.git import process

if TYPE_CHECKING:
    from dulwich.object_store import DiskObjectStore

# Importing dulwich takes as long as `git cat-file` needs for some 400 objects; after that dulwich is five times faster.
_DULWICH_PAYS_AFTER = 400

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_KINDS = {b"40000": "dir", b"120000": "link", b"160000": "submodule"}


class MissingGitObject(DvcexpError, LookupError):
    """A commit, tree or blob that this repository does not have (shallow, damaged, or never fetched)."""

    def __init__(self, sha: str) -> None:
        super().__init__(
            f"Git object '{printable(sha)}' is not in this repository",
            "in a shallow clone: git fetch --unshallow; in any other: git fsck",
        )
        self.sha = sha


class DamagedGitObject(DvcexpError):
    """A commit or tree that does not read as one: Git stores what a server sends unless `fetch.fsckObjects` is set."""

    def __init__(self, sha: str) -> None:
        super().__init__(f"Git object '{sha}' is damaged", "see git fsck")
        self.sha = sha


class GitEnded(DvcexpError):
    """A git command that serves us has gone; what it would have answered is not known."""

    def __init__(self) -> None:
        super().__init__("'git cat-file' has ended too soon", "run the same command again")


class TreeEntry(NamedTuple):
    """One entry of a tree; satisfies `dvc.project.Node`."""

    name: str
    kind: str
    id: str


class Commit(NamedTuple):
    """author: `Name <email>`. time: seconds since the epoch, of the committer. message: with its final newline."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    time: int
    message: str


class ObjectReader:
    """Reads Git objects by hex id. `git cat-file --batch` serves the first few hundred and all that dulwich cannot:
    SHA-256, promised objects of a partial clone, unknown extensions.

    MissingGitObject is Git's clear no; where it gives no answer, GitEnded.
    """

    def __init__(
        self,
        common_dir: str,
        object_format: str,
        cwd: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._objects_dir = os.path.join(common_dir, "objects")
        self._id_size = 32 if object_format == "sha256" else 20
        self._cwd = cwd
        self._environ = environ
        self._count = 0
        self._batches: dict[bool, _Batch] = {}  # may it fetch what is promised?
        self._partial = False
        self._store: DiskObjectStore | None = None

    def commit(self, sha: str) -> Commit:
        """The commit; MissingGitObject where it is not here."""
        kind, raw = self._get(sha)
        if kind != b"commit":
            raise MissingGitObject(sha)
        head, _, message = raw.partition(b"\n\n")
        headers = [line.partition(b" ") for line in head.split(b"\n")]
        fields = {key: value for key, _, value in reversed(headers)}
        if _ID.match(os.fsdecode(fields.get(b"tree", b""))) is None:
            raise DamagedGitObject(sha)
        author = fields.get(b"author", b"").rpartition(b">")[0] + b">"
        committed = fields.get(b"committer", b"").rpartition(b">")[2].split()
        return Commit(
            sha,
            fields[b"tree"].decode("ascii"),
            tuple(os.fsdecode(value) for key, _, value in headers if key == b"parent"),
            author.decode("utf-8", "replace"),
            int(committed[0]) if committed and committed[0].isdigit() else 0,
            message.decode("utf-8", "replace"),
        )

    def children(self, tree_id: str) -> Sequence[TreeEntry]:
        """The entries of a tree, in Git's order."""
        raw = self._get(tree_id)[1]
        entries = []
        position, end = 0, len(raw)
        while position < end:
            space = raw.find(b" ", position)
            null = raw.find(b"\0", space)
            if space < 0 or null < 0:
                raise DamagedGitObject(tree_id)
            name = raw[space + 1 : null].decode("utf-8", "surrogateescape")
            kind = _KINDS.get(raw[position:space], "file")
            position = null + 1 + self._id_size
            entries.append(TreeEntry(name, kind, raw[null + 1 : position].hex()))
        return entries

    def read(self, blob_id: str) -> bytes:
        """The content of a blob, as it is stored: no smudge filter, no line-end conversion."""
        return self._get(blob_id)[1]

    def parents(self, sha: str) -> tuple[str, ...]:
        """The parents of a commit, as it names them: they need not be here."""
        return self.commit(sha).parents

    def has_commit(self, sha: str) -> bool:
        """Is this commit here? In a partial clone Git would fetch it for the question, and start processes for each.

        Since 2.39.4 it can be told not to.
        """
        try:
            if self._is_partial():
                return self._from_batch(sha, fetch=False)[0] == b"commit"
            self.commit(sha)
        except MissingGitObject:
            return False
        return True

    def _is_partial(self) -> bool:
        """Has Git marked a pack as one of which others may lack what it leads to?"""
        if self._partial:
            return True
        try:
            self._partial = any(name.endswith(".promisor") for name in os.listdir(f"{self._objects_dir}/pack"))
        except OSError:
            return False
        return self._partial

    def close(self) -> None:
        """End the batch process, if there is one."""
        for batch in self._batches.values():
            batch.close()
        self._batches.clear()
        if self._store is not None:
            self._store.close()
            self._store = None

    def _get(self, sha: str) -> tuple[bytes, bytes]:
        self._count += 1
        if self._count > _DULWICH_PAYS_AFTER and self._id_size == 20:
            found = self._from_dulwich(sha)
            if found is not None:
                return found
        return self._from_batch(sha)

    def _from_dulwich(self, sha: str) -> tuple[bytes, bytes] | None:
        from dulwich.object_store import DiskObjectStore
        from dulwich.objects import ObjectID, object_class

        if self._store is None:
            self._store = DiskObjectStore(self._objects_dir)
        try:
            number, raw = self._store.get_raw(ObjectID(sha.encode("ascii")))
        except Exception:  # whatever it is that dulwich stumbles over (it has a dozen errors), git has the last word
            return None
        kind = object_class(number)
        return (kind.type_name, raw) if kind is not None else None

    def _from_batch(self, sha: str, *, fetch: bool = True) -> tuple[bytes, bytes]:
        if _ID.match(sha) is None:  # `cat-file` would take any revision, and a server chooses what it lists
            raise MissingGitObject(sha)
        batch = self._batches.get(fetch)
        if batch is None:
            batch = self._batches[fetch] = _Batch(self._cwd, self._environ, fetch=fetch)
        found = batch.get(sha)
        if found is None:
            raise MissingGitObject(sha)
        return found


class _Batch:
    """One `git cat-file --batch`. fetch: it may fetch what a partial clone lacks; else Git warns that it does not, to
    nobody."""

    def __init__(self, cwd: str | None, environ: Mapping[str, str], *, fetch: bool = True) -> None:
        place = ("-C", cwd) if cwd is not None else ()
        if fetch:
            # Object by object: no meters and warnings for each of them, from Git 2.46 on, which knows this.
            argv = ["git", *place, "-c", "promisor.quiet=true", "cat-file", "--batch"]
            self._process = process.start(argv, environ)
        else:
            argv = ["git", *place, "cat-file", "--batch"]
            with open(os.devnull, "wb") as nobody:
                environ = {**environ, "GIT_NO_LAZY_FETCH": "1"}
                self._process = process.start(argv, environ, stderr=nobody.fileno())
        self._answers: IO[bytes] = os.fdopen(self._process.stdout, "rb")

    def get(self, sha: str) -> tuple[bytes, bytes] | None:
        """Kind and content of an object, None where it is not there. GitEnded where there is no answer."""
        try:
            os.write(self._process.stdin, sha.encode() + b"\n")
        except BrokenPipeError:
            raise GitEnded from None
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise GitEnded
        header = line.split()
        if len(header) != 3:
            return None
        size = int(header[2])
        raw = self._answers.read(size + 1)
        if len(raw) != size + 1:
            raise GitEnded
        return header[1], raw[:-1]

    def close(self) -> None:
        """Let it end."""
        os.close(self._process.stdin)
        self._answers.close()
        self._process.wait()
