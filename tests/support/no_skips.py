"""A pytest plugin of tests/run: where everything that tests need was set up, a skipped test is a failed one.

A test may still skip for what cannot be installed; its reason then begins with one of `ACCEPTED`.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest
from pluggy import Result

ACCEPTED = ("this Git ", "this kind of DVC remote ", "this platform ", "this file system ", "this user ")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Result[pytest.TestReport], None]:
    """Turn the skip into a failure that gives the reason."""
    outcome = yield
    report = outcome.get_result()
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
    if not reason.startswith(ACCEPTED):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, though tests/run sets up all that tests need: {reason}"
