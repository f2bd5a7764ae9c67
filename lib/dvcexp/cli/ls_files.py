"""`git exp ls-files`: the outputs of commits, and who carries them."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dvcexp.cli.colours import Colours, colours
from dvcexp.cli.pager import pager
from dvcexp.cli.revisions import resolve
from dvcexp.cli.table import aligned
from dvcexp.dvc.cache import Cache
from dvcexp.dvc.config import work_tree_config
from dvcexp.dvc.outputs import Output, OutputsReader, RootOutputs
from dvcexp.errors import DvcexpError, UsageError, printable
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress, format_size

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "ls-files",
        description="Show the outputs of commits: path, size, hash, who carries them (Git, DVC or nobody), DVC remote,"
        " and whether the cache has them.",
    )
    parser.add_argument(
        "rev", nargs="*", metavar="<rev or experiment>", help="a commit, branch, tag or experiment; default: HEAD"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for each commit and DVC root")
    parser.add_argument("--stdin", action="store_true", help="read more revisions from stdin, one a line")


def run(args: argparse.Namespace) -> int:
    """Show what can be shown; 1 if a revision is unknown or cannot be read."""
    if args.stdin and sys.stdin is None:
        raise UsageError("there is no stdin to read revisions from")
    revs = [*args.rev, *(line for line in sys.stdin.read().splitlines() if line)] if args.stdin else args.rev
    repository = Repository.discover()
    listing = _Listing(repository, several=len(revs) > 1)
    progress = Progress(show=False)
    code = 0
    commits = resolve(repository, revs or ([] if args.stdin else ["HEAD"]))
    with pager(repository):
        for commit in commits:
            try:
                if isinstance(commit, DvcexpError):
                    raise commit
                for line in listing.as_json(commit) if args.json else listing.as_table(commit, progress):
                    print(line)
            except DvcexpError as error:
                progress.failure(error)
                code = 1
    return code


class _Listing:
    """What is shown of one commit after the other."""

    def __init__(self, repository: Repository, *, several: bool) -> None:
        self._repository = repository
        self._reader = OutputsReader(repository.objects)
        self._caches: dict[str, Cache | None] = {}
        self._several = several

    @functools.cached_property
    def _paint(self) -> Colours:
        return colours(self._repository)

    def as_json(self, commit: str) -> Iterator[str]:
        """A line for each DVC root: what DVC moves of it."""
        for root in self._reader.read(self._repository.objects.commit(commit).tree):
            line: dict[str, Any] = {"rev": commit, "root": root.root, "outs": _moved(root.outputs)}
            if root.errors:
                line["error"] = "; ".join(error.message for error in root.errors)
            yield json.dumps(line)

    def as_table(self, commit: str, progress: Progress) -> Iterator[str]:
        """A row for each output; what cannot be read is told on stderr."""
        tree = self._repository.objects.commit(commit).tree
        titles = ("carrier", "size", "cache", "remote", "hash", "path")
        rows = [tuple(self._paint("header", title) for title in titles)]
        for root in self._reader.read(tree):
            for error in root.errors:
                progress.failure(error)
            for note in root.skipped:
                progress.warning(printable(note))
            rows += self._rows(tree, root)
        if self._several:
            yield self._paint("commit", f"commit {commit}")
        if len(rows) > 1:
            yield from aligned(rows)
        if self._several:
            yield ""

    def _rows(self, tree: str, root: RootOutputs) -> Iterator[tuple[str, ...]]:
        cache = self._cache(root.root)
        wanted = {output.object for output in root.outputs if output.object is not None}
        present = cache.present(wanted) if cache is not None else set()
        for output in root.outputs:
            yield (
                self._reader.carrier(tree, output),
                format_size(output.size) if output.size is not None else "-",
                "-"
                if cache is None or output.object is None or not output.cached
                else self._yes(output.object in present),
                _remote(output),
                output.object.oid[:8] if output.object is not None else "-",
                printable(output.path) + ("/" if output.object is not None and output.object.is_dir else ""),
            )

    def _yes(self, fact: bool) -> str:
        return "yes" if fact else self._paint("missing", "no")

    def _cache(self, root: str) -> Cache | None:
        """The cache of the work tree's DVC root, if there is one."""
        if root not in self._caches:
            top = self._repository.work_tree
            config = (
                work_tree_config(os.path.normpath(os.path.join(top, root)), os.environ) if top is not None else None
            )
            directory = config.cache_dir if config is not None else None
            self._caches[root] = Cache(directory) if directory is not None else None
        return self._caches[root]


def _moved(outputs: Iterable[Output]) -> list[dict[str, Any]]:
    """Cached outputs that have a hash, without those that another repository has to be asked for."""
    moved = {}
    for output in outputs:
        if output.cached and output.object is not None and output.origin != "repo-import":
            entry = {
                "hash": output.object.hash,
                "oid": output.object.oid,
                "path": output.path,
                "remote": output.remote,
                "push": output.push,
            }
            moved[tuple(entry.values())] = entry
    return list(moved.values())


def _remote(output: Output) -> str:
    """The output's own DVC remote, or why none gets it."""
    if output.origin == "repo-import":
        return "(import)"
    if not output.push:
        return "(push: false)"
    return printable(output.remote) if output.remote is not None else "-"
