"""What `git exp prune` frees and `git exp fsck` moves, judged by DVC."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.support.dvc_team import Team, dvc
from tests.support.handmade import object_path
from tests.support.sharing import cached, exp
from tests.support.shell import git, sh


def back_to_head(team: Team) -> None:
    """The work tree is that of the last run."""
    git("checkout", "-q", "--", ".", cwd=team.alice)
    dvc("checkout", "-q", "-f", cwd=team.alice)


def test_prune_keeps_all_that_dvc_gc_would_keep(team: Team) -> None:
    dvc("exp", "run", "-q", "-n", "c", "-m", "my own words", "-S", "n=4", cwd=team.alice)
    back_to_head(team)
    dvc("exp", "run", "-q", "--queue", "-S", "n=5", cwd=team.alice)
    (team.alice / "extra").write_text("added, never committed")
    dvc("add", "-q", "extra", cwd=team.alice)
    dvc("exp", "remove", "a", cwd=team.alice)
    exp("remove", "c", cwd=team.alice)
    before = cached(team.alice)
    twin = team.base / "twin"
    shutil.copytree(team.alice, twin, symlinks=True)
    dvc("gc", "-q", "-f", "-w", "--all-experiments", "-a", cwd=twin)
    done = json.loads(exp("prune", "--json", "--expire=now", cwd=team.alice).stdout)
    assert done["experiments"] == 2
    assert cached(twin) <= cached(team.alice) < before
    # model.bin, out.dir and out/sub/b.txt of a and c each
    assert len(before - cached(team.alice)) == len(done["objects"]) == 6
    assert dvc("status", cwd=team.alice) == "Data and pipelines are up to date.\n"
    dvc("exp", "apply", "-q", "b", cwd=team.alice)
    assert (team.alice / "out" / "sub" / "b.txt").read_text() == "n is 3"
    assert (team.alice / "extra").read_text() == "added, never committed"


def test_fsck_of_the_remote_agrees_with_dvc(team: Team) -> None:
    back_to_head(team)
    assert exp("fsck", "--remote", "HEAD", cwd=team.alice, check=False).code == 1
    assert "Cache and remote 'storage' are in sync" not in dvc("status", "-c", cwd=team.alice)
    exp("fsck", "--push", "HEAD", cwd=team.alice)
    assert exp("fsck", "--remote", "HEAD", cwd=team.alice).stdout == ""
    assert dvc("status", "-c", cwd=team.alice) == "Cache and remote 'storage' are in sync.\n"


def test_dvc_leaves_alone_what_fsck_moved_aside_and_misses_it(team: Team) -> None:
    back_to_head(team)
    outputs = json.loads(exp("ls-files", "--json", "b", cwd=team.alice).stdout)["outs"]
    model = next(output["oid"] for output in outputs if output["path"] == "model.bin")
    path = object_path(team.alice / ".dvc" / "cache", model)
    path.chmod(0o644)
    path.write_bytes(b"rotten")
    path.chmod(0o444)
    assert exp("fsck", cwd=team.alice, check=False).code == 1
    aside = team.alice / ".dvc" / "cache" / "damaged" / model
    dvc("gc", "-q", "-f", "-w", "--all-experiments", cwd=team.alice)
    assert aside.read_bytes() == b"rotten"
    assert sh("dvc", "exp", "apply", "b", cwd=team.alice, check=False).code != 0
    assert not (team.alice / "model.bin").exists()


def test_fsck_mends_what_dvc_then_uses(team: Team) -> None:
    exp("push", "-q", "origin", "a", "b", cwd=team.alice)
    cache = team.alice / ".dvc" / "cache"
    for path in Path(cache / "files").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"all of it rotten")
            path.chmod(0o444)
    exp("fsck", cwd=team.alice)
    dvc("exp", "apply", "-q", "b", cwd=team.alice)
    assert (team.alice / "out" / "sub" / "b.txt").read_text() == "n is 3"
    assert (team.alice / "out" / "a.txt").read_text() == "same in all"
