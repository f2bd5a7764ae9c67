r"""Names that come from elsewhere give no orders to a terminal: `\x1b]0;...\x07` sets its title, `\x9b2J` clears it,
U+202E turns the text around, so that `exe.slx` reads as `xls.exe`. Whatever is printed shows them as what they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dvcexp.cli import VERBS
from tests.support.sharing import exp
from tests.support.shell import Done, git, sh
from tests.support.team import Project, Team, put

NASTY = "n\x1b]0;pwned\x07\x9b2J\u202eslx.exe"
# Git lets no name of a ref have control characters of ASCII.
REF = "r\u009b2J\u202eslx"

# Every verb with the arguments that make it print most, in order: what one does the next one sees.
COMMANDS = [
    ["list", "-A"],
    ["list", "-A", "origin"],
    ["list", "-A", "--name-only"],
    ["ls-files", "HEAD"],
    ["ls-files", REF],
    ["status"],
    ["push", "-A", "--dry-run", "origin"],
    ["push", "-A", "origin"],
    ["push", "origin", NASTY],
    ["pull", "-A", "origin"],
    ["pull", "origin", NASTY],
    ["fetch"],
    ["fetch", NASTY],
    ["fsck"],
    ["fsck", "--remote"],
    ["env"],
    ["list", "-A", "--long"],
    ["list", "-A", "--long", "--check"],
    ["show", "-A"],
    ["show", "-A", "--md"],
    ["show", "-A", "--sort-by", NASTY],
    ["show", "-A", "--keep", NASTY],
    ["checkout"],
    ["checkout", "--force"],
    ["checkout", NASTY],
    ["apply", REF],
    ["apply", f"{REF}-fine"],
    ["apply", "--force", f"{REF}-fine"],
    ["branch", REF],
    ["branch", REF],
    ["branch", REF, NASTY],
    ["rename", REF, f"{REF}2"],
    ["rename", f"{REF}2", NASTY],
    ["remove", NASTY],
    ["remove", f"{REF}2"],
    ["prune", "--dry-run"],
    ["install", NASTY],
    ["install"],
    ["uninstall"],
    ["pre-push", "origin", NASTY],
    ["__complete", "--", "push", "origin", ""],
    ["__complete", "--", "push", "-r", ""],
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Everything that can have a name has such a one; some objects are missing, so that errors name them, too."""
    team = Team(tmp_path)
    project = team.project()
    config = f"[core]\n    remote = {NASTY}\n['remote \"{NASTY}\"']\n    url = {tmp_path}/{NASTY}\n"
    project.write(".dvc/config", config)
    os.environ["GIT_AUTHOR_NAME"] = NASTY
    git("branch", f"b{REF}", cwd=project.path)
    listed = put(project.cache, {NASTY: b"x", "y": b"y"})
    stages = {
        NASTY: {"cmd": "x", "outs": [f"out{NASTY}"], "params": [NASTY], "metrics": [{f"m{NASTY}": {"cache": False}}]}
    }
    outs = [{"path": f"out{NASTY}", "hash": "md5", "md5": listed, "size": 2, "nfiles": 2}]
    files = {
        "dvc.yaml": json.dumps({"stages": stages}),
        "dvc.lock": json.dumps({"schema": "2.0", "stages": {NASTY: {"cmd": "x", "outs": outs}}}),
        f"{NASTY}.dvc": json.dumps({"outs": [{"path": f"gone{NASTY}", "hash": "md5", "md5": "0" * 32}]}),
        "params.yaml": json.dumps({NASTY: NASTY}),
        f"m{NASTY}": json.dumps({NASTY: 1}),
    }
    for name, text in files.items():
        project.write(name, text)
    project.commit(NASTY)
    project.experiment(REF, {"params.yaml": json.dumps({NASTY: 2}), f"bad{NASTY}.dvc": f"'{NASTY}': ["})
    project.with_output(f"{REF}-fine", b"fine", path="fine")
    return project


def harmless(done: Done) -> None:
    """Git's own report of a push has the refs as they are."""
    ours = "".join(line for line in done.stderr.splitlines() if " refs/exps/" not in line)
    for text in (done.stdout, ours):
        assert text.replace("\n", "").replace("\t", "").isprintable(), ascii(text)


def test_every_verb_is_here() -> None:
    assert {command[0] for command in COMMANDS} == set(VERBS)


def test_nothing_that_is_printed_is_an_order(project: Project) -> None:
    said = ""
    for command in COMMANDS:
        done = exp(*command, cwd=project.path, check=False)
        harmless(done)
        said += done.stdout + done.stderr
    assert r"\x1b]0;pwned\x07\x9b2J\u202eslx.exe" in said
    assert r"r\x9b2J\u202eslx" in said


def test_neither_do_the_helper_and_the_hook_print_orders(project: Project) -> None:
    helper = sh("git", "push", "origin", "refs/exps/*", cwd=project.path, check=False)
    exp("install", cwd=project.path)
    git("config", "--unset", "remote.origin.vcs", cwd=project.path)
    hook = sh("git", "push", "origin", "refs/exps/*", cwd=project.path, check=False)
    for done in (helper, hook):
        assert done.code != 0
        harmless(done)
        assert r"\x1b]0;pwned" in done.stderr
