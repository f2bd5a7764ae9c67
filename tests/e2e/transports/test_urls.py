"""URLs in every form that Git knows: prefixes, rewriting, push URLs, submodules, bundles; and Git's own policy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dvcexp.git.version import git_version
from tests.e2e.transports.conftest import MakeWorld
from tests.support.git_operations import EXPERIMENTS, NEW, data_of
from tests.support.git_servers import PASSWORD, USER, GitHosts
from tests.support.git_worlds import EACH_KIND, EVERY_EXPERIMENT, TRANSPORTS, World
from tests.support.shell import git, sh, write_program

BOTH = ("a", "b")
EVERY_WAY_TO_WRITE_ONE = ["path", "file", "ssh", "scp-like, v0", "git", "http", "http, v0", "dumb http", "ext helper"]


def set_url(world: World, url: str, *, vcs: bool = False) -> None:
    """`origin` of the project gets another URL, and loses `vcs` unless told otherwise."""
    git("config", "remote.origin.url", url, cwd=world.project)
    if not vcs:
        git("config", "--unset", "remote.origin.vcs", cwd=world.project)


class TestPrefix:
    @pytest.mark.parametrize("transport", EVERY_WAY_TO_WRITE_ONE)
    def test_a_url_with_our_prefix_clones_with_data(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        sh(
            "git",
            *world.options,
            "clone",
            *EXPERIMENTS,
            f"dvcexp::{world.url.removeprefix('dvcexp::')}",
            "clone",
            cwd=world.folder,
            env=world.env,
        )
        data_of(world, *BOTH)

    def test_it_serves_a_remote_that_has_no_name(self, make_world: MakeWorld) -> None:
        world = make_world()
        clone = world.clone()
        git("remote", "remove", "origin", cwd=clone)
        world.run("fetch", f"dvcexp::{world.url}", EVERY_EXPERIMENT, cwd=clone)
        data_of(world, *BOTH)
        world.run("push", f"dvcexp::{world.url}", NEW)
        assert world.stored() >= world.seed.objects["new"]

    def test_with_vcs_as_well_it_is_the_same(self, make_world: MakeWorld) -> None:
        world = make_world()
        set_url(world, f"dvcexp::{world.url}", vcs=True)
        world.run("push", "origin", NEW)
        assert world.stored() >= world.seed.objects["new"]

    def test_what_is_behind_the_prefix_is_rewritten_as_if_it_stood_alone(self, make_world: MakeWorld) -> None:
        world = make_world()
        set_url(world, "dvcexp::work:host.git")
        git("config", f"url.{world.url.removesuffix('host.git')}.insteadOf", "work:", cwd=world.project)
        world.run("push", "origin", NEW)
        assert world.stored() >= world.seed.objects["new"]

    def test_a_rule_may_bring_the_prefix(self, make_world: MakeWorld) -> None:
        world = make_world()
        set_url(world, world.url)
        git("config", f"url.dvcexp::{world.url}.insteadOf", world.url, cwd=world.project)
        world.run("push", "origin", NEW)
        assert world.stored() >= world.seed.objects["new"]

    def test_outside_of_a_repository_it_lists(self, make_world: MakeWorld, tmp_path: Path) -> None:
        world = make_world()
        for version in ("0", "2"):
            listed = git("-c", f"protocol.version={version}", "ls-remote", f"dvcexp::{world.url}", cwd=tmp_path)
            assert world.seed.a in listed


class TestConfiguredUrls:
    def test_rewriting_is_gits(self, make_world: MakeWorld) -> None:
        world = make_world()
        set_url(world, "work:host.git", vcs=True)
        git("config", f"url.{world.url.removesuffix('host.git')}.insteadOf", "work:", cwd=world.project)
        world.run("push", "origin", NEW)
        assert world.stored() >= world.seed.objects["new"]

    def test_push_goes_to_the_push_url(self, make_world: MakeWorld) -> None:
        world = make_world()
        git("config", "remote.origin.pushurl", world.url, cwd=world.project)
        git("config", "remote.origin.url", "/nowhere", cwd=world.project)
        world.run("push", "origin", NEW)
        assert world.seed.new in world.refs()
        assert world.stored() >= world.seed.objects["new"]

    def test_push_instead_of_is_gits(self, make_world: MakeWorld) -> None:
        world = make_world()
        git("config", "remote.origin.url", "/nowhere/host.git", cwd=world.project)
        git("config", f"url.{world.folder}/.pushInsteadOf", "/nowhere/", cwd=world.project)
        world.run("push", "origin", NEW)
        assert world.stored() >= world.seed.objects["new"]

    def test_several_push_urls_all_get_it(self, make_world: MakeWorld) -> None:
        world = make_world()
        second = world.folder / "second.git"
        shutil.copytree(world.host, second)
        for url in (world.url, second):
            git("config", "--add", "remote.origin.pushurl", url, cwd=world.project)
        world.run("push", "origin", NEW)
        assert world.seed.new in world.refs()
        assert world.seed.new in world.refs(second)

    def test_a_relative_path_means_the_same_from_a_folder_below(self, make_world: MakeWorld) -> None:
        world = make_world()
        set_url(world, "../host.git", vcs=True)
        below = world.project / "sub" / "folder"
        below.mkdir(parents=True)
        world.run("push", "origin", NEW, cwd=below)
        assert world.stored() >= world.seed.objects["new"]

    @pytest.mark.parametrize("transport", ["file", "ssh"])
    def test_the_services_of_the_other_side_can_be_named(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        for service in ("upload-pack", "receive-pack"):
            write_program(
                world.folder / service, f'#!/bin/sh\ntouch "{world.folder}/used-{service}"\nexec git {service} "$@"\n'
            )
        clone = world.clone("--no-local", "--upload-pack", str(world.folder / "upload-pack"), *EXPERIMENTS)
        git("config", "remote.origin.receivepack", world.folder / "receive-pack", cwd=world.project)
        world.run("push", "origin", NEW)
        assert (world.folder / "used-upload-pack").exists()
        assert (world.folder / "used-receive-pack").exists()
        assert world.cached(clone) == world.seed.objects["a"] | world.seed.objects["b"]

    @pytest.mark.parametrize("family", ["-4", "-6"])
    @pytest.mark.parametrize("transport", ["file", "ssh", "git", "http", "ext helper"])
    def test_a_family_is_asked_for_as_git_asks(
        self, transport: str, family: str, make_world: MakeWorld, hosts: GitHosts
    ) -> None:
        stories = []
        for helper in (False, True):
            world = make_world(transport, helper=helper)
            world.run("fetch", family, "origin", check=False, GIT_SSH_COMMAND=hosts.fresh_ssh_command)
            stories.append(world.story())
        told = [(code, said.replace("fatal: ", "error: ")) for ((_, code, _, said),) in stories]
        assert told[0] == told[1]

    @pytest.mark.parametrize("transport", ["git"])
    def test_a_proxy_for_the_git_protocol_is_used(self, transport: str, make_world: MakeWorld, hosts: GitHosts) -> None:
        world = make_world(transport)
        script = 'import socket, sys, os, threading; s = socket.create_connection(("127.0.0.1", %d)); '
        script += "threading.Thread(target=lambda: [s.sendall(d) for d in iter(lambda: os.read(0, 65536), b'')], "
        script += "daemon=True).start(); [os.write(1, d) for d in iter(lambda: s.recv(65536), b'')]"
        proxy = write_program(
            world.folder / "proxy",
            f"#!/bin/sh\necho $1 $2 >>'{world.folder}/proxied'\nexec python3 -c \"$(cat '{world.folder}/tunnel')\"\n",
        )
        (world.folder / "tunnel").write_text(script % hosts.daemon)
        git("config", "remote.origin.url", "git://elsewhere.example/" + world.url.split("/", 3)[3], cwd=world.project)
        git("config", "core.gitProxy", f"{proxy} for example", cwd=world.project)
        world.run("fetch", "origin")
        assert "elsewhere.example 9418" in (world.folder / "proxied").read_text()


class TestPolicy:
    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("dvcexp::ext::sh -c 'touch {mark}'", "transport 'ext' not allowed"),
            ("dvcexp::dvcexp::ext::sh -c 'touch {mark}'", "transport 'ext' not allowed"),
            ("dvcexp::ssh://-oProxyCommand=touch%20{mark}/x", "strange hostname"),
            ("dvcexp::-oProxyCommand=touch {mark}:x", "blocked"),
            ("dvcexp::--upload-pack=touch {mark}", "blocked"),
            ("dvcexp://ext::sh -c 'touch {mark}'", "names no transport"),
        ],
    )
    def test_no_url_runs_a_command_by_accident(self, url: str, said: str, tmp_path: Path) -> None:
        done = sh("git", "ls-remote", url.format(mark=tmp_path / "mark"), cwd=tmp_path, check=False)
        assert done.code == 128
        assert said in done.stderr
        assert not (tmp_path / "mark").exists()

    @pytest.mark.parametrize("transport", [transport.name for transport in TRANSPORTS])
    def test_what_the_user_forbids_is_refused(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        protocol = {"path": "file", "scp-like": "ssh", "dumb http": "http"}.get(
            transport.removesuffix(", v0"), transport.split(",")[0].split(" ")[0]
        )
        for command in (["fetch", "origin"], ["push", "origin", NEW]):
            done = world.run("-c", f"protocol.{protocol}.allow=never", *command, check=False)
            assert done.code == 128
            assert f"transport '{protocol}' not allowed" in done.stderr

    def test_a_submodule_may_not_use_more_than_git_lets_it(self, make_world: MakeWorld) -> None:
        world = make_world()
        outer = world.folder / "outer"
        git("init", "-q", outer, cwd=world.folder)
        add = ["submodule", "add", "-q", f"dvcexp::{world.url}", "inner"]
        refused = sh("git", *add, cwd=outer, check=False)
        assert "transport 'dvcexp' not allowed" in refused.stderr
        refused = sh("git", "-c", "protocol.dvcexp.allow=always", *add, cwd=outer, check=False)
        assert "transport 'file' not allowed" in refused.stderr
        allow = ["-c", "protocol.dvcexp.allow=always", "-c", "protocol.file.allow=always"]
        git(*allow, *add, cwd=outer)
        world.run(*allow, "fetch", "origin", EVERY_EXPERIMENT, cwd=outer / "inner")
        assert world.seed.a in world.refs(outer / "inner")

    def test_what_the_other_side_runs_is_not_bound_to_our_repository(self, make_world: MakeWorld) -> None:
        """`git -c` reaches the helper by its environment; uploadpack.packObjectsHook from there would run a command."""
        world = make_world()
        hook = write_program(world.folder / "hook", f"#!/bin/sh\ntouch '{world.folder}/ran'\nexec \"$@\"\n")
        world.run("-c", f"uploadpack.packObjectsHook={hook}", "fetch", "origin", EVERY_EXPERIMENT, cwd=world.clone())
        assert not (world.folder / "ran").exists()


class TestOtherRepositories:
    @pytest.mark.parametrize("transport", ["path"])
    def test_a_bundle_brings_experiments_with_their_data(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        bundle = world.folder / "it.bundle"
        git("bundle", "create", "-q", bundle, "--all", cwd=world.host)
        clone = world.folder / "clone"
        git("clone", "-q", "-c", "remote.origin.vcs=dvcexp", bundle, clone, cwd=world.folder)
        assert "main" in git("branch", "-r", cwd=clone)
        git("fetch", "-q", "origin", EVERY_EXPERIMENT, cwd=clone)
        data_of(world, *BOTH)
        assert world.seed.a in git("ls-remote", "origin", cwd=clone)

    @pytest.mark.parametrize("transport", ["path"])
    def test_a_bundle_cannot_be_pushed_to(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        bundle = world.folder / "it.bundle"
        git("bundle", "create", "-q", bundle, "--all", cwd=world.host)
        set_url(world, str(bundle), vcs=True)
        done = world.run("push", "origin", NEW, check=False)
        assert done.code != 0
        assert f"error: '{bundle}' is a bundle file, which can only be fetched from\n" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("transport", ["file", "file, v0", "ssh", "http", "http, v0", "dumb http", "ext helper"])
    def test_a_sha256_repository_is_carried_too(self, transport: str, make_world: MakeWorld) -> None:
        if transport in ("http, v0", "dumb http") and git_version() < (2, 39):
            pytest.skip("this Git reads no listing of such ids from web servers without v2")
        world = make_world(transport)
        shutil.rmtree(world.host)
        git("init", "-q", "--bare", "--object-format=sha256", world.host, cwd=world.folder)
        git("config", "http.receivepack", "true", cwd=world.host)
        project = world.folder / "sha256"
        git("init", "-q", "--object-format=sha256", project, cwd=world.folder)
        shutil.copytree(world.project / ".dvc", project / ".dvc")
        for name in ("dvc.yaml", "dvc.lock"):
            shutil.copy(world.project / name, project / name)
        git("add", "-A", cwd=project)
        git("commit", "-q", "-m", "Base", cwd=project)
        base = git("rev-parse", "HEAD", cwd=project)
        lock = git("show", f"{world.seed.new}:dvc.lock", cwd=world.project)
        (project / "dvc.lock").write_text(lock)
        git("commit", "-q", "-am", "Experiment", cwd=project)
        ref = f"refs/exps/{base[:2]}/{base[2:]}/wide"
        git("update-ref", ref, "HEAD", cwd=project)
        git("reset", "-q", "--hard", base, cwd=project)
        git("remote", "add", "origin", world.url, cwd=project)
        git("config", "remote.origin.vcs", "dvcexp", cwd=project)
        if not world.transport.pushes:
            git("config", "remote.origin.pushurl", world.host, cwd=project)
        world.run("push", "-q", "origin", "main", "refs/exps/*", cwd=project)
        world.serve_files()
        assert world.stored() >= world.seed.objects["new"]
        clone = world.clone(*EXPERIMENTS)
        assert ref in world.refs(clone)
        assert world.cached(clone) == world.seed.objects["new"]

    @pytest.mark.parametrize("transport", ["path"])
    def test_a_clone_that_borrows_objects_is_served(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        clone = world.clone("--shared")
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
        data_of(world, *BOTH)

    @pytest.mark.parametrize("transport", EACH_KIND)
    def test_a_bare_repository_gets_the_refs_and_keeps_no_data(self, transport: str, make_world: MakeWorld) -> None:
        world = make_world(transport)
        bare = world.clone("--bare", to="bare.git")
        git("config", "remote.origin.vcs", "dvcexp", cwd=bare)
        world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=bare)
        assert world.seed.a in world.refs(bare)
        assert not (bare / ".dvc").exists()

    def test_git_dir_and_work_tree_may_lie_apart(self, make_world: MakeWorld) -> None:
        world = make_world()
        clone = world.clone()
        (clone / ".git").rename(world.folder / "apart.git")
        git("config", "core.worktree", clone, cwd=world.folder / "apart.git")
        world.run("--git-dir=apart.git", "fetch", "origin", EVERY_EXPERIMENT, cwd=world.folder)
        data_of(world, *BOTH)


class TestSecrets:
    @pytest.mark.parametrize("transport", ["http with password"])
    def test_a_password_in_the_url_reaches_neither_messages_nor_traces(
        self, transport: str, make_world: MakeWorld
    ) -> None:
        world = make_world(transport)
        set_url(world, world.url.replace(f"{USER}@", f"{USER}:{PASSWORD}@"), vcs=True)
        trace = world.folder / "trace"
        world.break_storage()
        done = world.run("push", "origin", NEW, check=False, DVCEXP_TRACE=str(trace))
        assert done.code == 1
        assert PASSWORD not in done.stderr + done.stdout
        told = trace.read_text()
        assert "git says: list for-push" in told
        assert PASSWORD not in told

    def test_a_trace_can_go_to_stderr(self, make_world: MakeWorld) -> None:
        done = make_world().run("fetch", "origin", DVCEXP_TRACE="1")
        assert "git says: connect git-upload-pack" in done.stderr
