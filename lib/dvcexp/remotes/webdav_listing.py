"""The answer to PROPFIND (RFC 4918, section 9.1) -> what is in a folder; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

from dvcexp.remotes.options import split

REQUEST = b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/></prop></propfind>'

_LONGEST_TEXT = 1 << 16


class Member(NamedTuple):
    """One name in a folder; `size` is -1 where the server does not tell it."""

    name: str
    is_folder: bool
    size: int


class Malformed(ValueError):
    """Not an answer to PROPFIND."""


def members(chunks: Iterable[bytes]) -> list[Member]:
    """What is in the folder that the answer `chunks` is about. Raises Malformed.

    Servers list the folder itself too, as the shortest path; a proxy may have changed its beginning, so it cannot be
    told by its name.
    """
    found = list(_resources(chunks))
    if not found:
        return []
    own = min((path for path, _ in found), key=len).rstrip("/") + "/"
    return [
        member._replace(name=name)
        for path, member in found
        if path.startswith(own) and (name := path[len(own) :].rstrip("/")) and "/" not in name
    ]


def _resources(chunks: Iterable[bytes]) -> Iterator[tuple[str, Member]]:
    target = _Collector()
    parser = ElementTree.XMLParser(target=target)
    try:
        for chunk in chunks:
            parser.feed(chunk)
            yield from target.take()
        parser.close()
    except ElementTree.ParseError as error:
        raise Malformed(f"not the XML of a listing ({error})") from None
    yield from target.take()


class _Collector:
    """Takes the parser's events; keeps no tree, so memory does not grow with what a server sends."""

    def __init__(self) -> None:
        self._done: list[tuple[str, Member]] = []
        self._text = ""
        self._href = ""
        self._size = -1
        self._is_folder = False

    def take(self) -> list[tuple[str, Member]]:
        done, self._done = self._done, []
        return done

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """Before any entity could be declared: a few lines of them can grow to gigabytes."""
        raise Malformed("the listing declares a document type, which no server needs")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._text = ""
        if tag == "{DAV:}response":
            self._href, self._size, self._is_folder = "", -1, False
        elif tag == "{DAV:}collection":
            self._is_folder = True

    def data(self, text: str) -> None:
        if len(self._text) + len(text) > _LONGEST_TEXT:
            raise Malformed("the listing has a name or number that is far too long")
        self._text += text

    def end(self, tag: str) -> None:
        text = self._text.strip()
        if tag == "{DAV:}href" and not self._href:
            self._href = unquote(split(text).path)
        elif tag == "{DAV:}getcontentlength" and text.isascii() and text.isdigit() and len(text) < 20:
            self._size = int(text)
        elif tag == "{DAV:}response" and self._href:
            self._done.append((self._href, Member("", self._is_folder, self._size)))

    def close(self) -> None:
        pass
