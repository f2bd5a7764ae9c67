"""Pushes and fetches of overlapping experiments side by side, with DVC and `git gc` at work among them: nothing is
lost, nobody waits for ever, who loses a race hears so, and all that is needed is to run the command again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_remotes import Far, far_remotes
from tests.support.shell import git, sh
from tests.support.side_by_side import (
    BASE,
    Command,
    Member,
    experiments,
    finish,
    found_host,
    leftovers,
    start,
    started,
    together,
    typed,
    unclear,
    wrongs,
)
from tests.support.team import EXPS, put

_PUSH, _FETCH = "git push -q origin refs/exps/*", f"git fetch -q origin {EXPS}"
_EXP_PUSH, _EXP_PULL = "git exp push -q origin -A", "git exp pull -q origin -A"


class Neighbours:
    """alice (through the helper) and carol (with the hook) push, bob only fetches; alice and bob have a second work
    tree each, on the cache of the first."""

    def __init__(self, base: Path, storage: Path, command: str = "echo") -> None:
        self.base, self.storage = base, storage
        self.host = found_host(base, storage, command)
        self.alice = Member(base / "alice", self.host)
        self.bob = Member(base / "bob", self.host)
        self.carol = Member(base / "carol", self.host, hook=True)
        for member in (self.alice, self.carol):
            put(member.cache, BASE)  # as dvc pull brings it
        self.alice_2, self.bob_2 = self.alice.worktree(), self.bob.worktree()

    def make_experiments(self, round_name: str) -> None:
        """Three for alice, three for carol: what two of one number share, and what all share, is the same object."""
        for member in (self.alice, self.carol):
            for number in range(3):
                member.overlapping(f"{member.path.name}-{round_name}-{number}", f"pair-{number}")

    def ten(self) -> list[Command]:
        """Ten pushes and fetches."""
        return [
            typed(self.alice.path, _PUSH),
            typed(self.alice_2, _PUSH),
            typed(self.alice.path, _EXP_PUSH),
            typed(self.carol.path, _PUSH),
            typed(self.carol.path, _EXP_PUSH),
            typed(self.bob.path, _FETCH),
            typed(self.bob_2, _FETCH),
            typed(self.bob.path, _EXP_PULL),
            typed(self.bob_2, _EXP_PULL),
            typed(self.alice_2, _FETCH),
        ]

    def look_over(self) -> None:
        """What must hold at any time: what is on the host is whole, nobody has lost an own experiment, nothing of ours
        is left over. Of what DVC removes from a cache, git exp fetch brings all again."""
        assert [*wrongs(self.host, self.storage)] == []
        for member in (self.alice, self.carol):
            assert [*wrongs(member.path, member.cache)] == []
        assert leftovers(self.base) == []

    def settle(self) -> None:
        """The same commands once more, one after the other: now everybody has everything."""
        for cwd, line in (
            (self.alice.path, _PUSH),
            (self.carol.path, _PUSH),
            (self.alice_2, _FETCH),
            (self.bob_2, _FETCH),
            (self.bob.path, "git exp fetch -q"),
            (self.bob.path, "git exp fsck"),
            (self.carol.path, "git exp fsck"),
        ):
            sh(*line.split(), cwd=cwd)
        self.look_over()
        assert [*wrongs(self.bob.path, self.bob.cache)] == []
        ours = {**experiments(self.alice.path), **experiments(self.carol.path)}
        assert experiments(self.host) == experiments(self.alice.path) == experiments(self.bob.path) == ours


def test_with_dvc_and_git_gc_among_them(tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    team = Neighbours(tmp_path, tmp_path / "storage", f"cat {go} > model.bin")
    team.make_experiments("first")
    git("exp", "remove", team.alice.overlapping("removed"), cwd=team.alice.path)  # for git exp prune
    release = Command(["sh", "-c", f"exec 3>{go}; git exp prune; echo model >&3"], team.alice.path)
    among = [
        typed(team.carol.path, "dvc push -q"),
        typed(team.bob.path, "dvc gc -q -w -f"),
        typed(team.host, "git gc -q"),
        typed(team.carol.path, "git gc -q"),
    ]
    with started(typed(team.alice.path, "dvc exp run -q -n ran -S n=2"), tmp_path / "run") as run:
        ((_, beside),) = finish([start(release, tmp_path / "beside")])  # the stage has begun: it opens what it reads
        assert "a dvc command is running in this project: process" in beside.stderr, run.log.read_text()
        results = together([*team.ten(), *among], tmp_path / "first") + finish([run])
    assert unclear(results) == []
    team.look_over()
    assert [done.stderr for command, done in results if command.argv[0] == "dvc" and done.code != 0] == []
    assert "ran" in {ref.rsplit("/", 1)[1] for ref in experiments(team.alice.path)}
    team.make_experiments("second")
    repacks = [typed(folder, "git repack -q -a -d") for folder in (team.alice.path, team.bob.path, team.host)]
    assert unclear(together([*team.ten(), *repacks], tmp_path / "second")) == []
    team.look_over()
    team.settle()
    assert len(experiments(team.host)) == 13


@pytest.fixture(params=["ssh", "s3"])
def far(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    folder = tmp_path / "server"
    folder.mkdir()
    with far_remotes(request.param, folder) as make:
        far = make()
        if far.programs is not None:
            monkeypatch.setenv("PATH", f"{far.programs}{os.pathsep}{os.environ['PATH']}")
        yield far


def test_on_a_server(far: Far, tmp_path: Path) -> None:
    base = tmp_path / "team"
    base.mkdir()
    team = Neighbours(base, far.files)
    for project in (team.alice, team.bob, team.carol):
        far.configure(project.path)
    for worktree, owner in ((team.alice_2, team.alice), (team.bob_2, team.bob)):
        config = (owner.path / ".dvc" / "config.local").read_text()
        with (worktree / ".dvc" / "config.local").open("a") as file:
            file.write(config)
    team.make_experiments("only")
    assert unclear(together(team.ten(), tmp_path / "ten")) == []
    team.look_over()
    team.settle()
    assert len(experiments(team.host)) == 6
