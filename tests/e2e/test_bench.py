"""The benchmark runs; what it measures is nobody's test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.shell import sh


@pytest.mark.parametrize(
    ("patterns", "options"),
    [
        # Not the cold ones, which would slow down all tests beside them.
        (["overhead-hook", "one-push", "one-pull-again"], []),
        (["large-*", "many-*", "host", "directory-*"], ["--no-count", "--without", "dvc"]),
        (["s3-small-*"], ["--without", "dvc"]),
        (["http-small-push", "ssh-small-pull"], ["--no-count", "--without", "dvc"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_every_kind_of_case_runs_and_the_page_is_written(
    patterns: list[str], options: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    chosen = [word for pattern in patterns for word in ("--case", pattern)]
    command = [sys.executable, "-m", "tests.bench", "--scale", "tiny", "--runs", "1", "--folder", str(tmp_path)]
    done = sh(*command, *chosen, *options, "--write", str(page), cwd=ROOT)
    text = page.read_text()
    assert text in done.stdout
    assert str(tmp_path) not in text
    assert text.count("| than DVC |") == text.count("| files opened |") == 1
    assert ("| dvc exp push |" in text) == (not options)


def test_series_run_and_the_page_on_scaling_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    command = [sys.executable, "-m", "tests.bench.scaling", "--scale", "tiny", "--runs", "1", "--no-count"]
    done = sh(*command, "--folder", str(tmp_path), "--write", str(page), cwd=ROOT)
    text = page.read_text()
    assert text in done.stdout
    assert str(tmp_path) not in text
    assert text.count("| CPU grows with |") == 7
    assert "| `git push`, all of it | - |" not in text
    assert text.count("| requests | ") == 1
