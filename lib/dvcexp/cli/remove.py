"""`git exp remove`: experiments go, here or on a Git remote. Their data stays where it is: see `git exp prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvcexp.cli import refs, selection
from dvcexp.cli.names import experiments_here, experiments_there, quoted
from dvcexp.cli.transfer import add_quiet
from dvcexp.errors import UsageError
from dvcexp.git import foreground
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser(
        "remove",
        description="Remove experiments here, or with -g on a Git remote. Their data stays: 'git exp prune' frees what"
        " nothing but removed experiments used in the cache; a DVC remote keeps all.",
    )
    parser.add_argument("experiments", nargs="*", metavar="<experiment>", help="name, full ref or commit id")
    selection.add_options(parser, "remove", default="none")
    parser.add_argument("--keep", action="store_true", help="remove all but the chosen ones")
    parser.add_argument("-g", "--git-remote", metavar="<git remote>", help="remove them there, and leave those here")
    parser.add_argument("--queue", action="store_true", help="refused: the queue is DVC's, dvc exp remove --queue")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Remove; an unknown name is an error before anything is removed."""
    if args.queue:
        raise UsageError("queued experiments are DVC's own", "dvc exp remove --queue")
    if not args.experiments and not args.rev and not args.all_commits:
        raise UsageError("which experiments? Name them, or choose them with --rev or --all-commits")
    repository = Repository.discover()
    git_remote = args.git_remote
    known = experiments_there(git_remote) if git_remote is not None else experiments_here(repository)
    chosen = selection.select(args, repository, known, args.experiments, git_remote=git_remote)
    if args.keep:
        chosen = {ref: tip for ref, tip in known.items() if ref not in chosen}
    if not chosen:
        if not args.quiet:
            print("No experiments to remove.")
        return 0
    if git_remote is None:
        refs.delete(repository, chosen)
    else:
        # What somebody replaced since it was listed is not what was chosen.
        leases = [f"--force-with-lease={ref}:{tip}" for ref, tip in chosen.items()]
        quiet = ["--quiet"] if args.quiet else []
        code = foreground.push(git_remote, [f":{ref}" for ref in chosen], *leases, *quiet)
        if code != 0:
            return code
    if not args.quiet:
        print(f"Removed experiments: {quoted(chosen)}")
    return 0
