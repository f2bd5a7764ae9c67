"""`git exp uninstall`: take back what `git exp install` did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvcexp.errors import DvcexpError, UsageError, printable
from dvcexp.git import hooks, optin
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "uninstall",
        description="Take back what 'git exp install' did; the hook that was there before is put back as it was.",
    )
    parser.add_argument("git_remote", nargs="*", metavar="<git remote>", help="only these remotes; the hook stays")
    parser.add_argument("--global", action="store_true", dest="everywhere", help="what 'install --global' did")
    parser.add_argument("--for", dest="pattern", metavar="<url pattern>", help="only this pattern, with --global")


def run(args: argparse.Namespace) -> int:
    """Uninstall; with nothing there to take back, say so."""
    if args.pattern is not None and not args.everywhere:
        raise UsageError("--for <url pattern> goes with --global")
    if args.everywhere and args.git_remote:
        raise UsageError("--global takes back whole patterns, not single Git remotes")
    changed = _everywhere(args.pattern) if args.everywhere else _here(Repository.discover(), args.git_remote)
    if not changed:
        print("nothing to do, nothing is installed")
    return 0


def _here(repository: Repository, named: list[str]) -> bool:
    changed = False
    for git_remote in named or optin.opted_in(repository):
        for setting in optin.opt_out(repository, git_remote):
            print(f"unset {setting}")
            changed = True
    if named:
        return changed
    try:
        hook = hooks.uninstall(hooks.hooks_folder(repository))
    except OSError as error:
        raise DvcexpError(f"cannot remove the hook '{printable(str(error.filename))}': {error.strerror}") from error
    if hook.change == "unchanged":
        return changed
    print(f"{hook.change} hook {printable(hook.path)}")
    if hook.previous is not None:
        print("  the hook that was there before is back")
    return True


def _everywhere(pattern: str | None) -> bool:
    from dvcexp.git import by_url

    patterns = by_url.opted_in() if pattern is None else [by_url.whole_pattern(pattern)]
    removed = [pattern for pattern in patterns if by_url.opt_out(pattern)]
    for pattern in removed:
        print(f"removed for URLs '{printable(pattern)}'")
    return bool(removed)
