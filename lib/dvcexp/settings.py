"""The settings `dvcexp.*` of git config and the environment, as one value. Nothing else reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeVar, cast

from dvcexp.errors import SettingsError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
Verify = Literal["auto", "always", "never"]


class Config(Protocol):
    """The part of `git.repository.GitConfig` that is needed here."""

    def get_all(self, key: str) -> Sequence[str]:
        """Every value of `key`, in order; empty if it is not set."""


class Settings(NamedTuple):
    """What the user chose. cache: move objects with refs. jobs: None for the remote's default. skip: DVCEXP_SKIP.

    run_cache: and with them the run-cache entries of the experiments' stages.
    """

    cache: bool = True
    remote: str | None = None
    jobs: int | None = None
    run_cache: bool = False
    allow_incomplete_push: bool = False
    fetch_include: tuple[str, ...] = ()
    fetch_exclude: tuple[str, ...] = ()
    verify: Verify = "auto"
    follow: bool = False
    skip: bool = False

    @classmethod
    def load(cls, config: Config, git_remote: str | None, environ: Mapping[str, str] = os.environ) -> Settings:
        """`dvcexp.<key>`, overridden by `dvcexp.<git remote>.<key>`; SettingsError names a value that means nothing."""

        def values(key: str) -> tuple[str, ...]:
            own = config.get_all(f"dvcexp.{git_remote}.{key.lower()}") if git_remote else ()
            return tuple(own or config.get_all(f"dvcexp.{key.lower()}"))

        def last(key: str, parse: Callable[[str, str], T], default: T) -> T:
            given = values(key)
            return parse(f"dvcexp.{key}", given[-1]) if given else default

        return cls(
            cache=last("cache", _bool, True),
            remote=last("remote", lambda _, value: value.lower() or None, None),
            jobs=last("jobs", _jobs, None),
            run_cache=last("runCache", _bool, False),
            allow_incomplete_push=last("allowIncompletePush", _bool, False),
            fetch_include=values("fetchInclude"),
            fetch_exclude=values("fetchExclude"),
            verify=last("verify", _verify, "auto"),
            follow=last("follow", _bool, False),
            skip=_bool("DVCEXP_SKIP", environ.get("DVCEXP_SKIP", "")),
        )

    @property
    def limits_fetches(self) -> bool:
        """Is anything left out of downloads?"""
        return bool(self.fetch_include or self.fetch_exclude)

    @property
    def moves_data(self) -> bool:
        """Do objects travel with the refs at all?"""
        return self.cache and not self.skip


def _bool(key: str, value: str) -> bool:
    text = value.lower()
    if text in ("true", "yes", "on", "1"):
        return True
    if text in ("false", "no", "off", "0", ""):
        return False
    raise _bad(key, value, "true or false")


def _jobs(key: str, value: str) -> int | None:
    """DVC takes 0 for its default, so do we."""
    if not value.isascii() or not value.isdigit():
        raise _bad(key, value, "a number")
    return int(value) or None


def _verify(key: str, value: str) -> Verify:
    if value not in ("auto", "always", "never"):
        raise _bad(key, value, "auto, always or never")
    return cast(Verify, value)


def _bad(key: str, value: str, wanted: str) -> SettingsError:
    unset = f"git config --unset {key}" if "." in key else f"unset {key}"  # without a dot: of the environment
    return SettingsError(f"bad value '{printable(value)}' for '{key}': it must be {wanted}", unset)
