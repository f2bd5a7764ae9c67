"""Many small conversations over one SFTP session at a time.

A conversation is a generator: it yields the requests to send next, each with a tag of its choice, and is resumed with
one (tag, reply) whenever a reply to one of its requests has come. What it returns is its result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from dvcexp.remotes.sftp_channel import Channel
from dvcexp.remotes.sftp_protocol import Reply, Request

T = TypeVar("T")
Item = TypeVar("Item")
Tagged = tuple[int, Request]
Talk = Generator[Sequence[Tagged], tuple[int, Reply], T]

# Enough to hide the latency of any network for small objects. `window` shares it out among those under way.
_IN_FLIGHT = 256


def every(requests: Sequence[Request]) -> Talk[list[Reply]]:
    """The replies to all of `requests`, which are sent together, in their order."""
    replies: dict[int, Reply] = {}
    to_send: Sequence[Tagged] = list(enumerate(requests))
    while len(replies) < len(requests):
        tag, reply = yield to_send
        replies[tag] = reply
        to_send = ()
    return [replies[tag] for tag in range(len(requests))]


def one(request: Request) -> Talk[Reply]:
    """The reply to `request`."""
    (reply,) = yield from every([request])
    return reply


@dataclass(frozen=True, eq=False)
class _UnderWay(Generic[Item, T]):
    item: Item
    talk: Talk[T]


class Pipeline(Generic[Item, T]):
    """Runs a conversation on each item, at most `width` of them at once."""

    def __init__(self, channel: Channel, width: int) -> None:
        self._channel = channel
        self._width = width
        self._waiting: dict[int, tuple[_UnderWay[Item, T], int]] = {}
        self._live: list[_UnderWay[Item, T]] = []

    @property
    def window(self) -> int:
        """How many requests one conversation may have in flight."""
        return max(4, _IN_FLIGHT // max(1, len(self._live)))

    @property
    def left(self) -> list[Item]:
        """The items whose conversations were cut short, by a lost connection or by a caller who lost interest."""
        return [under_way.item for under_way in self._live]

    def run(self, start: Callable[[Item], Talk[T]], items: Iterator[Item]) -> Iterator[T]:
        """The results, as they come. Raises Lost, and whatever a conversation raises."""
        try:
            more = True
            while more or self._live:
                while more and len(self._live) < self._width and len(self._waiting) < _IN_FLIGHT:
                    try:
                        item = next(items)
                    except StopIteration:
                        more = False
                        break
                    under_way = _UnderWay(item, start(item))
                    self._live.append(under_way)
                    yield from self._resume(under_way, None)
                for number, reply in self._channel.receive() if self._waiting else ():
                    found = self._waiting.pop(number, None)
                    if found is not None:
                        yield from self._resume(found[0], (found[1], reply))
        finally:
            for under_way in self._live:
                under_way.talk.close()

    def _resume(self, under_way: _UnderWay[Item, T], answer: tuple[int, Reply] | None) -> Iterator[T]:
        try:
            requests = next(under_way.talk) if answer is None else under_way.talk.send(answer)
        except StopIteration as end:
            self._live.remove(under_way)
            yield end.value
            return
        for tag, request in requests:
            self._waiting[self._channel.send(request)] = (under_way, tag)
