"""What reads bytes of strangers, each as a function that takes any bytes and raises only if something is wrong.

Expected errors are swallowed here: a fault is any other exception, a broken promise (an `assert`), or no end. The tests
feed them by hypothesis, `tests/fuzz/run` by atheris, which follows the coverage of our code.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from dvcexp.dvc import config, configfile, ignore, params
from dvcexp.dvc.objects import UnsafeManifest, check_relpath, dump_manifest, is_oid, parse_manifest
from dvcexp.dvc.outputs import OutputsReader
from dvcexp.errors import ConfigError, DvcexpError, FormatError, printable
from dvcexp.experiments import Experiment, is_internal
from dvcexp.git.fetching import FetchConversation
from dvcexp.git.pktline import DELIM, FLUSH, MalformedPacket, Parser, Walker, encode, encode_packet
from dvcexp.git.pushing import Command, PushConversation, Verdict
from dvcexp.git.refspec import covers, destinations
from dvcexp.git.remote_helper import HelperProtocolError, PushSpec, parse_fetch, parse_list, unquote
from dvcexp.git.url import PREFIX, DaemonHost, LocalPath, SshHost, parse, rewrite
from dvcexp.remotes import sftp_protocol, webdav_listing
from dvcexp.remotes.ssh_command import parse_url
from tests.support.trees import MemoryStore

Target = Callable[[bytes], None]
NAMESPACE = "refs/exps/"


def _pieces(data: bytes) -> tuple[bytes, list[int]]:
    """The input without its first byte, and where that says to cut it."""
    if not data:
        return b"", []
    step = data[0] % 7 + 1
    return data[1:], list(range(0, len(data), step))


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in zip(cuts, [*cuts[1:], len(data)], strict=False)]


def pktlines(data: bytes) -> None:
    """Packets come out as they went in, and what is none stays in `rest`; the walker sees the same packets."""
    stream, cuts = _pieces(data)
    parser, out, kinds = Parser(), bytearray(), []
    for piece in _cut(stream, cuts):
        parser.feed(piece)
        try:
            while (packet := parser.next()) is not None:
                out += encode_packet(packet)
                kinds.append(packet.kind)
        except MalformedPacket:
            break
    assert bytes(out) + parser.rest == stream[: len(out) + len(parser.rest)]
    walked: list[str] = []
    walker = Walker()
    with suppress(MalformedPacket):
        for piece in _cut(stream, cuts):
            walked.extend(packet.kind for packet in walker.feed(piece))
    assert walked[: len(kinds)] == kinds


def fetch_relay(data: bytes) -> None:
    """Whatever both sides send: Git's bytes pass, and the server's pass sooner or later, unless we stop Git."""
    for refuse in (None, "no"):
        from_git, _, from_server = data.partition(b"\xff")
        stream, cuts = _pieces(from_server)
        conversation = FetchConversation(NAMESPACE)
        assert conversation.from_git(from_git) == from_git
        out, refused = b"", False
        for piece in _cut(stream, cuts):
            out += conversation.from_server(piece)
            if conversation.listing is not None:
                assert conversation.listing.refs
                assert all(ref.startswith(NAMESPACE) for ref in conversation.listing.refs)
                refused |= refuse is not None
                out += conversation.release(refuse)
        out += conversation.end()
        assert refused or out == stream
        assert all(ref.startswith(NAMESPACE) for ref in (*conversation.fetched, *conversation.unwanted))


def push_relay(data: bytes) -> None:
    """Whatever Git sends: nothing reaches the server but what came, and of what we refuse nothing does."""
    from_server, _, from_git = data.partition(b"\xff")
    stream, cuts = _pieces(from_git)
    for refuse in (False, True):
        conversation = PushConversation(NAMESPACE)
        assert conversation.from_server(from_server) == from_server
        out, held = bytearray(), False
        try:
            for piece in _cut(stream, cuts):
                out += conversation.from_git(piece)
                if conversation.commands is not None:
                    held = True
                    refused = {c.ref: "no" for c in conversation.commands if c.ref.startswith(NAMESPACE)}
                    out += conversation.decide(Verdict(refused if refuse else {})).to_server
        except DvcexpError:
            pass
        if not refuse:
            assert stream.startswith(bytes(out))
        elif held:
            assert not [command for command in _as_receive_pack_reads(bytes(out)) if command.ref.startswith(NAMESPACE)]


def _as_receive_pack_reads(stream: bytes) -> list[Command]:
    """Git's builtin/receive-pack.c read_head_info: up to the first flush, an id, a blank, an id, a blank, a ref."""
    parser, commands = Parser(), []
    parser.feed(stream)
    with suppress(MalformedPacket):
        while (packet := parser.next()) is not None and packet.kind == "data":
            old, _, rest = packet.text.partition("\0")[0].partition(" ")
            new, _, ref = rest.partition(" ")
            if len(old) in (40, 64) and len(new) in (40, 64) and ref:
                commands.append(Command(old, new, ref))
    return commands


def helper_lines(data: bytes) -> None:
    """Lines that Git and other helpers write."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for line in lines:
        for read in (PushSpec.parse, parse_fetch):
            with suppress(HelperProtocolError):
                read(line)
        assert isinstance(unquote(line), str)
    assert all(ref and " " not in ref for ref in parse_list(lines))


def urls(data: bytes) -> None:
    """No host or path that a program could take for an option, no newline for a daemon, no prefix of ours."""
    url = data.decode("utf-8", "surrogateescape").replace("\0", "")
    try:
        target = parse(rewrite(url, {"a:": "ssh://b/", "x": f"{PREFIX}y"}))
    except DvcexpError:
        return
    if isinstance(target, SshHost | DaemonHost):
        assert not target.host.startswith("-")
    if isinstance(target, SshHost | DaemonHost | LocalPath):
        assert target.path
        assert not target.path.startswith("-")
    if isinstance(target, DaemonHost):
        assert "\n" not in target.host + target.path + target.virtual_host


def ref_names(data: bytes) -> None:
    """A ref that is an experiment is no internal one, and is what its parts make again."""
    ref = data.decode("utf-8", "surrogateescape")
    for name in (ref, f"{NAMESPACE}{ref}", f"{NAMESPACE}{'a' * 2}/{'b' * 38}/{ref}"):
        experiment = Experiment.parse(name)
        if experiment is not None:
            assert experiment.ref == name
            assert not is_internal(name)
            assert not {"/", "\n", "\0", " "}.intersection(experiment.name)
        covers([ref], name)
        destinations([ref], name)
    assert printable(ref).isprintable()


def outputs(data: bytes) -> None:
    """DVC's files of a commit, told apart by a line of their name."""
    files: dict[str, str | bytes] = {".dvc/config": ""}
    for name, content in zip(_FILES, data.split(b"\xff"), strict=False):
        files[name] = content
    store = MemoryStore()
    for root in OutputsReader(store).read(store.add(files)):
        for output in root.outputs:
            assert output.path
            assert not output.path.startswith(("/", "../"))
            assert output.object is None or is_oid(output.object.oid)


_FILES = ("dvc.yaml", "dvc.lock", "params.yaml", "x.dvc", ".dvcignore", "v.json", "v.toml", "v.py")


def manifest(data: bytes) -> None:
    """Every path that is let through stays in its directory, and what was read can be written again."""
    try:
        entries = parse_manifest(data, f"{'a' * 32}.dir")
    except UnsafeManifest:
        return
    for entry in entries:
        assert is_oid(entry.md5)
        assert check_relpath(entry.relpath) is None
        assert not entry.relpath.startswith("/")
        assert ".." not in entry.relpath.split("/")
    assert sorted(parse_manifest(dump_manifest(entries), f"{'a' * 32}.dir")) == sorted(entries)


def dvc_config(data: bytes) -> None:
    """A commit's configuration runs no command and chooses no cache."""
    with suppress(ConfigError):
        configfile.parse(data, "config")
        found = config.commit_config(data, "config", {"HOME": "/home/a"}, root="/project", work_tree=None)
        assert found.cache_dir == "/project/.dvc/cache"
        assert not any("bearer_token_command" in remote.options for remote in found.remotes.values())


def parameters(data: bytes) -> None:
    """Files of parameters, of every kind."""
    for name in ("p.yaml", "p.json", "p.toml", "p.py"):
        with suppress(FormatError):
            params.load(data, name)


def patterns(data: bytes) -> None:
    """`.dvcignore`."""
    with suppress(FormatError):
        ignore.IgnoreFilter({"": ignore.parse(data, ".dvcignore")}).is_ignored("a/b c/d.e")


def sftp_replies(data: bytes) -> None:
    """What an SSH server says once SFTP is to begin."""
    stream, cuts = _pieces(data)
    parser = sftp_protocol.Parser()
    with suppress(sftp_protocol.ProtocolError):
        for piece in (_SFTP_GREETING, *_cut(stream, cuts)):
            for _, reply in parser.feed(piece):
                if isinstance(reply, sftp_protocol.Extended):
                    sftp_protocol.free_bytes(reply)
                    sftp_protocol.longest_transfer(reply)


_SFTP_GREETING = b"\0\0\0\x05\x02\0\0\0\x03"


def webdav_answers(data: bytes) -> None:
    """A listing names nothing outside of its folder."""
    stream, cuts = _pieces(data)
    with suppress(webdav_listing.Malformed):
        for member in webdav_listing.members(_cut(stream, cuts)):
            assert member.name
            assert "/" not in member.name


def ssh_urls(data: bytes) -> None:
    """URLs of SSH remotes in DVC's configuration."""
    parse_url("ssh://" + data.decode("utf-8", "surrogateescape"))


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        pktlines,
        fetch_relay,
        push_relay,
        helper_lines,
        urls,
        ref_names,
        outputs,
        manifest,
        dvc_config,
        parameters,
        patterns,
        sftp_replies,
        webdav_answers,
        ssh_urls,
    )
}

# Pieces that get further into a reader than random bytes do.
_EXPERIMENT = f"{NAMESPACE}{'1' * 2}/{'1' * 38}/e"
_A, _B, _ZERO = "a" * 40, "b" * 40, "0" * 40
_LINES = [
    *("version 1", "version 2", f"{_A} refs/heads/main\0report-status side-band-64k push-options object-format=sha1"),
    *(f"{_A} {_EXPERIMENT}", f"{_ZERO} capabilities^{{}}\0report-status", f"shallow {_A}", "ERR no", "command=ls-refs"),
    *(
        "command=fetch",
        f"ref-prefix {NAMESPACE}",
        "ref-prefix HEAD",
        f"want {_A}",
        "done",
        "peel",
        "\x01PACK",
        "\x02hi",
    ),
    *(f"{_ZERO} {_A} {_EXPERIMENT}\0report-status side-band-64k", f"{_A} {_ZERO} {_EXPERIMENT}", "push-option=a b"),
    *(
        f"{_A} {_B} refs/heads/main\0 report-status-v2 atomic push-options",
        "push-cert\0 report-status",
        "push-cert-end",
    ),
]
_TEXTS = """
    stages: outs: vars: foreach: do: matrix: cmd: files: cloud: path: md5: schema: '2.0' params.yaml v.json v.py:a ../ /
    ${ } ${a} ${item} [ ] { , & &a * *a ** <<: !!set !!binary !x 0x 1e9 2024-01-01 ' " | ? # ~ a x - @ % = ! \\ é
    ['remote"s"'] url = ssh:// git:// file:// https:// a@[::1]:22/x :/~ -oX= dvcexp:: %41 %(a)s remote://s/p core.remote
    [{"md5":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","relpath":"a/../b"}] \\u002e\\u002e \\ud800 <response xmlns="DAV:">
    <href>/a/b</href> </response> <!DOCTYPE <![CDATA[ &lt; push +refs/x:refs/exps/ fetch list option @refs/x ?
    :object-format
"""
PIECES: list[bytes] = [
    *(encode(line) for line in _LINES),
    *(line.encode() for line in _LINES),
    *(text.encode() for text in _TEXTS.split()),
    *(
        FLUSH,
        DELIM,
        b"0002",
        b"0003",
        b"0004",
        b"fff0",
        b"\xff",
        b"\n",
        b"\n  ",
        b"\n- ",
        b": ",
        b"\t",
        b"\0",
        b"\r\n",
        b" ",
    ),
    *(b"\0\0\0\x09\x65\0\0\0\x01", b"\0\0\0\x11\x69", b"\xff\xff\xff\xff", b"a" * 32, "\u2028\u202e".encode()),
]
