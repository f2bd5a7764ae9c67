"""`git exp rename`: an experiment gets another name, on the same baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvcexp.cli import refs
from dvcexp.cli.names import Names, experiments_here, name_of, quoted
from dvcexp.errors import DvcexpError, printable
from dvcexp.experiments import Experiment
from dvcexp.git.repository import Repository

if TYPE_CHECKING:
    import argparse

    from dvcexp.cli.parser import Verbs


def add_parser(verbs: Verbs) -> None:
    """The verb's arguments."""
    parser = verbs.add_parser("rename", description="Give an experiment here another name.")
    parser.add_argument("experiment", metavar="<experiment>", help="name, full ref or commit id")
    parser.add_argument("name", metavar="<name>", help="the new name")
    parser.add_argument("-f", "--force", action="store_true", help="replace the experiment that has this name")


def run(args: argparse.Namespace) -> int:
    """Rename, in one step: at no moment is the experiment without a name."""
    repository = Repository.discover()
    here = experiments_here(repository)
    old = Names(repository, here).find(args.experiment)
    new = _renamed(repository, old, args.name)
    if new == old:
        print("No experiments to rename.")
        return 0
    if new in here and not args.force:
        raise DvcexpError(
            f"there is an experiment {quoted([new])} on the same baseline already",
            f"to replace it: git exp rename --force {printable(old)} {printable(args.name)}",
        )
    refs.update(repository, {new: here[old]}, deleted={old: here[old]}, known=here)
    print(f"Renamed experiment {quoted([old])} to {quoted([new])}.")
    return 0


def _renamed(repository: Repository, old: str, name: str) -> str:
    experiment = Experiment.parse(f"{old.rpartition('/')[0]}/{name}")
    if experiment is None or name_of(experiment.ref) != name or not _is_ref(repository, experiment.ref):
        raise DvcexpError(
            f"'{printable(name)}' cannot be the name of an experiment",
            "a name has no slash, and otherwise follows Git's rules: git help check-ref-format",
        )
    return experiment.ref


def _is_ref(repository: Repository, ref: str) -> bool:
    return repository.git("check-ref-format", "--normalize", ref, check=False).strip() != b""
