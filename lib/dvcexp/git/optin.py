"""Opting in: the Git configuration that makes plain push and fetch use our remote helper.

One repository: `remote.<name>.vcs = dvcexp`. The URL stays what it is, so that every other tool still reads it.
Following adds the fetch refspecs that bring teammates' experiments, into a namespace of its own: a refspec onto
`refs/exps/*` would let `git fetch --prune` delete the experiments that were never pushed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dvcexp.errors import DvcexpError, printable
from dvcexp.git.repository import GitConfig, Repository

VCS = "dvcexp"
# DVC's own refs, which it tells by these prefixes; see experiments.is_internal.
_INTERNAL = ("apply", "celery", "exec", "stash", "temp")


class Setting(NamedTuple):
    """One value of a key in Git's configuration, as `git config` takes it."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}"


class UnknownRemote(DvcexpError):
    """There is no Git remote by this name."""

    def __init__(self, git_remote: str) -> None:
        super().__init__(
            f"no Git remote '{printable(git_remote)}'", "git remote -v", f"git remote add {printable(git_remote)} <url>"
        )


def routing(git_remote: str) -> Setting:
    """What sends a Git remote's traffic through the helper."""
    return Setting(f"remote.{git_remote}.vcs", VCS)


def following(git_remote: str) -> list[Setting]:
    """What makes every fetch bring the remote's experiments to `refs/dvcexp/<git remote>/`."""
    refspecs = [f"+refs/exps/*:refs/{VCS}/{git_remote}/*", *(f"^refs/exps/{name}*" for name in _INTERNAL)]
    return [Setting(f"remote.{git_remote}.fetch", refspec) for refspec in refspecs]


def remotes(config: GitConfig) -> Iterator[str]:
    """The names of the Git remotes that have a URL."""
    for key, _ in config.items():
        if key.startswith("remote.") and key.endswith(".url"):
            yield key.removeprefix("remote.").removesuffix(".url")


def check(config: GitConfig, git_remote: str) -> None:
    """DvcexpError where `opt_in` would have no remote to route, or one that another helper serves."""
    if config.get(f"remote.{git_remote}.url") is None:
        raise UnknownRemote(git_remote)
    vcs = config.get(routing(git_remote).key)
    if vcs is not None and vcs != VCS:
        raise DvcexpError(
            f"Git remote '{printable(git_remote)}' uses the helper '{printable(vcs)}'",
            f"git config --unset remote.{git_remote}.vcs",
        )


def opt_in(repository: Repository, git_remote: str, *, follow: bool) -> list[Setting]:
    """Set what is not set yet, in the repository's own configuration; what was set. `check` comes before."""
    wanted = [routing(git_remote), *(following(git_remote) if follow else [])]
    added = [setting for setting in wanted if setting.value not in repository.config.get_all(setting.key)]
    for setting in added:
        repository.git("config", "--local", "--add", *setting)
    return added


def opt_out(repository: Repository, git_remote: str) -> list[Setting]:
    """Take back what `opt_in` may have set, and the copies of experiments that following made; what was unset."""
    local = GitConfig(repository.git("config", "--local", "--list", "-z"))
    settings = [routing(git_remote), *following(git_remote)]
    removed = [setting for setting in settings if setting.value in local.get_all(setting.key)]
    for setting in removed:
        repository.git("config", "--local", "--fixed-value", "--unset-all", *setting)
    copies = repository.refs(f"refs/{VCS}/{git_remote}/")
    if copies:
        deletions = "".join(f"delete {ref}\0{sha}\0" for ref, sha in copies.items())
        repository.git("update-ref", "--stdin", "-z", stdin=deletions.encode("utf-8", "surrogateescape"))
    return removed


def opted_in(repository: Repository) -> list[str]:
    """The Git remotes that this repository's own configuration sends through the helper."""
    local = GitConfig(repository.git("config", "--local", "--list", "-z"))
    return [name for name in remotes(local) if local.get(routing(name).key) == VCS]
