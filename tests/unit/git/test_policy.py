"""Nested URLs obey Git's protocol policy, which is asked for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dvcexp.errors import DvcexpError
from dvcexp.git.policy import TransportRefused, check
from dvcexp.git.repository import GitConfig
from tests.support.shell import sh

# A URL for each transport that fails at once, and never because of the network.
URLS = {"file": "file:///nowhere", "ext": "ext::false", "git": "git://127.0.0.1:1/x", "http": "http://127.0.0.1:1/x"}

CASES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {}),
    ({}, {"GIT_PROTOCOL_FROM_USER": "0"}),
    ({}, {"GIT_PROTOCOL_FROM_USER": "1"}),
    ({"protocol.allow": "never"}, {}),
    ({"protocol.allow": "always"}, {"GIT_PROTOCOL_FROM_USER": "0"}),
    ({"protocol.allow": "user"}, {"GIT_PROTOCOL_FROM_USER": "0"}),
    ({"protocol.allow": "never", "protocol.ext.allow": "always"}, {}),
    ({"protocol.file.allow": "Never"}, {}),
    ({"protocol.ext.allow": "user"}, {}),
    ({"protocol.ext.allow": "always"}, {"GIT_ALLOW_PROTOCOL": "file:git"}),
    ({"protocol.file.allow": "never"}, {"GIT_ALLOW_PROTOCOL": "file"}),
    ({}, {"GIT_ALLOW_PROTOCOL": ""}),
]


def ours(transport: str, config: Mapping[str, str], environ: Mapping[str, str]) -> bool:
    listing = "".join(f"{key}\n{value}\0" for key, value in config.items())
    try:
        check(transport, GitConfig(listing.encode()), environ)
    except TransportRefused as error:
        assert error.message == f"transport '{transport}' not allowed"
        return False
    return True


@pytest.mark.parametrize(("config", "environ"), CASES)
@pytest.mark.parametrize("transport", URLS)
def test_a_transport_is_allowed_where_git_allows_it(
    transport: str, config: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    options = [word for key, value in config.items() for word in ("-c", f"{key}={value}")]
    done = sh("git", *options, "ls-remote", URLS[transport], cwd=tmp_path, check=False, env=environ)
    assert done.code != 0
    assert ours(transport, config, environ) == (f"transport '{transport}' not allowed" not in done.stderr)


def test_a_value_that_means_nothing_is_an_error_that_names_the_key() -> None:
    with pytest.raises(DvcexpError, match=r"unknown value for config 'protocol\.ext\.allow': perhaps"):
        ours("ext", {"protocol.ext.allow": "perhaps"}, {})


def test_an_unknown_helper_is_for_what_the_user_typed() -> None:
    assert ours("vendor", {}, {})
    assert not ours("vendor", {}, {"GIT_PROTOCOL_FROM_USER": "0"})
