"""What the helper costs where no experiment is in play: nearly nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.transports.conftest import MakeWorld
from tests.support.git_operations import A
from tests.support.git_worlds import EACH_KIND, EVERY_EXPERIMENT, World
from tests.support.patches import at_end, patch
from tests.support.shell import git

# What deals with data, and what is slow to import whoever asks for it.
HEAVY = {"dulwich", "requests", "yaml", "obstore", "tqdm", "pathspec", "subprocess", "dataclasses", "threading", "dvc"}
HEAVY |= {f"dvcexp.{name}" for name in ("gate", "sync", "dvc", "remotes", "settings", "progress", "experiments")}

# Each way to connect, and each kind of conversation.
CONNECTIONS = [*EACH_KIND, "ssh", "git"]


def imported(world: World, *command: str, cwd: Path | None = None) -> set[str]:
    """The heavy modules that the helper had imported when `git command` had run it."""
    hook = world.folder / "hook"
    hook.mkdir(exist_ok=True)
    report = world.folder / "imported"
    report.unlink(missing_ok=True)
    (hook / "usercustomize.py").write_text("")
    tell = f"open({str(report)!r}, 'a').write('\\n'.join([*sys.modules, '']))"
    world.run(*command, cwd=cwd, **patch(hook, f"import sys\n{at_end(tell)}"))
    modules = set(report.read_text().split())
    assert "dvcexp.helper" in modules
    return modules & HEAVY


@pytest.mark.parametrize("transport", CONNECTIONS)
def test_branches_are_fetched_listed_and_pushed_without_what_deals_with_data(
    transport: str, make_world: MakeWorld
) -> None:
    world = make_world(transport)
    for ref in (world.seed.a, world.seed.b):
        git("update-ref", "-d", ref, cwd=world.host)
    world.serve_files()
    assert imported(world, "fetch", "origin") == set()
    assert imported(world, "ls-remote", "origin") == set()
    if world.transport.pushes:
        assert imported(world, "push", "origin", "ahead") == set()


@pytest.mark.parametrize("transport", ["file", "ssh", "git", "http"])
def test_a_host_full_of_experiments_costs_nothing_to_who_fetches_branches(
    transport: str, make_world: MakeWorld
) -> None:
    world = make_world(transport)
    assert imported(world, "fetch", "origin") == set()
    assert imported(world, "ls-remote", "origin") == set()
    assert imported(world, "push", "origin", "ahead", ":side") == set()


def test_an_experiment_does_bring_in_what_deals_with_data(make_world: MakeWorld) -> None:
    world = make_world()
    clone = world.clone("--no-local")
    assert {"dvcexp.gate", "dvcexp.sync"} <= imported(world, "fetch", "origin", f"{A}:{A}", cwd=clone)


def test_data_that_is_known_to_be_complete_is_not_looked_at_again(make_world: MakeWorld) -> None:
    world = make_world()
    clone = world.clone("--no-local")
    world.run("fetch", "origin", EVERY_EXPERIMENT, cwd=clone)
    assert not {"yaml", "dulwich", "requests"} & imported(world, "fetch", "origin", EVERY_EXPERIMENT, cwd=clone)


def test_the_program_says_how_it_is_used() -> None:
    program = Path(__file__).parents[3] / "helpers" / "git-remote-dvcexp"
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == 129
    assert "started by Git" in done.stderr


def test_a_configuration_that_cannot_be_read_to_its_end_stops_it(make_world: MakeWorld, tmp_path: Path) -> None:
    """Which protocols may not be used may stand in the rest."""
    world = make_world()
    program = Path(__file__).parents[3] / "helpers" / "git-remote-dvcexp"
    broken = tmp_path / "broken"
    broken.write_text("[user]\n\tname = Ada\n[core\n")
    environ = {**os.environ, "GIT_DIR": str(world.project / ".git"), "GIT_CONFIG_GLOBAL": str(broken)}
    command = [sys.executable, program, "origin", str(world.host)]
    done = subprocess.run(
        command, env=environ, input="capabilities\n", capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: git config --list: exit code 128\n" in done.stderr
