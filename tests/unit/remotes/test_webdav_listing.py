"""Answers to PROPFIND, from servers that follow the letter and from those that do not."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvcexp.remotes.webdav_listing import Malformed, Member, members

FOLDER = "<d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype></d:prop></d:propstat>"


def file(size: str) -> str:
    return f"<d:propstat><d:prop><d:resourcetype/><d:getcontentlength>{size}</d:getcontentlength></d:prop></d:propstat>"


def answer(*resources: tuple[str, str]) -> bytes:
    body = "".join(f"<d:response><d:href>{href}</d:href>{rest}</d:response>" for href, rest in resources)
    return f'<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">{body}</d:multistatus>'.encode()


ANSWER = answer(
    ("/dav/a%20b/", FOLDER),
    ("/dav/a%20b/c/", FOLDER),
    ("http://host/dav/a%20b/%C3%A9", file("12")),
    ("/dav/a%20b/unknown", file("many")),
)
MEMBERS = [Member("c", True, -1), Member("é", False, 12), Member("unknown", False, -1)]


@given(st.lists(st.integers(0, len(ANSWER))))
def test_members_are_the_same_whatever_the_pieces(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(ANSWER)]
    assert members(ANSWER[a:b] for a, b in itertools.pairwise(bounds)) == MEMBERS


def test_an_empty_folder_has_no_members() -> None:
    assert members([answer(("/x/", FOLDER))]) == []
    assert members([answer()]) == []


@pytest.mark.parametrize("href", ["/x/../../etc/passwd", "/elsewhere/y", "/x/a/b", "/x/%2Fetc", "/x//"])
def test_names_that_lead_elsewhere_are_left_out(href: str) -> None:
    assert members([answer(("/x/", FOLDER), (href, file("1")))]) == []


@pytest.mark.parametrize(
    "text",
    [
        b"<html>log in</html",
        b"",
        b"\xff\xfe\x00",
        # The attack: ten lines of entities that grow to gigabytes ("billion laughs").
        b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><d:multistatus xmlns:d="DAV:">&b;</d:multistatus>',
        b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>',
        answer(("/" + "x" * 70_000, FOLDER)),
    ],
)
def test_what_is_no_listing_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        members([text])
