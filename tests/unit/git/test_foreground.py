"""Git configuration by environment."""

from __future__ import annotations

from dvcexp.git.foreground import with_config


def test_configuration_comes_on_top_of_what_is_there() -> None:
    environ = {"HOME": "/h", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "1"}
    assert with_config({"dvcexp.https://x/?a=b.jobs": "2"}, environ) == {
        "HOME": "/h",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "a.b",
        "GIT_CONFIG_VALUE_0": "1",
        "GIT_CONFIG_KEY_1": "dvcexp.https://x/?a=b.jobs",
        "GIT_CONFIG_VALUE_1": "2",
    }


def test_no_configuration_leaves_the_environment_as_it_was() -> None:
    assert with_config({}, {"HOME": "/h"}) == {"HOME": "/h"}
