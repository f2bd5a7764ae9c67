"""A DVC remote that is a directory: a disk, a network share, a colleague's `.dvc/cache`."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from dvcexp import files
from dvcexp.remotes.base import (
    AccessDenied,
    CorruptTransfer,
    Download,
    Listed,
    ObjectMissing,
    Outcome,
    Remote,
    RemoteError,
    RemoteFull,
    RemoteUnavailable,
    UnsupportedOption,
    Upload,
)

# `type`, `verify` and `slow_link_warning` say how DVC itself links and checks; every download is checked here anyway.
_OPTIONS = {"shared", "type", "verify", "slow_link_warning", "jobs", "checksum_jobs"}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def open(name: str, url: str, options: Mapping[str, str], jobs: int | None = None) -> Remote:
    """The remote at the absolute path `url`. `jobs` is taken and not used: one thread copies fastest."""
    for option in options:
        if option not in _OPTIONS:
            hint = f"if you can do without it: dvc remote modify --unset {name} {option}"
            raise UnsupportedOption(name, url, f"option '{option}' is not known for a directory", hint)
    return LocalRemote(name, url, shared=options.get("shared") == "group")


class LocalRemote(Remote):
    """Objects as files below `url`, in DVC's layout, mode 0444."""

    jobs = 1

    def __init__(self, name: str, url: str, *, shared: bool = False) -> None:
        self.name = name
        self.url = url
        self._base = files.Base(url)
        self._shared = shared
        self._uploaded = False

    def exists(self, keys: Collection[str], tick: Callable[[int], object] = files.unheard) -> set[str]:
        try:
            self._base.hold()
            found = files.existing(self.url, keys)
            if len(found) < len(keys):
                self._base.check()
        except OSError as error:
            raise self._failure(error) from error
        tick(len(keys))
        return found

    def upload(self, uploads: Iterable[Upload]) -> Iterator[Outcome]:
        """Outcomes come a batch at a time: when the files have their final names."""
        renamed: list[str] = []
        moved: dict[str, Outcome] = {}
        with files.Staging(self._base, shared=self._shared, renamed=renamed.append) as staging:
            try:
                self._base.hold()
                for upload in uploads:
                    final = os.path.join(self.url, upload.key)
                    temporary = staging.temporary(final)
                    try:
                        size, md5 = files.copy(upload.source, temporary, self._mode(upload), upload.moved)
                    except OSError as error:
                        if error.filename != upload.source:
                            raise
                        yield Outcome(upload.key, 0, self._failure(error, upload.key))
                        continue
                    if size != upload.size or (md5 and upload.md5 and md5 != upload.md5):
                        staging.drop(temporary)
                        yield Outcome(upload.key, 0, self._changed(upload))
                        continue
                    moved[final] = Outcome(upload.key, size, None, md5)
                    staging.keep(temporary, final, size)
                    self._uploaded = True
                    while renamed:
                        yield moved.pop(renamed.pop())
                staging.commit()
            except OSError as error:
                raise self._failure(error) from error
        for final in renamed:
            yield moved.pop(final)

    def _mode(self, upload: Upload) -> int:
        return files.OBJECT_MODE if upload.protect else 0o666

    def download(self, downloads: Iterable[Download]) -> Iterator[Outcome]:
        """An OSError that leaves it is about the reader's side: its disk is full, its folder is gone."""
        try:
            self._base.hold()
        except OSError as error:
            raise self._failure(error) from error
        for download in downloads:
            yield self._download(download)

    def _download(self, download: Download) -> Outcome:
        source = os.path.join(self.url, download.key)
        try:
            if download.limit is not None and os.path.getsize(source) > download.limit:
                cause = f"more than the {download.limit} bytes it should have"
                return Outcome(download.key, 0, CorruptTransfer(self.name, self.url, cause, key=download.key))
            size, md5 = files.copy(source, download.target, moved=download.moved)
            return Outcome(download.key, size, None, md5)
        except OSError as error:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(download.target)
            if error.filename == download.target or error.errno in _FULL:
                raise  # the reader's own disk
            reason = self._base.reason(error)
            if isinstance(reason, files.Vanished):
                raise self._failure(reason) from error  # the others have gone with it
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                return Outcome(download.key, 0, ObjectMissing(self.name, self.url, "no such object", key=download.key))
            return Outcome(download.key, 0, self._failure(error, download.key))

    def list(self, prefix: str) -> Iterator[Listed]:
        try:
            self._base.hold()
            for key, size in files.walk(self.url, prefix):
                yield Listed(key, size)
            self._base.check()
        except OSError as error:
            raise self._failure(error) from error

    def make_durable(self) -> None:
        if self._uploaded:
            try:
                files.flush_file_system(self.url)  # the renames; the content was flushed before them
                self._base.check()
            except OSError as error:
                raise self._failure(error) from error
            self._uploaded = False

    def _changed(self, upload: Upload) -> RemoteError:
        cause = f"'{upload.source}' is damaged, or changed while it was copied"
        hint = "look at the cache with: git exp fsck"
        return CorruptTransfer(self.name, self.url, cause, hint, key=upload.key)

    def _failure(self, error: OSError, key: str | None = None) -> RemoteError:
        error = self._base.reason(error)
        if isinstance(error, files.Vanished):
            hint = f"bring '{self.url}' back, then run the same command again: it goes on where it stopped"
            return RemoteUnavailable(self.name, self.url, str(error.strerror), hint, key=key)
        cause = f"{error.strerror or error}" + (f" ('{error.filename}')" if error.filename else "")
        if error.errno in _DENIED:
            hint = f"check who may read and write '{self.url}'"
            return AccessDenied(self.name, self.url, cause, hint, key=key)
        if error.errno in _FULL:
            return RemoteFull(self.name, self.url, cause, "make room there, then run the same command again", key=key)
        return RemoteUnavailable(self.name, self.url, cause, "run the same command again to resume", key=key)
