"""URLs are read as Git reads them, which is asked for comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from dvcexp.git.repository import GitConfig
from dvcexp.git.url import (
    BundleFile,
    DaemonHost,
    Helper,
    LocalPath,
    SshHost,
    Target,
    UrlError,
    fetch_url,
    parse,
    rewrite,
)
from tests.support.shell import git, sh

READ_BY_GIT = [
    "host:path",
    "user@host:path/to/repo.git",
    "host:/abs/path",
    "host:~/path",
    "host:/~user/path",
    "[::1]:path",
    "[host:123]:path",
    "user@[::1]:path",
    "[user@host:123]:path",
    "ssh://host/path",
    "ssh://user@host:22/path",
    "ssh://host/~user/path",
    "ssh://[::1]/path",
    "ssh://user@[::1]:2222/path",
    "ssh://host:/path",
    "ssh://host:noport/path",
    "ssh://host/with%20space/%41",
    "git+ssh://host/path",
    "ssh+git://host:1/path",
    "git://host/path",
    "git://host:9999/~user/path",
    "git://[::1]:9999/path",
    "file:///abs/path",
    "file:///with%20space",
    "file://relative/path",
    "/abs/path",
    "./rel:ative",
    "a/b:c",
]


def as_git_tells(target: Target) -> dict[str, str]:
    """What `git fetch-pack --diag-url` would print for it."""
    if isinstance(target, SshHost):
        return {"protocol": "ssh", "userandhost": target.host, "port": target.port or "NONE", "path": target.path}
    if isinstance(target, DaemonHost):
        return {"protocol": "git", "hostandport": target.virtual_host, "path": target.path}
    assert isinstance(target, LocalPath)
    return {"protocol": "file", "path": target.path}


@pytest.mark.parametrize("url", READ_BY_GIT)
def test_host_port_and_path_are_what_git_finds(url: str, tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    lines = [line.removeprefix("Diag: ") for line in git("fetch-pack", "--diag-url", url, cwd=tmp_path).splitlines()]
    told = dict(line.split("=", 1) for line in lines)
    told["protocol"] = told["protocol"].replace("local", "file")
    ours = as_git_tells(parse(url))
    assert ours == {key: value for key, value in told.items() if key in ours}


@pytest.mark.parametrize(
    "url",
    ["-oProxyCommand=x:path", "ssh://-oProxyCommand=x/path", "git://-x/path", "host:-path", "-path", "ssh://[-x]/path"],
)
def test_nothing_that_begins_with_a_dash_gets_through(url: str) -> None:
    with pytest.raises(UrlError, match="blocked"):
        parse(url)


@pytest.mark.parametrize("url", ["", "host:", "ssh://host", "git://host", "file://"])
def test_a_url_without_a_path_is_refused(url: str) -> None:
    with pytest.raises(UrlError, match="no path specified"):
        parse(url)


@pytest.mark.parametrize("url", ["git://ho\nst/path", "git://host/pa%0ath"])
def test_a_newline_cannot_slip_into_the_request_to_a_daemon(url: str) -> None:
    with pytest.raises(UrlError, match="newline"):
        parse(url)


def test_a_null_byte_cannot_slip_into_a_path() -> None:
    assert parse("ssh://host/pa%00th") == SshHost("host", None, "/pa%00th")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host/path", Helper("https", "https://host/path")),
        ("ext::sh -c true", Helper("ext", "sh -c true")),
        ("fd::17", Helper("fd", "17")),
        ("dvcexp::https://host/path", Helper("https", "https://host/path")),
        ("dvcexp::dvcexp::ext::x", Helper("ext", "x")),
        ("my-own+2.x::what:ever", Helper("my-own+2.x", "what:ever")),
        ("s3://bucket/path", Helper("s3", "s3://bucket/path")),
    ],
)
def test_other_transports_go_to_their_helper(url: str, expected: Target) -> None:
    assert parse(url) == expected


def test_our_own_scheme_does_not_lead_back_to_us() -> None:
    with pytest.raises(UrlError, match="names no transport"):
        parse("dvcexp://host/path")


def test_a_bundle_is_told_by_its_content(tmp_path: Path) -> None:
    sh("git", "init", "-q", cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=tmp_path)
    git("bundle", "create", "-q", "it.bundle", "HEAD", cwd=tmp_path)
    assert parse(str(tmp_path / "it.bundle")) == BundleFile(str(tmp_path / "it.bundle"))
    assert parse(str(tmp_path)) == LocalPath(str(tmp_path))


def _config(**values: str) -> GitConfig:
    return GitConfig("".join(f"{key}\n{value}\0" for key, value in values.items()).encode())


def test_the_longest_rule_rewrites_once() -> None:
    rules = {"https://github.com/": "gh:", "ssh://git@github.com/me/": "gh:me/", "http://": "https://"}
    config = _config(**{f"url.{base}.insteadof": value for base, value in rules.items()})
    assert rewrite("gh:you/repo", config) == "https://github.com/you/repo"
    assert rewrite("gh:me/repo", config) == "ssh://git@github.com/me/repo"
    assert rewrite("/local", config) == "/local"


def test_a_git_remote_is_fetched_from_where_its_first_url_leads() -> None:
    config = GitConfig(b"remote.origin.url\nwork:a\0remote.origin.url\nb\0url./srv/.insteadof\nwork:\0")
    assert fetch_url("origin", config) == "/srv/a"
    assert fetch_url("work:c", config) == "/srv/c"
    assert fetch_url("../elsewhere", config) == "../elsewhere"
