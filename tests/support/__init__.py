"""What tests share: repositories, servers, assertions."""

import pytest

# Their asserts are tests, run by the modules of the kinds.
pytest.register_assert_rewrite("tests.support.remote_suite", "tests.support.remote_faults", "tests.support.remote_dvc")
