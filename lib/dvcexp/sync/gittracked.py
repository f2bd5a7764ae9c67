"""Objects whose content is in Git: outputs with `cache: false`, which run-cache entries name all the same.

DVC puts them into the cache where a stage runs, and takes them to no DVC remote.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping

from dvcexp.dvc.cache import Cache, is_intact
from dvcexp.dvc.objects import MD5, Entry, Object, dir_oid, dump_manifest
from dvcexp.files import Staging
from dvcexp.sync.demand import Selection, Use


def bring(selection: Selection, uses: Iterable[Use], cache: Cache) -> None:
    """Put the objects of those of `uses` into the cache that Git has, as their records say, and the cache has not."""
    outputs = {use.output.object: use for use in uses if not use.output.cached and use.output.object is not None}
    lacking = outputs.keys() - cache.present(outputs.keys())
    with cache.staging() as staging:
        for item in lacking:
            with contextlib.suppress(LookupError):  # a partial clone need not have them, and may be offline
                _bring(item, selection.content_in_git(outputs[item]), cache, staging)


def _bring(item: Object, files: Mapping[str, Callable[[], bytes]], cache: Cache, staging: Staging) -> None:
    """`files`: what Git has of it, by path below it."""
    if item.is_dir and item.hash == MD5:
        entries = [Entry(path, _md5(read())) for path, read in files.items()]
        if dir_oid(entries) == item.oid:
            for entry in entries:
                _store(Object(entry.md5), files[entry.relpath](), cache, staging)
            _store(item, dump_manifest(entries), cache, staging)
    elif "" in files:
        _store(item, files[""](), cache, staging)


def _store(item: Object, content: bytes, cache: Cache, staging: Staging) -> None:
    """Unless it is something else, which an output's record says of a file that was changed after the stage ran."""
    temporary = staging.temporary(cache.path(item))
    with open(temporary, "xb") as file:
        file.write(content)
    if not is_intact(temporary, item):
        staging.drop(temporary)
        return
    os.chmod(temporary, 0o444)
    staging.keep(temporary, cache.path(item), len(content))


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
