"""The fault proxy does what a test asks of it; everything built on it rests on this."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.fault_proxy import Fault, FaultProxy

ANSWER = bytes(range(256)) * 200


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    """In front of a server that reads five bytes, answers `ANSWER` and closes."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if client.recv(5, socket.MSG_WAITALL) == b"hello":
                client.sendall(ANSWER)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with FaultProxy(server.getsockname()[1]) as proxy:
        yield proxy
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def ask(proxy: FaultProxy, timeout: float = 10) -> bytes:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout) as client:
        client.sendall(b"hello")
        answer = b""
        while data := client.recv(65536):
            answer += data
        return answer


def test_without_a_fault_every_byte_passes(proxy: FaultProxy) -> None:
    assert ask(proxy) == ANSWER
    assert (proxy.connections, proxy.bytes_up, proxy.bytes_down) == (1, 5, len(ANSWER))


def test_planned_faults_hit_one_connection_each_in_order(proxy: FaultProxy) -> None:
    proxy.next(Fault(cut_down=1000), Fault(flip_down=20_000))
    assert ask(proxy) == ANSWER[:1000]
    flipped = ask(proxy)
    assert [i for i in range(len(ANSWER)) if ANSWER[i] != flipped[i]] == [20_000]
    assert ask(proxy) == ANSWER


def test_a_cut_is_seen_as_reset_when_asked(proxy: FaultProxy) -> None:
    proxy.always = Fault(cut_down=1000, reset=True)
    with pytest.raises(ConnectionResetError):
        ask(proxy)


def test_a_cut_of_the_request_reaches_the_server(proxy: FaultProxy) -> None:
    proxy.next(Fault(cut_up=3))
    assert ask(proxy) == b""
    proxy.next(Fault(flip_up=0))
    assert ask(proxy) == b""
    assert proxy.bytes_up == 8


def test_refused_connections_are_reset(proxy: FaultProxy) -> None:
    proxy.next(Fault(refuse=True))
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        ask(proxy)


@pytest.mark.parametrize("fault", [Fault(blackhole=True), Fault(stall_down=100)])
def test_a_stall_keeps_the_connection_open(proxy: FaultProxy, fault: Fault) -> None:
    proxy.next(fault)
    with pytest.raises(TimeoutError):
        ask(proxy, timeout=0.2)


def test_delay_and_rate_slow_a_connection_down(proxy: FaultProxy) -> None:
    proxy.next(Fault(delay=0.05), Fault(rate=200_000))
    for least in (0.1, 0.2):
        began = time.monotonic()
        assert ask(proxy) == ANSWER
        assert time.monotonic() - began >= least


def test_cut_all_ends_what_is_open(proxy: FaultProxy) -> None:
    proxy.next(Fault(blackhole=True))
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        client.sendall(b"hello")
        while proxy.open == 0:
            time.sleep(0.01)
        proxy.cut_all()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
