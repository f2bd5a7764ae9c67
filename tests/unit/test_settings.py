"""git config and the environment -> one value."""

from __future__ import annotations

import pytest

from dvcexp.errors import SettingsError
from dvcexp.settings import Settings


class Config(dict[str, list[str]]):
    """Keys as git lists them."""

    def get_all(self, key: str) -> list[str]:
        return self.get(key, [])


def test_nothing_set_gives_the_defaults() -> None:
    assert Settings.load(Config(), "origin", {}) == Settings()
    assert Settings().moves_data


def test_the_section_of_a_git_remote_wins_over_the_general_one() -> None:
    config = Config(
        {
            "dvcexp.jobs": ["3"],
            "dvcexp.origin.jobs": ["5", "7"],
            "dvcexp.remote": ["Store"],
            "dvcexp.fetchinclude": ["a", "b"],
            "dvcexp.other.fetchinclude": ["c"],
        }
    )
    ours = Settings.load(config, "origin", {})
    assert (ours.jobs, ours.remote, ours.fetch_include) == (7, "store", ("a", "b"))
    assert Settings.load(config, "other", {}).fetch_include == ("c",)
    assert Settings.load(config, None, {}).jobs == 3


@pytest.mark.parametrize("value", ["1", "true"])
def test_skip_in_the_environment_moves_refs_alone(value: str) -> None:
    assert not Settings.load(Config(), None, {"DVCEXP_SKIP": value}).moves_data
    assert not Settings.load(Config({"dvcexp.cache": ["false"]}), None, {}).moves_data


def test_no_jobs_means_the_remotes_own_default_as_in_dvc() -> None:
    assert Settings.load(Config({"dvcexp.jobs": ["0"]}), None, {}).jobs is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("jobs", "-1"),
        ("jobs", "many"),
        ("jobs", "²"),
        ("verify", "Always"),
        ("cache", "maybe"),
        ("allowIncompletePush", "2"),
    ],
)
def test_a_value_that_means_nothing_is_named_with_the_way_out(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"'{value}' for 'dvcexp.{key}'") as caught:
        Settings.load(Config({f"dvcexp.{key.lower()}": [value]}), None, {})
    assert caught.value.hints == (f"git config --unset dvcexp.{key}",)


def test_a_bad_value_of_the_environment_is_not_looked_for_in_git_config() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(Config(), None, {"DVCEXP_SKIP": "perhaps"})
    assert caught.value.message == "bad value 'perhaps' for 'DVCEXP_SKIP': it must be true or false"
    assert caught.value.hints == ("unset DVCEXP_SKIP",)
