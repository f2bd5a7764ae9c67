"""`git-remote-dvcexp <git remote> <url>`: between Git and the real remote, to let experiments' data travel with refs.

The URL is the real one: Git strips `dvcexp::`, and `remote.<name>.vcs = dvcexp` leaves it as it is. What Git moves
apart from experiments passes through; nothing that deals with data is imported for it.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from dvcexp.errors import DvcexpError, UsageError
from dvcexp.git import policy, process
from dvcexp.git.exchange import Ends
from dvcexp.git.options import Options
from dvcexp.git.relay import Gate
from dvcexp.git.repository import GitConfig
from dvcexp.git.url import PREFIX, BundleFile, Helper, LocalPath, parse, rewrite

_STDIO = Ends(0, 1)


def main() -> NoReturn:
    """The program `git-remote-dvcexp`."""
    from dvcexp.boundary import leave, run

    leave(run(lambda: serve(sys.argv[1:])))


def serve(argv: Sequence[str], git: Ends = _STDIO, environ: Mapping[str, str] = os.environ) -> int:
    """Converse with Git about the remote that `argv` names; the exit code."""
    environ = dict(environ)  # for the connection, also if it is made again after we have changed our own
    if len(argv) != 2:
        raise UsageError("git-remote-dvcexp is started by Git", "use it as a remote: git clone dvcexp::<url>")
    config = _read_config(environ)
    name, url = argv
    has_prefix = name.startswith(PREFIX) or _is_configured_with_prefix(name, url, config)
    target = parse(_inner(url, config) if has_prefix else url)
    policy.check(target.transport, config, environ)
    git_remote = url if name.startswith(PREFIX) else name
    options = Options(follows=_follows(config, git_remote, environ))
    gate = _gate(git_remote, config, options, target.path if isinstance(target, LocalPath) else None)
    if isinstance(target, Helper):
        from dvcexp.git.nested import NestedHelper

        command = ["git", f"remote-{target.transport}", git_remote, target.url]
        return NestedHelper(command, environ, git, options, gate).run()
    from dvcexp.git.native import BundleRemote, NativeRemote

    if isinstance(target, BundleFile):
        return BundleRemote(target, environ, git, options, gate).run()
    return NativeRemote(target, config, environ, git, options, gate).run()


def _read_config(environ: Mapping[str, str]) -> GitConfig:
    """DvcexpError where it cannot be had whole: what may not be done stands in it too."""
    code, listing = process.output(["git", "config", "--list", "-z"], environ)
    if code != 0:
        raise DvcexpError(f"git config --list: exit code {code}")
    return GitConfig(listing)


def _follows(config: GitConfig, git_remote: str, environ: Mapping[str, str]) -> bool:
    """May experiments follow a push of their branch? A quick look; the gate reads the setting with care."""
    return "DVCEXP_SKIP" not in environ and bool(
        config.get_all(f"dvcexp.{git_remote}.follow") or config.get_all("dvcexp.follow")
    )


def _gate(git_remote: str, config: GitConfig, options: Options, source: str | None) -> Callable[[], Gate]:
    """The gate, made when it is first asked for."""

    @functools.cache
    def gate() -> Gate:
        from dvcexp.gate import DataGate

        return DataGate(git_remote, config, options, source)

    return gate


def _is_configured_with_prefix(name: str, url: str, config: GitConfig) -> bool:
    urls = [*config.get_all(f"remote.{name}.url"), *config.get_all(f"remote.{name}.pushurl")]
    return PREFIX + url in urls


def _inner(url: str, config: GitConfig) -> str:
    """What Git has tried its rewriting rules on was `dvcexp::<url>`: nobody has on the URL itself."""
    changed = rewrite(url, config)
    # The rule may be what put our prefix there in the first place; Git applies one rule once.
    return url if changed.startswith(PREFIX) else changed
