"""A push whose data is not on the DVC remote does not happen: what the user sees, what the server sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dvcexp.git.version import git_version
from tests.e2e.transports.conftest import MakeWorld
from tests.support.git_operations import NEW
from tests.support.git_worlds import EACH_KIND, TRANSPORTS
from tests.support.handmade import object_path
from tests.support.shell import git, sh, write_program

PUSHING = [transport.name for transport in TRANSPORTS if transport.pushes]


def receives(host: Path) -> list[str]:
    """The refs that the host's hook was asked about so far."""
    log = host / "asked"
    return log.read_text().splitlines() if log.exists() else []


def watch(host: Path) -> None:
    write_program(host / "hooks" / "update", '#!/bin/sh\necho "$1" >>asked\n')


@pytest.mark.parametrize("transport", PUSHING)
def test_nothing_is_pushed_and_both_git_and_we_say_why(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    watch(world.host)
    before = world.refs()
    world.break_storage()
    done = world.run("push", "origin", NEW, check=False)
    assert done.code == 1
    assert f" ! [remote rejected] {world.seed.new} -> {world.seed.new} (" in done.stderr
    assert "error: failed to push some refs to" in done.stderr
    assert "'storage'" in done.stderr  # which DVC remote
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "hung up" not in done.stderr  # a clean end for the server
    assert world.refs() == before
    assert receives(world.host) == []


@pytest.mark.parametrize("transport", PUSHING)
def test_the_other_refs_of_the_push_go(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    world.break_storage()
    done = world.run("push", "--porcelain", "origin", NEW, "ahead", ":side", check=False)
    assert done.code == 1
    assert f"!\t{world.seed.new}:{world.seed.new}\t[remote rejected] (" in done.stdout
    assert "*\trefs/heads/ahead:refs/heads/ahead\t[new branch]" in done.stdout
    assert "-\t:refs/heads/side\t[deleted]" in done.stdout
    assert world.seed.new not in world.refs()
    assert "refs/heads/ahead" in world.refs()
    assert "refs/heads/side" not in world.refs()


@pytest.mark.parametrize("transport", ["file", "ssh", "http", "ext helper"])
def test_a_deletion_beside_a_refused_experiment_goes(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    world.break_storage()
    done = world.run("push", "origin", NEW, ":side", check=False)
    assert done.code == 1
    assert "refs/heads/side" not in world.refs()
    assert world.seed.new not in world.refs()


@pytest.mark.parametrize("transport", ["file", "ssh", "http", "ext helper"])
def test_an_atomic_push_goes_as_a_whole_or_not_at_all(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    before = world.refs()
    world.break_storage()
    done = world.run("push", "--atomic", "origin", NEW, "ahead", check=False)
    assert done.code == 1
    assert "atomic" in done.stderr
    assert world.refs() == before


@pytest.mark.parametrize("transport", ["file", "ssh", "http", "ext helper"])
def test_the_same_push_goes_once_the_dvc_remote_works_again(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    world.break_storage()
    assert world.run("push", "origin", NEW, check=False).code == 1
    world.mend_storage()
    world.run("push", "origin", NEW)
    assert world.stored() >= world.seed.objects["new"]
    assert world.seed.new in world.refs()


def test_one_experiment_without_data_does_not_hold_up_another(make_world: MakeWorld) -> None:
    world = make_world()
    second = world.seed.new.removesuffix("new") + "second"
    git("update-ref", second, "main", cwd=world.project)
    for oid in world.seed.objects["new"]:
        object_path(world.project / ".dvc" / "cache", oid).unlink()
    done = world.run("push", "origin", NEW, f"{second}:{second}", check=False)
    assert done.code == 1
    assert world.seed.new not in world.refs()
    assert second in world.refs()


def test_deleting_an_experiment_needs_no_data(make_world: MakeWorld) -> None:
    world = make_world()
    world.break_storage()
    world.run("push", "origin", f":{world.seed.a}")
    assert world.seed.a not in world.refs()


@pytest.mark.parametrize("transport", ["file", "http", "ext helper"])
def test_quietly_only_the_errors_are_said(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    world.break_storage()
    done = world.run("push", "-q", "origin", NEW, check=False)
    assert done.code == 1
    assert all(line.startswith(("error: ", "hint: ", " ! ", "To ")) for line in done.stderr.splitlines()), done.stderr


@pytest.mark.parametrize("transport", EACH_KIND)
def test_skipping_moves_refs_only(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    world.break_storage()
    if world.transport.pushes:
        world.run("push", "origin", NEW, DVCEXP_SKIP="1")
        assert world.seed.new in world.refs()
    clone = world.clone()
    world.run("fetch", "origin", "refs/exps/*:refs/exps/*", cwd=clone, DVCEXP_SKIP="1")
    assert world.seed.a in world.refs(clone)
    assert world.cached(clone) == set()


@pytest.mark.parametrize("transport", PUSHING)
def test_dvcs_own_refs_are_not_shared(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    internal = ["refs/exps/exec/EXEC_HEAD", "refs/exps/stash", "refs/exps/celery/stash", "refs/exps/apply/ORIG_HEAD"]
    for ref in internal:
        git("update-ref", ref, "ahead", cwd=world.project)
    done = world.run("push", "origin", "refs/exps/*")
    assert world.seed.new in world.refs()
    assert not set(internal) & set(world.refs())
    assert "not shared" in done.stderr
    world.run("push", "--atomic", "origin", "refs/exps/*")
    assert not set(internal) & set(world.refs())


@pytest.mark.parametrize("transport", ["file", "http", "ext helper"])
def test_dvcs_own_refs_can_be_removed_from_a_host_that_has_them(transport: str, make_world: MakeWorld) -> None:
    world = make_world(transport)
    git("update-ref", "refs/exps/exec/EXEC_HEAD", "main", cwd=world.host)
    world.run("push", "origin", ":refs/exps/exec/EXEC_HEAD")
    assert "refs/exps/exec/EXEC_HEAD" not in world.refs()


@pytest.fixture
def signing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada signs with an SSH key."""
    if git_version() < (2, 34):
        pytest.skip("this Git signs with GnuPG alone")
    key = tmp_path / "signing"
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key, cwd=tmp_path)
    for name, value in (("gpg.format", "ssh"), ("user.signingkey", str(key))):
        git("config", "--global", name, value, cwd=Path(os.environ["HOME"]))


@pytest.mark.usefixtures("signing")
class TestSignedPush:
    @pytest.mark.parametrize("transport", ["file", "ssh", "http", "ext helper"])
    def test_it_arrives_signed_with_its_data(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        git("config", "receive.certNonceSeed", "seed", cwd=world.host)
        certificate = world.folder / "certificate"
        hook = f'#!/bin/sh\ngit cat-file blob "$GIT_PUSH_CERT" >{certificate}\n'
        write_program(world.host / "hooks" / "post-receive", hook)
        world.run("push", "--signed", "origin", "ahead", NEW)
        assert world.seed.new in certificate.read_text()
        assert world.stored() >= world.seed.objects["new"]

    @pytest.mark.parametrize("transport", ["file", "ssh", "ext helper"])
    def test_it_is_refused_as_a_whole(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        git("config", "receive.certNonceSeed", "seed", cwd=world.host)
        before = world.refs()
        world.break_storage()
        done = world.run("push", "--signed", "origin", "ahead", NEW, check=False)
        assert done.code == 1
        assert "the push is signed, and goes as a whole or not at all" in done.stderr
        assert world.refs() == before

    @pytest.mark.parametrize("transport", ["http"])
    def test_over_http_it_goes_without_what_is_refused(self, transport: str, make_world: MakeWorld) -> None:
        """There Git's own helper signs, after ours has left out what has no data."""
        world = make_world(transport)
        git("config", "receive.certNonceSeed", "seed", cwd=world.host)
        certificate = world.folder / "certificate"
        hook = f'#!/bin/sh\ngit cat-file blob "$GIT_PUSH_CERT" >{certificate}\n'
        write_program(world.host / "hooks" / "post-receive", hook)
        world.break_storage()
        done = world.run("push", "--signed", "origin", "ahead", NEW, check=False)
        assert done.code == 1
        assert "refs/heads/ahead" in certificate.read_text()
        assert world.seed.new not in certificate.read_text()
        assert world.seed.new not in world.refs()
