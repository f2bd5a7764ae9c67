"""Object ids, where objects lie, and `.dir` manifests, byte for byte as DVC 3 writes them.

Layout: a DVC 3 object lies under `files/md5/`, a legacy one directly under the cache or remote (dvc_data hashfile/db).
"""

from __future__ import annotations

import re
from typing import NamedTuple

MD5 = "md5"
LEGACY = "md5-dos2unix"  # DVC 2.x and before: md5 of text with CRLF folded to LF; objects in a layout of their own

_OID = re.compile(r"[0-9a-f]{32}(?:\.dir)?\Z")


class Object(NamedTuple):
    """One content-addressed object: `oid` is `<md5>` or `<md5>.dir`, `hash` is MD5 or LEGACY."""

    oid: str
    hash: str = MD5

    @property
    def is_dir(self) -> bool:
        """Does it hold a directory's manifest?"""
        return self.oid.endswith(".dir")

    @property
    def key(self) -> str:
        """Its path below a cache folder or a remote's URL."""
        prefix = "files/md5/" if self.hash == MD5 else ""
        return f"{prefix}{self.oid[:2]}/{self.oid[2:]}"


def is_oid(text: str) -> bool:
    """May this text become part of a path? Checked wherever an id comes from a file or from a remote."""
    return _OID.match(text) is not None
