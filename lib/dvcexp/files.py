"""Files put in place whole or not at all, many at a time: temporary names, one flush of the file system, renames.

The local cache and a DVC remote in a directory both stand on this. Measured: a file system flushed once for a batch
costs a tenth of an fsync a file; `copy_file_range` makes a reflink where the file system can; threads do not help.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import functools
import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

OBJECT_MODE = 0o444  # DVC takes an object that nobody can write to as verified, and hashes any other again
_TEMPORARY = re.compile(r"\.[A-Za-z0-9_-]{22}\.tmp\Z")
_SMALL = 1 << 20
_CHUNK = 1 << 16  # larger buffers were slower on ext4
_STRIDE = 1 << 26  # how much the kernel copies between two words about it
_NO_FAST_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM, errno.ETXTBSY}
_LIST_FROM = 512  # from so many keys on, reading the 256 folders is cheaper than asking for each file
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}  # what else fails may be there


class Vanished(OSError):
    """A folder that was here a moment ago is not any more, or another one has its name."""

    def __init__(self, folder: str) -> None:
        words = "the folder has gone, or another has taken its place: was a share unmounted?"
        super().__init__(errno.ESTALE, words, folder)


class Base:
    """The folder `path` that everything of a cache, or of a DVC remote, lies below; held from the first look on.

    A share can go away in the middle, and what is found by its name then is nothing, or the empty folder that it was
    mounted on. That must not be filled in its stead: folders are made below the one that is held, and before anything
    gets its name there, `check` sees whether the name still leads to it. One that was never there is made, as in DVC.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._held: int | None = None

    def hold(self) -> bool:
        """Hold the folder, if it is there and may be read. Is it held?"""
        if self._held is None:
            try:
                # Not O_PATH, which would hold the mount point of a share that is mounted when it is first read.
                self._held = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                if error.errno not in _ABSENT and not isinstance(error, PermissionError):
                    raise
        return self._held is not None

    def check(self) -> None:
        """Raise Vanished if the name no longer leads to the folder that is held."""
        if self._held is None:
            return
        try:
            there = os.stat(self.path)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            raise Vanished(self.path) from None
        if not os.path.samestat(os.fstat(self._held), there):
            raise Vanished(self.path)

    def reason(self, error: OSError) -> OSError:
        """That the folder has vanished, if it has, for that explains `error`; else `error`."""
        try:
            self.check()
        except Vanished as vanished:
            return vanished
        except OSError:
            pass
        return error

    def make(self, folder: str, *, shared: bool = False) -> None:
        """Make `folder`, which lies below, with the umask's mode; shared: with 02775 for every folder made, as DVC does
        for `shared = group`."""
        if self.hold():
            self._make_below(os.path.relpath(folder, self.path), shared)
            return
        if shared:
            _make_shared(folder)
        else:
            os.makedirs(folder, exist_ok=True)
        self.hold()

    def _make_below(self, relative: str, shared: bool) -> None:
        try:
            os.mkdir(relative, dir_fd=self._held)
        except FileExistsError:
            return
        except FileNotFoundError:
            above = os.path.dirname(relative)
            if not above:
                raise Vanished(self.path) from None  # removed, not moved
            self._make_below(above, shared)
            self._make_below(relative, shared)
            return
        except OSError as error:
            error.filename = os.path.join(self.path, relative)
            raise
        if shared:
            os.chmod(relative, 0o2775, dir_fd=self._held)

    def __del__(self) -> None:
        if self._held is not None:
            os.close(self._held)


def _make_shared(folder: str) -> None:
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
            os.chmod(path, 0o2775)


def temporary_beside(path: str) -> str:
    """A new name in the folder of `path` that DVC and we know for unfinished: `.<22 characters>.tmp`."""
    unique = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode("ascii")
    return os.path.join(os.path.dirname(path), f".{unique}.tmp")


def is_temporary(name: str) -> bool:
    """Is a file of this name one that somebody, DVC or we, has not finished?"""
    return _TEMPORARY.match(name) is not None


def unheard(count: int) -> None:
    """For a caller that does not ask how far it has come."""


def copy(
    source: str, target: str, mode: int = OBJECT_MODE, moved: Callable[[int], object] = unheard
) -> tuple[int, str | None]:
    """Copy into the new file `target`; the size, and the md5 where the content passed through memory anyway.

    moved: hears of bytes that have been copied.
    """
    read = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(read).st_size
        write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            if size <= _SMALL:
                size, md5 = _copy_small(read, write)
                moved(size)
                return size, md5
            return _copy_large(read, write, moved), None
        finally:
            os.close(write)
    finally:
        os.close(read)


def _copy_small(read: int, write: int) -> tuple[int, str]:
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    while chunk := os.read(read, _SMALL + 1):
        digest.update(chunk)
        size += len(chunk)
        _write_all(write, chunk)
    return size, digest.hexdigest()


def _write_all(write: int, data: bytes) -> None:
    written = os.write(write, data)
    while written < len(data):
        written += os.write(write, data[written:])


def _copy_large(read: int, write: int, moved: Callable[[int], object]) -> int:
    """Until the end of `read`, which need not be where its size said: a file that grows is caught by its hash."""
    methods: list[Callable[[], int]] = [lambda: os.sendfile(write, read, None, _STRIDE)]
    if hasattr(os, "copy_file_range"):
        methods.insert(0, lambda: os.copy_file_range(read, write, _STRIDE))
    size = 0
    for method in methods:
        try:
            while count := method():
                _start_writing(write, size, count)
                size += count
                moved(count)
            return size
        except OSError as error:
            if error.errno not in _NO_FAST_COPY:
                raise
    while chunk := os.read(read, _CHUNK):
        _write_all(write, chunk)
        size += len(chunk)
        moved(len(chunk))
    return size


class Digest(Protocol):
    """A running digest, as hashlib has them."""

    def update(self, data: bytes, /) -> object:
        """Take the next piece."""

    def hexdigest(self) -> str:
        """Of all pieces."""


def hash_file(path: str, hasher: Digest, moved: Callable[[int], object] = unheard) -> str:
    """The hex digest of a file by the new `hasher`; hashlib's let go of the GIL meanwhile. moved: hears of bytes."""
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_SMALL):
            hasher.update(chunk)
            moved(len(chunk))
    return hasher.hexdigest()


def existing(base: str, keys: Collection[str]) -> set[str]:
    """Those of `keys` that are files below `base`."""
    if len(keys) < _LIST_FROM:
        return {key for key in keys if _is_file(os.path.join(base, key))}
    by_folder: dict[str, list[str]] = {}
    for key in keys:
        by_folder.setdefault(key.rpartition("/")[0], []).append(key)
    found: set[str] = set()
    for folder, wanted in by_folder.items():
        try:
            names = set(os.listdir(os.path.join(base, folder)))
        except (FileNotFoundError, NotADirectoryError):
            continue
        start = len(folder) + 1 if folder else 0
        found.update(key for key in wanted if key[start:] in names)
    return found


def _is_file(path: str) -> bool:
    """As os.path.isfile, but a file system that fails is not taken for one without the file."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
        return False


def walk(base: str, prefix: str) -> Iterator[tuple[str, int]]:
    """Every file below `base` whose key begins with `prefix` (a folder with its `/`, or empty), with its size."""
    try:
        entries = list(os.scandir(os.path.join(base, prefix)))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir():
            yield from walk(base, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            yield prefix + entry.name, entry.stat().st_size


class Staging:
    """Files that get their final names together.

    Write to `temporary(final)`, then `keep` it; a full batch, and `commit` at the end, flush the file system once and
    rename. A power cut leaves temporary files or whole ones. `base`: the folder that all of them lie below. `shared`:
    folders a group can write to (DVC's `shared = group`). `replacing`: called with each final name before a file gets
    it, `renamed` after. As a context manager it commits what was kept, also when an error passes, and removes the rest.
    """

    BATCH_FILES = 4096
    BATCH_BYTES = 1 << 28

    def __init__(
        self,
        base: Base,
        *,
        shared: bool = False,
        renamed: Callable[[str], object] | None = None,
        replacing: Callable[[str], object] | None = None,
    ) -> None:
        self._base = base
        self._shared = shared
        self._replacing = replacing
        self._renamed = renamed
        self._folders: set[str] = set()
        self._written: set[str] = set()
        self._kept: list[tuple[str, str]] = []
        self._bytes = 0

    def temporary(self, final: str) -> str:
        """Where to write what will become `final`; makes its folder."""
        folder = os.path.dirname(final)
        if folder not in self._folders:
            self._base.make(folder, shared=self._shared)
            self._folders.add(folder)
        name = temporary_beside(final)
        self._written.add(name)
        return name

    def keep(self, temporary: str, final: str, size: int) -> None:
        """`temporary` is whole and right: it shall become `final`.

        A full batch is flushed when the next file is kept: while that one was copied, the disk could write.
        """
        if len(self._kept) >= self.BATCH_FILES or self._bytes >= self.BATCH_BYTES:
            self.commit()
        self._kept.append((temporary, final))
        self._bytes += size

    def drop(self, temporary: str) -> None:
        """`temporary` is of no use."""
        self._written.discard(temporary)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)

    def commit(self) -> None:
        """Flush, then rename all that was kept.

        FileNotFoundError, after the others have their names, where somebody has removed one: `dvc gc` takes files under
        temporary names away, as those that nobody uses. What an error stops here is not tried again.
        """
        if not self._kept:
            return
        kept, self._kept, self._bytes = self._kept, [], 0
        flush_file_system(os.path.dirname(kept[0][0]))
        self._base.check()
        gone = None
        for temporary, final in kept:
            if self._replacing is not None:
                self._replacing(final)
            try:
                os.rename(temporary, final)
            except FileNotFoundError as error:
                gone = error
                continue
            self._written.discard(temporary)
            if self._renamed is not None:
                self._renamed(final)
        if gone is not None:
            raise gone

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # Where an error passes, what fails here fails for the same reason, and is not what is to be told.
        with contextlib.suppress(OSError) if error is not None else contextlib.nullcontext():
            try:
                self.commit()
            finally:
                for temporary in list(self._written):
                    self.drop(temporary)


def flush_file_system(path: str) -> None:
    """Return when all that was written to the file system of `path` is on the disk."""
    syncfs = _libc("syncfs")
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            raise OSError(*_last_error(), path)
    finally:
        os.close(descriptor)


def _start_writing(descriptor: int, offset: int, count: int) -> None:
    """Let the disk begin with these bytes of a file while others are copied: the flush to come has less to wait for."""
    sync_file_range = _libc("sync_file_range")
    if sync_file_range is not None:
        import ctypes

        # Where it cannot be done nothing is lost. 2 is SYNC_FILE_RANGE_WRITE.
        sync_file_range(descriptor, ctypes.c_int64(offset), ctypes.c_int64(count), ctypes.c_uint(2))


@functools.cache
def _libc(name: str) -> Callable[..., int] | None:
    """A function of Linux's C library that Python does not wrap; None elsewhere."""
    import ctypes

    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (AttributeError, OSError):
        return None
    return function


def _last_error() -> tuple[int, str]:
    import ctypes

    number = ctypes.get_errno()
    return number, os.strerror(number)
