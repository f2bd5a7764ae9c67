"""DVC's config levels -> cache directory and remotes (dvc/config.py).

Options are not judged here but by the kind of remote that honours them, where one that nobody knows is an error.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from dvcexp.dvc import configfile
from dvcexp.dvc.configfile import Section, Value
from dvcexp.dvc.trust import Origin, Said, objection
from dvcexp.errors import ConfigError, printable

# Options whose values are paths, like `url` and `cache.dir`.
_PATHS = frozenset(
    {
        "url",
        "gdrive_user_credentials_file",
        "gdrive_service_account_json_file_path",
        "credentialpath",
        "configpath",
        "keyfile",
        "cert_path",
        "key_path",
    }
)
# What a commit from elsewhere must not choose: commands to run, and files of this machine, some of which name commands
# (AWS's `credential_process`).
_UNSAFE = (_PATHS - {"url"}) | {"bearer_token_command"}

_LINK_TYPES = ("reflink", "hardlink", "symlink", "copy")


class RemoteConfig(NamedTuple):
    """One `remote "x"` section: `url` with paths made absolute and `remote://` resolved, `options` the other keys.

    Keys are lower-case as DVC reads them; values are text as written, lists joined by ','. `source` names the file
    that gave the url, for messages. from_commit: a commit alone says so; read from there, but do not write to a local
    path there. dropped: options that were left out because a commit alone chose them.
    """

    name: str
    url: str
    options: Mapping[str, str]
    source: str
    from_commit: bool = False
    dropped: tuple[str, ...] = ()

    @property
    def is_projects_own(self) -> bool:
        """Does the work tree's `.dvc/config` give its url, and not only this machine?"""
        return not self.from_commit and self.source.endswith(os.path.join(os.sep, ".dvc", "config"))

    @property
    def is_versioned(self) -> bool:
        """Is it cloud-versioned: does DVC keep files by path and version there?"""
        return any(self.options.get(option, "").lower() == "true" for option in ("version_aware", "worktree"))


class DvcConfig(NamedTuple):
    """The merged levels. cache_dir: absolute, None where no work tree gives one. cache_types: in order of choice.

    remotes: those that can be used; `unusable` has why others cannot.
    """

    default_remote: str | None
    remotes: Mapping[str, RemoteConfig]
    cache_dir: str | None
    cache_types: tuple[str, ...] = ("reflink", "copy")
    cache_shared: bool = False
    unusable: Mapping[str, ConfigError] = {}

    def remote(self, name: str | None = None, *, missing_ok: bool = False) -> RemoteConfig | None:
        """The remote `name` (in any case), the default one for None; None where there is no default.

        ConfigError where it is not configured, or cannot be used. missing_ok: None instead, but for Distrusted.
        """
        wanted = self.default_remote if name is None else name.lower()
        if wanted is None:
            return None
        if wanted in self.remotes:
            return self.remotes[wanted]
        if isinstance(self.unusable.get(wanted), Distrusted):
            raise self.unusable[wanted]
        if missing_ok:
            return None
        if wanted in self.unusable:
            raise self.unusable[wanted]
        known = ", ".join(f"'{printable(other)}'" for other in sorted(self.remotes))
        raise ConfigError(
            f"DVC remote '{printable(wanted)}' is not configured",
            f"dvc remote add {printable(wanted)} <url>",
            *([f"configured are {known}"] if known else []),
        )


class Distrusted(ConfigError):
    """A remote that the repository leads where only its user may; nothing else stands in for it (trust.py)."""


class Level(NamedTuple):
    """One configuration file. folder: what its relative paths are relative to; None where that is not known."""

    sections: Mapping[str, Section]
    folder: str | None
    source: str
    origin: Origin

    @property
    def from_commit(self) -> bool:
        """Does it stand in a commit, and not on this machine?"""
        return self.origin == "commit"


def work_tree_config(
    root: str, environ: Mapping[str, str], is_tracked: Callable[[str], bool] | None = None
) -> DvcConfig | None:
    """What holds in the DVC root `root`, an absolute path: system, user, `.dvc/config`, `.dvc/config.local`.

    is_tracked(path): does Git have this file? A `config.local` that came with the repository is not the user's word;
    needed by whoever opens a remote. None if it has no `.dvc` folder. ConfigError where a file cannot be read.
    """
    folder = os.path.join(root, ".dvc")
    if not os.path.isdir(folder):
        return None
    repository = _level(os.path.join(folder, "config"), "repository")
    local = _level(os.path.join(folder, "config.local"), "local")
    if local.sections and is_tracked is not None and is_tracked(local.source):
        local = local._replace(origin="repository")
    levels = [*machine_levels(environ), repository, local]
    return _merge(levels, environ, cache_dir=os.path.join(folder, "cache"))


def commit_config(
    data: bytes | None, where: str, environ: Mapping[str, str], *, root: str | None, work_tree: DvcConfig | None
) -> DvcConfig:
    """What a commit's own `.dvc/config` says: `data`, None where it has none; `where` names it in messages.

    root: the DVC root in the work tree, for relative paths; None where there is no work tree. A commit is anybody's: it
    does not choose the cache nor any other local path to write to, nor commands. A remote that the work tree's config
    knows by the same name and url is that one, with all its options; none of the user's own options go along with a
    url that only the commit names, for they may hold credentials. Without a work tree the system and user levels
    count, as they will in the clone.
    """
    folder = os.path.join(root, ".dvc") if root is not None else None
    sections = configfile.parse(data, where) if data else {}
    commit = Level(sections, folder, where, "commit")
    if work_tree is None:
        cache_dir = os.path.join(folder, "cache") if folder is not None else None
        return _merge([*machine_levels(environ), commit], environ, cache_dir=cache_dir)
    alone = _merge([commit], environ, cache_dir=None)
    remotes = dict(work_tree.remotes)
    for name, remote in alone.remotes.items():
        known = work_tree.remotes.get(name)
        remotes[name] = known if known is not None and known.url == remote.url else remote
    # `remote://x` where only this machine's levels know x: the commit adds a path to a url of the user's own.
    for name in alone.unusable:
        base = _base_of(sections.get(f'remote "{name}"', {}))
        if base is not None and base[0] in work_tree.remotes and base[0] not in alone.unusable:
            known = work_tree.remotes[base[0]]
            remotes[name] = RemoteConfig(name, f"{known.url}/{base[1]}", known.options, where, from_commit=True)
    return DvcConfig(
        alone.default_remote or work_tree.default_remote,
        remotes,
        work_tree.cache_dir,
        work_tree.cache_types,
        work_tree.cache_shared,
        {name: error for name, error in alone.unusable.items() if name not in remotes},
    )


def machine_levels(environ: Mapping[str, str]) -> list[Level]:
    """The system's and the user's configuration."""
    return [_level(os.path.join(folder, "config"), "machine") for folder in _machine_folders(environ)]


def _machine_folders(environ: Mapping[str, str]) -> list[str]:
    """Where they lie: as platformdirs has it, which DVC asks."""
    home = environ.get("HOME") or os.path.expanduser("~")
    if sys.platform == "win32":
        system = os.path.join(environ.get("PROGRAMDATA", "C:\\ProgramData"), "iterative", "dvc")
        user = os.path.join(environ.get("LOCALAPPDATA", home), "iterative", "dvc")
    elif sys.platform == "darwin":
        system = "/Library/Application Support/dvc"
        user = os.path.join(home, "Library/Application Support/dvc")
    else:
        first = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")[0]
        system = os.path.join(first, "dvc")
        user = os.path.join(environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "dvc")
    return [environ.get("DVC_SYSTEM_CONFIG_DIR") or system, environ.get("DVC_GLOBAL_CONFIG_DIR") or user]


def _level(path: str, origin: Origin) -> Level:
    try:
        with open(path, "rb") as file:
            data = file.read(configfile.MAX_SIZE + 1)
    except (FileNotFoundError, NotADirectoryError):
        data = b""
    except OSError as exc:
        raise ConfigError(f"cannot read '{printable(path)}': {exc.strerror}") from None
    return Level(configfile.parse(data, path), os.path.dirname(os.path.abspath(path)), path, origin)


class _Option(NamedTuple):
    """One option of a remote, as merged: paths made absolute, or the reason why that is not possible."""

    value: str
    level: Level
    problem: str | None = None


def _merge(levels: Sequence[Level], environ: Mapping[str, str], *, cache_dir: str | None) -> DvcConfig:
    """Later levels win, key by key. cache_dir: the default; None where there can be no cache."""
    cache: dict[str, tuple[Value, Level]] = {}
    remotes: dict[str, dict[str, _Option]] = {}
    dropped: dict[str, list[str]] = {}
    default = None
    for level in levels:
        for name, section in level.sections.items():
            if name == "core" and "remote" in section:
                default = _text(section["remote"]).lower()
            elif name == "cache" and not level.from_commit:
                cache.update({key: (value, level) for key, value in section.items()})
            remote = configfile.remote_name(name)
            if remote is None:
                continue
            options = remotes.setdefault(remote, {})
            for key, value in section.items():
                if level.from_commit and key in _UNSAFE:
                    dropped.setdefault(remote, []).append(key)
                else:
                    options[key] = _option(key, value, level, environ)
    usable, unusable = _resolve(remotes, dropped)
    return DvcConfig(
        default or None,
        usable,
        _cache_dir(cache, cache_dir, environ),
        _cache_types(cache),
        _cache_shared(cache),
        unusable,
    )


def _text(value: Value) -> str:
    return ",".join(value) if isinstance(value, list) else value


def _option(key: str, value: Value, level: Level, environ: Mapping[str, str]) -> _Option:
    if key == "url" and isinstance(value, list):
        return _Option("", level, "its url has a comma, which makes a list of it; put the url in quotes")
    text = _text(value)
    if key not in _PATHS:
        return _Option(text, level)
    path = _path(text, level.folder, environ)
    if path is None:
        return _Option("", level, f"its {key} is relative to a work tree, and there is none here")
    return _Option(path, level)


def _path(text: str, folder: str | None, environ: Mapping[str, str]) -> str | None:
    """A URL as it is, a path made absolute; None where there is nothing that it could be relative to."""
    if re.match(r"\w+://", text) or os.path.isabs(text):
        return text
    if text == "~" or text.startswith("~/"):
        expanded = (environ.get("HOME") or os.path.expanduser("~")) + text[1:]
    else:
        expanded = os.path.expanduser(text)
    if os.path.isabs(expanded):
        return expanded
    return os.path.abspath(os.path.join(folder, text)) if folder is not None else None


def _resolve(
    remotes: Mapping[str, Mapping[str, _Option]], dropped: Mapping[str, Sequence[str]]
) -> tuple[dict[str, RemoteConfig], dict[str, ConfigError]]:
    usable: dict[str, RemoteConfig] = {}
    unusable: dict[str, ConfigError] = {}
    merged: dict[str, Mapping[str, _Option]] = {}  # with what `remote://` brings

    def resolve(name: str, on_the_way: tuple[str, ...]) -> Mapping[str, _Option]:
        if name in merged:
            return merged[name]
        if name in on_the_way:
            raise _unusable(name, "its url leads back to itself")
        if name not in remotes:
            raise _unusable(on_the_way[-1], f"its url names the DVC remote '{name}', which is not configured")
        options = remotes[name]
        problem = next((option.problem for option in options.values() if option.problem), None)
        if "url" not in options:
            problem = "it has no url"
        if problem is not None:
            raise _unusable(name, problem)
        base = _base_of({"url": options["url"].value})
        if base is not None:
            parent = resolve(base[0], (*on_the_way, name))
            url = parent["url"]._replace(value=f"{parent['url'].value}/{base[1]}")
            options = {**parent, **options, "url": url}
        merged[name] = options
        return options

    def make(name: str) -> RemoteConfig:
        options = resolve(name, ())
        level = remotes[name]["url"].level
        own_dropped = tuple(dropped.get(name, ()))
        if level.from_commit and options["url"].value.startswith("gs://") and "endpointurl" in options:
            # Google's client shows the user's token to whatever answers there.
            options = {key: option for key, option in options.items() if key != "endpointurl"}
            own_dropped += ("endpointurl",)
        _check_trust(name, options)
        texts = {key: option.value for key, option in options.items() if key != "url"}
        return RemoteConfig(name, options["url"].value, texts, level.source, level.from_commit, own_dropped)

    for name in remotes:
        try:
            usable[name] = make(name)
        except ConfigError as exc:
            unusable[name] = exc
    return usable, unusable


def _check_trust(name: str, options: Mapping[str, _Option]) -> None:
    """Distrusted where a stranger's word would do what only the user's may."""
    repository = next((option.level for option in options.values() if option.level.origin == "repository"), None)
    folder = os.path.dirname(repository.folder) if repository is not None and repository.folder is not None else None
    said = {key: Said(option.value, option.level.origin) for key, option in options.items()}
    against = objection(said, folder)
    if against is not None:
        modify = f"dvc remote modify --local {printable(name)}"
        hints = [f"if you trust it: {modify} {key} <the same>" for key in against.keys]
        raise Distrusted(_cannot_be_used(name, against.reason), *hints)


def _unusable(name: str, reason: str) -> ConfigError:
    return ConfigError(_cannot_be_used(name, reason), "dvc remote list")


def _cannot_be_used(name: str, reason: str) -> str:
    return f"DVC remote '{printable(name)}' cannot be used: {reason}"


def _base_of(section: Mapping[str, Value]) -> tuple[str, str] | None:
    """The remote, and the path to add to its url, that `remote://name/path` names."""
    url = _text(section.get("url", ""))
    if not url.startswith("remote://"):
        return None
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.netloc.lower(), parts.path.lstrip("/")


def _cache_dir(cache: Mapping[str, tuple[Value, Level]], default: str | None, environ: Mapping[str, str]) -> str | None:
    if default is None or "dir" not in cache:
        return default
    value, level = cache["dir"]
    return _path(_text(value), level.folder, environ)


def _cache_types(cache: Mapping[str, tuple[Value, Level]]) -> tuple[str, ...]:
    if "type" not in cache:
        return ("reflink", "copy")
    value, level = cache["type"]
    types = tuple(word.strip() for word in _text(value).split(","))
    odd = next((word for word in types if word not in _LINK_TYPES), None)
    if odd is not None:
        raise ConfigError(
            f"'{printable(level.source)}': '{printable(odd)}' is no cache.type", f"it takes {', '.join(_LINK_TYPES)}"
        )
    return types


def _cache_shared(cache: Mapping[str, tuple[Value, Level]]) -> bool:
    if "shared" not in cache:
        return False
    value, level = cache["shared"]
    if _text(value).lower() != "group":
        raise ConfigError(f"'{printable(level.source)}': cache.shared takes no value but 'group'")
    return True
