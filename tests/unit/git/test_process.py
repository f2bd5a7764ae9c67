"""Programs are started with a clean slate, and their end is known."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from dvcexp.git import process
from dvcexp.git.watch import interrupt_when_reader_goes


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


def test_it_hears_all_that_a_program_writes_while_it_still_listens() -> None:
    script = "import sys; data = sys.stdin.read(); print(data + data); print(data, file=sys.stderr); sys.exit(3)"
    done = process.run([sys.executable, "-c", script], os.environ, b"x" * 300_000)
    assert (done.code, len(done.stdout), len(done.stderr)) == (3, 600_001, 300_001)


def test_a_program_need_not_listen() -> None:
    done = process.run(["sh", "-c", "exec <&-; echo enough"], os.environ, b"x" * 300_000)
    assert done == (0, b"enough\n", b"")


def test_what_cannot_be_run_leaves_nothing_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        process.run(["no-such-program"], os.environ)
    process.run(["true"], os.environ)
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
