"""What a stranger's `.dvc/config` may say of a remote; each case is an attack, or what must go on working beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvcexp.dvc.config import DvcConfig, commit_config, work_tree_config
from dvcexp.errors import ConfigError

HTTP = "url = https://host.example/data\n"
GOOGLE = "url = gs://bucket\n"


def section(text: str) -> str:
    return f"['remote \"r\"']\n{text}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone: its `.dvc/config` is a stranger's."""
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    (tmp_path / "clone" / "sub" / ".dvc").mkdir(parents=True)
    return tmp_path / "clone" / "sub"


def configured(project: Path, theirs: str, local: str = "", machine: str = "") -> DvcConfig:
    (project / ".dvc" / "config").write_text(section(theirs))
    (project / ".dvc" / "config.local").write_text(section(local) if local else "")
    config = work_tree_config(str(project), machine_files(project, machine))
    assert config is not None
    return config


def machine_files(project: Path, text: str) -> dict[str, str]:
    folder = project.parent.parent / "machine"
    folder.mkdir(exist_ok=True)
    (folder / "config").write_text(section(text) if text else "")
    return {"HOME": "/home/ada", "DVC_SYSTEM_CONFIG_DIR": "/nowhere", "DVC_GLOBAL_CONFIG_DIR": str(folder)}


def refusal(config: DvcConfig) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(ConfigError, match=r"^DVC remote 'r' cannot be used: ") as caught:
        config.remote("r")
    return caught.value.message.removeprefix("DVC remote 'r' cannot be used: "), caught.value.hints


COMMAND = "url = webdav://host.example\nbearer_token_command = touch pwned\n"


def test_a_command_that_comes_with_the_repository_is_not_run(project: Path) -> None:
    assert refusal(configured(project, COMMAND)) == (
        "its bearer_token_command came with the repository, and would run here",
        ("if you trust it: dvc remote modify --local r bearer_token_command <the same>",),
    )


def test_the_users_own_word_allows_the_command(project: Path) -> None:
    config = configured(project, COMMAND, local="bearer_token_command = print-token\n")
    assert config.remotes["r"].options["bearer_token_command"] == "print-token"


@pytest.mark.parametrize("key", ["configpath", "credentialpath"])
@pytest.mark.parametrize("path", ["aws", "../../aws", "./../aws"])
def test_a_file_of_the_repository_that_may_name_commands_is_not_read(project: Path, key: str, path: str) -> None:
    """`credential_process` in an AWS configuration, and the sources of an external Google account. The Git repository
    may reach further up than the DVC root."""
    reason, hints = refusal(configured(project, f"url = s3://bucket\n{key} = {path}\n"))
    assert reason == f"its {key} is a file that came with the repository, and could run commands"
    assert hints == (f"if you trust it: dvc remote modify --local r {key} <the same>",)


def test_a_link_out_of_the_repository_and_one_into_it_are_seen(project: Path) -> None:
    (project.parent.parent / "shortcut").symlink_to(project)
    reason, _ = refusal(configured(project, "url = s3://bucket\nconfigpath = ../../../shortcut/aws\n"))
    assert "configpath" in reason


def test_files_of_the_user_may_be_named(project: Path) -> None:
    theirs = "url = s3://bucket\nconfigpath = ~/.aws/config\ncredentialpath = ../../../keys\n"
    assert configured(project, theirs).remotes["r"].options == {
        "configpath": "/home/ada/.aws/config",
        "credentialpath": str(project.parent.parent / "keys"),
    }
    local = configured(project, "url = s3://bucket\n", local="credentialpath = key.json\n")
    assert local.remotes["r"].options == {"credentialpath": str(project / ".dvc" / "key.json")}


def test_a_google_token_goes_to_google_alone(project: Path) -> None:
    reason, _ = refusal(configured(project, f"{GOOGLE}endpointurl = https://storage.googleapis.com.evil.example\n"))
    assert reason.endswith("and your Google token would go to 'storage.googleapis.com.evil.example'")
    refusal(configured(project, f"{GOOGLE}endpointurl = http://evil.example\n", local="credentialpath = /key.json\n"))


@pytest.mark.parametrize(
    "theirs",
    [
        "endpointurl = https://storage-team.p.googleapis.com\n",
        "endpointurl = http://127.0.0.1:4443\n",  # over plain http the machine's token is not sent
        "endpointurl = https://mirror.example\nallow_anonymous_login = True\n",
    ],
)
def test_endpoints_that_get_no_token_are_used(project: Path, theirs: str) -> None:
    assert "endpointurl" in configured(project, GOOGLE + theirs).remotes["r"].options


@pytest.mark.parametrize("secret", ["password", "token", "sas_token", "bearer_token_command", "sse_customer_key"])
@pytest.mark.parametrize(
    "theirs",
    [
        HTTP,
        "url = s3://bucket\nendpointurl = https://host.example\n",
        "url = webhdfs://hdfs.example\nproxy_to = host.example\n",
    ],
)
def test_a_secret_kept_for_a_name_does_not_follow_it_to_a_strangers_host(
    project: Path, secret: str, theirs: str
) -> None:
    """The user keeps a password for the remote `r` of another project; this clone calls its own remote `r`, too."""
    reason, hints = refusal(configured(project, theirs, machine=f"{secret} = hunter2\n"))
    assert reason.endswith(f"came with the repository, and your {secret} would go to 'host.example'")
    assert hints[0] == "if you trust it: dvc remote modify --local r url <the same>"
    assert "hunter2" not in reason


def test_no_user_or_password_of_the_strangers_url_is_shown(project: Path) -> None:
    reason, _ = refusal(configured(project, "url = https://u:s3cret@evil.example/x\n", machine="password = x\n"))
    assert reason == "its url came with the repository, and your password would go to 'evil.example'"


@pytest.mark.parametrize(
    ("theirs", "local", "machine"),
    [
        (HTTP, "password = mine\n", ""),  # said with this repository in view
        (HTTP, HTTP, "password = mine\n"),  # the host is the user's own choice
        ("verify = true\n", "", f"{HTTP}password = mine\n"),  # both are the user's
        (HTTP, "", "user = ada\nkeyfile = ~/.ssh/id\nsecret_access_key = signs\n"),  # nothing that is shown to anybody
    ],
)
def test_what_the_user_says_is_honoured(project: Path, theirs: str, local: str, machine: str) -> None:
    assert configured(project, theirs, local, machine).remotes["r"].url == "https://host.example/data"


def test_a_path_on_a_remote_of_the_users_own_keeps_its_secrets(project: Path) -> None:
    machine = f"{HTTP}password = mine\n['remote \"sub\"']\njobs = 2\n"
    (project / ".dvc" / "config").write_text("['remote \"sub\"']\nurl = remote://r/sub\n")
    config = work_tree_config(str(project), machine_files(project, machine))
    assert config is not None
    assert config.remotes["sub"].url == "https://host.example/data/sub"
    assert config.remotes["sub"].options == {"password": "mine", "jobs": "2"}


def test_a_clone_in_progress_is_held_to_the_same(project: Path) -> None:
    """There is no work tree yet: the commit's own configuration stands in for it, beside the user's."""
    environ = machine_files(project, "password = hunter2\n")
    config = commit_config(section(HTTP).encode(), "commit's .dvc/config", environ, root=None, work_tree=None)
    assert refusal(config)[0] == "its url came with the repository, and your password would go to 'host.example'"
