"""Work that must not grow with the square of what there is, counted in Python's instructions: there are as many of them
on every machine. For what it costs by the clock see docs/scaling.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from dvcexp import sync
from dvcexp.dvc.tree import TreeIndex
from dvcexp.git import pktline
from dvcexp.git.fetching import FetchConversation
from dvcexp.git.repository import Repository, child_environment
from dvcexp.progress import Progress
from dvcexp.settings import Settings
from dvcexp.sync.demand import Selection
from tests.bench.place import SCALES, Place
from tests.bench.projects import Project, Shape
from tests.conftest import ROOT
from tests.support.shell import git

_LINEAR = 2.3  # how many times more work twice as much may be


def instructions(work: Callable[[], object]) -> int:
    """How many instructions of ours `work` takes, in this thread."""
    count = 0
    ours = str(ROOT / "lib")

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if event == "call":
            if not frame.f_code.co_filename.startswith(ours):
                return None
            frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def project_of(folder: Path, shape: Shape) -> Project:
    place = Place(folder, {**os.environ, "DVC_SITE_CACHE_DIR": str(folder / "dvc")}, SCALES["tiny"])
    return Project(place, "team", shape)


@contextmanager
def repository_of(project: Project) -> Iterator[Repository]:
    repository = Repository.discover(str(project.alice), environ=child_environment())
    yield repository
    repository.objects.close()


def test_files_that_nobody_has_are_named_by_one_look_through_the_manifests(tmp_path: Path) -> None:
    counts = []
    for files in (100, 200):
        project = project_of(tmp_path / str(files), Shape(1, files))
        for path in project.cache.glob("md5/??/*"):
            if path.suffix != ".dir":
                path.unlink()
        progress = Progress(show=False, quiet=True)
        with repository_of(project) as repository:
            tips = repository.refs("refs/exps/")
            fetch = partial(sync.fetch, git_remote="origin", settings=Settings(), progress=progress, recheck=True)
            counts.append(instructions(partial(fetch, repository, tips)))
    assert counts[1] < _LINEAR * counts[0]


def test_files_of_a_large_folder_are_found_by_their_names(tmp_path: Path) -> None:
    counts = []
    for files in (50, 100):
        project = project_of(tmp_path / str(files), Shape(1, 0))
        for number in range(files):
            (project.alice / f"data-{number}.dvc").write_text("")
        git("add", ".", cwd=project.alice)
        tree, names = git("write-tree", cwd=project.alice), git("ls-files", "*.dvc", cwd=project.alice).split()
        with repository_of(project) as repository:
            index = TreeIndex(repository.objects)
            counts.append(instructions(partial(list, map(partial(index.child, tree), names))))
            assert index.child(tree, names[-1]) is not None
    assert counts[1] < _LINEAR * counts[0]


def test_whose_a_commit_is_is_not_looked_for_among_all_experiments(tmp_path: Path) -> None:
    """Asked for every commit where the run-cache goes along, and for every one that cannot be read."""
    counts = []
    for experiments in (50, 100):
        project = project_of(tmp_path / str(experiments), Shape(experiments, 0))
        with repository_of(project) as repository:
            selection = Selection(repository, repository.refs("refs/exps/"))
            commits = selection.commits()
            counts.append(instructions(lambda: list(map(selection.refs_of, commits))))  # noqa: B023 - called at once
            assert [ref for commit in commits for ref in selection.refs_of(commit)] == list(selection.chains)
    assert counts[1] < _LINEAR * counts[0]


def test_names_that_begin_alike_are_told_apart_quickly() -> None:
    """Whoever asks for `a` is shown `ab`, too: `git exp pull` asks for each experiment by its name."""
    counts = []
    for refs in (50, 100):
        conversation = FetchConversation("refs/exps/")
        names = [f"refs/exps/ab/{'c' * 38}/exp-{number:05d}" for number in range(refs)]
        spelt = [f"{before}{name}" for name in names for before in ("", "refs/", "refs/tags/", "refs/heads/")]
        conversation.from_server(pktline.encode("version 2\n") + pktline.FLUSH)
        request = [*map(pktline.encode, ["command=ls-refs"]), pktline.DELIM]
        request += [*(pktline.encode(f"ref-prefix {name}\n") for name in spelt), pktline.FLUSH]
        conversation.from_git(b"".join(request))
        listing = b"".join(pktline.encode(f"{'1' * 40} {name}{more}\n") for name in names for more in ("", "b"))

        def read(listing: bytes = listing, conversation: FetchConversation = conversation) -> None:
            conversation.from_server(listing + pktline.FLUSH)

        counts.append(instructions(read))
        assert conversation.listing is not None
        assert list(conversation.listing.refs) == names
    assert counts[1] < _LINEAR * counts[0]
