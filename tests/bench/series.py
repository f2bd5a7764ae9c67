"""What is measured at growing sizes for docs/scaling.md: series of projects, each with the commands of a team."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from dvcexp.git.repository import Repository, child_environment
from dvcexp.settings import Settings
from dvcexp.sync.complete import CompleteCommits
from tests.bench.cases import CountingProxy, nothing
from tests.bench.measure import CommandFailed
from tests.bench.place import Place
from tests.bench.projects import Project, Shape
from tests.bench.servers import Served, on_s3
from tests.support.cloud_servers import s3_server
from tests.support.shell import git

_ALL = "refs/exps/*"
PUSH = ("git", "push", "-q", "origin", _ALL)
FETCH = ("git", "fetch", "-q", "origin", f"{_ALL}:{_ALL}")
PUSH_AGAIN = ("git", "exp", "push", "-q", "origin", "-A")
LOOK = ("git", "exp", "fetch", "-q")
LIST = ("git", "exp", "list", "-A")
LONG = ("git", "exp", "list", "-A", "--long")

_NAMED = 3200  # up to so many experiments are named to Git one by one, which grows with the square
_READ = 10_000  # up to so many experiments that differ in their commits alone, every commit is read as well


@dataclass(frozen=True)
class Step:
    """One command at one size. check: CommandFailed where it has not done what it should. names: how many experiments
    it is to name on stdout, None where it names none.

    reset: as in Way. alone: Git without dvcexp. counting: as in Case.
    """

    key: str
    title: str
    argv: tuple[str, ...]
    cwd: Path
    reset: Callable[[], object] = nothing
    check: Callable[[], object] = nothing
    names: int | None = None
    alone: bool = False
    counting: Callable[[], AbstractContextManager[CountingProxy]] | None = None


@dataclass(frozen=True)
class Series:
    """unit: what grows. target: the size to extrapolate to. steps: those of one size."""

    key: str
    title: str
    unit: str
    target: int
    sizes: tuple[int, ...]
    steps: Callable[[Place, int], Iterator[Step]]


def has_refs(repository: Path, count: int) -> None:
    """CommandFailed if the repository has not so many experiments."""
    found = len(git("for-each-ref", "--format=x", "refs/exps/", cwd=repository).split())
    if found != count:
        raise CommandFailed(f"{repository} has {found} experiments instead of {count}")


def has_objects(folder: Path, count: int) -> None:
    """CommandFailed if there are not so many objects below `folder`, a cache's or remote's `files`."""
    found = sum(1 for _ in folder.glob("md5/??/*"))
    if found != count:
        raise CommandFailed(f"{folder} has {found} objects instead of {count}")


def shared(project: Project) -> None:
    """CommandFailed if not everything is on the Git host and on the DVC remote."""
    has_refs(project.host, project.shape.experiments)
    has_objects(project.storage / "files", project.shape.objects)


def arrived(project: Project) -> None:
    """CommandFailed if Bob has not everything."""
    has_refs(project.bob, project.shape.experiments)
    has_objects(project.bob / ".dvc" / "cache" / "files", project.shape.objects)


def moves(project: Project) -> Iterator[Step]:
    """Push, push again, fetch, fetch again, look for everything."""
    alice, bob = project.alice, project.bob
    yield Step("push", "`git push`, all of it", PUSH, alice, project.reset_push, lambda: shared(project))
    project.share()
    yield Step("push-again", "`git exp push -A` again", PUSH_AGAIN, alice, check=lambda: shared(project))
    yield Step("fetch", "`git fetch`, all of it", FETCH, bob, project.reset_pull, lambda: arrived(project))
    yield Step("fetch-again", "`git fetch` again", FETCH, bob, check=lambda: arrived(project))
    yield Step("look", "`git exp fetch`, nothing lacking", LOOK, bob, check=lambda: arrived(project))


def by_command(project: Project) -> Iterator[Step]:
    """Push and pull by `git exp`, which names every experiment to Git."""
    alice, bob = project.alice, project.bob
    pull = ("git", "exp", "pull", "-q", "origin", "-A")
    yield Step(
        "exp-push", "`git exp push -A`, all of it", PUSH_AGAIN, alice, project.reset_push, lambda: shared(project)
    )
    yield Step("exp-pull", "`git exp pull -A`, all of it", pull, bob, project.reset_pull, lambda: arrived(project))


def lists(project: Project) -> Iterator[Step]:
    """What looks at all experiments here."""
    count = project.shape.experiments
    yield Step("list", "`git exp list -A`", LIST, project.alice, names=count)
    yield Step("long", "`git exp list -A --long`", LONG, project.alice, names=count)


def single(project: Project, *, beside: bool = True) -> Iterator[Step]:
    """One experiment taken from the Git host; `beside`: the same by Git alone."""
    ref, bob = project.ref(0), project.bob

    def came() -> None:
        has_refs(bob, 1)
        has_objects(bob / ".dvc" / "cache" / "files", project.shape.commits * (2 + project.shape.files))

    fetch = ("git", "fetch", "-q", "origin", f"{ref}:{ref}")
    alone = ("git", "fetch", "-q", str(project.host), f"{ref}:{ref}")
    yield Step("one", "`git fetch` of one experiment", fetch, bob, project.reset_pull, came)
    if beside:
        yield Step("one-alone", "the same, its ref alone", alone, bob, project.reset_pull, alone=True)


def objects(place: Place, size: int) -> Iterator[Step]:
    """One directory of many small files."""
    project = Project(place, f"objects-{size}", Shape(1, size, size=16, model=16))
    yield from moves(project)
    yield Step("long", "`git exp list -A --long`", LONG, project.alice, names=1)
    place.discard(project.folder)


def experiments(place: Place, size: int) -> Iterator[Step]:
    """Experiments of three objects each."""
    project = Project(place, f"experiments-{size}", Shape(size, 1, size=16, model=16))
    yield from moves(project)
    yield from lists(project)
    yield from single(project, beside=False)
    if size <= _NAMED:
        yield from by_command(project)
    place.discard(project.folder)


def both(place: Place, size: int) -> Iterator[Step]:
    """`size` experiments of 100 objects each: what the composition of the others is held against."""
    project = Project(place, f"both-{size}", Shape(size, 98, size=16, model=16))
    yield from moves(project)
    yield Step("long", "`git exp list -A --long`", LONG, project.alice, names=size)
    place.discard(project.folder)


def _fill(project: Project, packed: str) -> None:
    """Give the host these packed refs, and what Alice's repository has."""
    project.reset_push()
    (project.host / "objects" / "info" / "alternates").write_text(f"{project.alice / '.git' / 'objects'}\n")
    (project.host / "packed-refs").write_text(packed)
    shutil.copytree(project.cache, project.storage / "files")


def host(place: Place, size: int) -> Iterator[Step]:
    """Experiments whose refs grow in number, and not their objects, on the Git host and here."""
    project = Project(place, f"host-{size}", Shape(size, 1, size=16, model=16, alike=True))
    alice, ref = project.alice, project.ref(0)
    packed = (alice / ".git" / "packed-refs").read_text()
    _fill(project, packed)
    yield from single(project)
    rest = "".join(line for line in packed.splitlines(keepends=True) if not line.endswith(f" {ref}\n"))

    def unpushed() -> None:
        (project.host / "packed-refs").write_text(rest)
        shutil.rmtree(project.host / "refs" / "exps", ignore_errors=True)

    def whole() -> None:
        has_refs(project.host, size)

    yield Step("new", "`git push` of one experiment", ("git", "push", "-q", "origin", ref), alice, unpushed, whole)
    push_alone = ("git", "push", "-q", str(project.host), ref)
    yield Step("new-alone", "the same, its ref alone", push_alone, alice, unpushed, whole, alone=True)
    fetch_alone = ("git", "fetch", "-q", str(project.host), f"{_ALL}:{_ALL}")
    _know_to_be_complete(alice)
    yield Step("fetch-again", "`git fetch` again, all experiments", FETCH, alice, check=whole)
    yield Step("fetch-again-alone", "the same, refs alone", fetch_alone, alice, alone=True)
    yield Step("list", "`git exp list -A`", LIST, alice, names=size)
    if size <= _READ:
        yield from _each(project, fetch_alone)
    place.discard(project.folder)


def _each(project: Project, fetch_alone: tuple[str, ...]) -> Iterator[Step]:
    """What reads the commits of all experiments."""
    alice, bob, size = project.alice, project.bob, project.shape.experiments

    def came() -> None:
        has_refs(bob, size)

    yield Step("push-again", "`git exp push -A` again", PUSH_AGAIN, alice, check=lambda: has_refs(project.host, size))
    yield Step("long", "`git exp list -A --long`", LONG, alice, names=size)
    yield Step("fetch", "first `git fetch` of all experiments", FETCH, bob, project.reset_pull, came)
    yield Step("fetch-alone", "the same, refs alone", fetch_alone, bob, project.reset_pull, came, alone=True)


def _know_to_be_complete(clone: Path) -> None:
    """Note of every experiment what a fetch notes of those whose data it has looked for."""
    repository = Repository.discover(str(clone), environ=child_environment())
    CompleteCommits(repository, Settings()).add(repository.refs("refs/exps/").values())


def branches(place: Place, size: int) -> Iterator[Step]:
    """Refs on the Git host that are no experiments: pull requests, as a rule."""
    project = Project(place, f"branches-{size}", Shape(1, 1, size=16, model=16, alike=True))
    packed = (project.alice / ".git" / "packed-refs").read_text()
    others = "".join(sorted(f"{project.baseline} refs/pull/{number}/head\n" for number in range(size)))
    _fill(project, packed + others)
    project.reset_pull()
    yield Step("fetch", "`git fetch`, nothing new", ("git", "fetch", "-q", "origin"), project.bob)
    alone = ("git", "fetch", "-q", str(project.host), "refs/heads/*:refs/remotes/origin/*")
    yield Step("fetch-alone", "the same, Git alone", alone, project.bob, alone=True)
    yield from single(project)
    topic = ("main:refs/heads/topic",)

    def unpushed() -> None:
        git("update-ref", "-d", "refs/heads/topic", cwd=project.host)

    def pushed() -> None:
        git("rev-parse", "--verify", "refs/heads/topic", cwd=project.host)

    alice = project.alice
    yield Step("push", "`git push` of a branch", ("git", "push", "-q", "origin", *topic), alice, unpushed, pushed)
    push_alone = ("git", "push", "-q", str(project.host), *topic)
    yield Step("push-alone", "the same, Git alone", push_alone, alice, unpushed, pushed, alone=True)
    place.discard(project.folder)


def history(place: Place, size: int) -> Iterator[Step]:
    """Commits below the baseline of ten experiments."""
    project = Project(place, f"history-{size}", Shape(10, 1, size=16, model=16, history=size))
    project.share()
    yield Step("push-again", "`git exp push -A` again", PUSH_AGAIN, project.alice, check=lambda: shared(project))
    yield from single(project)
    yield Step("fetch", "`git fetch`, all of it", FETCH, project.bob, project.reset_pull, lambda: arrived(project))
    yield Step("fetch-again", "`git fetch` again", FETCH, project.bob, check=lambda: arrived(project))
    yield from lists(project)
    place.discard(project.folder)


def checkpoints(place: Place, size: int) -> Iterator[Step]:
    """One experiment of many commits, each with three objects of its own."""
    project = Project(place, f"checkpoints-{size}", Shape(1, 1, size=16, model=16, commits=size))
    yield from moves(project)
    yield from lists(project)
    place.discard(project.folder)


def s3(place: Place, size: int) -> Iterator[Step]:
    """One directory of many small files, on S3."""
    folder = place.folder / f"server-s3-{size}"
    folder.mkdir()
    with s3_server(folder) as port:
        served = Served(place, f"s3-{size}", Shape(1, size, size=16, model=16), on_s3(port))
        project = served.project
        project.reset_pull()
        counting = served.counting

        def pushed() -> None:
            has_refs(project.host, 1)

        def came() -> None:
            arrived(project)

        alice, bob = project.alice, project.bob
        yield Step("push", "`git push`, all of it", PUSH, alice, served.reset_push, pushed, counting=counting)
        served.share()
        yield Step(
            "push-again", "`git exp push -A` again", PUSH_AGAIN, alice, served.connect, pushed, counting=counting
        )
        yield Step("fetch", "`git fetch`, all of it", FETCH, bob, served.reset_pull, came, counting=counting)
        place.discard(project.folder)
