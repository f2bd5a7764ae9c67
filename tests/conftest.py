"""Every test runs isolated: its own HOME, no system or user configuration, no network but loopback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Git, DVC and the cloud clients all read the environment; a test sets what it needs itself.
_CLEARED = (
    "GIT_",
    "DVC_",
    "DVCEXP_",
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "GCE_",
    "OSS_",
    "XDG_",
    "SSH_",
    "http_proxy",
    "https_proxy",
)
_CLOUD_GUARDS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_GCE_CHECK": "true",
    "GCE_METADATA_HOST": "127.0.0.1:1",
    "GCE_METADATA_IP": "127.0.0.1:1",
    "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """For tests/e2e/faults."""
    parser.addoption("--points", metavar="<n>|all", help="steps that fail in each sweep; a few by default")
    parser.addoption("--figures", action="store_true", help="write what came of it into docs/guarantees.md")


def pytest_configure() -> None:
    """Clear the environment before any library has read it."""
    for name in list(os.environ):
        if name.startswith(_CLEARED):
            del os.environ[name]
    os.environ.update(_CLOUD_GUARDS)


@pytest.fixture(autouse=True)
def _isolate(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    env = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_DIRS": str(home / "etc"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(home / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "dvc-system"),
        "LC_ALL": "C.UTF-8",
        "PATH": os.pathsep.join([str(ROOT / "helpers"), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "lib"),
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    (home / ".gitconfig").write_text(
        "[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
    )
    yield
