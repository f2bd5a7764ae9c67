"""Lines of the helper protocol, to values and back."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvcexp.git.options import Options
from dvcexp.git.remote_helper import (
    HelperProtocolError,
    Lines,
    PushSpec,
    encode,
    parse_fetch,
    parse_list,
    refusal,
    unquote,
)
from tests.unit.git.conversations import EXP, A, B


def lines_of(data: bytes) -> Lines:
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return Lines(reader, "git")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"push refs/heads/a:{EXP}", PushSpec("refs/heads/a", EXP, force=False)),
        (f"push +{A}:{EXP}", PushSpec(A, EXP, force=True)),
        (f"push :{EXP}", PushSpec("", EXP, force=False)),
    ],
)
def test_a_push_line_names_source_and_ref(line: str, expected: PushSpec) -> None:
    assert PushSpec.parse(line) == expected


@pytest.mark.parametrize("line", ["push", "push refs/heads/a", "pull a:b", ""])
def test_what_is_no_push_line_is_an_error_that_shows_it(line: str) -> None:
    with pytest.raises(HelperProtocolError, match="expected push <source>:<ref>"):
        PushSpec.parse(line)


def test_a_fetch_line_names_id_and_ref() -> None:
    assert parse_fetch(f"fetch {A} {EXP}") == (EXP, A)
    with pytest.raises(HelperProtocolError):
        parse_fetch(f"fetch {A}")


def test_a_list_gives_refs_and_leaves_out_what_has_no_id() -> None:
    answer = [
        ":object-format sha1",
        "@refs/heads/main HEAD",
        f"{A} {EXP}",
        f"{B} refs/heads/main unchanged",
        "? refs/x",
    ]
    assert parse_list([*answer, f"{A} refs/tags/v1^{{}}"]) == {EXP: A, "refs/heads/main": B}


def test_a_refusal_quotes_its_reason() -> None:
    assert refusal(EXP, 'say "no"\\\n') == f'error {EXP} "say \\"no\\"\\\\\\n"'


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_value_that_git_quotes_comes_out_as_it_was(value: str) -> None:
    octal = "".join(f"\\{byte:03o}" for byte in value.encode())
    assert unquote(f'"{octal}"') == value


def test_escapes_are_those_of_c() -> None:
    assert unquote(r'"a\tb\\c\"d\303\251"') == 'a\tb\\c"dé'
    assert unquote("plain \\t") == "plain \\t"
    assert unquote(r'"\8 \12 \1"') == "8 12 1"  # no octal number has fewer than three digits


def test_lines_end_with_the_stream_and_a_broken_one_is_none() -> None:
    lines = lines_of(b"first\nsecond\nbroken")
    assert [lines.next(), lines.next(), lines.next()] == ["first", "second", None]


def test_a_batch_that_breaks_off_is_told_from_one_that_ends() -> None:
    assert lines_of(b"a\nb\n\nc\n").until_blank() == ["a", "b"]
    with pytest.raises(EOFError):
        lines_of(b"a\nb\n").until_blank()


def test_what_is_read_ahead_can_be_had() -> None:
    lines = lines_of(b"connect\n0000PACK")
    assert lines.next() == "connect"
    assert lines.rest() == b"0000PACK"
    assert lines.rest() == b""


def test_bytes_that_are_no_text_survive() -> None:
    line = lines_of(b"fetch caf\xe9\n").next()
    assert line is not None
    assert encode([line]) == b"fetch caf\xe9\n"


class TestOptions:
    @pytest.mark.parametrize(
        ("line", "answer"),
        [
            ("option verbosity 2", "ok"),
            ("option progress true", "ok"),
            ("option servpath git-upload-pack --strict", "ok"),
            ("option family ipv6", "ok"),
            ("option depth 1", "unsupported"),
            ("option filter blob:none", "unsupported"),
            ("option anything at all", "unsupported"),
        ],
    )
    def test_what_we_have_use_for_is_accepted(self, line: str, answer: str) -> None:
        assert Options().note(line) == answer

    def test_values_are_kept(self) -> None:
        options = Options()
        for line in ("verbosity 0", "progress true", 'servpath "a\\tb"', "family ipv4", "atomic true", "dry-run true"):
            options.note(f"option {line}")
        assert (options.verbosity, options.progress, options.servpath, options.family) == (0, True, "a\tb", "ipv4")
        assert (options.atomic, options.dry_run) == (True, True)

    @pytest.mark.parametrize("line", ["option object-format", "option object-format true"])
    def test_object_format_comes_with_and_without_a_value(self, line: str) -> None:
        options = Options()
        options.note(line)
        assert options.object_format
