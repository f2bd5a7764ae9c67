"""`git exp env`: what a bug report needs, without secrets."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dvcexp import __version__
from dvcexp.concealed import scrub
from dvcexp.errors import DvcexpError, printable
from dvcexp.git.repository import NotARepository, Repository

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs

_HELPER = "git-remote-dvcexp"


def add_parser(verbs: Verbs) -> None:
    """No arguments."""
    verbs.add_parser("env", description="Print what a bug report needs: versions, paths, settings. No secrets.")


def run(args: argparse.Namespace) -> int:
    """Print; outside a repository what there is to say."""
    for name, value in _facts():
        print(printable(scrub(f"{name}: {value}")))
    return 0


def _facts() -> Iterator[tuple[str, str]]:
    from shutil import which

    yield "dvcexp", f"{__version__} ({os.path.dirname(os.path.dirname(os.path.abspath(__file__)))})"
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "platform", platform.platform()
    yield _HELPER, which(_HELPER) or "not on PATH"
    yield "dvc", which("dvc") or "not on PATH"
    for name in sorted(os.environ):
        if name.startswith("DVCEXP_"):
            yield name, os.environ[name]
    try:
        repository = Repository.discover()
    except NotARepository:
        yield "repository", "none here"
        return
    yield "git", os.fsdecode(repository.git("version")).strip().removeprefix("git version ")
    yield "repository", f"{repository.git_dir} ({repository.object_format})"
    yield "work tree", repository.work_tree or "none, a bare repository"
    yield from sorted(_git_settings(repository))
    yield from _dvc_settings(repository)


def _git_settings(repository: Repository) -> Iterator[tuple[str, str]]:
    """Our own keys, and how the Git remotes are reached."""
    for key, value in repository.config.items():
        section, _, name = key.partition(".")
        if section == "dvcexp" or (section == "remote" and name.endswith((".url", ".pushurl", ".vcs"))):
            yield key, value


def _dvc_settings(repository: Repository) -> Iterator[tuple[str, str]]:
    """The cache and the default DVC remote of the work tree's DVC root: its URL, none of its options."""
    from dvcexp.dvc.config import work_tree_config

    if repository.work_tree is None:
        return
    try:
        config = work_tree_config(repository.work_tree, os.environ)
        if config is None:
            yield "DVC root", "none at the top of the work tree"
            return
        yield "DVC cache", config.cache_dir or "none"
        remote = config.remote(None, missing_ok=True)
        yield "DVC remote", f"{remote.name} {remote.url}" if remote is not None else "none by default"
    except DvcexpError as error:
        yield "DVC config", error.message
