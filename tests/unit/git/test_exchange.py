"""Two pumps between Git and a server: nothing is lost, nothing waits for ever, whoever ends first."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from dvcexp.git.channel import Channel
from dvcexp.git.exchange import Ends, Exchange, write_all


class Wires:
    """git_*: Git's ends. server_*: the server's. ours, channel: what the exchange holds."""

    def __init__(self) -> None:
        from_git, self.git_writer = os.pipe()
        self.git_reader, to_git = os.pipe()
        from_server, self.server_writer = os.pipe()
        self.server_reader, to_server = os.pipe()
        self.ours = Ends(from_git, to_git)
        self.channel = Channel(from_server, to_server)
        self._open = {self.git_writer, self.git_reader, self.server_writer, self.server_reader, *self.ours}

    def close(self, *descriptors: int) -> None:
        for descriptor in descriptors:
            self._open.remove(descriptor)
            os.close(descriptor)

    def close_rest(self) -> None:
        self.close(*self._open)


@pytest.fixture
def wires() -> Iterator[Wires]:
    wires = Wires()
    yield wires
    wires.close_rest()


def read_all(descriptor: int) -> bytes:
    data = b""
    while piece := os.read(descriptor, 65536):
        data += piece
    return data


def in_thread(exchange: Exchange) -> threading.Thread:
    thread = threading.Thread(target=exchange.run, daemon=True)
    thread.start()
    return thread


def test_much_goes_both_ways_at_once(wires: Wires) -> None:
    up, down = os.urandom(3_000_000), os.urandom(3_000_000)
    received: dict[str, bytes] = {}

    def serve() -> None:
        received["server"] = read_all(wires.server_reader)

    def answer() -> None:
        write_all(wires.server_writer, down)
        wires.close(wires.server_writer)

    def send() -> None:
        write_all(wires.git_writer, up)
        wires.close(wires.git_writer)

    def receive() -> None:
        received["git"] = b""
        while len(received["git"]) < len(down):
            received["git"] += os.read(wires.git_reader, 65536)

    threads = [threading.Thread(target=role, daemon=True) for role in (serve, answer, send, receive)]
    for thread in threads:
        thread.start()
    # The server goes on answering until it has read everything, else the exchange would be over before.
    Patient(wires).run()
    for thread in threads:
        thread.join(20)
    assert received == {"server": up, "git": down}


class Patient(Exchange):
    """Relays until both have ended."""

    def __init__(self, wires: Wires) -> None:
        super().__init__(wires.ours, wires.channel)

    @property
    def over(self) -> bool:
        return self._up.state == "finished" and self._down.state == "finished"


def test_the_servers_end_ends_it_though_git_still_holds_on(wires: Wires) -> None:
    exchange = in_thread(Exchange(wires.ours, wires.channel))
    os.write(wires.server_writer, b"bye")
    wires.close(wires.server_writer)
    exchange.join(20)
    assert not exchange.is_alive()
    assert os.read(wires.git_reader, 100) == b"bye"


def test_gits_end_is_passed_on_and_the_answer_still_comes(wires: Wires) -> None:
    exchange = in_thread(Exchange(wires.ours, wires.channel))
    os.write(wires.git_writer, b"request")
    wires.close(wires.git_writer)
    assert read_all(wires.server_reader) == b"request"
    os.write(wires.server_writer, b"answer")
    wires.close(wires.server_writer)
    exchange.join(20)
    assert os.read(wires.git_reader, 100) == b"answer"


def test_a_git_that_stops_reading_ends_it(wires: Wires) -> None:
    exchange = in_thread(Exchange(wires.ours, wires.channel))
    wires.close(wires.git_reader)
    os.write(wires.server_writer, b"nobody hears this")
    exchange.join(20)
    assert not exchange.is_alive()


def test_a_server_that_stops_reading_does_not_block_git(wires: Wires) -> None:
    exchange = in_thread(Exchange(wires.ours, wires.channel))
    wires.close(wires.server_reader)
    for _ in range(20):  # more than any pipe holds
        os.write(wires.git_writer, b"x" * 60_000)
    os.write(wires.server_writer, b"refused")
    wires.close(wires.server_writer)
    exchange.join(20)
    assert os.read(wires.git_reader, 100) == b"refused"


def test_what_was_read_before_goes_first(wires: Wires) -> None:
    os.write(wires.git_writer, b"B")
    wires.close(wires.git_writer)
    os.write(wires.server_writer, b"2")
    wires.close(wires.server_writer)
    Patient(wires).run(b"A", b"1")
    assert read_all(wires.server_reader) == b"AB"
    assert os.read(wires.git_reader, 10) == b"12"
