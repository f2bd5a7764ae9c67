"""Over which transports a feature is tested, read from its tests, and why not over the others."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.support.git_worlds import TRANSPORTS, Transport

Alike = tuple[frozenset[str], ...]


def _alike(*groups: str) -> Alike:
    return tuple(frozenset(group.split("; ")) for group in groups)


# Transports over which the same is said: by a fetch in v2, in v0, ...; by a push, where v2 does not exist and Git's own
# helper speaks for all of HTTP; and those that are connected to in the same way.
FETCH = _alike(
    "path; file; ssh; git",
    "file, v0; scp-like, v0; git, v1",
    "http; http with password; https",
    "dumb http; other helper",
)
PUSH = _alike(
    "path; file; file, v0; ssh; scp-like, v0; git; git, v1",
    "http; http, v0; http with password; https; other helper",
)
CONNECT = _alike(
    "path; file; file, v0", "ssh; scp-like, v0", "git; git, v1", "http; http, v0; http with password; https; dumb http"
)
NONE: Alike = ()

REASONS = {
    "push": "Git cannot push over it",
    "url": "decided by the URL, before a transport is chosen",
    "here": "a matter of the repository here, which no transport sees",
    "none": "Git has no such thing over it",
    "http": "nothing waits: Git's own helper connects after ours has moved the data",
    "v2": "in protocol v2 the listing tells, so that nobody asks which command it is",
    "v0": "not so: without v2 the listing does not say what is fetched, and what deals with data is loaded to find out",
    "path": "Git looks there by itself, and only where the URL is a path",
    "local": "there is no connection; a program that cannot be run fails as ssh does",
    "own": "a matter of the command behind `ext::`, or of the other helper, that neither Git nor ours sees",
    "far": "what runs there has the environment that sshd, `git daemon` or the web server gives it",
    "row": "another row, or the table above, says what happens over it",
}


class Feature(NamedTuple):
    """A row. native: what Git alone does, ours: what it is through the helper.

    tests: `<file without test_ and .py>::<name>`; their parameter `transport` says over which they run, and a cell is
    tested if all of them run there. also: more of them, for other transports. alike: where one of a group is tested,
    the others go without saying; the first such group is named. pushes: a transport that cannot push has no such thing.
    rest: why the others are not tested, a key of REASONS, but for some.
    """

    title: str
    native: str
    ours: str
    tests: tuple[str, ...]
    alike: Alike = FETCH
    pushes: bool = False
    rest: str = ""
    but: Mapping[str, str] = {}
    also: tuple[str, ...] = ()

    def tested(self) -> set[str]:
        """The transports over which every test of the row runs."""
        both = (set.intersection(*map(transports_of, tests)) for tests in (self.tests, self.also) if tests)
        return set().union(*both)

    def why_not(self, transport: Transport) -> str:
        """Why a cell is not tested: `as <transport>` or a key of REASONS; empty if nobody has said."""
        if self.pushes and not transport.pushes:
            return "push"
        if transport.name in self.but:
            return self.but[transport.name]
        groups = [group & self.tested() for group in self.alike if transport.name in group]
        names = [other.name for group in groups for other in columns() if other.name in group]
        return f"as {names[0]}" if names else self.rest


def columns() -> list[Transport]:
    """The transports that have a column."""
    return [*TRANSPORTS, Transport("https", "https://..."), Transport("other helper", "<name>::...")]


# Fixtures and what they reach their host by, whatever a test is parametrised with.
_FIXED = {"https": "https", "make_shelf": "other helper", "share": "ssh", "worlds": "http"}


def transports_of(test: str) -> set[str]:
    """The transports over which a test runs: what its fixture gives it, or the values of its parameter, or `file`.

    That the parameter is told the truth is what `make_world` in the tests' conftest.py sees to.
    """
    function, marks = _find(test)
    fixtures = inspect.signature(function).parameters
    for name, transport in _FIXED.items():
        if name in fixtures:
            return {transport}
    values = {value for mark in marks for name in ("transport", "line") for value in _values(name, *mark.args)}
    return values or ({"file"} if "make_world" in fixtures else set())


def _find(test: str) -> tuple[Any, list[Any]]:
    """The function, and its parametrisations, those of its class included."""
    module, *path = test.split("::")
    found: Any = importlib.import_module(f"tests.e2e.transports.test_{module}")
    marks = []
    for name in path:
        found = getattr(found, name)
        marks += [mark for mark in getattr(found, "pytestmark", []) if mark.name == "parametrize"]
    return found, marks


def _values(name: str, names: str | tuple[str, ...], rows: list[Any]) -> Iterator[str]:
    """The values of the parameter `name`, given the arguments of `parametrize`."""
    named = [word.strip() for word in names.split(",")] if isinstance(names, str) else list(names)
    if name in named:
        yield from (row if isinstance(row, str) else row[named.index(name)] for row in rows)
