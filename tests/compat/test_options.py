"""Who knows `dvc exp <verb>` types the same options behind `git exp <verb>`."""

from __future__ import annotations

import argparse

import pytest
from dvc.cli.parser import get_main_parser

from dvcexp import cli
from dvcexp.errors import DvcexpError


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)


INTERNAL = {"exec-run", "queue-worker"}  # what DVC itself starts
DVC_EXP = verbs_of(verbs_of(get_main_parser())["exp"])


@pytest.mark.parametrize("verb", sorted(DVC_EXP.keys() - INTERNAL))
def test_a_verb_is_here_or_its_place_is_named(verb: str) -> None:
    if cli.ALIASES.get(verb, verb) in cli.VERBS:
        return
    with pytest.raises(DvcexpError) as error:
        cli.dispatch([verb])
    assert error.value.hints == (f"dvc exp {verb}",)


@pytest.mark.parametrize("verb", sorted(verb for verb in DVC_EXP if cli.ALIASES.get(verb, verb) in cli.VERBS))
def test_a_verb_takes_every_option(verb: str) -> None:
    ours = cli.parser_of(cli.ALIASES.get(verb, verb))._option_string_actions
    for option, action in DVC_EXP[verb]._option_string_actions.items():
        if action.help != argparse.SUPPRESS:
            assert option in ours, option
            assert (ours[option].nargs == 0) is (action.nargs == 0), option
