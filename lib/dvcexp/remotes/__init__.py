"""DVC remotes: one small class a kind. Nothing here knows Git or experiments."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvcexp.remotes.base import Remote

# Scheme of the URL in DVC's config -> module with `open(name, url, options, jobs)`, imported when its scheme is used.
# A URL without a scheme is a directory.
_KINDS = {
    "": "local",
    "s3": "s3",
    "azure": "azure",
    "gs": "gcs",
    "http": "http",
    "https": "http",
    "webdav": "webdav",
    "webdavs": "webdav",
    "ssh": "sftp",
    "hdfs": "filesystem",
    "webhdfs": "filesystem",
    "oss": "filesystem",
    "gdrive": "filesystem",
}

# Options that DVC allows on every remote and that a kind need not know: what they ask for is decided here, above the
# kinds (`worktree` and `version_aware` say how keys are chosen), or always done (`verify`: every download is hashed).
_COMMON = {"url", "jobs", "checksum_jobs", "no_traverse", "verify", "version_aware", "worktree"}


def open_remote(name: str, url: str, options: Mapping[str, str], *, jobs: int | None = None) -> Remote:
    """The DVC remote `name` as configured; nothing is asked of the server yet.

    options: the other keys of its section in DVC's config, as written. jobs: transfers at a time, before the section's
    own `jobs` and the kind's default. Raises UnsupportedOption for an option that the kind cannot honour, RemoteError
    for a kind of URL that nobody knows, ConfigError for a value that means nothing.
    """
    from dvcexp.remotes.base import RemoteError
    from dvcexp.remotes.options import Options, split, without_secrets

    scheme = url.split("://", 1)[0].lower() if "://" in url else ""
    if scheme not in _KINDS:
        schemes = ", ".join(f"{scheme}://" for scheme in _KINDS if scheme)
        raise RemoteError(
            name,
            without_secrets(url),
            f"'{scheme}://' is not a kind of DVC remote that dvcexp can reach",
            f"it can reach folders and {schemes}: dvc remote modify {name} url <url>",
            "DVC itself may reach it: move data with dvc push and dvc fetch, and refs alone with DVCEXP_SKIP=1",
        )
    if scheme and not split(url).scheme:
        raise RemoteError(name, without_secrets(url), "this is no URL", f"dvc remote modify {name} url <url>")
    common = Options(name, url, {key: value for key, value in options.items() if key in _COMMON})
    own = {key: value for key, value in options.items() if key not in _COMMON}
    module = import_module(f"dvcexp.remotes.{_KINDS[scheme]}")
    remote: Remote = module.open(name, url, own, jobs or common.count("jobs"))
    return remote
