"""What tests share: repositories, servers, assertions."""

import pytest

pytest.register_assert_rewrite("tests.support.remote_suite")  # its asserts are tests, run by the modules of the kinds
