"""The command line for ssh, as Git builds it (connect.c fill_ssh_args): same program, same arguments, same order."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from dvcexp.errors import DvcexpError, printable
from dvcexp.git.url import SshHost

Variant = Literal["auto", "simple", "ssh", "plink", "putty", "tortoiseplink"]
Probe = Callable[[Sequence[str]], bool]

_BY_NAME: dict[str, Variant] = {
    "ssh": "ssh",
    "plink": "plink",
    "plink.exe": "plink",
    "tortoiseplink": "tortoiseplink",
    "tortoiseplink.exe": "tortoiseplink",
}
_BY_SETTING: dict[str, Variant] = {
    "auto": "auto",
    "plink": "plink",
    "putty": "putty",
    "tortoiseplink": "tortoiseplink",
    "simple": "simple",
}
_SHELL_CHARACTERS = frozenset("|&;<>()$`\\\"' \t\n*?[#~=%")


class SshError(DvcexpError):
    """The chosen ssh program cannot do what the URL asks."""

    exit_code = 128


class Ssh(NamedTuple):
    """The user's choices. program: a shell fragment if `in_shell`. family: `ipv4`, `ipv6` or None for either."""

    program: str
    in_shell: bool
    variant: Variant
    version: int
    family: str | None

    @classmethod
    def choose(
        cls, get: Callable[[str], str | None], environ: Mapping[str, str], version: int, family: str | None
    ) -> Ssh:
        """From GIT_SSH_COMMAND, core.sshCommand, GIT_SSH, in this order; else `ssh`. get: Git's configuration."""
        command = environ.get("GIT_SSH_COMMAND", get("core.sshcommand"))
        program = command if command is not None else environ.get("GIT_SSH", "ssh")
        chosen = environ.get("GIT_SSH_VARIANT", get("ssh.variant"))
        # Any other word than these, `ssh` included, means OpenSSH; without a word the program's name tells.
        variant = _BY_SETTING.get(chosen, "ssh") if chosen is not None else "auto"
        if variant == "auto":
            variant = _BY_NAME.get(_base_name(program, command is not None), "auto")
        return cls(program, command is not None, variant, version, family)

    def arguments(self, host: SshHost, command: str, probe: Probe) -> tuple[list[str], Variant]:
        """The argument vector that runs `command` on `host`, and what the program turned out to be.

        probe: runs an argument vector (with `-G`) and says whether it succeeded; so Git finds out what a program of
        unknown name is.
        """
        variant = self.variant
        if variant == "auto":
            trial = self._argv(["-G", *self._options("ssh", host.port), host.host])
            variant = "ssh" if probe(trial) else "simple"
        return self._argv([*self._options(variant, host.port), host.host, command]), variant

    def _argv(self, arguments: list[str]) -> list[str]:
        if not self.in_shell:
            return [self.program, *arguments]
        if _SHELL_CHARACTERS.isdisjoint(self.program):
            return [self.program, *arguments]
        return ["sh", "-c", f'{self.program} "$@"', self.program, *arguments]

    def _options(self, variant: Variant, port: str | None) -> list[str]:
        options = []
        if variant == "ssh" and self.version > 0:
            options += ["-o", "SendEnv=GIT_PROTOCOL"]
        if self.family is not None:
            if variant == "simple":
                raise SshError(f"ssh variant 'simple' does not support -{self.family[-1]}")
            options.append(f"-{self.family[-1]}")
        if variant == "tortoiseplink":
            options.append("-batch")
        if port is not None:
            if variant == "simple":
                raise SshError("ssh variant 'simple' does not support setting port")
            options += ["-p" if variant == "ssh" else "-P", port]
        return options


def quote(path: str) -> str:
    """`path` for a shell, as Git quotes it (sq_quote_buf): in single quotes, `'` and `!` outside of them."""
    return "'" + path.replace("'", "'\\''").replace("!", "'\\!'") + "'"


def _base_name(program: str, in_shell: bool) -> str:
    if in_shell:
        import shlex

        try:
            words = shlex.split(program)
        except ValueError:
            raise SshError(
                f"the ssh command '{printable(program)}' has an open quote",
                "see GIT_SSH_COMMAND and git config core.sshCommand",
            ) from None
        program = words[0] if words else ""
    return os.path.basename(program).lower()
