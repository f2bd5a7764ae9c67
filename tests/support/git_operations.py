"""What people do with a Git remote, as scripts that run in a world; the rows of the table in docs/transports.md."""

from __future__ import annotations

import re

from tests.support.git_worlds import EVERY_EXPERIMENT, TRANSPORTS, Transport, World
from tests.support.handmade import assert_whole
from tests.support.shell import Done, git, write_program

EXPERIMENTS = "-c", f"remote.origin.fetch=+{EVERY_EXPERIMENT}"
A, B, NEW = "refs/exps/*/a", "refs/exps/*/b", "refs/exps/*/new"


class Operation:
    """A row. Subclasses are the rows, in the order in which they stand here.

    run: the commands, the same natively and through the helper. data: what the helper does beside what Git does;
    `check` holds it to that.
    """

    title: str
    data: str
    pushes = False
    shallow = False

    @property
    def name(self) -> str:
        """The class's name in the words of a test."""
        return re.sub("(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()

    def run(self, world: World) -> None:
        raise NotImplementedError

    def check(self, world: World) -> None:
        raise NotImplementedError


def not_here(operation: Operation, transport: Transport) -> str:
    """Why Git itself cannot do `operation` over `transport`; empty if it can."""
    if operation.pushes and not transport.pushes:
        return "cannot push"
    if operation.shallow and not transport.shallow:
        return "no shallow or partial fetch"
    return ""


def no_data(world: World, repository: str = "clone") -> None:
    assert world.cached(world.folder / repository) == set()


def data_of(world: World, *experiments: str, repository: str = "clone") -> None:
    """The cache holds the objects of these experiments, whole, and nothing else."""
    path = world.folder / repository
    assert world.cached(path) == set().union(*(world.seed.objects[name] for name in experiments))
    assert_whole(path / ".dvc" / "cache")


def advance(world: World) -> None:
    """Somebody pushes a commit to `main`, adds a branch and deletes another."""
    tree = git("rev-parse", "main^{tree}", cwd=world.host)
    tip = git("commit-tree", "-p", "main", "-m", "Theirs", tree, cwd=world.host, env=FIXED_DATE)
    git("update-ref", "refs/heads/main", tip, cwd=world.host)
    git("update-ref", "refs/heads/theirs", tip, cwd=world.host)
    git("update-ref", "-d", "refs/heads/side", cwd=world.host)
    git("tag", "theirs-1", tip, cwd=world.host)
    world.serve_files()


FIXED_DATE = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}


class Clone(Operation):
    title = "clone"
    data = "no data"

    def run(self, world: World) -> None:
        world.clone()

    def check(self, world: World) -> None:
        no_data(world)


class CloneExperiments(Operation):
    title = "clone with experiments: `-c remote.origin.fetch=+refs/exps/*:refs/exps/*`"
    data = "data first; if it fails, no clone is left"

    def run(self, world: World) -> None:
        world.clone(*EXPERIMENTS)

    def check(self, world: World) -> None:
        data_of(world, "a", "b")


class CloneKinds(Operation):
    title = "clone `--bare`, `--mirror`, `--single-branch`"
    data = "a bare repository keeps no data"

    def run(self, world: World) -> None:
        world.clone("--bare", to="bare")
        world.clone("--mirror", to="mirror")
        world.clone("--single-branch", "--branch", "side", to="single")

    def check(self, world: World) -> None:
        no_data(world, "single")


class Shallow(Operation):
    title = "clone `--depth`, fetch `--depth`, `--unshallow`, `--shallow-since`"
    data = "no data"
    shallow = True

    def run(self, world: World) -> None:
        clone = world.clone("--no-local", "--depth=1")
        world.run("fetch", "--depth=2", cwd=clone)
        world.run("fetch", "--unshallow", cwd=clone)
        world.clone("--no-local", "--shallow-since=2020-01-01", to="since")

    def check(self, world: World) -> None:
        no_data(world)


class Partial(Operation):
    title = "partial clone `--filter=blob:none`, then experiments"
    data = "data first; what Git left out is fetched as it is read"
    shallow = True

    def run(self, world: World) -> None:
        clone = world.clone("--no-local", "--filter=blob:none")
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
        # Quietly, for what has been read for the data need not be fetched again: Git 2.55 says where from each time.
        world.run("-c", "promisor.quiet=true", "log", "-p", "--all", "--format=%s", cwd=clone)

    def check(self, world: World) -> None:
        data_of(world, "a", "b")


class FetchExperiments(Operation):
    title = "fetch experiments, again, with nothing to do"
    data = "data first; the second time there is nothing to do"

    def run(self, world: World) -> None:
        clone = world.clone()
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)

    def check(self, world: World) -> None:
        data_of(world, "a", "b")


class FetchOne(Operation):
    title = "fetch one experiment by pattern, another by its full name"
    data = "data of that experiment only"

    def run(self, world: World) -> None:
        clone = world.clone("--no-local")  # a local clone takes every commit along
        world.run("fetch", "origin", f"{A}:{A}", cwd=clone)

    def check(self, world: World) -> None:
        data_of(world, "a")
        world.run("fetch", "origin", f"{world.seed.b}:{world.seed.b}", cwd=world.folder / "clone")
        data_of(world, "a", "b")


class FetchNegative(Operation):
    title = "fetch with a negative refspec"
    data = "data of what is fetched only"

    def run(self, world: World) -> None:
        clone = world.clone("--no-local")  # a local clone takes every commit along
        world.run("fetch", "origin", EVERY_EXPERIMENT, f"^{B}", cwd=clone)

    def check(self, world: World) -> None:
        data_of(world, "a")


class FetchRewritten(Operation):
    title = "fetch of an experiment that was rewritten: Git refuses it without `+` or `--force`"
    data = "no data of what Git does not update"

    def run(self, world: World) -> None:
        clone = world.clone("--no-local")
        world.run("fetch", "origin", f"{A}:{A}", cwd=clone)
        tip = git(
            "commit-tree", "-p", "main", "-m", "Other", f"{world.seed.b}^{{tree}}", cwd=world.host, env=FIXED_DATE
        )
        git("update-ref", world.seed.a, tip, cwd=world.host)
        world.serve_files()
        world.run("fetch", "origin", f"{A}:{A}", cwd=clone, check=False)
        world.run("fetch", "origin", f"{A}:{A}", cwd=clone, check=False)

    def check(self, world: World) -> None:
        data_of(world, "a")
        world.run("fetch", "--force", "origin", f"{A}:{A}", cwd=world.folder / "clone")
        data_of(world, "a", "b")


class FetchBranches(Operation):
    title = "fetch branches and tags: `--prune`, `--tags`, `--atomic`, `--dry-run`, `--refmap`, `--all`, `-q`, `-v`"
    data = "no data"

    def run(self, world: World) -> None:
        clone = world.clone()
        advance(world)
        world.run("fetch", "--dry-run", cwd=clone)
        world.run("fetch", "--refmap=", "origin", "main", cwd=clone)
        # Git 2.30 does not know --atomic here.
        world.run("fetch", "-v", "--atomic", "origin", "+refs/heads/*:refs/remotes/atomic/*", cwd=clone, check=False)
        world.run("fetch", "--prune", cwd=clone)
        world.run("fetch", "--tags", "--all", cwd=clone)
        world.run("fetch", "-q", cwd=clone)

    def check(self, world: World) -> None:
        no_data(world)


class DryFetch(Operation):
    title = "fetch `--dry-run` of experiments (told from the command line, on Linux)"
    data = "no data"

    def run(self, world: World) -> None:
        clone = world.clone()
        world.run("fetch", "--dry-run", "origin", EVERY_EXPERIMENT, cwd=clone)

    def check(self, world: World) -> None:
        no_data(world)
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=world.folder / "clone")
        data_of(world, "a", "b")


class Pull(Operation):
    title = "pull"
    data = "no data"

    def run(self, world: World) -> None:
        clone = world.clone()
        advance(world)
        world.run("pull", "--ff-only", cwd=clone)

    def check(self, world: World) -> None:
        no_data(world)


class Look(Operation):
    title = "look: `ls-remote`, `remote show`, `remote prune`, `remote set-head`"
    data = "no data, even where data is missing here"

    def run(self, world: World) -> None:
        clone = world.clone()
        git("fetch", "-q", world.host, EVERY_EXPERIMENT, cwd=clone)
        world.run("ls-remote", cwd=clone)
        world.run("ls-remote", "--heads", "origin", cwd=clone)
        world.run("ls-remote", "--symref", "origin", "refs/exps/*", cwd=clone)
        world.run("ls-remote", "--exit-code", "origin", "refs/heads/none", cwd=clone, check=False)
        world.run("remote", "show", "origin", cwd=clone)
        world.run("remote", "prune", "origin", cwd=clone)
        world.run("remote", "set-head", "origin", "-a", cwd=clone)

    def check(self, world: World) -> None:
        no_data(world)


class Prefetch(Operation):
    title = "`maintenance run --task=prefetch`"
    data = "no data: nobody may be there to answer for it; the next fetch brings it"

    def run(self, world: World) -> None:
        clone = world.clone("--no-local")
        git("config", "--add", "remote.origin.fetch", f"+{EVERY_EXPERIMENT}", cwd=clone)
        advance(world)
        world.run("maintenance", "run", "--task=prefetch", cwd=clone)

    def check(self, world: World) -> None:
        no_data(world)
        world.run("fetch", cwd=world.folder / "clone")
        data_of(world, "a", "b")


class Archive(Operation):
    title = "`archive --remote` (http and helpers of Git's own have no such service)"
    data = "no data"

    def run(self, world: World) -> None:
        world.run("archive", "--remote=origin", "--format=tar", "-o", "../archive.tar", "main", check=False)
        archive = world.folder / "archive.tar"
        world.log.append(("archive", Done(0, str(archive.exists() and archive.stat().st_size), "")))

    def check(self, world: World) -> None:
        assert world.cached(world.project) == set().union(*world.seed.objects.values())


class Worktree(Operation):
    title = "from a linked worktree"
    data = "data first, into the cache of that work tree"

    def run(self, world: World) -> None:
        clone = world.clone()
        git("worktree", "add", "-q", "../linked", cwd=clone)
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=world.folder / "linked")

    def check(self, world: World) -> None:
        data_of(world, "a", "b", repository="linked")


class PushBranches(Operation):
    title = "push a branch, again, with tags, quietly, for scripts"
    data = "no data"
    pushes = True

    def run(self, world: World) -> None:
        world.run("push", "origin", "ahead")
        world.run("push", "origin", "ahead")
        world.run("push", "--follow-tags", "origin", "ahead")
        world.run("push", "-q", "origin", "ahead:quiet")
        world.run("push", "--porcelain", "-v", "origin", "ahead:porcelain", "ahead")

    def check(self, world: World) -> None:
        assert world.stored() == world.seed.objects["a"] | world.seed.objects["b"] | world.seed.objects["second"]


class PushExperiment(Operation):
    title = "push an experiment, again, with a branch beside it"
    data = "data first; the second time there is nothing to do"
    pushes = True

    def run(self, world: World) -> None:
        world.run("push", "origin", "ahead", NEW)
        world.run("push", "origin", NEW)

    def check(self, world: World) -> None:
        assert world.stored() >= world.seed.objects["new"]
        assert_whole(world.storage)


class PushDelete(Operation):
    title = "push `--delete` of an experiment and a branch"
    data = "no data"
    pushes = True

    def run(self, world: World) -> None:
        world.run("push", "origin", "--delete", world.seed.a, "side")
        world.run("push", "origin", "--delete", "none", check=False)

    def check(self, world: World) -> None:
        assert world.seed.a not in world.refs()


class PushRefused(Operation):
    title = "push that Git refuses: not a fast-forward, `--force`, `--force-with-lease`"
    data = "data only of what Git lets go"
    pushes = True

    def run(self, world: World) -> None:
        world.run("push", "origin", "side:main", NEW, check=False)
        world.run("push", "--force-with-lease=main:side", "origin", "side:main", check=False)
        world.run("push", "--force-with-lease=main:main", "origin", "side:main")
        world.run("push", "--force", "origin", "ahead:main")

    def check(self, world: World) -> None:
        assert world.stored() >= world.seed.objects["new"]


class PushAtomic(Operation):
    title = "push `--atomic` with a ref that Git refuses"
    data = "no data unless all may go"
    pushes = True

    def run(self, world: World) -> None:
        world.run("push", "--atomic", "origin", "side:main", NEW, check=False)

    def check(self, world: World) -> None:
        assert not world.stored() & world.seed.objects["new"]
        world.run("push", "--atomic", "origin", "ahead", NEW)
        assert world.stored() >= world.seed.objects["new"]


class PushDry(Operation):
    title = "push `--dry-run`"
    data = "no data"
    pushes = True

    def run(self, world: World) -> None:
        world.run("push", "--dry-run", "origin", "ahead", NEW)

    def check(self, world: World) -> None:
        assert not world.stored() & world.seed.objects["new"]


class PushOptions(Operation):
    title = "push with push options"
    data = "data first"
    pushes = True

    def run(self, world: World) -> None:
        options = world.folder / "options"
        hook = f'#!/bin/sh\necho "$GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0" >>{options}\n'
        write_program(world.host / "hooks" / "post-receive", hook)
        world.run("push", "-o", "ci.skip", "origin", "ahead", NEW)
        world.log.append(("options", Done(0, options.read_text(), "")))

    def check(self, world: World) -> None:
        assert world.stored() >= world.seed.objects["new"]


class PushHooks(Operation):
    title = "push that the server's hooks comment on and refuse in part"
    data = "data first"
    pushes = True

    def run(self, world: World) -> None:
        write_program(world.host / "hooks" / "pre-receive", "#!/bin/sh\necho 'Welcome to the host'\n")
        write_program(
            world.host / "hooks" / "update", '#!/bin/sh\ncase $1 in *quiet) echo "not $1" >&2; exit 1; esac\n'
        )
        world.run("push", "origin", "ahead", "ahead:quiet", NEW, check=False)

    def check(self, world: World) -> None:
        assert world.stored() >= world.seed.objects["new"]


class PushMirror(Operation):
    title = "push `--mirror`"
    data = "data first"
    pushes = True

    def run(self, world: World) -> None:
        world.run("push", "--mirror", "origin")

    def check(self, world: World) -> None:
        assert world.stored() >= world.seed.objects["new"]


class NoRepository(Operation):
    title = "a repository that is not there"
    data = "no data"

    def run(self, world: World) -> None:
        world.host.rename(world.folder / "gone.git")
        world.run("fetch", "origin", EVERY_EXPERIMENT, check=False)
        world.run("ls-remote", "origin", check=False)
        (world.folder / "gone.git").rename(world.host)

    def check(self, world: World) -> None:
        no_data(world, "host.git")


OPERATIONS = [kind() for kind in Operation.__subclasses__()]
CASES = [(op, transport) for op in OPERATIONS for transport in TRANSPORTS if not not_here(op, transport)]
