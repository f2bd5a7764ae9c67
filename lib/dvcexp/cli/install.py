"""`git exp install`: let plain `git push` and `git fetch` carry experiments, in this repository or by URL in all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dvcexp.errors import DvcexpError, UsageError, printable
from dvcexp.git import hooks, optin
from dvcexp.git.repository import Repository
from dvcexp.git.version import git_version

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs
    from dvcexp.git.version import Version

HELPER = "git-remote-dvcexp"


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "install",
        description="Send Git remotes through dvcexp (remote.<name>.vcs), and upload before pushes to all others"
        " (a pre-push hook). Safe to run again; 'git exp uninstall' takes it back.",
    )
    parser.add_argument("git_remote", nargs="*", metavar="<git remote>", help="default: origin")
    parser.add_argument("--follow", action="store_true", help="every git fetch also brings teammates' experiments")
    parser.add_argument(
        "--global", action="store_true", dest="everywhere", help="for all your repositories, with --for"
    )
    parser.add_argument("--for", dest="pattern", metavar="<url pattern>", help="those with a remote of such a URL")


def run(args: argparse.Namespace) -> int:
    """Install; nothing is changed if Git could not find the helper afterwards, or is too old for it."""
    if args.everywhere != (args.pattern is not None):
        raise UsageError("--global and --for <url pattern> go together")
    _require_helper()
    version = git_version()
    if args.everywhere:
        _install_by_url(args.pattern, args.git_remote or ["origin"], version, follow=args.follow)
    else:
        _install_here(Repository.discover(), args.git_remote, follow=args.follow)
    return 0


def _install_here(repository: Repository, named: list[str], *, follow: bool) -> None:
    known = set(optin.remotes(repository.config))
    chosen = named or [name for name in ("origin",) if name in known]
    for git_remote in chosen:
        optin.check(repository.config, git_remote)
    hook_changed = _install_hook(repository)
    changed = [setting for name in chosen for setting in optin.opt_in(repository, name, follow=follow)]
    for setting in changed:
        print(f"set {setting}")
    if not chosen:
        print("there is no Git remote 'origin' yet: once there is one, run 'git exp install' again")
    elif not changed and not hook_changed:
        print("nothing to do, all of it is in place")


def _install_hook(repository: Repository) -> bool:
    from dvcexp.progress import Progress

    try:
        hook = hooks.install(hooks.hooks_folder(repository))
    except hooks.ForeignHooks as error:
        # The helper does not need the hook: the rest stands.
        Progress(show=False).warning(error.message, *error.hints)
        return False
    except OSError as error:
        raise DvcexpError(f"cannot write the hook '{printable(str(error.filename))}': {error.strerror}") from error
    if hook.change == "unchanged":
        return False
    print(f"{hook.change} hook {printable(hook.path)}")
    if hook.previous is not None:
        print(f"  the hook that was there runs first: {printable(hook.previous)}")
    return True


def _install_by_url(pattern: str, git_remotes: list[str], version: Version, *, follow: bool) -> None:
    from dvcexp.git import by_url

    pattern = by_url.whole_pattern(pattern)
    try:
        settings = by_url.opt_in(pattern, git_remotes, version, follow=follow)
    except OSError as error:
        raise DvcexpError(f"cannot write '{printable(str(error.filename))}': {error.strerror}") from error
    print(f"wherever a Git remote's URL matches '{pattern}':")
    for setting in settings:
        if by_url.has_config_hooks(version) or not setting.key.startswith("hook."):
            print(f"  {setting}")
    if not by_url.has_config_hooks(version):
        print("your Git has no hooks by configuration (2.54 has): for Git remotes by other names, run")
        print("'git exp install' in their repositories")


def _require_helper() -> None:
    """Git starts the helper by name; without it every fetch from a routed remote would fail."""
    from shutil import which

    if which(HELPER) is None:
        raise DvcexpError(
            f"'{HELPER}' is not on PATH, so Git could not use it",
            f"put its folder on PATH: {os.path.join('~', '.local', 'bin')} if install.sh put it there",
        )
