"""`dvcexp.follow`: experiments go along with the branch that they are based on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.transports.conftest import MakeWorld, hosts, make_world, seed, seeds
from tests.support.git_worlds import World
from tests.support.handmade import object_path, oids
from tests.support.patches import patch_all
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import Done, git, sh, write_program

__all__ = ["hosts", "make_world", "seed", "seeds"]  # fixtures

HOOK = Path(__file__).resolve().parent.parent.parent / "hooks" / "pre-push"


@pytest.fixture(params=["helper", "hook"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Sharing:
    """The branch is on the host; on a new commit, `c` and `d` are based, and `a` and `b` on the one before."""
    team = Sharing(tmp_path, helper=request.param == "helper")
    if request.param == "hook":
        shutil.copy(HOOK, team.alice / ".git" / "hooks" / "pre-push")
    git("config", "dvcexp.follow", "true", cwd=team.alice)
    team.project.commit({"model.bin": b"next"}, "next")
    team.project.experiment("c", {"model.bin": b"model c"})
    team.project.experiment("d", {"model.bin": b"model d"})
    return team


def push(team: Sharing, *args: str) -> Done:
    done = sh("git", "push", *args, cwd=team.alice, check=False)
    assert "Traceback" not in done.stderr
    return done


def there(team: Sharing) -> list[str]:
    return sorted(ref.rpartition("/")[2] for ref in experiments(team.host))


def in_step(team: Sharing) -> bool:
    """Is the host's branch the one here?"""
    return git("rev-parse", "main", cwd=team.host) == git("rev-parse", "main", cwd=team.alice)


def uses_helper(team: Sharing) -> bool:
    return not (team.alice / ".git" / "hooks" / "pre-push").exists()


class TestWhatGoesAlong:
    def test_those_based_on_what_the_push_publishes_with_their_data(self, team: Sharing) -> None:
        git("commit", "-q", "--allow-empty", "-m", "the tip", cwd=team.alice)
        team.project.experiment("e", {"model.bin": b"model e"})
        done = push(team, "origin", "main")
        assert done.code == 0, done.stderr
        assert "dvcexp: 3 experiments based on the pushed commits go along\n" in done.stderr
        assert (there(team), in_step(team)) == (["c", "d", "e"], True)
        bob = team.clone("bob")
        exp("pull", "-q", "origin", "-A", cwd=bob)
        assert exp("fsck", cwd=bob).code == 0

    def test_those_based_on_the_tip_of_a_new_branch(self, team: Sharing) -> None:
        done = push(team, "origin", "main~:refs/heads/topic")
        assert (done.code, there(team)) == (0, ["a", "b"]), done.stderr

    def test_nothing_without_the_setting_or_with_a_remote_that_has_it_off(self, team: Sharing) -> None:
        git("config", "dvcexp.origin.follow", "false", cwd=team.alice)
        assert (push(team, "origin", "main").code, there(team)) == (0, [])
        git("config", "--unset", "dvcexp.follow", cwd=team.alice)
        git("config", "--unset", "dvcexp.origin.follow", cwd=team.alice)
        assert (push(team, "origin", "main:other").code, there(team)) == (0, [])

    @pytest.mark.parametrize("option", ["--dry-run", "-n", "-fqn"])
    def test_nothing_in_a_dry_run(self, team: Sharing, option: str) -> None:
        done = push(team, option, "origin", "main")
        assert (done.code, there(team), in_step(team), oids(team.storage)) == (0, [], False, set()), done.stderr

    def test_nothing_with_skip(self, team: Sharing) -> None:
        done = sh("git", "push", "origin", "main", cwd=team.alice, env={"DVCEXP_SKIP": "1"})
        assert (done.code, there(team)) == (0, [])

    def test_nothing_of_a_tag_or_a_deletion(self, team: Sharing) -> None:
        git("tag", "v1", "main", cwd=team.alice)
        push(team, "origin", "v1", "main~:refs/heads/topic")
        git("push", "-q", "--no-verify", "origin", "--delete", *experiments(team.host), cwd=team.alice)
        assert (push(team, "origin", ":topic").code, there(team)) == (0, [])

    def test_an_experiment_that_is_pushed_with_the_branch_is_pushed_once(self, team: Sharing) -> None:
        done = push(team, "origin", "main", "refs/exps/*/c")
        assert (done.code, there(team)) == (0, ["c", "d"]), done.stderr
        assert "1 experiment based on the pushed commits goes along" in done.stderr

    def test_quietly_if_the_push_is(self, team: Sharing) -> None:
        done = push(team, "-q", "origin", "main")
        assert (done.code, there(team), done.stdout) == (0, ["c", "d"], "")
        if uses_helper(team):
            assert done.stderr == ""

    def test_the_branch_of_a_bare_push(self, team: Sharing) -> None:
        git("push", "-q", "--no-verify", "-u", "origin", "main~:refs/heads/main", cwd=team.alice)
        git("config", "push.default", "upstream", cwd=team.alice)
        git("branch", "-q", "--set-upstream-to=origin/main", cwd=team.alice)
        before = set(there(team))
        done = push(team)
        assert (done.code, set(there(team)) - before, in_step(team)) == (0, {"c", "d"}, True), done.stderr

    def test_from_a_linked_worktree(self, team: Sharing) -> None:
        linked = team.base / "linked"
        git("worktree", "add", "-q", "-b", "topic", linked, "main", cwd=team.alice)
        shutil.copytree(team.project.cache, linked / ".dvc" / "cache")
        done = sh("git", "push", "origin", "topic", cwd=linked, check=False)
        assert (done.code, there(team)) == (0, ["c", "d"]), done.stderr


class TestFailure:
    def test_does_not_hold_up_the_branch_and_is_told(self, team: Sharing) -> None:
        lost = next(
            oid for oid in cached(team.alice) if object_path(team.project.cache, oid).read_bytes() == b"model c"
        )
        object_path(team.project.cache, lost).unlink()
        done = push(team, "origin", "main")
        assert (there(team), in_step(team)) == (["d"], True)
        assert "'model.bin'" in done.stderr
        assert (
            "error: the branch is not held up by it, but not all experiments based on it could be pushed\n"
            "hint: once that is mended: git exp push origin <experiment>\n"
        ) in done.stderr
        assert done.code == (1 if uses_helper(team) else 0)
        if uses_helper(team):
            assert git("rev-parse", "origin/main", cwd=team.alice) == git("rev-parse", "main", cwd=team.alice)

    def test_of_the_branch_leaves_the_experiments_here(self, team: Sharing) -> None:
        write_program(team.host / "hooks" / "update", "#!/bin/sh\ncase $1 in refs/heads/*) exit 1 ;; esac\n")
        done = push(team, "origin", "main")
        assert (done.code, in_step(team)) == (1, False)
        assert there(team) == ([] if uses_helper(team) else ["c", "d"])  # a hook comes before the branch

    def test_a_diverged_experiment_is_named(self, team: Sharing) -> None:
        push(team, "origin", "main")
        ref = next(ref for ref in experiments(team.alice) if ref.endswith("/c"))
        tip = git("commit-tree", "-p", f"{ref}^", "-m", "again", f"{ref}^{{tree}}", cwd=team.alice)
        git("update-ref", ref, tip, cwd=team.alice)
        done = push(team, "origin", "main:refs/heads/topic")
        assert "experiment 'c' has diverged" in done.stderr
        assert git("rev-parse", "topic", cwd=team.host) == git("rev-parse", "main", cwd=team.alice)


def test_a_hook_that_cannot_see_the_command_follows_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = Sharing(tmp_path, helper=False)
    shutil.copy(HOOK, team.alice / ".git" / "hooks" / "pre-push")
    git("config", "dvcexp.follow", "true", cwd=team.alice)
    patch_all(tmp_path, monkeypatch, "from dvcexp.git import caller\ncaller.ancestor = lambda name: None\n")
    done = push(team, "origin", "main:topic")
    assert (done.code, there(team)) == (0, [])
    assert (
        "warning: whether this is a dry run cannot be told here, so no experiments follow the branch\n" in done.stderr
    )


@pytest.mark.parametrize("remove", ["ours", "Git's"])
def test_what_is_pushed_and_then_removed_does_not_come_back_by_following(tmp_path: Path, remove: str) -> None:
    team = Sharing(tmp_path, helper=True)
    git("config", "dvcexp.follow", "true", cwd=team.alice)
    exp("install", "--follow", cwd=team.alice)
    push(team, "origin", "main:topic")
    assert there(team) == ["a", "b"]
    if remove == "ours":
        exp("remove", "b", cwd=team.alice)
    else:
        git("update-ref", "-d", team.b, cwd=team.alice)
    git("fetch", "-q", "origin", cwd=team.alice)
    assert list(experiments(team.alice)) == [team.a]
    bob = team.clone("bob")
    exp("install", "--follow", cwd=bob)
    git("fetch", "-q", "origin", cwd=bob)
    assert len(experiments(bob)) == 2


@pytest.mark.parametrize("transport", ["ssh", "git", "http", "http with password", "file, v0", "ext helper"])
def test_over_every_kind_of_transport(transport: str, make_world: MakeWorld) -> None:
    world: World = make_world(transport)
    clone = world.clone("--no-local")
    git("config", "dvcexp.follow", "true", cwd=clone)
    refs = [world.seed.a, world.seed.b]
    world.run("fetch", "origin", *(f"{ref}:{ref}" for ref in refs), cwd=clone)
    for ref in refs:
        git("update-ref", "-d", ref, cwd=world.host)
    world.run("push", "origin", "HEAD:refs/heads/again", cwd=clone)
    assert {ref: world.refs().get(ref) for ref in refs} == {ref: world.refs(clone)[ref] for ref in refs}
