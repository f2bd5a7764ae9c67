"""`git exp push` and `pull` where something is odd: names, remotes and data that DVC takes silently or amiss."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.handmade import object_path, oids
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import git, sh, write_program


@pytest.fixture(params=["helper", "native"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=request.param == "helper")


@pytest.fixture
def native(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=False)


def twin(team: Sharing) -> str:
    """Another experiment `a`, on the next commit; its ref."""
    team.project.commit({"model.bin": b"next"})
    return team.project.experiment("a", {"model.bin": b"model of the other a"})


def run_again(repository: Path, ref: str) -> None:
    """Another commit on the same baseline."""
    tip = git("commit-tree", "-p", f"{ref}^", "-m", "again", f"{ref}^{{tree}}", cwd=repository)
    git("update-ref", ref, tip, cwd=repository)


class TestNames:
    def test_of_one_name_the_one_based_on_head_is_meant(self, native: Sharing) -> None:
        other = twin(native)
        exp("push", "origin", "a", cwd=native.alice)
        assert list(experiments(native.host)) == [other]
        git("push", "-q", "origin", native.a, cwd=native.alice)
        bob = native.clone("bob")
        exp("pull", "--no-cache", "origin", "a", cwd=bob)
        assert list(experiments(bob)) == [native.a]

    def test_of_one_name_and_other_baselines_all_are_listed(self, native: Sharing) -> None:
        other = twin(native)
        native.project.commit({"model.bin": b"and again"})
        hints = "".join(f"hint: use {ref}\n" for ref in sorted([native.a, other]))
        done = exp("push", "origin", "b", "a", cwd=native.alice, check=False)
        assert (done.code, done.stderr) == (1, f"error: there are 2 experiments called 'a'\n{hints}")
        assert experiments(native.host) == {}
        exp("push", "-q", "origin", native.a, other, cwd=native.alice)
        git("push", "-q", "origin", "main", cwd=native.alice)
        bob = native.clone("bob")
        done = exp("pull", "origin", "a", cwd=bob, check=False)
        assert (done.code, done.stderr) == (1, f"error: there are 2 experiments called 'a'\n{hints}")
        assert experiments(bob) == {}

    @pytest.mark.parametrize(
        "word",
        [
            f"refs/exps/ab/{'0' * 38}/a",
            "refs/exps/foo",
            "refs/exps/exec/EXEC_HEAD",
            "refs/heads/main",
            "main",
            "HEAD",
            "a/b",
            "",
        ],
    )
    def test_what_is_no_experiment_is_unknown(self, native: Sharing, word: str) -> None:
        for ref in ("refs/exps/foo", "refs/exps/exec/EXEC_HEAD"):
            git("update-ref", ref, "HEAD", cwd=native.alice)
        done = exp("push", "origin", "a", word, cwd=native.alice, check=False)
        assert done.code == 1
        assert done.stderr.startswith(f"error: there is no experiment '{word}' here\n")
        assert experiments(native.host) == {}

    def test_named_twice_is_named_once(self, native: Sharing) -> None:
        done = exp("push", "origin", "a", "b", "a", native.a, cwd=native.alice)
        assert done.stdout == "Pushed experiments 'a' and 'b' to Git remote 'origin'.\n"

    def test_dvcs_own_refs_and_malformed_ones_do_not_count(self, native: Sharing) -> None:
        for ref in ("refs/exps/foo", "refs/exps/aa/bb/cc/dd", "refs/exps/exec/EXEC_HEAD", "refs/exps/stash"):
            git("update-ref", ref, "HEAD", cwd=native.alice)
            git("push", "-q", "origin", ref, cwd=native.alice)
        done = exp("push", "origin", "-A", cwd=native.alice)
        assert done.stdout == "Pushed experiments 'a' and 'b' to Git remote 'origin'.\n"
        bob = native.clone("bob")
        exp("pull", "origin", "-A", cwd=bob)
        assert list(experiments(bob)) == sorted([native.a, native.b])

    def test_an_unknown_commit_is_named(self, native: Sharing) -> None:
        for verb in ("push", "pull"):
            done = exp(verb, "origin", "--rev", "nope", cwd=native.alice, check=False)
            assert done.code != 0
            assert "'nope'" in done.stderr
        assert experiments(native.host) == {}

    def test_several_commits_and_all_their_ancestors(self, native: Sharing) -> None:
        other = twin(native)
        native.project.commit({"model.bin": b"and again"})
        exp("push", "origin", "--rev", "HEAD~1", "--rev", "HEAD~2", cwd=native.alice)
        assert set(experiments(native.host)) == {native.a, native.b, other}
        bob = native.clone("bob")
        git("fetch", "-q", native.alice, "main", cwd=bob)
        exp("pull", "origin", "--rev", "FETCH_HEAD", "-n", "-1", cwd=bob)
        assert set(experiments(bob)) == {native.a, native.b, other}

    def test_where_nothing_is_committed_there_is_nothing_to_choose(self, native: Sharing) -> None:
        exp("push", "-q", "origin", "-A", cwd=native.alice)
        empty = native.base / "empty"
        git("init", "-q", empty, cwd=native.base)
        git("remote", "add", "origin", native.host, cwd=empty)
        assert exp("push", "origin", cwd=empty).stdout == "No experiments to push.\n"
        assert exp("pull", "origin", cwd=empty).stdout == "No experiments to pull.\n"


class TestRemotes:
    def test_a_dvc_remote_that_is_not_configured_stops_all(self, team: Sharing) -> None:
        done = exp("push", "-r", "nope", "origin", "a", cwd=team.alice, check=False)
        assert done.code == 1
        assert "DVC remote 'nope' is not configured" in done.stderr
        assert "hint: configured are 'storage'" in done.stderr
        assert experiments(team.host) == {}
        assert oids(team.storage) == set()
        exp("push", "-q", "origin", "a", cwd=team.alice)
        bob = team.clone("bob")
        done = exp("pull", "-r", "nope", "origin", "a", cwd=bob, check=False)
        assert done.code == 1
        assert "DVC remote 'nope' is not configured" in done.stderr
        assert cached(bob) == set()

    def test_names_of_dvc_remotes_ignore_case(self, team: Sharing) -> None:
        exp("push", "-r", "STORAGE", "-j", "0", "origin", "a", cwd=team.alice)
        assert len(oids(team.storage)) == 4

    @pytest.mark.parametrize("form", ["{host}", "file://{host}", "../host.git"])
    def test_a_git_remote_may_be_a_url(self, team: Sharing, form: str) -> None:
        url = form.format(host=team.host)
        assert exp("push", url, "a", cwd=team.alice).stdout == f"Pushed experiment 'a' to Git remote '{url}'.\n"
        bob = team.clone("bob")
        assert exp("pull", url, "a", cwd=bob).stdout == f"Pulled experiment 'a' from Git remote '{url}'.\n"
        assert cached(bob) == oids(team.storage)

    def test_where_no_dvc_remote_is_configured_the_ref_does_not_go_alone(self, team: Sharing) -> None:
        (team.alice / ".dvc" / "config").write_text("")
        git("commit", "-qam", "no DVC remote", cwd=team.alice)
        team.project.experiment("c", {"model.bin": b"model c"})
        done = exp("push", "origin", "c", cwd=team.alice, check=False)
        assert done.code == 1
        assert "error: experiment 'c' not pushed: no DVC remote is configured, so the data has nowhere to go\n" in (
            done.stderr
        )
        assert "hint: dvc remote add -d <name> <url>\n" in done.stderr
        assert experiments(team.host) == {}

    def test_a_pull_without_any_dvc_remote_says_what_is_missing(self, team: Sharing) -> None:
        (team.alice / ".dvc" / "config").write_text("")
        git("commit", "-qam", "no DVC remote", cwd=team.alice)
        team.project.experiment("c", {"model.bin": b"model c"})
        git("push", "-q", "origin", "main", cwd=team.alice)
        exp("push", "--no-cache", "origin", "c", cwd=team.alice)
        bob = team.clone("bob")
        done = exp("pull", "origin", "c", cwd=bob, check=False)
        assert done.code == 1
        assert done.stdout == "Pulled experiment 'c' from Git remote 'origin'.\n"
        assert ": no DVC remote is configured\n" in done.stderr
        assert done.stderr.count("no DVC remote is configured") == 1

    def test_of_several_the_host_may_refuse_one(self, team: Sharing) -> None:
        write_program(team.host / "hooks" / "update", '#!/bin/sh\ncase "$1" in */a) exit 1;; esac\n')
        done = exp("push", "origin", "a", "b", cwd=team.alice, check=False)
        assert done.code == 1
        assert list(experiments(team.host)) == [team.b]
        assert "hook declined" in done.stderr


class TestDiverged:
    def test_where_all_have_diverged_nothing_moves(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "a", cwd=team.alice)
        before = experiments(team.host)
        run_again(team.alice, team.a)
        shutil.rmtree(team.storage)
        done = exp("push", "origin", "a", cwd=team.alice, check=False)
        assert (done.code, done.stdout) == (1, "No experiments to push.\n")
        assert experiments(team.host) == before
        assert not team.storage.exists()

    def test_a_dry_push_names_them_too(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "a", cwd=team.alice)
        run_again(team.alice, team.a)
        done = exp("push", "--dry-run", "origin", "a", "b", cwd=team.alice, check=False)
        assert done.stdout == "Would push experiment 'b' to Git remote 'origin'.\n"
        assert "warning: experiment 'a' has diverged" in done.stderr

    def test_a_pull_by_force_says_what_it_has_done(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "a", cwd=team.alice)
        bob = team.clone("bob")
        exp("pull", "-q", "origin", "a", cwd=bob)
        run_again(bob, team.a)
        done = exp("pull", "--force", "origin", "a", cwd=bob)
        assert done.stdout == "Pulled experiment 'a' from Git remote 'origin'.\n"
        assert experiments(bob) == experiments(team.host)


class TestData:
    def test_a_dry_push_tells_how_much_and_what_would_be_refused(self, team: Sharing) -> None:
        lost = next(
            oid for oid in cached(team.alice) if object_path(team.project.cache, oid).read_bytes() == b"model a"
        )
        object_path(team.project.cache, lost).unlink()
        done = exp("push", "--dry-run", "origin", "a", "b", cwd=team.alice)
        assert "dvcexp: would upload 6 objects\n" in done.stderr
        assert "warning: experiment 'a' would not be pushed: 1 object of its data missing\n" in done.stderr
        assert experiments(team.host) == {}
        assert oids(team.storage) == set()

    def test_all_missing_is_refused_like_some(self, team: Sharing) -> None:
        shutil.rmtree(team.project.cache)
        done = exp("push", "origin", "a", cwd=team.alice, check=False)
        assert done.code == 1
        assert "is neither in the cache nor on DVC remote 'storage'" in done.stderr
        assert experiments(team.host) == {}

    def test_what_the_dvc_remote_has_need_not_be_here(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "a", cwd=team.alice)
        git("update-ref", "-d", team.a, cwd=team.host)
        shutil.rmtree(team.project.cache)
        assert exp("push", "origin", "a", cwd=team.alice).stdout == "Pushed experiment 'a' to Git remote 'origin'.\n"

    def test_what_no_dvc_remote_has_is_named_and_holds_up_nobody(self, team: Sharing) -> None:
        exp("push", "--no-cache", "origin", "a", "b", cwd=team.alice)
        bob = team.clone("bob")
        done = exp("pull", "origin", "a", "b", cwd=bob, check=False)
        assert done.code == 1
        assert done.stdout == "Pulled experiments 'a' and 'b' from Git remote 'origin'.\n"
        assert "not on DVC remote 'storage'" in done.stderr
        assert done.stderr.count("of fetched experiments could not be had") == 1
        again = exp("pull", "origin", "a", cwd=bob, check=False)
        assert (again.code, again.stdout) == (1, "Experiment 'a' is up to date with Git remote 'origin'.\n")
        assert exp("pull", "--no-cache", "origin", "a", cwd=bob).code == 0

    def test_what_was_whole_once_is_looked_at_when_it_comes_again(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "a", cwd=team.alice)
        bob = team.clone("bob")
        exp("pull", "-q", "origin", "a", cwd=bob)
        git("update-ref", "-d", team.a, cwd=bob)
        shutil.rmtree(bob / ".dvc" / "cache")
        exp("pull", "-q", "origin", "a", cwd=bob)
        assert cached(bob) == oids(team.storage)

    def test_a_file_of_a_directory_that_is_gone_leaves_the_rest(self, team: Sharing) -> None:
        exp("push", "-q", "origin", "a", cwd=team.alice)
        gone = next(oid for oid in oids(team.storage) if object_path(team.storage, oid).read_bytes() == b"a")
        object_path(team.storage, gone).unlink()
        bob = team.clone("bob")
        done = exp("pull", "origin", "a", cwd=bob, check=False)
        assert done.code == 1
        assert f"warning: 'out/y' ({gone}): not on DVC remote 'storage'\n" in done.stderr
        assert {oid for oid in oids(team.storage) if not oid.endswith(".dir")} == cached(bob)

    def test_an_upload_that_fails_leaves_the_ref_here(self, team: Sharing) -> None:
        shutil.rmtree(team.storage)
        team.storage.write_text("in the way")
        done = exp("push", "origin", "a", cwd=team.alice, check=False)
        assert done.code == 1
        assert "error: experiment 'a'" in done.stderr
        assert experiments(team.host) == {}


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_options_stand_anywhere(native: Sharing, verb: str) -> None:
    if verb == "pull":
        exp("push", "-q", "origin", "-A", cwd=native.alice)
        git("update-ref", "-d", native.a, cwd=native.alice)
    done = exp(verb, "origin", "--no-cache", "-j", "2", "a", "-v", "--remote=storage", cwd=native.alice)
    assert "experiment 'a'" in done.stdout
    assert re.search(r" dvcexp\[\d+\] run: git ", done.stderr)  # -v traces


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_help_names_every_option_of_dvc(verb: str, tmp_path: Path) -> None:
    said = sh("git", "exp", verb, "-h", cwd=tmp_path).stdout
    for option in ("-A, --all-commits", "--rev", "-n", "--num", "-f, --force", "--no-cache", "-r", "-j", "--run-cache"):
        assert option in said, option
    assert "--no-run-cache" in said
