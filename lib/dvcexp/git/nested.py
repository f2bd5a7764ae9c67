"""Relaying another remote helper line by line: `git remote-https` and its like do the connecting, we step in between.

Experiments are looked after in a `push` batch, in a `fetch` batch, in a `list` after a download that failed, and inside
the streams that `connect` and `stateless-connect` open. `import` and `export` name no ids: what they move just passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dvcexp.errors import DvcexpError
from dvcexp.git import process
from dvcexp.git.channel import CannotConnect, Channel, ProcessChannel
from dvcexp.git.exchange import Ends, Exchange, write_all
from dvcexp.git.options import Options
from dvcexp.git.pushing import Command, Verdict
from dvcexp.git.relay import NAMESPACE, Gate, exchange_for, watching
from dvcexp.git.remote_helper import Lines, PushSpec, encode, parse_fetch, parse_list, refusal

_DIED = 128  # as Git ends when its helper does


class Stopped(DvcexpError):
    """Git must not go on: it stops when its helper ends without an answer."""

    exit_code = 128


class _ChildEnded(Exception):
    """The nested helper ended in the middle. It has told the user why."""


class _Child:
    """The nested helper's process, and lines to and from it."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        try:
            self.process = process.start(argv, environ)
        except OSError as error:
            raise CannotConnect(f"cannot run {argv[0]}: {error.strerror}") from None
        self._lines = Lines(self.process.stdout, "nested helper")

    def send(self, lines: Sequence[str]) -> None:
        try:
            write_all(self.process.stdin, encode(lines))
        except BrokenPipeError:
            raise _ChildEnded from None

    def line(self) -> str:
        line = self._lines.next()
        if line is None:
            raise _ChildEnded
        return line

    def until_blank(self) -> list[str]:
        try:
            return self._lines.until_blank()
        except EOFError:
            raise _ChildEnded from None

    def hand_over(self) -> tuple[Channel, bytes]:
        """The bare stream, and what was read of it already."""
        return ProcessChannel(self.process), self._lines.rest()


class NestedHelper:
    """A conversation between Git and `argv`, which is `git remote-<transport> <name> <url>`."""

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], git: Ends, options: Options, gate: Callable[[], Gate]
    ) -> None:
        self._argv = argv
        self._environ = environ
        self._git = git
        self._lines = Lines(git.reader, "git")
        self._options = options
        self._gate = gate
        self._child = _Child(argv, environ)
        self._has_options = True  # until the child's capabilities tell
        self._listed: dict[str, str] = {}
        self._unwanted: dict[str, str] = {}  # listed, and in no `fetch` so far
        self._pushed: list[Command] = []  # and reported to be done

    def run(self) -> int:
        """Relay until Git or the nested helper has ended: the exit code."""
        try:
            while line := self._lines.next():
                code = self._command(line)
                if code is not None:
                    return code
            if line is not None:
                self._child.send([""])
        except _ChildEnded:
            return self._end() or _DIED
        # What Git updates without a `fetch` is updated by now.
        whole = not self._unwanted or self._gate().after_listing(self._unwanted)
        code = self._end()
        if self._pushed and not self._gate().after_push(self._pushed, self._listed):
            return code or 1
        return code if whole else code or 1

    def _end(self) -> int:
        return self._child.hand_over()[0].close()

    def _command(self, line: str) -> int | None:
        """One command of Git's; an exit code where the conversation ends with it."""
        word = line.partition(" ")[0]
        if word in ("connect", "stateless-connect"):
            return self._connect(line)
        if word == "capabilities":
            self._capabilities(line)
        elif word == "list":
            self._list(line)
        elif word == "option":
            self._option(line)
        elif word == "fetch":
            self._fetch([line, *self._lines.until_blank()])
        elif word == "push":
            self._push([line, *self._lines.until_blank()])
        else:
            return self._pass_on(line)
        return None

    def _answer(self, lines: Sequence[str]) -> None:
        write_all(self._git.writer, encode(lines))

    def _capabilities(self, line: str) -> None:
        self._child.send([line])
        offered = self._child.until_blank()
        # Where the child has no options, Git would not tell us how much to say.
        self._has_options = "option" in (capability.removeprefix("*") for capability in offered)
        self._answer([*offered, *([] if self._has_options else ["option"]), ""])

    def _option(self, line: str) -> None:
        self._options.note(line)
        if self._has_options:
            self._child.send([line])
        self._answer([self._child.line() if self._has_options else "unsupported"])

    def _connect(self, line: str) -> int | None:
        self._child.send([line])
        answer = self._child.line()
        self._answer([answer])
        if answer:
            return None  # `fallback`: Git goes on with lines
        channel, ahead = self._child.hand_over()
        service = line.split(" ")[1]
        reopen, follows = self._reopening(line), self._options.follows
        exchange = exchange_for(service, self._git, channel, self._gate, reopen, follows=follows)
        return exchange.run(from_server=ahead)

    def _reopening(self, line: str) -> Callable[[], Channel]:
        def reopen() -> Channel:
            child = _Child(self._argv, self._environ)
            try:
                child.send(["capabilities"])
                child.until_blank()
                child.send([line])
                established = not child.line()
            except _ChildEnded:
                established = False
            channel, _ = child.hand_over()
            if not established:
                channel.close()
                raise CannotConnect("the remote helper cannot connect")
            return channel

        return reopen

    def _list(self, line: str) -> None:
        self._child.send([line])
        answer = self._child.until_blank()
        self._listed = {ref: sha for ref, sha in parse_list(answer).items() if ref.startswith(NAMESPACE)}
        if line == "list" and self._listed:
            with watching(self._git.writer):
                error = self._gate().at_listing(self._listed, asked=False)
            if error is not None:
                raise Stopped(error)
            self._unwanted = self._listed
        self._answer([*answer, ""])

    def _fetch(self, batch: list[str]) -> None:
        self._child.send([*batch, ""])
        answer = self._child.until_blank()
        fetched = {ref: sha for ref, sha in map(parse_fetch, batch) if ref.startswith(NAMESPACE)}
        if fetched:
            self._unwanted = {}
            # Git leaves out of the batch what it has. What else is listed may be updated with these.
            with watching(self._git.writer):
                complete = self._gate().after_fetch({**self._listed, **fetched})
            if not complete:
                raise Stopped("not all data of the experiments could be fetched, no ref is updated")
        self._answer([*answer, ""])

    def _push(self, batch: list[str]) -> None:
        specs = {line: PushSpec.parse(line) for line in batch}
        verdict = self._judge(list(specs.values()))
        refused = dict(verdict.refused)
        if refused and self._options.atomic:
            refused = {spec.ref: "the push is atomic, and another ref was refused" for spec in specs.values()} | refused
        kept = [line for line, spec in specs.items() if spec.ref not in refused and spec.ref not in verdict.withheld]
        answer = [refusal(ref, reason) for ref, reason in refused.items()]
        answer += [f"ok {ref}" for ref in sorted(verdict.withheld) if ref not in refused]
        if kept:
            self._child.send([*kept, ""])
            told = self._child.until_blank()
            answer += told
            if self._options.follows and not self._options.dry_run:
                pushed = (specs[line] for line in kept if f"ok {specs[line].ref}" in told)
                self._pushed += [Command("", spec.source, spec.ref) for spec in pushed]
        self._answer([*answer, ""])

    def _judge(self, specs: Sequence[PushSpec]) -> Verdict:
        if self._options.dry_run or not any(spec.ref.startswith(NAMESPACE) for spec in specs):
            return Verdict()
        commands = [Command("", spec.source, spec.ref) for spec in specs]
        with watching(self._git.writer):
            return self._gate().before_push(commands)

    def _pass_on(self, line: str) -> int:
        """A command that we know nothing of: from here on everything passes as it is."""
        channel, ahead = self._child.hand_over()
        return Exchange(self._git, channel).run(encode([line]) + self._lines.rest(), ahead)
