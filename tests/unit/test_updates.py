"""Which updates Git will refuse: said only where it is certain."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dvcexp.git.caller import Command
from dvcexp.git.repository import Repository
from dvcexp.updates import Updates

BASE = "b" * 40
REF = f"refs/exps/bb/{'b' * 38}/x"
# commit -> parents: the experiment was `old`, then `new` on top, or `other` beside it; `merge` has `old` on its side.
HISTORY = {
    BASE: ("root",),
    "old": (BASE,),
    "new": ("old",),
    "other": (BASE,),
    "merge": (BASE, "old"),
    "elsewhere": ("root",),
    "root": (),
}
ONE = f"{REF}:{REF}"


class Host:
    """A repository with `REF` at `old`, and what `Updates` asks of it."""

    def __init__(self, config: dict[str, list[str]]) -> None:
        self._config = config
        self.config = self.objects = self

    def get(self, key: str) -> str | None:
        return self._config.get(key, [None])[-1]  # type: ignore[list-item]

    def get_all(self, key: str) -> list[str]:
        return self._config.get(key, [])

    def refs(self) -> dict[str, str]:
        return {REF: "old"}

    def parents(self, sha: str) -> tuple[str, ...]:
        return HISTORY[sha]


def refused(line: str, tip: str = "other", **config: list[str]) -> bool:
    named = {key.replace("_", "."): values for key, values in config.items()}
    host = cast(Any, Host(named))
    return Updates(Command.parse(line.split()), cast(Repository, host), "origin").refused(REF, tip)


def test_an_experiment_that_was_rewritten_is_refused() -> None:
    assert refused(f"git fetch origin {ONE}")
    assert refused("git fetch origin refs/exps/*:refs/exps/*")
    assert refused("git fetch", remote_origin_fetch=["refs/exps/*:refs/exps/*"])


@pytest.mark.parametrize("tip", ["old", "new", "merge", "elsewhere"])
def test_one_that_goes_on_is_not_nor_one_that_cannot_be_told(tip: str) -> None:
    assert not refused(f"git fetch origin {ONE}", tip)


@pytest.mark.parametrize(
    "line",
    [
        f"git fetch origin +{ONE}",
        f"git fetch --force origin {ONE}",
        f"git fetch -qf origin {ONE}",
        f"git fetch --no-show-forced-updates origin {ONE}",
        f"git fetch origin {REF}",
        f"git fetch origin {REF}:refs/exps/aa/new",
        f"git fetch --stdin origin {ONE}",
        f"git clone origin {ONE}",
        "",
    ],
)
def test_what_is_forced_or_goes_elsewhere_is_updated(line: str) -> None:
    assert not refused(line)


def test_the_configuration_has_a_say() -> None:
    line = f"git fetch origin {ONE}"
    assert not refused(line, remote_origin_fetch=["+refs/exps/*:refs/dvcexp/origin/*"])
    assert not refused(line, fetch_showforcedupdates=["false"])
