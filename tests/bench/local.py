"""Cases on one machine: Git host and DVC remote are folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.cases import DVC, FLOOR, GIT, OURS, Case, Way
from tests.bench.place import ROOT, Place, can_drop_caches, drop_caches
from tests.bench.projects import Project, Shape
from tests.support.shell import git

_ALL = "refs/exps/*"
_PUSH = ("git", "push", "-q", "origin", _ALL)
_FETCH = ("git", "fetch", "-q", "origin", f"{_ALL}:{_ALL}")
_EXP_PUSH = ("git", "exp", "push", "-q", "origin", "-A")
_DVC_PUSH = ("dvc", "exp", "push", "-q", "origin", "-A")
_DVC_PULL = ("dvc", "exp", "pull", "-q", "origin", "-A")


def overhead(place: Place) -> Iterator[Case]:
    """What Git's own work costs where dvcexp is installed and no experiment moves."""
    project = Project(place, "overhead", Shape(1, 6))
    project.share()
    project.reset_pull()
    hooks = project.alice / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-push").write_text((ROOT / "hooks" / "pre-push").read_text())
    (hooks / "pre-push").chmod(0o755)
    for clone in (project.alice, project.bob):
        git("remote", "add", "plain", project.host, cwd=clone)
        git("fetch", "-q", "plain", cwd=clone)

    def unpushed() -> None:
        git("update-ref", "-d", "refs/heads/topic", cwd=project.host)

    def ways(*argv: str, cwd: Path) -> tuple[Way, Way]:
        ours = tuple("origin" if word == "<remote>" else word for word in argv)
        plain = tuple("plain" if word == "<remote>" else word for word in argv)
        no_hook = ("git", "-c", "core.hooksPath=/dev/null", *plain[1:])
        return Way(OURS, "through the helper", ours, cwd, unpushed), Way(GIT, "Git alone", no_hook, cwd, unpushed)

    push = ("git", "push", "-q", "plain", "main:refs/heads/topic")
    yield Case(
        "overhead-hook",
        "`git push` of a branch, hook installed",
        (
            Way(OURS, "with the hook", push, project.alice, unpushed),
            Way(GIT, "without", ("git", "-c", "core.hooksPath=/dev/null", *push[1:]), project.alice, unpushed),
        ),
        runs=6,
    )
    for key, title, argv, cwd in (
        (
            "overhead-push",
            "`git push` of a branch",
            ("git", "push", "-q", "<remote>", "main:refs/heads/topic"),
            "alice",
        ),
        ("overhead-fetch", "`git fetch`, no experiments", ("git", "fetch", "-q", "<remote>"), "bob"),
        ("overhead-list", "`git ls-remote`", ("git", "ls-remote", "-q", "<remote>"), "bob"),
    ):
        yield Case(key, f"{title}, through the helper", ways(*argv, cwd=project.folder / cwd), runs=6)


def one(place: Place) -> Iterator[Case]:
    """One experiment of 8 small objects."""
    project = Project(place, "one", Shape(1, 6))
    yield from _moves(project, "one", "one experiment, 8 small objects", runs=3, cold=True)


def large(place: Place) -> Iterator[Case]:
    """Many small objects and a large one, in one experiment."""
    scale = place.scale
    project = Project(place, "large", Shape(1, scale.files, model=scale.large))
    yield from _moves(project, "large", f"{scale.files:,} x 2 KB and {scale.large >> 20} MB")


def many(place: Place) -> Iterator[Case]:
    """Many experiments of 21 objects each."""
    for count in place.scale.experiments:
        project = Project(place, f"many-{count}", Shape(count, 19))
        most = 1 if count > 1000 else None
        yield from _moves(project, f"many-{count}", f"{count:,} experiments x 21 objects", dvc_most=most)


def _moves(
    project: Project, key: str, title: str, *, runs: int = 1, cold: bool = False, dvc_most: int | None = None
) -> Iterator[Case]:
    """Push, push again, fetch, fetch again."""
    alice, bob = project.alice, project.bob
    copy = ("cp", "-r", str(project.cache), str(project.storage / "files"))
    synced = ("sh", "-c", 'cp -r "$1" "$2" && sync -f "$2"', "sh", *copy[2:])

    def into_storage() -> None:
        project.reset_push()
        project.storage.mkdir()

    push = (
        Way(OURS, "git push", _PUSH, alice, project.reset_push),
        Way(OURS + " exp push", "git exp push", _EXP_PUSH, alice, project.reset_push),
        Way(DVC, "dvc exp push", _DVC_PUSH, alice, project.reset_push, most=dvc_most),
        Way(FLOOR, "cp -r", copy, project.folder, into_storage),
        Way(FLOOR + " on disk", "cp -r and sync", synced, project.folder, into_storage),
    )
    yield Case(f"{key}-push", f"{title}, push", push, runs)
    if cold:
        yield from _cold(f"{key}-push", f"{title}, push", (push[0], push[2]))
    project.share()
    yield Case(
        f"{key}-push-again",
        f"{title}, push again",
        (
            Way(OURS, "git push", _PUSH, alice),
            Way(OURS + " exp push", "git exp push", _EXP_PUSH, alice),
            Way(DVC, "dvc exp push", _DVC_PUSH, alice, most=dvc_most),
        ),
        runs,
    )
    copy = ("cp", "-r", str(project.storage / "files"), str(bob / ".dvc" / "cache" / "files"))

    def into_cache() -> None:
        project.reset_pull()
        (bob / ".dvc" / "cache").mkdir()

    pull = (
        Way(OURS, "git fetch", _FETCH, bob, project.reset_pull),
        Way(DVC, "dvc exp pull", _DVC_PULL, bob, project.reset_pull, most=dvc_most),
        Way(FLOOR, "cp -r", copy, project.folder, into_cache),
    )
    yield Case(f"{key}-pull", f"{title}, fetch", pull, runs)
    if cold:
        yield from _cold(f"{key}-pull", f"{title}, fetch", pull[:2])
    project.reset_pull()
    git("fetch", "-q", "origin", f"{_ALL}:{_ALL}", cwd=bob, env=project.place.env)
    yield Case(
        f"{key}-pull-again",
        f"{title}, fetch again",
        (Way(OURS, "git fetch", _FETCH, bob), Way(DVC, "dvc exp pull", _DVC_PULL, bob, most=dvc_most)),
        runs,
    )


def _cold(key: str, title: str, ways: tuple[Way, ...]) -> Iterator[Case]:
    """The same after the kernel has forgotten all files, those of the programs too."""
    if not can_drop_caches():
        return

    def chilled(way: Way) -> Way:
        def reset() -> None:
            way.reset()
            drop_caches()

        return Way(way.name, way.label, way.argv, way.cwd, reset, most=2)

    yield Case(f"{key}-cold", f"{title}, nothing in the kernel's cache", tuple(map(chilled, ways)))


def host(place: Place) -> Iterator[Case]:
    """One experiment taken from a Git host that has very many."""
    project = Project(place, "host", Shape(place.scale.host, 6, kept=1))
    project.share()
    ref = project.ref(0)
    name = ref.rpartition("/")[2]
    fetch = ("git", "fetch", "-q", "origin", f"{ref}:{ref}")
    alone = ("git", "-c", "remote.origin.vcs=", "fetch", "-q", str(project.host), f"{ref}:{ref}")
    yield Case(
        "host",
        f"one experiment fetched from a Git host with {place.scale.host:,}",
        (
            Way(OURS, "git fetch", fetch, project.bob, project.reset_pull),
            Way(DVC, "dvc exp pull", ("dvc", "exp", "pull", "-q", "origin", name), project.bob, project.reset_pull),
            Way(GIT, "git fetch, ref alone", alone, project.bob, project.reset_pull),
        ),
    )


def directory(place: Place) -> Iterator[Case]:
    """One directory of very many objects."""
    for count in place.scale.directories:
        project = Project(place, f"directory-{count}", Shape(1, count, size=16))
        title = f"a directory of {count:,} objects"
        most = 1 if count > 100_000 else None
        plan = Way(OURS, "git exp push --dry-run", (*_EXP_PUSH, "--dry-run"), project.alice)
        yield Case(f"directory-{count}-plan", f"{title}, plan of a first push", (plan,))
        project.share()
        ways = (
            Way(OURS, "git push", _PUSH, project.alice),
            Way(OURS + " exp push", "git exp push", _EXP_PUSH, project.alice),
            Way(DVC, "dvc exp push", _DVC_PUSH, project.alice, most=most),
        )
        yield Case(f"directory-{count}-again", f"{title}, push with nothing to do", ways)
        check = Way(OURS, "git exp fetch", ("git", "exp", "fetch", "-q"), project.alice)
        dvc = Way(DVC, "dvc exp pull", _DVC_PULL, project.alice, most=most)
        yield Case(
            f"directory-{count}-check", f"{title}, fetch with nothing to do, every object looked for", (check, dvc)
        )
