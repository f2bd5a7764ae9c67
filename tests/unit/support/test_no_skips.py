"""Under tests/run a skip fails, unless it names what cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.shell import sh

ROOT = Path(__file__).resolve().parent.parent.parent.parent

TESTS = """
import pytest

def test_server():
    pytest.skip("no nginx here")

def test_platform():
    pytest.skip("this platform has no ksh")

@pytest.mark.skipif(True, reason="no sshd here")
def test_marked():
    pass

@pytest.mark.xfail(strict=True)
def test_known_fault():
    assert False
"""


def test_a_missing_server_fails_and_a_missing_platform_does_not(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    done = sh(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.support.no_skips", "test_it.py"),
        cwd=tmp_path,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    lines = done.stdout.splitlines()
    assert done.code == 1
    assert lines[-1].startswith("1 failed, 1 skipped, 1 xfailed")
    assert "FAILED test_it.py::test_server" in done.stdout
    assert "ERROR test_it.py::test_marked" in done.stdout  # its skip comes before the test has begun
    assert "no nginx here" in done.stdout
