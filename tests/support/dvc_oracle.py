"""What DVC itself says about the outputs of a commit, asked in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pygit2
from dvc.repo import Repo
from dvc.repo.brancher import switch

from dvcexp.dvc.outputs import RootOutputs
from tests.support.trees import Link, Submodule, nest


class Told(NamedTuple):
    """One output, as far as DVC and we both have a word for it."""

    path: str
    hash: str | None
    oid: str | None
    cached: bool
    push: bool
    persist: bool
    remote: str | None
    repo_import: bool


class Oracle:
    """A repository to commit trees to without a work tree of them, and DVC looking at its commits.

    DVC works from a root that exists on disk; those in `roots` do.
    """

    def __init__(self, folder: Path, roots: tuple[str, ...] = (".",)) -> None:
        self.git = pygit2.init_repository(str(folder), initial_head="main")
        for root in roots:
            (folder / root / ".dvc").mkdir(parents=True)
            (folder / root / ".dvc" / "config").write_text("")
        self.commit({".gitignore": ""}, ref="HEAD")
        self._repos = {root: Repo(str(folder / root)) for root in roots}

    def close(self) -> None:
        for repo in self._repos.values():
            repo.close()

    def commit(self, files: Mapping[str, Any], ref: str | None = None, parents: Sequence[str] = ()) -> str:
        """The commit of a tree with these files: path -> text, bytes, Link or Submodule."""
        who = pygit2.Signature("Ada", "ada@example.com", 1_700_000_000, 0)
        return str(self.git.create_commit(ref, who, who, "a tree", self._tree(nest(files)), list(parents)))

    def tree(self, commit: str) -> str:
        return str(self.git[commit].tree_id)  # type: ignore[attr-defined]

    def outputs(self, commit: str, root: str = ".") -> list[Told] | str:
        """DVC's outputs below a root, sorted; external ones left out. Why DVC rejects the commit, where it does."""
        repo = self._repos[root]
        try:
            with switch(repo, commit):
                outs = list(repo.index.outs)
                return sorted(
                    (self._told(out) for out in outs if out.is_in_repo),
                    key=lambda told: tuple(map(str, told)),
                )
        except Exception as exc:
            # Not only DvcException: DVC skips a commit for an error of any kind (repo/fetch.py).
            return f"{type(exc).__name__}: {exc}"

    @staticmethod
    def _told(out: Any) -> Told:
        kind = out.hash_name if out.hash_name in ("md5", "md5-dos2unix") else None
        oid = out.hash_info.value if kind else None
        return Told(
            out.fs_path.lstrip("/"),
            kind if oid else None,
            oid or None,
            bool(out.use_cache),
            bool(out.can_push),
            bool(out.persist),
            out.remote.lower() if out.remote else None,
            bool(out.stage.is_repo_import),
        )

    def _tree(self, folder: Mapping[str, Any]) -> Any:
        builder = self.git.TreeBuilder()
        for name, content in folder.items():
            if isinstance(content, dict):
                builder.insert(name, self._tree(content), pygit2.enums.FileMode.TREE)
            elif isinstance(content, Submodule):
                builder.insert(name, pygit2.Oid(hex=content), pygit2.enums.FileMode.COMMIT)
            else:
                data = content if isinstance(content, bytes) else content.encode()
                mode = pygit2.enums.FileMode.LINK if isinstance(content, Link) else pygit2.enums.FileMode.BLOB
                builder.insert(name, self.git.create_blob(data), mode)
        return builder.write()


def ours(root: RootOutputs) -> list[Told]:
    """Our answer in the same words."""
    return sorted(
        (
            Told(
                output.path,
                output.object.hash if output.object else None,
                output.object.oid if output.object else None,
                output.cached,
                output.push,
                output.persist,
                output.remote,
                output.origin == "repo-import",
            )
            for output in root.outputs
        ),
        key=lambda told: tuple(map(str, told)),
    )
