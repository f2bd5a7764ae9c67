"""docs/troubleshooting.md has every message that the program can print, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from dvcexp.cli import VERBS, parser_of
from tests.support.messages import Message, collect, collect_shell, words_of_pieces

ROOT = Path(__file__).resolve().parent.parent.parent
LIB = ROOT / "lib" / "dvcexp"
PAGE = "docs/troubleshooting.md"
MESSAGES = [
    *collect(LIB),
    *collect_shell(ROOT / "install.sh"),
    *collect_shell(ROOT / "hooks" / "pre-push"),
]

_SPAN = r"(?:``[^\n]+?``|`[^`]+`)"
_SPANS = rf"{_SPAN}(?:(?:, | and |, and ){_SPAN})*"


def _shown() -> list[str]:
    """What stands on the page as a message: at the beginning of each line of a list, and behind `Hint:`."""
    page = (ROOT / PAGE).read_text()
    bullets = [" ".join(text.split()) for text in re.findall(r"^- (.*(?:\n  .*)*)", page, re.MULTILINE)]
    assert [bullet for bullet in bullets if not bullet.startswith("`")] == []
    runs = [run for bullet in bullets for run in re.findall(rf"(?:^|Hints?: )({_SPANS})", bullet)]
    return [span.strip("`") for run in runs for span in re.findall(_SPAN, run)]


def _longest(message: Message) -> str:
    return max(message.text.split("…"), key=len)


def _unaccounted(shown: str, pieces: set[str]) -> list[str]:
    """The words of a text on the page that are neither a placeholder's nor of any message."""
    left = list(shown)
    for message in MESSAGES:
        if _longest(message).strip() in shown:
            for found in message.pattern.finditer(shown):
                for group in range(1, len(found.groups()) + 1):
                    left[found.start(group) : found.end(group)] = " " * len(found[group])
    words = re.findall(r"[^\W\d]+", re.sub(r"<[^>]*>", "", "".join(left)).lower())
    return [word for word in words if word not in pieces and word.removesuffix("s") not in pieces]


def test_every_message_stands_on_the_page() -> None:
    shown = _shown()
    missing = [
        f"{message.place}: {message.text}"
        for message in MESSAGES
        if not any(message.pattern.search(text) for text in shown if _longest(message).strip() in text)
    ]
    assert missing == [], f"add to a list of {PAGE}, with <words> for what is variable:\n" + "\n".join(missing)


def test_the_page_has_no_message_that_nobody_says() -> None:
    pieces = words_of_pieces(LIB)
    odd = [f"{text}: {', '.join(words)}" for text in _shown() if (words := _unaccounted(text, pieces))]
    assert odd == [], f"no source has these words of {PAGE}:\n" + "\n".join(odd)


def test_the_commands_of_the_page_are_there() -> None:
    text = " ".join((ROOT / PAGE).read_text().split())
    advised = re.findall(r"git exp (?!command)([a-z][a-z-]+)([^`:;,(]*)", text)
    assert len(advised) > 50
    for verb, rest in advised:
        assert verb in VERBS, f"git exp {verb}"
        options = {option for action in parser_of(verb)._actions for option in action.option_strings}
        assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", rest)) <= options, f"git exp {verb}{rest}"


def test_collecting_follows_texts_to_people_alone(tmp_path: Path) -> None:
    (tmp_path / "made_up.py").write_text(MADE_UP)
    assert [(message.text, message.place) for message in collect(tmp_path)] == [
        ("'…' is not here … any more", "made_up.py:8"),
        ("look elsewhere", "made_up.py:8"),
        ("a piece of three", "made_up.py:11"),
        ("cannot read '…'", "made_up.py:12"),
        ("nothing done", "made_up.py:14"),
    ]
    assert words_of_pieces(tmp_path) >= {"nothing", "done", "utf"}


def test_collecting_from_a_script(tmp_path: Path) -> None:
    (tmp_path / "script").write_text(SCRIPT)
    assert collect_shell(tmp_path / "script") == [
        Message("'…' is not here", "script:1"),
        Message("look at … then", "script:2"),
        Message("this is no more", "script:4"),
    ]


def test_words_that_no_message_has_are_found() -> None:
    pieces = words_of_pieces(LIB)
    assert _unaccounted("no DVC remote is configured", pieces) == []
    assert _unaccounted("no DVC remote is configurable by <somebody>", pieces) == ["configurable"]


MADE_UP = '''"""A docstring says much."""

from dvcexp.errors import DvcexpError


class Gone(DvcexpError):
    def __init__(self, name, more):
        super().__init__(f"'{name}' is not here {'there' if more else ''} any more", "look elsewhere")


PIECE = "a piece of three"
TEXT = "cannot read " f"'{PIECE}'"
parser.add_argument("--all", help="all that there is")
progress.note("nothing done")
trace("push", "connect once again")
open(PIECE, encoding="utf-8")
'''
SCRIPT = """error "'$1' is not here" \\
    "look at ${2:-nothing} then"
printf %s "$(import this)"
hint: this is no more
"""
