"""Objects of a cache brought into the work tree as `cache.type` has it: reflink, hardlink, symlink or copy."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Sequence

from dvcexp import files
from dvcexp.errors import DvcexpError

# The file system cannot do it: DVC then goes on with the next type, for this file and all that follow (dvc_objects
# fs/generic.py).
_CANNOT = {
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EXDEV,
    errno.ENOTTY,
    errno.ENOSYS,
    errno.EINVAL,
    errno.EAGAIN,
}
_FICLONE = 0x40049409  # linux/fs.h


class NoLinkType(DvcexpError):
    """None of the types that `cache.type` names works between this cache and this work tree."""

    def __init__(self, types: Sequence[str]) -> None:
        super().__init__(
            f"no file can be put in place: this file system supports none of cache.type '{','.join(types)}'",
            "dvc config cache.type copy",
        )


class Linker:
    """Makes files of the work tree out of cache objects; a type that does not work is not tried twice."""

    def __init__(self, types: Sequence[str]) -> None:
        self._named = types
        self._left = list(types)

    @property
    def copies(self) -> bool:
        """Are the files that it makes their own, and no links?"""
        return bool(self._left) and self._left[0] in ("copy", "reflink")

    def link(self, source: str, target: str, moved: Callable[[int], object] = files.unheard) -> None:
        """The new file `target` with the content of `source`; both absolute. NoLinkType, OSError.

        moved: hears of bytes, where they are copied.

        As in DVC: reflinks and copies have the umask's mode, and a hard link to nothing is an empty file of its own.
        """
        while self._left:
            kind = self._left[0]
            try:
                if kind == "copy":
                    files.copy(source, target, 0o666, moved)
                else:
                    _LINK[kind](source, target)
                return
            except OSError as error:
                if kind == "hardlink" and error.errno == errno.EMLINK:
                    files.copy(source, target, 0o666, moved)  # too many links to this one object
                    return
                if kind == "copy" or error.errno not in _CANNOT:
                    raise
            del self._left[0]
        raise NoLinkType(self._named)


def _hardlink(source: str, target: str) -> None:
    if os.path.getsize(source) == 0:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    else:
        os.link(os.path.realpath(source) if os.path.islink(source) else source, target)


def _reflink(source: str, target: str) -> None:
    if sys.platform == "darwin":
        _clonefile(source, target)
        return
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "no reflinks on this platform")
    import fcntl

    read = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            fcntl.ioctl(write, _FICLONE, read)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(target)
            raise
        finally:
            os.close(write)
    finally:
        os.close(read)


def _clonefile(source: str, target: str) -> None:
    """clonefile(2) of macOS, which takes the mode along; it gets the umask's instead, as in DVC."""
    import ctypes

    library = ctypes.CDLL("/usr/lib/libSystem.dylib", use_errno=True)
    if library.clonefile(os.fsencode(source), os.fsencode(target), 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(target, 0o666 & ~mask)


_LINK: dict[str, Callable[[str, str], None]] = {
    "reflink": _reflink,
    "hardlink": _hardlink,
    "symlink": os.symlink,
}
