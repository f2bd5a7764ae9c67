"""Relaying a native stream with an eye on it: data before refs, whatever Git does.

`Gate` is what decides; this room moves the bytes and knows when to ask.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from dvcexp.errors import DvcexpError, printable
from dvcexp.git.advertisement import Advertisement
from dvcexp.git.channel import Channel
from dvcexp.git.exchange import Ends, Exchange
from dvcexp.git.fetching import FetchConversation
from dvcexp.git.pktline import Parser
from dvcexp.git.pushing import Command, PushConversation, Verdict
from dvcexp.trace import trace

NAMESPACE = "refs/exps/"
RECONNECT_AFTER = 30.0  # seconds; hosts and the routers between close a connection on which nothing moves


class Gate(Protocol):
    """What is asked at the points where a ref can still be stopped."""

    def at_listing(self, refs: Mapping[str, str], *, asked: bool) -> str | None:
        """Git is about to see these refs; None lets it, a text stops it with that. asked: a fetch has asked for them
        (else it may be any command, for old protocols do not tell)."""

    def before_push(self, commands: Sequence[Command]) -> Verdict:
        """Git is about to push. Of a nested helper's push `old` is empty and `new` may be a revision that is no id."""

    def after_fetch(self, refs: Mapping[str, str]) -> bool:
        """Git has stored what it asked for, if anything, and waits before it updates these refs. False: it must not."""

    def after_push(self, commands: Sequence[Command], there: Mapping[str, str]) -> bool:
        """The server has done these commands, and is known to have the refs `there`, as far as they were listed. False:
        what was to follow has failed."""

    def after_listing(self, refs: Mapping[str, str]) -> bool:
        """Git, in an old protocol, saw these refs and wanted none of them: those that it updates are updated by now.
        False: something failed, which can only be told."""


class FetchExchange(Exchange):
    """A connection to upload-pack."""

    def __init__(self, git: Ends, channel: Channel, gate: Callable[[], Gate]) -> None:
        super().__init__(git, channel)
        self._gate = gate
        self._conversation = FetchConversation(NAMESPACE)
        self._stopped = False

    def from_git(self, data: bytes) -> bytes:
        return self._conversation.from_git(data)

    def from_server(self, data: bytes) -> bytes:
        if not data:
            return self._conversation.end()
        passed = self._conversation.from_server(data)
        listing = self._conversation.listing
        if listing is None:
            return passed
        trace("listing", f"{len(listing.refs)} refs below {NAMESPACE}")
        with watching(self._git.writer):
            error = self._gate().at_listing(listing.refs, asked=listing.asked)
        if error is not None:
            self._stopped = True
            self._say_goodbye()  # Git will die without a word to the server
        return passed + self._conversation.release(error)

    def run(self, from_git: bytes = b"", from_server: bytes = b"") -> int:
        code = super().run(from_git, from_server)
        conversation = self._conversation
        trace("fetch", f"the server has ended with {code}, pack: {conversation.pack}")
        if self._stopped or (conversation.wants and conversation.pack == "awaited"):
            return code or 1  # where the stream has broken off, Git learns it when we end
        if not conversation.fetched:
            whole = not conversation.unwanted or self._gate().after_listing(conversation.unwanted)
            return code if whole else code or 1
        if conversation.pack == "complete":
            # Git stops writing once the pack has begun, but it reads on until everything is stored.
            wait_for_reader_to_go(self._git.writer)
        return code if self._gate().after_fetch(conversation.fetched) else 1


class PushExchange(Exchange):
    """A connection to receive-pack. `reopen` makes another one to the same place. follows: the gate wants to hear what
    has been pushed."""

    def __init__(
        self,
        git: Ends,
        channel: Channel,
        gate: Callable[[], Gate],
        reopen: Callable[[], Channel],
        *,
        follows: bool = False,
    ) -> None:
        super().__init__(git, channel)
        self._gate = gate
        self._reopen = reopen
        self._follows = follows
        self._conversation = PushConversation(NAMESPACE, watched=follows)
        self._refused = False
        self._untold = False

    def from_git(self, data: bytes) -> bytes:
        passed = self._conversation.from_git(data)
        if self._conversation.commands is None:
            return passed
        decision = self._conversation.decide(self._ask(self._conversation.commands))
        if decision.close:
            self._refuse(decision.to_git)
        return decision.to_server

    def from_server(self, data: bytes) -> bytes:
        if self._refused:
            return b""
        return self._conversation.from_server(data) if data else self._conversation.end()

    @property
    def over(self) -> bool:
        # Refused: Git's pack is still read to its end, so that Git can go on to read the report.
        return self._up.state == "finished" and self._down.idle if self._refused else super().over

    def run(self, from_git: bytes = b"", from_server: bytes = b"") -> int:
        code = super().run(from_git, from_server)
        if self._refused:
            return 1 if self._untold else 0  # Git fails by the report, where there is one
        accepted = self._conversation.accepted if self._follows else []
        if accepted and not self._gate().after_push(accepted, self._conversation.advertisement.refs):
            return code or 1
        return code

    def _ask(self, commands: Sequence[Command]) -> Verdict:
        began = _now()
        trace("push", ", ".join(f"{command.ref} to {command.new}" for command in commands))
        with watching(self._git.writer):
            verdict = self._gate().before_push(commands)
        going = [c for c in commands if c.ref not in verdict.refused and c.ref not in verdict.withheld]
        if not going or (_now() - began <= RECONNECT_AFTER and not _has_spoken(self._channel)):
            return verdict
        return verdict._replace(refused={**verdict.refused, **self._reconnect(going)})

    def _reconnect(self, commands: Sequence[Command]) -> dict[str, str]:
        """Replace a connection that has waited long or died. What can then not go, and why."""
        if self._conversation.signed:
            if not _has_spoken(self._channel):
                return {}
            # The certificate holds a number that only the first connection knows.
            return _all(commands, "the connection was lost during the upload; the data is there now, push again")
        trace("push", "connect again")
        try:
            channel, refs = _open_again(self._reopen)
        except DvcexpError as error:
            self._channel.give_up()
            return _all(commands, f"cannot connect again after the upload: {error.message}")
        self._use(channel)
        moved = [command for command in commands if refs.get(command.ref, "0" * len(command.old)) != command.old]
        return _all(moved, "the remote moved during the upload, fetch and push again")

    def _refuse(self, report: bytes) -> None:
        self._refused = True
        self._untold = not report
        self._down.add(report)
        self._say_goodbye()


def exchange_for(
    service: str,
    git: Ends,
    channel: Channel,
    gate: Callable[[], Gate],
    reopen: Callable[[], Channel],
    *,
    follows: bool = False,
) -> Exchange:
    """The exchange that knows `service`; one that only relays for any other (git-upload-archive)."""
    if service == "git-upload-pack":
        return FetchExchange(git, channel, gate)
    if service == "git-receive-pack":
        return PushExchange(git, channel, gate, reopen, follows=follows)
    return Exchange(git, channel)


def watching(writer: int) -> AbstractContextManager[None]:
    """Inside, a Git that goes away interrupts us."""
    from dvcexp.git.watch import interrupt_when_reader_goes  # threads: not for a fetch without experiments

    return interrupt_when_reader_goes(writer)


def wait_for_reader_to_go(writer: int) -> None:
    """Wait until nobody reads any more what we write."""
    poll = select.poll()
    poll.register(writer, 0)  # errors are always reported
    poll.poll()


def _all(commands: Sequence[Command], reason: str) -> dict[str, str]:
    return {command.ref: reason for command in commands}


def _now() -> float:
    """Seconds of a clock that goes on while the machine sleeps: Python's monotonic one stands still on Linux."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _has_spoken(channel: Channel) -> bool:
    """Has a server that should be waiting for us hung up, or said why it will?"""
    poll = select.poll()
    poll.register(channel.reader, select.POLLIN)
    return bool(poll.poll(0))


def _open_again(reopen: Callable[[], Channel]) -> tuple[Channel, dict[str, str]]:
    """A new connection, past its advertisement, and the refs that it told. DvcexpError if it does not come so far."""
    channel = reopen()
    try:
        return channel, _read_advertisement(channel).refs
    except DvcexpError:
        channel.close()
        raise


def _read_advertisement(channel: Channel) -> Advertisement:
    advertisement, parser = Advertisement(), Parser()
    while not advertisement.complete:
        try:
            data = os.read(channel.reader, 65536)
        except OSError as error:
            raise DvcexpError(f"{error.strerror}") from None
        if not data:
            raise DvcexpError("the remote hung up")
        parser.feed(data)
        while not advertisement.complete and (packet := parser.next()) is not None:
            advertisement.add(packet)
            if advertisement.failed:
                raise DvcexpError(printable(packet.text))
    return advertisement
