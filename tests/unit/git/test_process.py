"""Programs are started with a clean slate, and their end is known."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path

import pytest

from dvcexp.git import caller, process
from dvcexp.git.watch import interrupt_when_reader_goes
from tests.support.shell import sh


def test_it_speaks_with_the_program_and_learns_its_exit_code() -> None:
    running = process.start(["sh", "-c", "cat; exit 7"], os.environ)
    os.write(running.stdin, b"hello")
    os.close(running.stdin)
    assert os.read(running.stdout, 10) == b"hello"
    os.close(running.stdout)
    assert running.wait() == 7


def test_nothing_is_inherited_but_the_three_streams() -> None:
    reader, writer = os.pipe()
    code, output = process.output([sys.executable, "-c", f"import os; os.fstat({writer})"], os.environ)
    os.close(reader)
    os.close(writer)
    assert (code, output) == (1, b"")


def test_a_program_dies_of_a_broken_pipe_as_programs_do() -> None:
    # Python ignores SIGPIPE, which would be inherited.
    running = process.start(["sh", "-c", "while :; do echo y; done"], os.environ)
    os.close(running.stdin)
    os.close(running.stdout)
    assert running.wait() == -signal.SIGPIPE


def test_a_program_that_is_not_there_leaves_no_pipe_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        process.start(["no-such-program"], os.environ)
    assert len(os.listdir("/proc/self/fd")) == before


class TestWatch:
    def test_the_readers_end_interrupts(self) -> None:
        reader, writer = os.pipe()
        try:
            with pytest.raises(KeyboardInterrupt), interrupt_when_reader_goes(writer):
                os.close(reader)
                time.sleep(20)
        finally:
            os.close(writer)

    def test_nothing_happens_while_it_is_there(self) -> None:
        reader, writer = os.pipe()
        with interrupt_when_reader_goes(writer):
            os.write(writer, b"x")
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize(
    ("words", "looks"),
    [
        (["git", "ls-remote", "origin"], True),
        (["git", "-c", "protocol.version=0", "-C", "there", "ls-remote"], True),
        (["git", "--no-pager", "remote", "show", "origin"], True),
        (["git", "fetch", "--dry-run"], True),
        (["git", "pull", "--dry-run"], True),
        (["git", "fetch"], False),
        (["git", "-c", "x=ls-remote", "fetch"], False),
        (["git", "clone", "ls-remote"], False),
        (["git", "push", "--dry-run"], False),
        (["git"], False),
        ([], False),
    ],
)
def test_a_command_that_only_looks_is_told_by_its_words(words: list[str], looks: bool) -> None:
    assert caller.only_looks(words) == looks


@pytest.mark.parametrize(
    ("words", "none"),
    [
        (["git", "fetch", "origin", "main"], True),
        (["git", "fetch"], True),
        (["git", "-c", "x=exps", "fetch", "--depth", "1"], True),
        (["git", "fetch", "origin", "refs/exps/*:refs/exps/*"], False),
        (["git", "fetch", "origin", "exps/11/22/name"], False),
        (["git", "fetch", "origin", "refs/*:refs/*"], False),
        (["git", "fetch", "--stdin", "origin"], False),
        ([], False),
    ],
)
def test_a_command_that_names_no_experiment_is_told_by_its_words(words: list[str], none: bool) -> None:
    assert caller.names_no_experiment(words) == none


def test_the_words_are_those_of_the_parents_parent(tmp_path: Path) -> None:
    script = "import json; from dvcexp.git import caller; print(json.dumps(caller.words()))"
    command = f'"{sys.executable}" -c {shlex.quote(script)}; true'
    # sh in sh: the inner one stands for `git remote-dvcexp`, the outer for the git command.
    done = sh("sh", "-c", f"sh -c {shlex.quote(command)}; true", "git", "fetch", "a b", cwd=tmp_path)
    assert json.loads(done.stdout)[-3:] == ["git", "fetch", "a b"]
