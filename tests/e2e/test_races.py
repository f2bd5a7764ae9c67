"""Two commands meet at the worst moment, made so by hooks, wrappers and pipes: whoever loses hears it, data is never
lost, and the next command goes on."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from pathlib import Path

import pytest

from dvcexp.follow import follow
from dvcexp.git.repository import Repository
from dvcexp.progress import Progress
from tests.conftest import ROOT
from tests.support.handmade import Handmade, assert_whole, object_path, oids
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import Done, git, sh, write_program
from tests.support.side_by_side import Command, finish, start, started, typed
from tests.support.team import EXPS

# Once, as if the rival typed it elsewhere: nothing of the Git command that is going on is in its environment.
_RIVAL = """#!/bin/sh
mkdir "{once}" 2>/dev/null || exit 0
unset $(git rev-parse --local-env-vars) GIT_QUARANTINE_PATH GIT_EXEC_PATH DVCEXP_SKIP
cd "{cwd}" && {{ {commands}; }} >"{once}/said" 2>&1
echo $? >"{once}/code"
"""
_FETCH = ("git", "fetch", "origin", EXPS)


class Rival:
    """Commands that are run once, at the moment that the test chooses."""

    def __init__(self, base: Path, cwd: Path, commands: str) -> None:
        self._once = base / "rival-was-here"
        self.script = base / "rival"
        write_program(self.script, _RIVAL.format(once=self._once, cwd=cwd, commands=commands))

    def came_first(self) -> bool:
        return (self._once / "code").read_text() == "0\n"

    def when_the_host_receives(self, host: Path) -> None:
        """The pack has come, no ref is written."""
        write_program(host / "hooks" / "pre-receive", f"#!/bin/sh\nexec '{self.script}'\n")

    def when_it_is_fetched(self, commit: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`commit` is here with its data, no ref is written."""
        helper = ROOT / "helpers" / "git-remote-dvcexp"
        rival = f"! git cat-file -e {commit} || '{self.script}' </dev/null >&2"
        write_program(folder / "git-remote-dvcexp", f"#!/bin/sh\n'{helper}' \"$@\"; code=$?\n{rival}\nexit $code\n")
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def team(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=True)


def another(team: Sharing, name: str) -> Path:
    """A colleague whose experiment `a` is another than alice's, on the same baseline."""
    clone = team.clone(name)
    Handmade.of(clone).experiment("a", {"model.bin": f"model of {name}".encode(), "out": {"x": b"same"}})
    return clone


@pytest.mark.parametrize("line", ["git push origin refs/exps/*", "git exp push origin -A", "with the hook"])
def test_of_two_pushes_of_one_name_the_second_is_rejected_and_harms_nothing(team: Sharing, line: str) -> None:
    bob = another(team, "bob")
    rival = Rival(team.base, bob, "git push origin 'refs/exps/*'")
    rival.when_the_host_receives(team.host)
    if line == "with the hook":
        git("config", "--unset", "remote.origin.vcs", cwd=team.alice)
        (team.alice / ".git" / "hooks" / "pre-push").symlink_to(ROOT / "hooks" / "pre-push")
        line = "git push origin refs/exps/*"
    done = sh(*line.split(), cwd=team.alice, check=False)
    assert (done.code, rival.came_first()) == (1, True), done.stderr
    assert f"! [remote rejected] {team.a}" in done.stderr.replace(experiments(team.alice)[team.a], team.a)
    assert "Traceback" not in done.stderr
    assert experiments(team.host) == {**experiments(team.alice), team.a: experiments(bob)[team.a]}
    assert oids(team.storage) | {md5(b"untrained")} >= cached(bob) | cached(team.alice)
    assert_whole(team.storage)
    again = exp("push", "origin", "-A", cwd=team.alice, check=False)
    warning = "warning: experiment 'a' has diverged from the one of that name on Git remote 'origin'\n"
    assert (again.code, warning in again.stderr) == (1, True)
    if line.startswith("git exp"):
        assert done.stdout == "Pushed experiment 'b' to Git remote 'origin'.\n"
        assert warning in done.stderr
    exp("rename", "a", "mine", cwd=team.alice)
    exp("push", "origin", "mine", cwd=team.alice)
    git("fetch", "-q", "origin", "+refs/exps/*:refs/exps/*", cwd=bob)
    assert len(experiments(bob)) == 3
    assert cached(bob) == oids(team.storage)


def go_on(team: Sharing) -> str:
    """alice's experiment `a` gets another commit; its id."""
    tip = git("commit-tree", "-p", team.a, "-m", "on top", f"{team.a}^{{tree}}", cwd=team.alice)
    git("update-ref", team.a, tip, cwd=team.alice)
    return tip


def test_an_experiment_removed_while_it_is_pushed_further_is_there_after_the_next_push(team: Sharing) -> None:
    git("push", "-q", "origin", team.a, cwd=team.alice)
    bob = team.clone("bob")
    tip = go_on(team)
    rival = Rival(team.base, bob, "git exp remove -g origin a")
    rival.when_the_host_receives(team.host)
    done = sh("git", "push", "origin", team.a, cwd=team.alice, check=False)
    assert (done.code, rival.came_first(), experiments(team.host)) == (1, True, {})
    assert "! [remote rejected]" in done.stderr
    git("push", "-q", "origin", team.a, cwd=team.alice)
    assert experiments(team.host) == {team.a: tip}
    git("fetch", "-q", "origin", EXPS, cwd=bob)
    assert sh("git", "exp", "fsck", cwd=bob).code == 0


def test_what_was_pushed_further_meanwhile_is_not_removed(team: Sharing) -> None:
    git("push", "-q", "origin", team.a, cwd=team.alice)
    go_on(team)
    bob = team.clone("bob")
    rival = Rival(team.base, team.alice, "git push origin 'refs/exps/*'")
    rival.when_the_host_receives(team.host)
    done = exp("remove", "-g", "origin", "a", cwd=bob, check=False)
    assert (done.code, rival.came_first()) == (1, True)
    assert "! [remote rejected]" in done.stderr
    assert experiments(team.host) == experiments(team.alice)


@pytest.mark.parametrize("line", ["git fetch origin " + EXPS, "git exp pull origin -A"])
def test_of_two_fetches_in_two_worktrees_one_writes_the_refs_and_both_have_the_data(
    team: Sharing, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("push", "-q", "origin", team.a, cwd=team.alice)
    bob = team.clone("bob")
    git("fetch", "-q", "origin", EXPS, cwd=bob)
    git("worktree", "add", "-q", "--detach", "../bob-2", cwd=bob)
    other = team.base / "bob-2"
    (other / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {bob}/.dvc/cache\n")
    tip = go_on(team)
    git("push", "-q", "origin", "refs/exps/*", cwd=team.alice)
    rival = Rival(tmp_path, other, " ".join(f"'{word}'" for word in line.split()))
    rival.when_it_is_fetched(tip, tmp_path / "bin", monkeypatch)
    done = sh(*line.split(), cwd=bob, check=False)
    assert rival.came_first()
    assert "cannot lock ref" in done.stderr
    assert done.code == (0 if line.startswith("git exp") else 1)  # for all that was wanted is here, with its data
    assert experiments(bob) == experiments(team.alice)
    assert_whole(bob / ".dvc" / "cache")
    assert sh("git", "exp", "fsck", cwd=bob).code == 0
    assert sh(*line.split(), cwd=bob).code == 0


def test_what_dvc_gc_removes_between_download_and_ref_is_mended_by_fsck(
    team: Sharing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("push", "-q", "origin", "refs/exps/*", cwd=team.alice)
    bob = team.clone("bob")
    rival = Rival(tmp_path, bob, "dvc gc -q -w -f")
    rival.when_it_is_fetched(experiments(team.alice)[team.a], tmp_path / "bin", monkeypatch)
    assert sh(*_FETCH, cwd=bob).code == 0
    assert (rival.came_first(), cached(bob)) == (True, set())
    told = exp("fsck", cwd=bob).stdout
    assert f"missing {md5(b'model a')}: 'model.bin' of 'a', fetched\n" in told
    assert cached(bob) == oids(team.storage)


def fetch_with(team: Sharing, bob: Path, oid: str, commands: str) -> Done:
    """Bob's fetch: at the object `oid` it waits until `commands` are done, then it goes on."""
    stored, away = object_path(team.storage, oid), team.base / "away"
    stored.rename(away)
    os.mkfifo(stored)
    meanwhile = Command(["sh", "-c", f"exec 3>'{stored}'; {commands}; cat '{away}' >&3"], bob)
    with started(meanwhile, team.base / "meanwhile"):
        ((_, done),) = finish([start(Command(_FETCH, bob), team.base / "fetch")])
    away.rename(stored)
    assert "Traceback" not in done.stderr
    return done


def then_it_completes(team: Sharing, bob: Path) -> None:
    git("fetch", "-q", "origin", EXPS, cwd=bob)
    assert experiments(bob) == experiments(team.host)
    assert exp("fsck", cwd=bob).code == 0
    assert_whole(bob / ".dvc" / "cache")


def test_dvc_gc_in_the_middle_of_a_download_stops_the_fetch(team: Sharing) -> None:
    """It takes away what has come so far, which is still under temporary names."""
    git("push", "-q", "origin", "refs/exps/*", cwd=team.alice)
    bob = team.clone("bob")
    last = max(oid for oid in oids(team.storage) if not oid.endswith(".dir"))
    done = fetch_with(team, bob, last, "dvc gc -q -w -f")
    assert (done.code != 0, experiments(bob)) == (True, {})
    assert "removed from the cache while data was fetched\n" in done.stderr
    assert "hint: does dvc gc run here? When it has ended, run the same command again" in done.stderr
    then_it_completes(team, bob)


def test_so_does_the_loss_of_what_was_here_before(team: Sharing) -> None:
    git("push", "-q", "origin", team.a, cwd=team.alice)
    bob = team.clone("bob")
    git("fetch", "-q", "origin", EXPS, cwd=bob)
    git("push", "-q", "origin", team.b, cwd=team.alice)
    same = md5(b"same")
    done = fetch_with(team, bob, md5(b"model b"), f"rm '{object_path(bob / '.dvc' / 'cache', same)}'")
    assert (done.code != 0, list(experiments(bob))) == (True, [team.a])
    assert "'out/x': it was removed from the cache while data was fetched\n" in done.stderr
    then_it_completes(team, bob)


def test_two_fetches_may_make_the_same_experiments_for_a_follower(
    team: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refs are looked at, and made a moment later: in between another fetch has made one of them."""
    git("push", "-q", "origin", "refs/exps/*", cwd=team.alice)
    bob = team.clone("bob")
    sh("git", "exp", "install", "--follow", cwd=bob)
    tips = experiments(team.host)
    git("fetch", "-q", team.host, "refs/exps/*:refs/hidden/*", cwd=bob, env={"DVCEXP_SKIP": "1"})
    repository = Repository.discover(str(bob))
    looked = repository.refs

    def look(*prefixes: str) -> dict[str, str]:
        found = looked(*prefixes)
        git("update-ref", team.a, tips[team.a], cwd=bob)
        return found

    monkeypatch.setattr(repository, "refs", look)
    follow(repository, tips, "origin", Progress(show=False, quiet=True))
    assert experiments(bob) == tips
    repository.objects.close()


def test_dvcs_lock_and_running_stages_do_not_hold_up_what_git_does(team: Sharing) -> None:
    """A hook may run inside of a dvc command, which would wait for itself: neither push nor fetch takes DVC's locks."""
    bob = team.clone("bob")
    notes = json.dumps({"write": {"x": {"pid": os.getpid(), "cmd": "dvc exp run"}}, "read": {}})
    with contextlib.ExitStack() as held:
        for project in (team.alice, bob):
            folder = project / ".dvc" / "tmp"
            folder.mkdir()
            (folder / "rwlock").write_text(notes)
            fcntl.flock(held.enter_context((folder / "lock").open("a")), fcntl.LOCK_EX)
        git("push", "-q", "origin", team.a, cwd=team.alice)
        exp("push", "-q", "origin", "b", cwd=team.alice)
        git("fetch", "-q", "origin", f"{team.a}:{team.a}", cwd=bob)
        exp("pull", "-q", "origin", "-A", cwd=bob)
        exp("fetch", cwd=bob)
        exp("fsck", cwd=bob)
        assert len(experiments(bob)) == 2


@pytest.fixture
def partial(team: Sharing) -> Path:
    """A clone in protocol v0 whose commits are here, and their files are not."""
    for key in ("allowFilter", "allowAnySHA1InWant"):
        git("config", f"uploadpack.{key}", "true", cwd=team.host)
    git("push", "-q", "origin", "refs/exps/*", cwd=team.alice)
    bob = team.base / "bob"
    git("clone", "-q", "-c", "protocol.version=0", "--filter=blob:none", f"file://{team.host}", bob, cwd=team.base)
    git("fetch", "-q", "origin", EXPS, cwd=bob)
    assert "?" in git("rev-list", "--objects", "--all", "--missing=print", cwd=bob)
    git("config", "remote.origin.vcs", "dvcexp", cwd=bob)
    return bob


def test_pruning_does_not_wait_for_the_fetch_that_git_does_for_it(team: Sharing, partial: Path) -> None:
    """In a partial clone Git fetches what pruning reads. In protocol v0 our helper saw a fetch of all experiments, and
    waited until nothing was pruned any more."""
    ((_, done),) = finish([start(typed(partial, "git exp prune --expire=now"), team.base / "prune")])
    assert (done.code, done.stderr) == (0, "Nothing to free.\n")
    assert cached(partial) == set()


def test_what_git_fetches_for_a_partial_clone_brings_no_data(partial: Path) -> None:
    """In protocol v0, where every listing has all refs, `git log -p` downloaded the data of all experiments."""
    for ref in experiments(partial):
        git("show", f"{ref}:dvc.lock", cwd=partial)
    assert cached(partial) == set()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()
