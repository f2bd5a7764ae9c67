"""Secrets that are known are taken out wherever they stand and however they are spelt."""

from __future__ import annotations

import pytest

from dvcexp import concealed


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concealed, "_known", set())


@pytest.mark.parametrize("text", ["<<a/b+c d>>", "a%2Fb%2Bc%20d", "the server said: xa/b+c dx"])
def test_it_is_taken_out_as_it_is_and_as_a_url_has_it(text: str) -> None:
    concealed.conceal("a/b+c d")
    assert "***" in concealed.hide(text)
    assert "b" not in concealed.hide(text.replace("<<", "").replace("the server said: ", ""))


def test_a_key_of_several_lines_is_taken_out_of_json() -> None:
    concealed.conceal("-----\nkey\n")
    assert concealed.hide('{"k": "-----\\nkey\\n"}') == '{"k": "***"}'


def test_a_secret_within_another_does_not_uncover_it() -> None:
    concealed.conceal("hunter", "hunter2-long")
    assert concealed.hide("hunter2-long hunter") == "*** ***"


def test_what_is_too_short_to_be_one_tears_no_holes() -> None:
    concealed.conceal("abc", "", None)
    assert concealed.hide("abc") == "abc"


def test_a_secret_that_is_a_word_of_ours_does_not_hide_the_sign_of_another() -> None:
    concealed.conceal("pass")
    assert "s3cret" not in concealed.scrub("password=s3cret")
