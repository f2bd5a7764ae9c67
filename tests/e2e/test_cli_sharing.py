"""`git exp push`, `pull` and `fetch`: experiments between people, with the helper and without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.handmade import assert_whole, object_path, oids
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import git, sh, write_program


@pytest.fixture(params=["helper", "native"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Sharing:
    """Once with the remote helper between them, once with plain Git alone."""
    return Sharing(tmp_path, helper=request.param == "helper")


@pytest.fixture
def native(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=False)


def amend(repository: Path, ref: str, text: str) -> str:
    """Move the experiment to another commit on the same baseline; its id."""
    tree = git("rev-parse", f"{ref}^{{tree}}", cwd=repository)
    tip = git("commit-tree", "-p", f"{ref}^", "-m", text, tree, cwd=repository)
    git("update-ref", ref, tip, cwd=repository)
    return tip


def advance(repository: Path, ref: str) -> str:
    """Add a commit on top of the experiment; its id."""
    tip = git("commit-tree", "-p", ref, "-m", "on top", f"{ref}^{{tree}}", cwd=repository)
    git("update-ref", ref, tip, cwd=repository)
    return tip


class TestPush:
    def test_brings_data_and_ref_of_the_named_experiment_alone(self, team: Sharing) -> None:
        done = exp("push", "origin", "a", cwd=team.alice)
        assert done.stdout == "Pushed experiment 'a' to Git remote 'origin'.\n"
        assert "dvcexp: uploaded 4 objects" in done.stderr
        assert "[new reference]" in done.stderr
        assert experiments(team.host) == {team.a: experiments(team.alice)[team.a]}
        assert_whole(team.storage)
        assert len(oids(team.storage)) == 4

    def test_of_no_name_means_those_based_on_head(self, team: Sharing) -> None:
        team.project.commit({"model.bin": b"next"})
        later = team.project.experiment("c", {"model.bin": b"model c"})
        done = exp("push", "origin", cwd=team.alice)
        assert done.stdout == "Pushed experiment 'c' to Git remote 'origin'.\n"
        assert list(experiments(team.host)) == [later]
        assert (
            exp("push", "origin", "-n", "2", cwd=team.alice).stdout
            == "Experiment 'c' is up to date on Git remote 'origin'.\n"
            "Pushed experiments 'a' and 'b' to Git remote 'origin'.\n"
        )

    def test_takes_a_full_ref_a_commit_id_and_its_beginning(self, native: Sharing) -> None:
        tip = experiments(native.alice)[native.b]
        for word in (native.b, tip, tip[:7]):
            done = exp("push", "--dry-run", "origin", word, cwd=native.alice)
            assert done.stdout == "Would push experiment 'b' to Git remote 'origin'.\n"
        assert experiments(native.host) == {}
        assert oids(native.storage) == set()

    def test_of_everything_and_then_again(self, team: Sharing) -> None:
        exp("push", "origin", "-A", cwd=team.alice)
        assert experiments(team.host) == experiments(team.alice)
        done = exp("push", "origin", "--all-commits", cwd=team.alice)
        assert done.stdout == "Experiments 'a' and 'b' are up to date on Git remote 'origin'.\n"
        assert done.stderr == ""

    def test_restores_data_that_the_dvc_remote_has_lost(self, team: Sharing) -> None:
        exp("push", "origin", "a", cwd=team.alice)
        shutil.rmtree(team.storage)
        assert "dvcexp: uploaded 4 objects" in exp("push", "origin", "a", cwd=team.alice).stderr
        assert len(oids(team.storage)) == 4

    def test_never_pushes_a_ref_without_its_data_but_does_push_the_others(self, team: Sharing) -> None:
        lost = object_path(team.project.cache, next(o for o in cached(team.alice) if _content(team, o) == b"model a"))
        lost.unlink()
        done = exp("push", "origin", "a", "b", cwd=team.alice, check=False)
        assert done.code == 1
        assert done.stdout == "Pushed experiment 'b' to Git remote 'origin'.\n"
        assert "error: experiment 'a' is not pushed: 1 object of its data missing" in done.stderr
        assert list(experiments(team.host)) == [team.b]

    def test_names_diverged_experiments_and_replaces_them_only_by_force(self, team: Sharing) -> None:
        exp("push", "origin", "a", cwd=team.alice)
        old = experiments(team.host)[team.a]
        new = amend(team.alice, team.a, "another run")
        done = exp("push", "origin", "a", "b", cwd=team.alice, check=False)
        assert done.code == 1
        assert "warning: experiment 'a' has diverged from the one of that name on Git remote 'origin'" in done.stderr
        assert f"hint: to replace the one there: git exp push --force origin {team.a}" in done.stderr
        assert experiments(team.host) == {team.a: old, team.b: experiments(team.alice)[team.b]}
        exp("push", "--force", "origin", "a", cwd=team.alice)
        assert experiments(team.host)[team.a] == new

    def test_of_a_continued_experiment_needs_no_force(self, team: Sharing) -> None:
        exp("push", "origin", "a", cwd=team.alice)
        tip = advance(team.alice, team.a)
        assert exp("push", "origin", "a", cwd=team.alice).stdout.startswith("Pushed experiment 'a'")
        assert experiments(team.host)[team.a] == tip

    def test_without_cache_moves_the_ref_alone(self, team: Sharing) -> None:
        exp("push", "--no-cache", "origin", "a", cwd=team.alice)
        assert list(experiments(team.host)) == [team.a]
        assert oids(team.storage) == set()

    def test_sends_data_to_the_named_dvc_remote(self, team: Sharing) -> None:
        other = team.base / "other"
        config = team.alice / ".dvc" / "config.local"
        config.write_text(f"['remote \"other\"']\n    url = {other}\n")
        exp("push", "-r", "other", "-j", "1", "origin", "a", cwd=team.alice)
        assert len(oids(other)) == 4
        assert oids(team.storage) == set()

    def test_takes_no_tags_along(self, native: Sharing) -> None:
        git("config", "push.followTags", "true", cwd=native.alice)
        git("tag", "-a", "-m", "annotated", "v1", native.a, cwd=native.alice)
        exp("push", "origin", "a", cwd=native.alice)
        assert git("for-each-ref", "refs/tags", cwd=native.host) == ""

    def test_that_git_refuses_has_gits_words_and_exit_code(self, team: Sharing) -> None:
        write_program(team.host / "hooks" / "pre-receive", "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
        done = exp("push", "origin", "a", cwd=team.alice, check=False)
        assert done.code == 1
        assert "not on a Friday" in done.stderr
        assert done.stdout == ""

    def test_of_an_unknown_name_pushes_nothing(self, team: Sharing) -> None:
        done = exp("push", "origin", "a", "nope", cwd=team.alice, check=False)
        assert done.code == 1
        assert done.stderr == "error: there is no experiment 'nope' here\nhint: see git exp list --all-commits\n"
        assert experiments(team.host) == {}

    def test_to_an_unknown_git_remote_uploads_nothing(self, native: Sharing) -> None:
        done = exp("push", "nowhere", "a", cwd=native.alice, check=False)
        assert done.code == 1
        assert "error: cannot list the experiments of Git remote 'nowhere'\n" in done.stderr
        assert oids(native.storage) == set()

    def test_quietly_says_nothing(self, team: Sharing) -> None:
        done = exp("push", "-q", "origin", "-A", cwd=team.alice)
        assert (done.stdout, done.stderr) == ("", "")
        assert experiments(team.host) == experiments(team.alice)

    def test_takes_names_or_baselines_but_not_both(self, native: Sharing) -> None:
        done = exp("push", "origin", "a", "-A", cwd=native.alice, check=False)
        assert done.code == 129
        assert "not both" in done.stderr

    def test_where_there_are_none_does_nothing(self, native: Sharing) -> None:
        native.project.commit({"model.bin": b"next"})
        assert exp("push", "origin", cwd=native.alice).stdout == "No experiments to push.\n"


class TestPull:
    @pytest.fixture
    def bob(self, team: Sharing) -> Path:
        exp("push", "-q", "origin", "a", "b", cwd=team.alice)
        return team.clone("bob")

    def test_brings_ref_and_data_of_the_named_experiment_alone(self, team: Sharing, bob: Path) -> None:
        done = exp("pull", "origin", "a", cwd=bob)
        assert done.stdout == "Pulled experiment 'a' from Git remote 'origin'.\n"
        assert done.stderr.count("dvcexp: downloaded 4 objects") == 1
        assert experiments(bob) == {team.a: experiments(team.alice)[team.a]}
        assert len(cached(bob)) == 4
        assert_whole(bob / ".dvc" / "cache")

    def test_of_no_name_means_those_based_on_head(self, team: Sharing, bob: Path) -> None:
        assert exp("pull", "origin", cwd=bob).stdout == "Pulled experiments 'a' and 'b' from Git remote 'origin'.\n"
        assert experiments(bob) == experiments(team.alice)

    def test_again_has_nothing_to_do_but_completes_data_that_is_missing(self, team: Sharing, bob: Path) -> None:
        exp("pull", "origin", "a", cwd=bob)
        done = exp("pull", "origin", "a", cwd=bob)
        assert done.stdout == "Experiment 'a' is up to date with Git remote 'origin'.\n"
        assert done.stderr == ""
        shutil.rmtree(bob / ".dvc" / "cache")
        exp("pull", "origin", "a", cwd=bob)
        assert len(cached(bob)) == 4

    def test_of_a_diverged_experiment_names_it_and_replaces_it_only_by_force(self, team: Sharing, bob: Path) -> None:
        exp("pull", "origin", "a", cwd=bob)
        theirs = experiments(bob)[team.a]
        ours = amend(bob, team.a, "another run")
        done = exp("pull", "origin", "a", "b", cwd=bob, check=False)
        assert done.code == 1
        assert "warning: experiment 'a' has diverged from the one of that name on Git remote 'origin'" in done.stderr
        assert f"hint: to replace the one here: git exp pull --force origin {team.a}" in done.stderr
        assert done.stdout == "Pulled experiment 'b' from Git remote 'origin'.\n"
        assert experiments(bob)[team.a] == ours
        exp("pull", "-f", "origin", "a", cwd=bob)
        assert experiments(bob)[team.a] == theirs

    def test_leaves_an_experiment_that_goes_on_here(self, team: Sharing, bob: Path) -> None:
        exp("pull", "origin", "a", cwd=bob)
        tip = advance(bob, team.a)
        assert exp("pull", "origin", "a", cwd=bob).stdout.startswith("Experiment 'a' is up to date")
        assert experiments(bob)[team.a] == tip

    def test_without_cache_brings_the_ref_alone(self, team: Sharing, bob: Path) -> None:
        exp("pull", "--no-cache", "origin", "a", cwd=bob)
        assert list(experiments(bob)) == [team.a]
        assert cached(bob) == set()

    def test_takes_data_from_the_named_dvc_remote(self, team: Sharing, bob: Path) -> None:
        other = team.base / "other"
        team.storage.rename(other)
        (bob / ".dvc" / "config.local").write_text(f"['remote \"other\"']\n    url = {other}\n")
        shutil.rmtree(team.project.cache)
        exp("pull", "-r", "other", "origin", "a", cwd=bob)
        assert len(cached(bob)) == 4

    def test_dry_changes_nothing(self, team: Sharing, bob: Path) -> None:
        done = exp("pull", "--dry-run", "origin", "a", cwd=bob)
        assert done.stdout == "Would pull experiment 'a' from Git remote 'origin'.\n"
        assert experiments(bob) == {}
        assert cached(bob) == set()

    def test_of_an_unknown_name_brings_nothing(self, team: Sharing, bob: Path) -> None:
        done = exp("pull", "origin", "a", "nope", cwd=bob, check=False)
        assert done.code == 1
        assert done.stderr == (
            "error: there is no experiment 'nope' on Git remote 'origin'\nhint: see git exp list --all-commits origin\n"
        )
        assert experiments(bob) == {}

    def test_that_fails_on_data_says_so_and_is_finished_by_the_next(self, team: Sharing, bob: Path) -> None:
        victim = object_path(team.storage, next(iter(sorted(o for o in oids(team.storage) if ".dir" not in o))))
        content = victim.read_bytes()
        victim.chmod(0o644)
        victim.write_bytes(content + b"!")
        done = exp("pull", "origin", "-A", cwd=bob, check=False)
        assert done.code == 1
        assert "error:" in done.stderr
        victim.write_bytes(content)
        exp("pull", "origin", "-A", cwd=bob)
        assert experiments(bob) == experiments(team.alice)
        assert cached(bob) == oids(team.storage)

    def test_many_of_a_baseline_come_without_what_is_no_experiment(self, team: Sharing, bob: Path) -> None:
        """By a pattern, which says nothing of other refs of DVC's."""
        tree, baseline = git("rev-parse", f"{team.a}^{{tree}}", cwd=team.host), team.a.rpartition("/")[0]
        tips = [git("commit-tree", "-p", f"{team.a}^", "-m", str(n), tree, cwd=team.host) for n in range(60)]
        lines = [f"update {baseline}/many-{n} {tip}\n" for n, tip in enumerate(tips)]
        lines += [f"update refs/exps/exec/EXEC_HEAD {tips[0]}\n"]
        sh("git", "update-ref", "--stdin", cwd=team.host, stdin="".join(lines))
        exp("pull", "origin", "-A", cwd=bob)
        there = experiments(team.host)
        del there["refs/exps/exec/EXEC_HEAD"]
        assert experiments(bob) == there
        assert len(there) == 62

    def test_by_url_works_as_by_name(self, team: Sharing, bob: Path) -> None:
        done = exp("pull", team.host, "a", cwd=bob)
        assert done.stdout == f"Pulled experiment 'a' from Git remote '{team.host}'.\n"
        assert len(cached(bob)) == 4


class TestFetch:
    @pytest.fixture
    def bob(self, native: Sharing) -> Path:
        """A clone with the refs of all experiments, and no data, as plain `git fetch` leaves it."""
        exp("push", "-q", "origin", "a", "b", cwd=native.alice)
        bob = native.clone("bob")
        git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*", cwd=bob)
        return bob

    def test_completes_the_data_of_all_experiments(self, native: Sharing, bob: Path) -> None:
        assert "dvcexp: downloaded" in exp("fetch", cwd=bob).stderr
        assert cached(bob) == oids(native.storage)
        assert exp("fetch", cwd=bob).stderr == ""

    def test_completes_those_named(self, native: Sharing, bob: Path) -> None:
        exp("fetch", "a", cwd=bob)
        assert len(cached(bob)) == 4
        exp("fetch", "origin", "b", cwd=bob)
        assert cached(bob) == oids(native.storage)

    def test_looks_again_at_what_was_complete_once(self, native: Sharing, bob: Path) -> None:
        exp("fetch", cwd=bob)
        shutil.rmtree(bob / ".dvc" / "cache")
        exp("fetch", "-j", "1", cwd=bob)
        assert cached(bob) == oids(native.storage)

    def test_of_data_that_nobody_has_fails_and_names_it(self, native: Sharing, bob: Path) -> None:
        shutil.rmtree(native.storage)
        shutil.rmtree(native.project.cache)
        done = exp("fetch", "a", cwd=bob, check=False)
        assert done.code == 1
        assert "'model.bin'" in done.stderr

    def test_is_meant_even_where_data_does_not_move_by_itself(self, native: Sharing, bob: Path) -> None:
        git("config", "dvcexp.cache", "false", cwd=bob)
        exp("fetch", "-r", "storage", cwd=bob, env={"DVCEXP_SKIP": "1"})
        assert cached(bob) == oids(native.storage)

    def test_in_a_fresh_clone_says_what_brings_experiments(self, native: Sharing, bob: Path) -> None:
        clone = native.clone("carol")
        said = "No experiments here yet. To take them from there: git exp pull --all-commits origin\n"
        assert exp("fetch", cwd=clone) == (0, said, "")
        assert exp("fetch", "-q", cwd=clone) == (0, "", "")
        exp("pull", "--all-commits", "origin", cwd=clone)
        assert cached(clone) == oids(native.storage)

    def test_of_an_unknown_name_says_so(self, bob: Path) -> None:
        done = exp("fetch", "nope", cwd=bob, check=False)
        assert done.code == 1
        assert done.stderr.startswith("error: there is no experiment 'nope' here\n")


@pytest.mark.parametrize("verb", [("push", "origin"), ("pull", "origin"), ("fetch",)])
def test_outside_a_repository_every_verb_says_so(verb: tuple[str, ...], tmp_path: Path) -> None:
    done = sh("git", "exp", *verb, cwd=tmp_path, check=False)
    assert done.code == 128
    assert done.stderr.startswith("error: ")
    assert "not a git repository" in done.stderr


def test_a_number_of_jobs_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    done = sh("git", "exp", "push", "-j", "many", "origin", cwd=tmp_path, check=False)
    assert done.code == 129
    assert "invalid number value: 'many'" in done.stderr


def _content(team: Sharing, oid: str) -> bytes:
    return object_path(team.project.cache, oid).read_bytes()
