"""What is understood of a fetch, in every protocol, and what is held back of it."""

from __future__ import annotations

import pytest

from dvcexp.git.fetching import FetchConversation, Listing
from tests.unit.git.conversations import EXP, NAMESPACE, OTHER, A, B, advertisement, in_pieces, stream

SIZES = [1, 3, 17, 4096]
GREETING = stream("version 2\n", "agent=git/2.39\n", "ls-refs=unborn\n", "fetch=shallow\n", 0)
LISTED = stream(
    f"{A} HEAD symref-target:refs/heads/main\n", f"{A} refs/heads/main\n", f"{B} {EXP}\n", f"{A} {OTHER}\n", 0
)
PATTERN = ("refs/exps/",)


def ls_refs(*prefixes: str) -> bytes:
    return stream("command=ls-refs\n", "agent=git", 1, "peel\n", *(f"ref-prefix {p}\n" for p in prefixes), 0)


def name(ref: str) -> tuple[str, ...]:
    """The prefixes for a ref that is asked for by name."""
    return (
        ref,
        f"refs/{ref}",
        f"refs/tags/{ref}",
        f"refs/heads/{ref}",
        f"refs/remotes/{ref}",
        f"refs/remotes/{ref}/HEAD",
    )


def v2(*prefixes: str, size: int = 4096) -> FetchConversation:
    """A conversation in which the listing for these prefixes has just come."""
    conversation = FetchConversation(NAMESPACE)
    assert in_pieces(conversation.from_server, GREETING, size) == GREETING
    request = ls_refs(*prefixes)
    assert in_pieces(conversation.from_git, request, size) == request
    return conversation


class TestVersion2:
    @pytest.mark.parametrize("size", SIZES)
    def test_a_listing_that_asks_for_experiments_is_held_until_it_is_released(self, size: int) -> None:
        conversation = v2(*PATTERN, size=size)
        assert in_pieces(conversation.from_server, LISTED, size) == b""
        assert conversation.listing == Listing({EXP: B, OTHER: A}, asked=True)
        assert conversation.release(None) == LISTED
        assert conversation.fetched == {EXP: B, OTHER: A}

    @pytest.mark.parametrize("size", SIZES)
    def test_what_follows_a_held_listing_comes_after_it(self, size: int) -> None:
        conversation = v2(*PATTERN, size=size)
        after = stream(2)
        held = in_pieces(conversation.from_server, LISTED + after, size)
        assert held + conversation.release(None) == LISTED + after

    def test_a_refusal_takes_the_listings_place(self) -> None:
        conversation = v2(*PATTERN)
        conversation.from_server(LISTED)
        assert conversation.release("no data") == stream("ERR no data\n")

    @pytest.mark.parametrize(
        "prefixes",
        [(), ("refs/heads/", "refs/tags/"), ("HEAD",), name("main"), name("e"), name("exps")],
        ids=["ls-remote", "branches", "clone", "a branch", "a short name", "the namespace's name"],
    )
    def test_a_listing_for_anything_else_passes_at_once(self, prefixes: tuple[str, ...]) -> None:
        conversation = v2(*prefixes)
        assert conversation.from_server(LISTED) == LISTED
        assert conversation.listing is None
        assert conversation.fetched == {}

    @pytest.mark.parametrize("prefixes", [("refs/",), ("refs/exps/11/",), ("refs/e",), ("refs/", "refs/heads/")])
    def test_every_pattern_that_leads_to_experiments_counts(self, prefixes: tuple[str, ...]) -> None:
        conversation = v2(*prefixes)
        conversation.from_server(LISTED)
        assert conversation.listing == Listing({EXP: B, OTHER: A}, asked=True)

    @pytest.mark.parametrize("asked", [EXP, EXP.removeprefix("refs/")])
    def test_a_name_asks_for_itself_and_not_for_longer_names(self, asked: str) -> None:
        conversation = v2(*name(asked))
        conversation.from_server(LISTED)
        assert conversation.listing == Listing({EXP: B}, asked=True)

    def test_a_listing_without_experiments_is_not_held(self) -> None:
        conversation = v2(*PATTERN)
        listed = stream(f"{A} refs/heads/main\n", 0)
        assert conversation.from_server(listed) == listed
        assert conversation.listing is None

    def test_an_error_of_the_server_passes(self) -> None:
        conversation = v2(*PATTERN)
        error = stream("ERR upload-pack: not our ref\n")
        assert conversation.from_server(error) == error

    def test_a_listing_that_breaks_off_passes_as_it_is(self) -> None:
        conversation = v2(*PATTERN)
        assert conversation.from_server(LISTED[:-7]) == b""
        assert conversation.end() == LISTED[:-7]

    @pytest.mark.parametrize("size", SIZES)
    def test_the_end_of_the_pack_is_seen_and_the_pack_is_not_touched(self, size: int) -> None:
        conversation = v2(*PATTERN)
        conversation.from_server(LISTED)
        conversation.release(None)
        in_pieces(conversation.from_git, stream("command=fetch", 1, f"want {B}\n", f"have {A}\n", "done\n", 0), size)
        assert conversation.wants == {B}
        answer = stream("acknowledgments\n", f"ACK {A}\n", "ready\n", 1, "packfile\n", b"\x02Counting", b"\x01PACK0000")
        assert in_pieces(conversation.from_server, answer, size) == answer
        assert conversation.pack == "awaited"
        assert in_pieces(conversation.from_server, stream(0, 2), size) == stream(0, 2)
        assert conversation.pack == "complete"

    def test_a_round_that_ends_without_a_pack_is_no_end(self) -> None:
        conversation = v2(*PATTERN)
        conversation.from_server(LISTED)
        conversation.release(None)
        for _ in range(2):
            conversation.from_git(stream("command=fetch", 1, f"want {B}\n", f"have {A}\n", 0))
            conversation.from_server(stream("acknowledgments\n", "NAK\n", 0))
            assert conversation.pack == "awaited"


@pytest.mark.parametrize("first", [b"", stream("version 1\n")], ids=["v0", "v1"])
class TestVersions0And1:
    ADVERTISED = advertisement([("HEAD", A), (EXP, B), ("refs/heads/main", A), (OTHER, A), ("refs/tags/v1^{}", A)])

    @pytest.mark.parametrize("size", SIZES)
    def test_the_advertisement_is_held_for_it_may_be_a_fetch(self, first: bytes, size: int) -> None:
        conversation = FetchConversation(NAMESPACE)
        opening = first + self.ADVERTISED
        assert in_pieces(conversation.from_server, opening, size) == b""
        assert conversation.listing == Listing({EXP: B, OTHER: A}, asked=False)
        assert conversation.release(None) == opening

    def test_without_experiments_nothing_is_held(self, first: bytes) -> None:
        conversation = FetchConversation(NAMESPACE)
        opening = first + advertisement([("HEAD", A), ("refs/heads/main", A)])
        assert conversation.from_server(opening) == opening

    @pytest.mark.parametrize("size", SIZES)
    def test_one_wanted_experiment_makes_it_a_fetch_of_experiments(self, first: bytes, size: int) -> None:
        conversation = FetchConversation(NAMESPACE)
        conversation.from_server(first + self.ADVERTISED)
        conversation.release(None)
        request = stream(f"want {B} side-band-64k ofs-delta\n", "deepen 1\n", 0) + stream(f"have {A}\n", "done\n")
        assert in_pieces(conversation.from_git, request, size) == request
        assert conversation.fetched == {EXP: B, OTHER: A}
        conversation.from_server(stream("NAK\n", b"\x01PACK", 0))
        assert conversation.pack == "complete"

    def test_wanting_something_else_fetches_no_experiment(self, first: bytes) -> None:
        conversation = FetchConversation(NAMESPACE)
        conversation.from_server(first + advertisement([("refs/heads/main", A), (EXP, B)]))
        conversation.release(None)
        conversation.from_git(stream(f"want {A} side-band-64k\n", 0))
        assert conversation.fetched == {}

    def test_a_pack_outside_of_packets_cannot_be_followed(self, first: bytes) -> None:
        conversation = FetchConversation(NAMESPACE)
        conversation.from_server(first + self.ADVERTISED)
        conversation.release(None)
        conversation.from_git(stream(f"want {B}\n", 0))
        data = stream("NAK\n") + b"PACK\0\0\0\2"
        assert conversation.from_server(data) == data
        assert conversation.pack == "raw"


def test_a_stream_that_is_no_protocol_passes_untouched() -> None:
    conversation = FetchConversation(NAMESPACE)
    assert conversation.from_server(b"This account is not available.\n") == b"This account is not available.\n"
    assert conversation.from_server(b"0001") == b"0001"


def test_an_unread_rest_goes_out_at_the_end() -> None:
    conversation = FetchConversation(NAMESPACE)
    assert conversation.from_server(b"00") == b""
    assert conversation.end() == b"00"
