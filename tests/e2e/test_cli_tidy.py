"""`git exp list`, `branch`, `rename` and `remove`: seeing and tidying experiments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.handmade import oids
from tests.support.sharing import Sharing, cached, exp, experiments
from tests.support.shell import git, sh, write_program


@pytest.fixture
def team(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=False)


@pytest.fixture
def alice(team: Sharing) -> Path:
    return team.alice


def twin(team: Sharing) -> str:
    """Another experiment `a`, on a later baseline, which HEAD leaves again; its ref."""
    team.project.commit({"model.bin": b"later"})
    ref = team.project.experiment("a", {"model.bin": b"twin"})
    git("checkout", "-q", "--detach", "HEAD~", cwd=team.alice)
    return ref


class TestList:
    def test_names_the_experiments_of_head_under_their_branch(self, alice: Path) -> None:
        a, b = (tip[:7] for tip in experiments(alice).values())
        assert exp("list", cwd=alice).stdout == f"main:\n\t{a} [a]\n\t{b} [b]\n"

    def test_of_all_commits_has_every_baseline(self, team: Sharing, alice: Path) -> None:
        first = git("rev-parse", "HEAD", cwd=alice)
        later = twin(team)
        assert exp("list", cwd=alice).stdout.startswith(f"{first[:7]}:\n")
        listed = exp("list", "-A", cwd=alice).stdout
        assert f"main:\n\t{experiments(alice)[later][:7]} [a]\n" in listed
        assert f"{first[:7]}:\n" in listed
        assert exp("list", "--rev", "main", "-n", "-1", cwd=alice).stdout == listed
        assert exp("list", "--rev", "main", "--name-only", cwd=alice).stdout == "a\n"

    def test_prefers_the_current_branch_then_tags_then_branches(self, alice: Path) -> None:
        git("branch", "other", cwd=alice)
        git("tag", "-a", "-m", "annotated", "v1", cwd=alice)
        assert exp("list", cwd=alice).stdout.startswith("main:\n")
        git("checkout", "-q", "--detach", cwd=alice)
        assert exp("list", cwd=alice).stdout.startswith("v1:\n")
        git("tag", "-d", "v1", cwd=alice)
        assert exp("list", cwd=alice).stdout.startswith("main:\n")

    def test_in_other_forms(self, alice: Path) -> None:
        tips = experiments(alice)
        assert exp("list", "--name-only", cwd=alice).stdout == "a\nb\n"
        assert exp("list", "--sha-only", cwd=alice).stdout == "".join(f"{tip}\n" for tip in tips.values())
        lines = [json.loads(line) for line in exp("list", "--json", cwd=alice).stdout.splitlines()]
        baseline = git("rev-parse", "HEAD", cwd=alice)
        assert lines == [{"name": ref[-1], "rev": tip, "baseline": baseline, "ref": ref} for ref, tip in tips.items()]

    def test_of_a_git_remote_lists_what_is_there(self, team: Sharing, alice: Path) -> None:
        exp("push", "-q", "origin", "a", cwd=alice)
        assert exp("list", "origin", cwd=alice).stdout == "main:\n\ta\n"
        assert exp("list", team.host, "--sha-only", cwd=alice).stdout == f"{experiments(alice)[team.a]}\n"

    def test_leaves_out_dvcs_own_refs_and_what_is_no_experiment(self, alice: Path) -> None:
        for ref in ("exec/EXEC_HEAD", "apply/ORIG_HEAD", "stash", "foo", "celery/stash"):
            git("update-ref", f"refs/exps/{ref}", "HEAD", cwd=alice)
        assert exp("list", "-A", "--name-only", cwd=alice).stdout == "a\nb\n"

    def test_of_nothing_prints_nothing(self, team: Sharing, alice: Path) -> None:
        team.project.commit({"model.bin": b"next"})
        assert exp("list", cwd=alice).stdout == ""
        sh("git", "init", "-q", "empty", cwd=team.base)
        assert exp("list", cwd=team.base / "empty").stdout == ""

    def test_takes_an_experiment_for_a_baseline(self, team: Sharing, alice: Path) -> None:
        git("checkout", "-q", team.a, cwd=alice)
        team.project.experiment("on-a", {"model.bin": b"on a"})
        git("checkout", "-q", "main", cwd=alice)
        assert exp("ls", "--rev", "a", "--name-only", cwd=alice).stdout == "on-a\n"

    def test_names_an_unknown_revision(self, alice: Path) -> None:
        done = exp("list", "--rev", "nope", cwd=alice, check=False)
        assert done.code == 1
        assert done.stderr.startswith("error: 'nope' is neither a revision nor an experiment\n")


class TestBranch:
    def test_is_named_after_the_experiment_and_not_checked_out(self, team: Sharing, alice: Path) -> None:
        done = exp("branch", "a", cwd=alice)
        assert done.stdout == (
            "Git branch 'a-branch' has been created from experiment 'a'.\n"
            "To switch to the new branch run:\n\n\tgit checkout a-branch\n"
        )
        assert git("rev-parse", "a-branch", cwd=alice) == experiments(alice)[team.a]
        assert git("branch", "--show-current", cwd=alice) == "main"

    def test_takes_a_name(self, team: Sharing, alice: Path) -> None:
        exp("branch", "b", "feature/best", cwd=alice)
        assert git("rev-parse", "feature/best", cwd=alice) == experiments(alice)[team.b]

    @pytest.mark.parametrize("name", ["main", "-d", "a..b", ""])
    def test_refuses_a_name_that_is_taken_or_impossible(self, alice: Path, name: str) -> None:
        before = git("for-each-ref", cwd=alice)
        done = exp("branch", "a", "--", name, cwd=alice, check=False)
        assert done.code == 1
        assert done.stderr.startswith("error: git ")
        assert git("for-each-ref", cwd=alice) == before

    def test_of_a_branch_that_is_no_experiment_is_refused(self, alice: Path) -> None:
        """DVC 3.67 makes the branch from some experiment that contains the commit."""
        done = exp("branch", "main", "x", cwd=alice, check=False)
        assert done.code == 1
        assert done.stderr.startswith("error: there is no experiment 'main' here\n")

    def test_of_one_name_on_several_baselines_takes_heads_or_asks(self, team: Sharing, alice: Path) -> None:
        later = twin(team)
        exp("branch", "a", "heads", cwd=alice)
        assert git("rev-parse", "heads", cwd=alice) == experiments(alice)[team.a]
        git("checkout", "-q", "--orphan", "elsewhere", cwd=alice)
        git("commit", "-q", "--allow-empty", "-m", "elsewhere", cwd=alice)
        done = exp("branch", "a", cwd=alice, check=False)
        assert done.code == 1
        hints = "".join(f"hint: use {ref}\n" for ref in sorted([later, team.a]))
        assert done.stderr == f"error: there are 2 experiments called 'a'\n{hints}"
        exp("branch", later, "full", cwd=alice)
        assert git("rev-parse", "full", cwd=alice) == experiments(alice)[later]


class TestRename:
    def test_moves_the_ref_on_its_baseline(self, team: Sharing, alice: Path) -> None:
        tip = experiments(alice)[team.a]
        assert exp("rename", "a", "best", cwd=alice).stdout == "Renamed experiment 'a' to 'best'.\n"
        assert experiments(alice)[team.a[:-1] + "best"] == tip
        assert team.a not in experiments(alice)

    def test_replaces_another_only_by_force(self, team: Sharing, alice: Path) -> None:
        before = experiments(alice)
        done = exp("rename", "a", "b", cwd=alice, check=False)
        assert done.code == 1
        assert done.stderr == (
            "error: there is an experiment 'b' on the same baseline already\n"
            f"hint: to replace it: git exp rename --force {team.a} b\n"
        )
        assert experiments(alice) == before
        exp("rename", "-f", "a", "b", cwd=alice)
        assert experiments(alice) == {team.b: before[team.a]}

    @pytest.mark.parametrize("name", ["x/y", "", "x y", "x..y", "x.lock", "@{"])
    def test_refuses_an_impossible_name(self, alice: Path, name: str) -> None:
        before = experiments(alice)
        done = exp("rename", "a", name, cwd=alice, check=False)
        assert done.code == 1
        assert done.stderr.startswith(f"error: '{name}' cannot be the name of an experiment\n")
        assert experiments(alice) == before

    @pytest.mark.parametrize("helper", [True, False])
    def test_on_a_git_remote_leaves_the_one_here(self, tmp_path: Path, *, helper: bool) -> None:
        """DVC 3.67 renames the one here."""
        (tmp_path / "x").mkdir()
        team = Sharing(tmp_path / "x", helper=helper)
        exp("push", "-q", "origin", "a", "b", cwd=team.alice)
        tips = experiments(team.host)
        bob = team.base / "bob"  # whose clone has none of the experiments' commits
        git("clone", "-q", f"file://{team.host}", bob, cwd=team.base)
        done = exp("rename", "-g", "origin", "a", "best", cwd=bob)
        assert done.stdout == "Renamed experiment 'a' to 'best'.\n"
        assert experiments(team.host) == {team.a[:-1] + "best": tips[team.a], team.b: tips[team.b]}
        assert experiments(bob) == {}
        assert experiments(team.alice) == tips
        refused = exp("rename", "-g", "origin", "best", "b", cwd=team.alice, check=False)
        assert refused.code == 1
        assert f"hint: to replace it: git exp rename --force -g origin {team.a[:-1]}best b\n" in refused.stderr
        exp("rename", "-q", "-f", "-g", "origin", "best", "b", cwd=team.alice)
        assert experiments(team.host) == {team.b: tips[team.a]}
        gone = exp("rename", "-g", "origin", "a", "c", cwd=team.alice, check=False)
        assert gone.stderr.startswith("error: there is no experiment 'a' on Git remote 'origin'\n")

    def test_on_a_git_remote_that_refuses_one_of_both_changes_neither(self, team: Sharing, alice: Path) -> None:
        exp("push", "-q", "origin", "a", cwd=alice)
        write_program(
            team.host / "hooks" / "update", '#!/bin/sh\ntest "$3" != 0000000000000000000000000000000000000000\n'
        )
        before = experiments(team.host)
        done = exp("rename", "-g", "origin", "a", "best", cwd=alice, check=False)
        assert done.code == 1
        assert done.stdout == ""
        assert experiments(team.host) == before

    def test_to_the_same_name_does_nothing(self, alice: Path) -> None:
        assert exp("rename", "a", "a", cwd=alice).stdout == "No experiments to rename.\n"


class TestRemove:
    def test_takes_names_and_leaves_the_data(self, team: Sharing, alice: Path) -> None:
        objects = cached(alice)
        assert exp("remove", "a", cwd=alice).stdout == "Removed experiments: 'a'\n"
        assert list(experiments(alice)) == [team.b]
        assert cached(alice) == objects

    def test_of_an_unknown_name_removes_nothing(self, alice: Path) -> None:
        before = experiments(alice)
        done = exp("remove", "a", "nope", cwd=alice, check=False)
        assert done.code == 1
        assert "there is no experiment 'nope' here" in done.stderr
        assert experiments(alice) == before

    def test_of_a_baseline_removes_one_name_on_every_baseline(self, team: Sharing, alice: Path) -> None:
        """DVC 3.67 removes only one of several that have the same name."""
        twin(team)
        exp("remove", "--rev", "main", "-n", "2", cwd=alice)
        assert experiments(alice) == {}

    def test_of_everything_or_of_all_but_some(self, team: Sharing, alice: Path) -> None:
        assert exp("remove", "--keep", "a", cwd=alice).stdout == "Removed experiments: 'b'\n"
        assert exp("remove", "-A", cwd=alice).stdout == "Removed experiments: 'a'\n"
        assert exp("remove", "-A", cwd=alice).stdout == "No experiments to remove.\n"

    def test_of_the_queue_is_refused(self, alice: Path) -> None:
        done = exp("rm", "--queue", cwd=alice, check=False)
        assert done.code == 129
        assert "error: queued experiments are DVC's own\nhint: dvc exp remove --queue\n" in done.stderr

    def test_quietly(self, alice: Path) -> None:
        for command in (
            ["branch", "-q", "a"],
            ["rename", "-q", "a", "c"],
            ["rm", "-q", "c"],
            ["rm", "-qA"],
            ["rm", "-qA"],
        ):
            assert exp(*command, cwd=alice) == (0, "", "")

    def test_without_saying_which_is_wrong_usage(self, alice: Path) -> None:
        done = exp("remove", cwd=alice, check=False)
        assert done.code == 129
        assert len(experiments(alice)) == 2

    def test_forgets_that_dvc_applied_it(self, team: Sharing, alice: Path) -> None:
        git("update-ref", "refs/exps/exec/EXEC_APPLY", experiments(alice)[team.a], cwd=alice)
        exp("remove", "a", "b", cwd=alice)
        assert experiments(alice) == {}

    @pytest.mark.parametrize("helper", [True, False])
    def test_on_a_git_remote_leaves_those_here(self, tmp_path: Path, *, helper: bool) -> None:
        (tmp_path / "x").mkdir()
        team = Sharing(tmp_path / "x", helper=helper)
        exp("push", "-q", "origin", "a", "b", cwd=team.alice)
        objects = oids(team.storage)
        assert exp("remove", "-g", "origin", "a", cwd=team.alice).stdout == "Removed experiments: 'a'\n"
        assert list(experiments(team.host)) == [team.b]
        assert list(experiments(team.alice)) == [team.a, team.b]
        assert oids(team.storage) == objects
        done = exp("remove", "-g", "origin", "a", cwd=team.alice, check=False)
        assert "there is no experiment 'a' on Git remote 'origin'" in done.stderr

    def test_on_a_git_remote_that_refuses_says_nothing_of_success(self, team: Sharing, alice: Path) -> None:
        exp("push", "-q", "origin", "a", cwd=alice)
        write_program(team.host / "hooks" / "pre-receive", "#!/bin/sh\nexit 1\n")
        done = exp("remove", "-g", "origin", "a", cwd=alice, check=False)
        assert done.code == 1
        assert done.stdout == ""
        assert list(experiments(team.host)) == [team.a]

    def test_on_a_git_remote_spares_what_somebody_replaced_meanwhile(self, team: Sharing, alice: Path) -> None:
        exp("push", "-q", "origin", "a", "b", cwd=alice)
        replaced = experiments(team.host)[team.b]
        lister = write_program(
            team.base / "lister",
            f'#!/bin/sh\ngit-upload-pack "$@"\ngit --git-dir={team.host} update-ref {team.a} {replaced}\n',
        )
        git("config", "remote.origin.uploadpack", str(lister), cwd=alice)
        done = exp("remove", "-g", "origin", "a", cwd=alice, check=False)
        assert (done.code, done.stdout) == (1, "")
        assert experiments(team.host)[team.a] == replaced
