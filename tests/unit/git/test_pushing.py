"""Commands are held, passed on, refused in part or as a whole; the report that Git gets is always complete."""

from __future__ import annotations

import pytest

from dvcexp.git.pktline import MalformedPacket, Parser
from dvcexp.git.pushing import Command, PushConversation, Verdict
from tests.unit.git.conversations import EXP, NAMESPACE, OTHER, ZERO, A, B, C, advertisement, in_pieces, stream

SIZES = [1, 5, 4096]
CAPABILITIES = " report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5"
MAIN = "refs/heads/main"
PACK = b"PACK\0\0\0\2 not in packets 0000"


def commands(*updates: tuple[str, str, str], capabilities: str = CAPABILITIES) -> bytes:
    first, *others = [f"{old} {new} {ref}" for old, new, ref in updates]
    return stream(f"{first}\0{capabilities}", *others, 0)


def held(data: bytes, size: int = 4096) -> PushConversation:
    """A conversation that holds the commands in `data`."""
    conversation = PushConversation(NAMESPACE)
    opening = advertisement([(MAIN, A)])
    assert in_pieces(conversation.from_server, opening, size) == opening
    assert in_pieces(conversation.from_git, data, size) == b""
    assert conversation.commands is not None
    return conversation


def band(*lines: str | int) -> bytes:
    """A report in the data band."""
    return stream(b"\x01" + stream(*lines), 0)


def report_lines(data: bytes) -> list[str]:
    """The lines of a report in a band; everything must be there and nothing behind it."""
    outer, inner = Parser(), Parser()
    outer.feed(data)
    while (packet := outer.next()) is not None and packet.kind == "data":
        if packet.data[:1] == b"\x01":
            inner.feed(packet.data[1:])
    assert packet is not None, "no flush behind the band"
    assert outer.rest == b""
    lines = []
    while (line := inner.next()) is not None and line.kind == "data":
        lines.append(line.text)
    assert line is not None, "no flush behind the report"
    return lines


@pytest.mark.parametrize("size", SIZES)
def test_a_push_without_experiments_passes_as_it_is(size: int) -> None:
    conversation = PushConversation(NAMESPACE)
    push = commands((A, B, MAIN), (A, ZERO, "refs/heads/old")) + PACK
    assert in_pieces(conversation.from_git, push, size) == push
    assert conversation.commands is None


def test_nothing_to_push_passes_as_it_is() -> None:
    assert PushConversation(NAMESPACE).from_git(b"0000") == b"0000"


@pytest.mark.parametrize("size", SIZES)
def test_commands_are_held_and_go_on_as_they_came_with_the_pack(size: int) -> None:
    push = stream(f"shallow {C}") + commands((A, B, MAIN), (ZERO, C, EXP)) + PACK
    conversation = held(push, size)
    assert conversation.commands == [Command(A, B, MAIN), Command(ZERO, C, EXP)]
    assert conversation.decide(Verdict()).to_server == push
    assert conversation.from_git(b"more") == b"more"


@pytest.mark.parametrize("size", SIZES)
def test_push_options_belong_to_the_commands(size: int) -> None:
    push = commands((ZERO, C, EXP), capabilities=f"{CAPABILITIES} push-options") + stream("ci.skip", 0) + PACK
    assert held(push, size).decide(Verdict()).to_server == push


@pytest.mark.parametrize("size", SIZES)
def test_a_refused_push_never_reaches_the_server_and_is_reported_whole(size: int) -> None:
    conversation = held(commands((ZERO, B, EXP), (ZERO, C, OTHER)) + PACK, size)
    decision = conversation.decide(Verdict({EXP: "no data", OTHER: "no data either"}))
    assert decision.to_server == b"0000"
    assert decision.close
    assert report_lines(decision.to_git) == ["unpack ok", f"ng {EXP} no data", f"ng {OTHER} no data either"]
    assert conversation.from_git(b"the rest of the pack") == b""


def test_without_a_band_the_report_is_bare() -> None:
    conversation = held(commands((ZERO, B, EXP), capabilities=" report-status"))
    assert conversation.decide(Verdict({EXP: "no"})).to_git == stream("unpack ok\n", f"ng {EXP} no\n", 0)


def test_a_git_that_wants_no_report_gets_none() -> None:
    assert held(commands((ZERO, B, EXP), capabilities=" ofs-delta")).decide(Verdict({EXP: "no"})).to_git == b""


@pytest.mark.parametrize("size", SIZES)
def test_the_others_go_on_with_the_capabilities_and_the_pack(size: int) -> None:
    conversation = held(stream(f"shallow {C}") + commands((ZERO, B, EXP), (A, B, MAIN)) + PACK, size)
    decision = conversation.decide(Verdict({EXP: "no data"}))
    assert decision.to_server == stream(f"shallow {C}", f"{A} {B} {MAIN}\0{CAPABILITIES}", 0) + PACK
    assert not decision.close
    progress = stream(b"\x02checking\n")
    theirs = progress + band("unpack ok\n", f"ok {MAIN}\n", f"option refname {MAIN}\n", 0)
    passed = in_pieces(conversation.from_server, theirs, size) + conversation.end()
    assert passed.startswith(progress)
    assert report_lines(passed) == ["unpack ok", f"ok {MAIN}", f"option refname {MAIN}", f"ng {EXP} no data"]


def test_a_bare_report_is_completed_too() -> None:
    conversation = held(commands((ZERO, B, EXP), (A, B, MAIN), capabilities=" report-status"))
    conversation.decide(Verdict({EXP: "no"}))
    passed = conversation.from_server(stream("unpack ok\n", f"ok {MAIN}\n", 0))
    assert passed == stream("unpack ok\n", f"ok {MAIN}\n", f"ng {EXP} no\n", 0)


def test_a_report_that_breaks_off_stays_broken() -> None:
    conversation = held(commands((ZERO, B, EXP), (A, B, MAIN)))
    conversation.decide(Verdict({EXP: "no"}))
    report = band("unpack ok\n", f"ok {MAIN}\n", 0)
    assert b"ng " not in conversation.from_server(report[:20]) + conversation.end()


def test_a_pack_that_nobody_needs_any_more_is_swallowed() -> None:
    conversation = held(commands((ZERO, B, EXP), (A, ZERO, MAIN)) + PACK)
    decision = conversation.decide(Verdict({EXP: "no"}))
    assert decision.to_server == stream(f"{A} {ZERO} {MAIN}\0{CAPABILITIES}", 0)
    assert conversation.from_git(PACK) == b""


def test_an_atomic_push_falls_with_one_ref() -> None:
    conversation = held(commands((ZERO, B, EXP), (A, B, MAIN), capabilities=f"{CAPABILITIES} atomic"))
    decision = conversation.decide(Verdict({EXP: "no data"}))
    assert decision.close
    assert report_lines(decision.to_git) == [
        "unpack ok",
        f"ng {EXP} no data",
        f"ng {MAIN} the push is atomic, and another ref was refused",
    ]


def test_a_withheld_ref_stays_here_and_git_is_content() -> None:
    head = "refs/exps/exec/EXEC_HEAD"
    conversation = held(commands((ZERO, B, head), (ZERO, C, EXP), capabilities=f"{CAPABILITIES} atomic"))
    decision = conversation.decide(Verdict(withheld=frozenset({head})))
    assert decision.to_server == stream(f"{ZERO} {C} {EXP}\0{CAPABILITIES} atomic", 0)
    passed = conversation.from_server(band("unpack ok\n", f"ok {EXP}\n", 0))
    assert report_lines(passed) == ["unpack ok", f"ok {EXP}", f"ok {head}"]


def test_withholding_everything_leaves_nothing_to_send() -> None:
    head = "refs/exps/exec/EXEC_HEAD"
    decision = held(commands((ZERO, B, head)) + PACK).decide(Verdict(withheld=frozenset({head})))
    assert decision.to_server == b"0000"
    assert report_lines(decision.to_git) == ["unpack ok", f"ok {head}"]


class TestSignedPush:
    CERTIFICATE = stream(
        f"push-cert\0{CAPABILITIES}",
        "certificate version 0.1\n",
        "pusher Ada <ada@example.com>\n",
        "nonce 123\n",
        "\n",
        f"{ZERO} {B} {EXP}\n",
        f"{A} {B} {MAIN}\n",
        "-----BEGIN SSH SIGNATURE-----\n",
        "U1NIU0lH\n",
        "push-cert-end\n",
        0,
    )

    @pytest.mark.parametrize("size", SIZES)
    def test_its_commands_are_read_and_it_goes_on_byte_for_byte(self, size: int) -> None:
        conversation = held(self.CERTIFICATE + PACK, size)
        assert conversation.signed
        assert conversation.commands == [Command(ZERO, B, EXP), Command(A, B, MAIN)]
        assert conversation.decide(Verdict()).to_server == self.CERTIFICATE + PACK

    def test_it_is_refused_as_a_whole(self) -> None:
        decision = held(self.CERTIFICATE).decide(Verdict({EXP: "no data"}))
        assert decision.close
        assert report_lines(decision.to_git) == [
            "unpack ok",
            f"ng {EXP} no data",
            f"ng {MAIN} the push is signed, and goes as a whole or not at all",
        ]


def test_a_command_list_that_cannot_be_read_goes_nowhere() -> None:
    with pytest.raises(MalformedPacket):
        PushConversation(NAMESPACE).from_git(b"hello, world")


def test_a_report_for_thousands_of_refs_keeps_to_the_size_of_a_packet() -> None:
    refs = [f"{EXP}-{number}" for number in range(3000)]
    conversation = held(commands(*((ZERO, B, ref) for ref in refs)))
    decision = conversation.decide(Verdict(dict.fromkeys(refs, "no data")))
    assert report_lines(decision.to_git) == ["unpack ok", *(f"ng {ref} no data" for ref in refs)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("banded", [True, False])
def test_what_the_server_took_is_known_to_who_watches(size: int, *, banded: bool) -> None:
    conversation = PushConversation(NAMESPACE, watched=True)
    capabilities = CAPABILITIES if banded else CAPABILITIES.replace("side-band-64k", "")
    push = commands((A, B, MAIN), (A, ZERO, "refs/heads/old"), capabilities=capabilities) + PACK
    in_pieces(conversation.from_server, advertisement([(MAIN, A)]), size)
    assert in_pieces(conversation.from_git, push, size) == push
    lines = ("unpack ok\n", f"ok {MAIN}\n", "ng refs/heads/old protected\n", 0)
    report = band(*lines) if banded else stream(*lines)
    passed = in_pieces(conversation.from_server, report, size)
    if banded:
        assert report_lines(passed) == ["unpack ok", f"ok {MAIN}", "ng refs/heads/old protected"]
    else:
        assert passed == report
    assert [command.ref for command in conversation.accepted] == [MAIN]


def test_without_a_report_nothing_is_known_to_be_taken() -> None:
    conversation = PushConversation(NAMESPACE, watched=True)
    in_pieces(conversation.from_git, commands((A, B, MAIN), capabilities="ofs-delta") + PACK, 4096)
    assert conversation.from_server(b"") == b""
    assert conversation.accepted == []
