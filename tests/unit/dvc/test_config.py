"""What a configuration may and may not say; what DVC makes of the same files is in tests/compat."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dvcexp.dvc import configfile
from dvcexp.dvc.config import DvcConfig, commit_config, work_tree_config
from dvcexp.errors import ConfigError

STORE = "['remote \"store\"']\nurl = s3://bucket/team\n"


def commit(text: str, *, root: str | None = "/project", work_tree: DvcConfig | None = None) -> DvcConfig:
    return commit_config(
        text.encode(), "commit 1234567:.dvc/config", {"HOME": "/home/ada"}, root=root, work_tree=work_tree
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(f"[core]\nremote = store\n{STORE}")
    (tmp_path / ".dvc" / "config.local").write_text("['remote \"store\"']\nsecret_access_key = hunter2\n")
    return tmp_path


@pytest.fixture
def work_tree(project: Path) -> DvcConfig:
    config = work_tree_config(str(project), os.environ)
    assert config is not None
    return config


def test_a_folder_without_dvc_has_no_configuration(tmp_path: Path) -> None:
    assert work_tree_config(str(tmp_path), {}) is None


def test_the_default_remote_and_others_by_name_in_any_case(work_tree: DvcConfig) -> None:
    assert work_tree.remote() is work_tree.remote("STORE") is work_tree.remotes["store"]
    assert work_tree.remote("other", missing_ok=True) is None
    with pytest.raises(ConfigError) as caught:
        work_tree.remote("Other")
    assert caught.value.message == "DVC remote 'other' is not configured"
    assert caught.value.hints == ("dvc remote add other <url>", "configured are 'store'")


def test_without_a_default_there_is_none() -> None:
    assert commit(STORE).remote() is None


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("verify = true", "it has no url"),
        ("url = s3://a,b", "its url has a comma, which makes a list of it; put the url in quotes"),
        ("url = remote://nowhere/x", "its url names the DVC remote 'nowhere', which is not configured"),
        ("url = remote://bad/x", "its url leads back to itself"),
    ],
)
def test_a_remote_that_cannot_be_used_says_why_and_spoils_no_other(section: str, reason: str) -> None:
    config = commit(f"{STORE}['remote \"bad\"']\n{section}\n")
    assert list(config.remotes) == ["store"]
    with pytest.raises(ConfigError, match="DVC remote 'bad' cannot be used") as caught:
        config.remote("bad")
    assert caught.value.message.endswith(reason)


def test_a_relative_url_of_a_commit_needs_a_work_tree() -> None:
    text = "['remote \"r\"']\nurl = ../../store\n"
    assert commit(text, root="/work/project").remotes["r"].url == "/work/store"
    with pytest.raises(ConfigError, match="its url is relative to a work tree, and there is none here"):
        commit(text, root=None).remote("r")


def test_a_commit_chooses_no_cache_and_no_links() -> None:
    config = commit("[cache]\ndir = /etc\ntype = symlink\nshared = group\n")
    assert (config.cache_dir, config.cache_types, config.cache_shared) == (
        "/project/.dvc/cache",
        ("reflink", "copy"),
        False,
    )
    assert commit("[cache]\ndir = /etc\n", root=None).cache_dir is None


def test_a_commit_runs_no_command_and_names_no_file_of_this_machine() -> None:
    """`configpath` is an AWS configuration, which may name a `credential_process` to run."""
    files = "configpath = ../aws\ncredentialpath = ../aws\nkeyfile = k\n"
    remote = commit(f"{STORE}bearer_token_command = touch /tmp/pwned\n{files}region = eu\n").remotes["store"]
    assert remote.options == {"region": "eu"}
    assert remote.dropped == ("bearer_token_command", "configpath", "credentialpath", "keyfile")
    assert remote.from_commit


def test_a_commit_points_nobodys_google_token_elsewhere() -> None:
    remote = commit("['remote \"r\"']\nurl = gs://bucket\nendpointurl = https://evil.example\n").remotes["r"]
    assert (remote.options, remote.dropped) == ({}, ("endpointurl",))


def test_credentials_do_not_go_along_with_a_url_that_only_a_commit_names(work_tree: DvcConfig) -> None:
    evil = commit(STORE.replace("bucket", "evil"), work_tree=work_tree).remotes["store"]
    assert (evil.url, evil.options, evil.from_commit) == ("s3://evil/team", {}, True)


def test_the_same_remote_in_a_commit_is_the_work_trees_with_all_its_options(work_tree: DvcConfig) -> None:
    text = f"{STORE}endpointurl = https://evil.example\n"
    assert commit(text, work_tree=work_tree).remotes["store"] is work_tree.remotes["store"]


def test_a_commit_may_add_a_path_to_a_remote_of_the_users_own_and_nothing_else(work_tree: DvcConfig) -> None:
    text = "['remote \"r\"']\nurl = remote://store/sub\nendpointurl = https://evil.example\n"
    remote = commit(text, work_tree=work_tree).remotes["r"]
    assert (remote.url, remote.options) == ("s3://bucket/team/sub", {"secret_access_key": "hunter2"})


def test_the_work_trees_remotes_stay_known_beside_a_commits(work_tree: DvcConfig) -> None:
    config = commit("[core]\nremote = new\n['remote \"new\"']\nurl = https://example.com\n", work_tree=work_tree)
    assert (config.default_remote, sorted(config.remotes)) == ("new", ["new", "store"])
    assert commit_config(None, "commit", {}, root="/p", work_tree=work_tree).remote() is work_tree.remote()


@pytest.mark.parametrize("line", ["password = 'hunter2", "password hunter2", "password = hunter2\npassword = hunter2"])
def test_an_error_names_file_and_line_and_no_value(line: str) -> None:
    with pytest.raises(ConfigError, match=r"'config', line [23]: ") as caught:
        configfile.parse(f"[core]\n{line}\n".encode(), "config")
    assert "hunter2" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(project: Path) -> None:
    (project / ".dvc" / "config").unlink()
    (project / ".dvc" / "config").mkdir()
    with pytest.raises(ConfigError, match=r"cannot read '.*config': Is a directory"):
        work_tree_config(str(project), {})


def test_values_that_stand_for_values_are_bounded() -> None:
    lines = [f"k{number} = {f'%(k{number + 1})s' * 9}" for number in range(9)]
    with pytest.raises(ConfigError, match="refers to itself"):
        configfile.parse(("[a]\n" + "\n".join(lines) + f"\nk9 = {'x' * 100}\n").encode(), "f")
