"""Object ids, where objects lie, their digests, and `.dir` manifests, byte for byte as DVC 3 writes them.

Layout: a DVC 3 object lies under `files/md5/`, a legacy one directly under the cache or remote (dvc_data hashfile/db).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from dvcexp.errors import FormatError
from dvcexp.files import Digest

MD5 = "md5"
LEGACY = "md5-dos2unix"  # DVC 2.x and before: md5 of text with CRLF folded to LF; objects in a layout of their own

# A directory of a million files has a manifest of about 93 MB, read whole because its name is the hash of the whole.
MAX_MANIFEST_SIZE = 1 << 30

_OID = re.compile(r"[0-9a-f]{32}(?:\.dir)?\Z")
# An empty, '.' or '..' component: absolute paths, doubled and trailing slashes, and the empty path have one too.
_ODD_COMPONENT = re.compile(r"(?:\A|/)\.{0,2}(?=/|\Z)")
# The same between NULs, for one scan of many paths; five times faster than the regex.
_ODD_BETWEEN = tuple(f"{before}{odd}{after}" for odd in ("", ".", "..") for before in "/\0" for after in "/\0")
# Where these are ordinary characters of a file's name DVC writes them; where they separate or name a drive it cannot.
_ODD_ON_WINDOWS = re.compile(r"[\\:]")


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


def new_digest(kind: str) -> Digest:
    """The digest whose hexdigest is the md5 in an oid of this hash kind (MD5 or LEGACY).

    A `.dir` object's oid is the plain md5 of its bytes for both kinds: ask for MD5 there.
    """
    return LegacyDigest() if kind == LEGACY else hashlib.md5(usedforsecurity=False)


class LegacyDigest:
    """md5 with CRLF folded to LF wherever a block of 1 MiB looks like text (dvc_data hashfile/hash.py, istextfile.py).

    Blocks are judged and folded one by one, so a CRLF that spans two of them stays as it is.
    """

    _BLOCK = 1 << 20
    _SAMPLE = 512
    _TEXT = bytes(range(0x20, 0x7F)) + b"\n\r\t\f\b"

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._pending = bytearray()

    def update(self, data: bytes, /) -> None:
        pending = self._pending
        pending += data
        whole = len(pending) - len(pending) % self._BLOCK
        for start in range(0, whole, self._BLOCK):
            self._add_block(bytes(pending[start : start + self._BLOCK]))
        del pending[:whole]

    def hexdigest(self) -> str:
        if self._pending:
            self._add_block(bytes(self._pending))
            self._pending.clear()
        return self._md5.hexdigest()

    def _add_block(self, block: bytes) -> None:
        sample = block[: self._SAMPLE]
        odd = sample.translate(None, self._TEXT)
        is_text = b"\0" not in odd and len(odd) / len(sample) <= 0.30
        self._md5.update(block.replace(b"\r\n", b"\n") if is_text else block)


class Entry(NamedTuple):
    """One file of a directory: its path below it, with `/`, and the md5 of its content."""

    relpath: str
    md5: str


class UnsafeManifest(FormatError):
    """A `.dir` object that lists what is no object id, or a path that would leave its directory. `oid` is its name."""

    def __init__(self, oid: str, reason: str) -> None:
        super().__init__(oid, reason, "whoever pushed it can repair it: `dvc add` the directory and push again")
        self.oid = oid


def parse_manifest(data: bytes, oid: str) -> list[Entry]:
    """The files that the `.dir` object `oid` lists, in its order. Their bytes' hash is the caller's to check.

    Any JSON array of objects with a `md5` and a `relpath` will do, as for DVC; other keys are ignored. Raises
    UnsafeManifest for anything else.
    """
    import json

    if len(data) > MAX_MANIFEST_SIZE:
        raise UnsafeManifest(oid, f"a manifest of {len(data)} bytes is more than anybody wrote")
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError) as exc:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise UnsafeManifest(oid, f"not a directory's manifest: {exc}") from None
    if not isinstance(rows, list):
        raise UnsafeManifest(oid, "not a directory's manifest: not a JSON array")
    try:
        entries = list(map(Entry._make, map(itemgetter("relpath", "md5"), rows)))
        _check(entries, oid)
    except (TypeError, KeyError, IndexError):
        raise UnsafeManifest(oid, "not a directory's manifest: an entry is not a relpath with a md5") from None
    return entries


def check_relpath(relpath: str) -> str | None:
    """Why a file of this path below a directory output must not be written, or None where it may."""
    if "\0" in relpath:
        return "has a NUL character in its path"
    if _ODD_COMPONENT.search(relpath) or (os.name == "nt" and _ODD_ON_WINDOWS.search(relpath)):
        return "would leave its directory"
    if not _is_encodable(relpath):
        return "has a path that is not valid Unicode"
    return None


def dump_manifest(entries: Iterable[Entry]) -> bytes:
    """The bytes of the `.dir` object of a directory with these files, given in any order."""
    import json

    rows = [{"md5": md5, "relpath": relpath} for relpath, md5 in sorted(entries)]  # the keys stand sorted already
    return json.dumps(rows).encode("ascii")


def dir_oid(entries: Iterable[Entry]) -> str:
    """The oid, `<md5>.dir`, of the directory with these files."""
    return hashlib.md5(dump_manifest(entries), usedforsecurity=False).hexdigest() + ".dir"


def _check(entries: list[Entry], oid: str) -> None:
    """Raise UnsafeManifest or TypeError for an entry that must not be used: scans of all, then a look for whose."""
    relpaths = "\0".join(["", *[entry.relpath for entry in entries], ""])
    md5s = "".join([entry.md5 for entry in entries])
    if (
        relpaths.count("\0") == len(entries) + 1
        and not any(odd in relpaths for odd in _ODD_BETWEEN)
        and _is_encodable(relpaths)
        and all(len(entry.md5) == 32 for entry in entries)
        and not md5s.strip("0123456789abcdef")
        and os.name != "nt"
    ):
        return
    for relpath, md5 in entries:
        if not isinstance(md5, str) or len(md5) != 32 or not is_oid(md5):
            raise UnsafeManifest(oid, f"the md5 of '{relpath}' is not one")
        reason = check_relpath(relpath)
        if reason is not None:
            raise UnsafeManifest(oid, f"'{relpath}' {reason}")


def _is_encodable(text: str) -> bool:
    """Is there no lone surrogate in it? JSON can spell them, a file name read from disk cannot hold them."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
