"""What `git exp pull` asks Git for."""

from __future__ import annotations

from dvcexp.cli.pull import refspecs

FIRST, SECOND = f"refs/exps/ab/{'c' * 38}", f"refs/exps/ab/{'d' * 38}"
THERE = {f"{baseline}/exp-{n}": "1" * 40 for baseline in (FIRST, SECOND) for n in range(60)}


def test_all_of_a_baseline_is_a_pattern() -> None:
    assert refspecs(THERE, THERE, {}) == [f"{FIRST}/*:{FIRST}/*", f"{SECOND}/*:{SECOND}/*"]


def test_what_is_here_already_may_come_along() -> None:
    here = {f"{FIRST}/exp-0": "1" * 40}
    asked = refspecs([ref for ref in THERE if ref not in here], THERE, here)
    assert asked == [f"{FIRST}/*:{FIRST}/*", f"{SECOND}/*:{SECOND}/*"]


def test_what_is_another_here_keeps_the_names() -> None:
    """For it was not asked for, or what is here is ahead."""
    here = {f"{FIRST}/exp-0": "2" * 40}
    asked = refspecs([ref for ref in THERE if ref not in here], THERE, here)
    assert asked == [*(f"{FIRST}/exp-{n}:{FIRST}/exp-{n}" for n in range(1, 60)), f"{SECOND}/*:{SECOND}/*"]


def test_few_are_named() -> None:
    few = [f"{FIRST}/exp-1", f"{SECOND}/exp-2"]
    assert refspecs(few, THERE, {}) == [f"{ref}:{ref}" for ref in few]
    assert refspecs(few, dict.fromkeys(few, "1" * 40), {}) == [f"{ref}:{ref}" for ref in few]
