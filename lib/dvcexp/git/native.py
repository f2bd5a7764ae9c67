"""What Git would reach by itself: ssh, local paths, `file://`, `git://`, and bundle files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from dvcexp.errors import DvcexpError, printable
from dvcexp.git import process
from dvcexp.git.channel import Channel, Config, Native, Service, open_channel
from dvcexp.git.exchange import Ends, write_all
from dvcexp.git.options import Options
from dvcexp.git.relay import NAMESPACE, Gate, exchange_for
from dvcexp.git.remote_helper import HelperProtocolError, Lines, encode, parse_fetch, parse_list
from dvcexp.git.url import BundleFile


class NativeRemote:
    """A conversation with Git that ends in a stream: Git asks us to `connect`."""

    def __init__(
        self,
        target: Native,
        config: Config,
        environ: Mapping[str, str],
        git: Ends,
        options: Options,
        gate: Callable[[], Gate],
    ) -> None:
        self._target = target
        self._config = config
        self._environ = environ
        self._git = git
        self._options = options
        self._gate = gate

    def run(self) -> int:
        """Converse until Git has ended: the exit code."""
        lines = Lines(self._git.reader, "git")
        while line := lines.next():
            word, _, rest = line.partition(" ")
            if word == "capabilities":
                self._answer("connect", "option", "")
            elif word == "option":
                self._answer(self._options.note(line))
            elif word == "connect":
                return self._connect(rest, lines.rest())
            else:
                raise HelperProtocolError("connect", line)
        return 0

    def _answer(self, *lines: str) -> None:
        write_all(self._git.writer, encode(lines))

    def _connect(self, name: str, ahead: bytes) -> int:
        options = self._options
        service = Service(name, options.servpath or name, options.family, verbose=options.verbosity > 1)

        def reopen() -> Channel:
            return open_channel(self._target, service, self._config, self._environ)

        channel = reopen()
        self._answer("")
        exchange = exchange_for(name, self._git, channel, self._gate, reopen, follows=options.follows)
        return exchange.run(from_git=ahead)


class BundleRemote:
    """A conversation about a bundle file, which only `git bundle` can read."""

    def __init__(
        self, target: BundleFile, environ: Mapping[str, str], git: Ends, options: Options, gate: Callable[[], Gate]
    ) -> None:
        self._path = target.path
        self._environ = environ
        self._git = git
        self._options = options
        self._gate = gate
        self._unwanted: dict[str, str] = {}  # listed, and in no `fetch` so far

    def run(self) -> int:
        """Converse until Git has ended: the exit code."""
        lines = Lines(self._git.reader, "git")
        while line := lines.next():
            word = line.partition(" ")[0]
            if word == "capabilities":
                # "push" so that Git asks, and its user learns why it cannot be.
                self._answer("fetch", "push", "option", "object-format", "")
            elif word == "option":
                self._answer("ok" if line.startswith("option object-format") else self._options.note(line))
            elif word == "list" and line != "list for-push":
                self._list()
            elif word == "fetch":
                self._fetch([line, *lines.until_blank()])
            else:
                raise DvcexpError(f"'{printable(self._path)}' is a bundle file, which can only be fetched from")
        return 0 if not self._unwanted or self._gate().after_listing(self._unwanted) else 1

    def _answer(self, *lines: str) -> None:
        write_all(self._git.writer, encode(lines))

    def _bundle(self, verb: str) -> list[str]:
        code, output = process.output(["git", "bundle", verb, self._path], self._environ)
        if code != 0:
            raise DvcexpError(f"git bundle {verb} '{printable(self._path)}': exit code {code}")
        return os.fsdecode(output).splitlines()

    def _list(self) -> None:
        heads = self._bundle("list-heads")
        listed = {ref: sha for ref, sha in parse_list(heads).items() if ref.startswith(NAMESPACE)}
        error = self._gate().at_listing(listed, asked=False) if listed else None
        if error is not None:
            raise DvcexpError(error)
        self._unwanted = listed
        sha256 = any(len(head.partition(" ")[0]) == 64 for head in heads)
        self._answer(f":object-format {'sha256' if sha256 else 'sha1'}", *heads, "")

    def _fetch(self, batch: list[str]) -> None:
        self._bundle("unbundle")
        fetched = {ref: sha for ref, sha in map(parse_fetch, batch) if ref.startswith(NAMESPACE)}
        if fetched:
            self._unwanted = {}
        if fetched and not self._gate().after_fetch(fetched):
            raise DvcexpError("not all data of the experiments could be fetched, no ref is updated")
        self._answer("")
