"""Remotes that are somewhere else by now: followed where that is safe and loses nothing, else explained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.faults.conftest import MakeWorld
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.fault_remotes import Far
from tests.support.fault_sweeps import FETCH, PUSH, Command
from tests.support.git_servers import GitHosts
from tests.support.handmade import oids
from tests.support.http_gate import Gate, http_gate
from tests.support.http_recorder import Answer, Asked
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import git, sh

HTTP = pytest.mark.parametrize("places", ["http"], indirect=True)
AUTH = {"auth": "basic", "user": "ada", "password": "hunter2-hunter2"}


def redirect(gate: Gate, status: int, host: str) -> None:
    """What is asked for by one name of this machine is at another, below `host`."""

    def answer(asked: Asked) -> Answer | None:
        return (
            None if asked.path.startswith("/place") else Answer(status, headers=(("Location", host + asked.path[6:]),))
        )

    gate.answer = answer


def lead_there(far: Far, project: Path, port: int) -> None:
    """The old name of the DVC remote: its path begins with `/moved`."""
    far.configure(project, port, AUTH)
    config = project / ".dvc" / "config.local"
    config.write_text(config.read_text().replace(f":{port}/", f":{port}/moved/"))


@HTTP
@pytest.mark.parametrize("status", [302, 308])
def test_a_fetch_follows_a_web_server_and_tells_another_host_no_password(
    status: int, places: Callable[[], Far], make_world: MakeWorld
) -> None:
    far = places()
    far.fill(make_world(shared=True).storage)
    world = make_world("path", far, shared=True)
    world.forget_directory()
    with http_gate(far.port) as old, http_gate(far.port) as new:
        redirect(old, status, f"http://localhost:{new.port}")
        lead_there(far, world.bob, old.port)
        done = FETCH.run(world)
        assert done.code == 0, done.stderr
        assert FETCH.gaps(world) == []
        assert {asked.headers.get("authorization", "")[:6] for asked in old.asked} == {"Basic "}
        assert all("authorization" not in asked.headers for asked in new.asked)
        assert new.done("GET")


@HTTP
@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_push_follows_where_the_upload_stays_one_and_explains_itself_elsewhere(
    status: int, places: Callable[[], Far], make_world: MakeWorld
) -> None:
    """302 makes a GET of a PUT, as 303 does, and its answer says nothing. 301 does so of a POST alone, 307 never."""
    far = places()
    world = make_world("path", far, shared=False)
    with http_gate(far.port) as gate:
        redirect(gate, status, f"http://127.0.0.1:{gate.port}")
        lead_there(far, world.project, gate.port)
        done = PUSH.run(world)
        if status == 302:
            assert done.code == 1
            assert f"PUT is redirected to http://127.0.0.1:{gate.port}/place" in done.stderr
            assert "hint: if that is the right place: dvc remote modify storage url <its url>" in done.stderr
            assert [*world.wrongs(temporary_files=False)] == []
            far.configure(world.project, gate.port)
            done = PUSH.run(world)
        assert done.code == 0, done.stderr
        assert PUSH.gaps(world) == []


@pytest.mark.parametrize("places", ["s3"], indirect=True)
def test_a_bucket_that_is_no_more_is_named(places: Callable[[], Far], make_world: MakeWorld) -> None:
    far = places()
    for command in (PUSH, FETCH):
        world = make_world("path", far, shared=command.takes)
        world.forget_directory()
        project = world.bob if command.takes else world.project
        config = project / ".dvc" / "config.local"
        config.write_text(config.read_text().replace("s3://bucket/", "s3://closed/"))
        done = command.run(world)
        assert done.code != 0
        assert "no such bucket" in done.stderr or "NoSuchBucket" in done.stderr
        assert "hint: make the bucket, or name the right one: dvc remote modify storage url s3://" in done.stderr
        reached = world.refs(world.bob if command.takes else world.host)
        assert not [ref for ref in reached if ref.startswith("refs/exps/")]


@pytest.mark.parametrize("command", [PUSH, FETCH], ids=lambda command: command.name)
def test_git_follows_its_host_as_it_always_does(command: Command, make_world: MakeWorld, hosts: GitHosts) -> None:
    world = make_world("http", shared=command.takes)
    repository = world.bob if command.takes else world.project
    service = "git-upload-pack" if command.takes else "git-receive-pack"
    there = f"{world.url}/info/refs?service={service}"
    head = f"HTTP/1.1 301 Moved Permanently\r\nLocation: {there}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with FaultProxy(hosts.smart) as old:
        old.always = Fault(reply=head.encode())
        url = world.url.replace(f":{hosts.smart}/", f":{old.port}/")
        git("config", "remote.origin.url", url, cwd=repository)
        git("config", "http.followRedirects", "false", cwd=repository)
        refused = command.run(world)
        assert refused.code == 128
        assert "unable to update url base from redirection" in refused.stderr or "301" in refused.stderr
        assert [*world.wrongs(temporary_files=False)] == []
        git("config", "--unset", "http.followRedirects", cwd=repository)
        done = command.run(world)
    assert done.code == 0, done.stderr
    assert command.gaps(world) == []


class TestANewUrlInTheProject:
    """`.dvc/config` names another folder than it did when the experiments were pushed."""

    def test_what_lies_at_the_old_place_is_found_there_and_goes_to_the_new_one(self, tmp_path: Path) -> None:
        sharing = self.moved(tmp_path)
        bob = sharing.clone("bob")
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
        assert cached(bob) == oids(sharing.storage)
        done = exp("push", "origin", "a", cwd=bob)
        new = tmp_path / "new"
        assert f"warning: the data goes to DVC remote 'storage' ({new})" in done.stderr
        assert f"names 'storage' ({sharing.storage}), where plain DVC looks for it" in done.stderr
        assert oids(new)

    def test_an_old_place_that_is_gone_is_named(self, tmp_path: Path) -> None:
        sharing = self.moved(tmp_path)
        sharing.storage.rename(tmp_path / "unmounted")
        (tmp_path / "new").mkdir()
        bob = sharing.clone("bob")
        done = sh("git", "fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
        assert "could not be had" in done.stderr
        assert f"hint: there is no folder '{sharing.storage}': if it is on a share, is that mounted?" in done.stderr
        assert str(tmp_path / "new") not in done.stderr
        assert not sharing.storage.exists()
        assert len(experiments(bob)) == 2

    def moved(self, base: Path) -> Sharing:
        """Both experiments are shared, then the url changes."""
        sharing = Sharing(base, helper=True)
        git("push", "-q", "origin", "refs/exps/*", cwd=sharing.alice)
        config = sharing.alice / ".dvc" / "config"
        config.write_text(config.read_text().replace(str(sharing.storage), str(base / "new")))
        git("commit", "-q", "-a", "-m", "Move the data", cwd=sharing.alice)
        git("push", "-q", "origin", "main", cwd=sharing.alice)
        return sharing
