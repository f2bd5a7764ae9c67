"""HDFS, WebHDFS, Alibaba OSS and Google Drive: kinds that few use, through the fsspec file systems that exist for them.

What differs between them is in the table `KINDS`; their libraries are extras of this package.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from dvcexp.errors import ConfigError, printable
from dvcexp.files import temporary_beside
from dvcexp.remotes.base import Download, Listed, ObjectMissing, Outcome, Remote, RemoteError, RemoteUnavailable, Upload
from dvcexp.remotes.filesystem_errors import meaning
from dvcexp.remotes.options import Options
from dvcexp.remotes.pool import PerObjectRemote
from dvcexp.remotes.presence import Listing
from dvcexp.remotes.receiving import Body, receive
from dvcexp.remotes.ssh_command import Place, parse_url

_CHUNK = 1 << 20
_PAGE = 1000  # of HDFS, and of the others about
_CONNECT = 10.0


class Settings(NamedTuple):
    """`base`: the remote's folder as the file system names it; `arguments`: for the file system's class.

    environment: what its library takes from there alone. address: of the server, where it has one.
    """

    base: str
    arguments: dict[str, Any]
    environment: Mapping[str, str] = {}
    address: tuple[str, int] | None = None


class Kind(NamedTuple):
    """A file system: where its class is, the extra that brings it, and how it is used.

    renames: an upload is written under a temporary name first; without, a file appears when it is whole. seeks: a
    download can begin in the middle. endless: its library waits for a silent server for ever.
    """

    module: str
    name: str
    extra: str
    settings: Callable[[Options, Place], Settings]
    jobs: int
    renames: bool
    seeks: bool
    endless: bool = False


def _hdfs(given: Options, place: Place) -> Settings:
    path, _, query = place.path.partition("?")
    name, _, replication = query.partition("=")
    if query and (name != "replication" or not replication.isdigit()):
        raise given.unsupported("url", f"has '?{query}', and only 'replication' is known there")
    own = given.text("replication")
    user, ticket = given.text("user") or place.user, given.text("kerb_ticket")
    environment = {"HADOOP_USER_NAME": user, "KRB5CCNAME": ticket}
    arguments: dict[str, Any] = {"host": place.host}
    address = None
    if place.port is not None:  # without a port the host is the name of a group of NameNodes
        arguments["port"] = int(place.port)
        address = (place.host, int(place.port))
        arguments["dfs.client.failover.max.attempts"] = "1"  # there is no other NameNode; trying again is ours
    if factor := own or replication:
        arguments["dfs.replication"] = factor
    return Settings(path or "/", arguments, {k: v for k, v in environment.items() if v}, address)


def _webhdfs(given: Options, place: Place) -> Settings:
    https = given.flag("use_https")
    port = int(place.port or 50070)
    arguments = {
        "host": place.host,
        "port": port,
        "use_https": https,
        "kerberos": given.flag("kerberos"),
        "token": given.text("token"),
        "user": given.text("user") or place.user,
        "password": given.text("password") or place.password,
        "proxy_to": given.text("proxy_to"),
        "session_verify": given.flag_or_path("ssl_verify"),
    }
    if principal := given.text("kerberos_principal"):
        arguments["kerb_kwargs"] = {"principal": principal}
    if target := given.text("data_proxy_target"):
        scheme = "https" if https else "http"
        arguments["data_proxy"] = {f"{scheme}://{place.host}:{port}/webhdfs/v1": target}
    if arguments["token"] and (arguments["user"] or arguments["proxy_to"]):
        raise given.unsupported("token", "says who the user is: it excludes 'user' and 'proxy_to'")
    if arguments["kerberos"] and arguments["user"]:
        raise given.unsupported("user", "is given by the Kerberos ticket: it excludes 'kerberos'")
    if arguments["password"] and not arguments["user"]:
        raise given.unsupported("password", "needs 'user'")
    return Settings(place.path or "/", arguments, address=(place.host, port))


def _oss(given: Options, place: Place) -> Settings:
    arguments = {
        "key": given.text("oss_key_id") or os.environ.get("OSS_ACCESS_KEY_ID"),
        "secret": given.text("oss_key_secret") or os.environ.get("OSS_ACCESS_KEY_SECRET"),
        "endpoint": given.text("oss_endpoint"),
        "use_listings_cache": False,
    }
    if not arguments["endpoint"]:
        raise ConfigError(
            f"DVC remote '{printable(given.name)}': an OSS remote needs 'oss_endpoint'",
            f"set it with: dvc remote modify {given.name} oss_endpoint <url>",
        )
    return Settings(place.host + place.path, arguments)


def _gdrive(given: Options, place: Place) -> Settings:
    service = given.flag("gdrive_use_service_account")
    user_file = given.text("gdrive_user_credentials_file")
    service_file = given.text("gdrive_service_account_json_file_path")
    stored = os.environ.get("GDRIVE_CREDENTIALS_DATA")
    arguments = {
        "path": place.host + place.path,
        "use_service_account": service,
        "client_user_email": given.text("gdrive_service_account_user_email"),
        "client_json_file_path": service_file if service else user_file,
        "client_json": stored,
        "client_id": given.text("gdrive_client_id"),
        "client_secret": given.text("gdrive_client_secret"),
        "profile": given.text("profile"),
        "trash_only": given.flag("gdrive_trash_only"),
        "acknowledge_abuse": given.flag("gdrive_acknowledge_abuse"),
    }
    if service and not (service_file or stored):
        raise _needs(given, "gdrive_service_account_json_file_path")
    # DVC brings an OAuth client of its own. That is DVC's to use.
    for option in ("client_id", "client_secret"):
        if not service and not arguments[option]:
            raise _needs(given, f"gdrive_{option}")
    return Settings(place.host + place.path, arguments)


KINDS = {
    "hdfs": Kind(
        *("hdfs_native.fsspec", "HdfsFileSystem", "hdfs", _hdfs), jobs=8, renames=True, seeks=True, endless=True
    ),
    "webhdfs": Kind(
        *("fsspec.implementations.webhdfs", "WebHDFS", "webhdfs", _webhdfs),
        jobs=8,
        renames=True,
        seeks=True,
        endless=True,
    ),
    "oss": Kind("ossfs", "OSSFileSystem", "oss", _oss, jobs=16, renames=False, seeks=True),
    "gdrive": Kind(*("pydrive2.fs", "GDriveFileSystem", "gdrive", _gdrive), jobs=4, renames=False, seeks=False),
}


def open(name: str, url: str, options: Mapping[str, str], jobs: int | None = None) -> Remote:
    """The remote at `url`; its library is loaded, its server asked nothing."""
    given = Options(name, url, options)
    scheme = url.split("://", 1)[0].lower()
    kind = KINDS[scheme]
    place = parse_url(url)
    if not place.host or not (place.port or "1").isdigit():
        raise RemoteError(name, given.url, "the host is missing", f"set it with: dvc remote modify {name} url <url>")
    settings = kind.settings(given, place)
    given.done()
    try:
        make = getattr(import_module(kind.module), kind.name)
    except ImportError as error:
        hint = f"install it with: pip install 'dvcexp[{kind.extra}]', or ./install.sh --with {kind.extra}"
        cause = f"'{scheme}://' needs a library that is not there ({error.name})"
        raise RemoteError(name, given.url, cause, hint) from None
    return FilesystemRemote(name, given.url, kind, settings, make, jobs or kind.jobs)


class FilesystemRemote(PerObjectRemote):
    """Objects as files of an fsspec file system, which is made when it is first used.

    stall: seconds to wait for one answer.
    """

    listing = Listing(_PAGE, flat=False)
    stall = 60.0

    def __init__(
        self, name: str, url: str, kind: Kind, settings: Settings, make: Callable[..., Any], jobs: int
    ) -> None:
        self.name = name
        self.url = url
        self.jobs = jobs
        self._kind = kind
        self._settings = settings
        self._make = make
        self._made: Any = None
        self._lock = threading.Lock()

    def exists_one(self, key: str) -> bool:
        try:
            self._info(key)
        except ObjectMissing:
            return False
        return True

    def upload_one(self, upload: Upload) -> Outcome:
        try:
            size = os.stat(upload.source).st_size
            builtins.open(upload.source, "rb").close()
        except OSError as error:
            cause = f"'{upload.source}' cannot be read: {error.strerror or error}"
            return Outcome(upload.key, 0, RemoteError(self.name, self.url, cause, key=upload.key))
        with self._meaning_of_errors(upload.key):
            path = self._path(upload.key)
            self._call(self._fs.makedirs, path.rpartition("/")[0], exist_ok=True)
            if self._kind.renames:
                self._put_aside(upload.source, path, upload.moved)
            else:
                self._fs.put_file(upload.source, path)
        return Outcome(upload.key, size)

    def download_one(self, download: Download) -> Outcome:
        size = self._info(download.key)["size"]

        def failed(kind: type[RemoteError], cause: str) -> RemoteError:
            return kind(self.name, self.url, cause, key=download.key)

        return receive(download, lambda offset: self._body(download.key, offset, size), failed)

    def list(self, prefix: str) -> Iterator[Listed]:
        folders = [prefix.rstrip("/")]
        while folders:
            folder = folders.pop()
            for entry in self._entries(folder):
                name = entry["name"].rstrip("/").rpartition("/")[2]
                key = f"{folder}/{name}" if folder else name
                if entry["type"] == "directory":
                    folders.append(key)
                elif not name.startswith("."):
                    yield Listed(key, -1 if entry.get("size") is None else int(entry["size"]))

    @property
    def _fs(self) -> Any:
        """The file system. Raises RemoteUnavailable where nobody listens: some libraries try for minutes."""
        with self._lock:
            if self._made is None:
                if self._settings.address is not None:
                    socket.create_connection(self._settings.address, timeout=_CONNECT).close()
                os.environ.update(self._settings.environment)
                self._made = self._make(**self._settings.arguments, skip_instance_cache=True)
            return self._made

    def _path(self, key: str) -> str:
        return f"{self._settings.base.rstrip('/')}/{key}" if key else self._settings.base

    def _info(self, key: str) -> Mapping[str, Any]:
        with self._meaning_of_errors(key):
            info: Mapping[str, Any] = self._call(self._fs.info, self._path(key))
            return info

    def _entries(self, folder: str) -> builtins.list[Mapping[str, Any]]:
        try:
            with self._meaning_of_errors(folder):
                return list(self._call(self._fs.ls, self._path(folder), detail=True))
        except ObjectMissing:
            return []

    def _body(self, key: str, offset: int, size: int) -> Body:
        def chunks() -> Iterator[bytes]:
            with self._meaning_of_errors(key), self._call(self._fs.open, self._path(key), "rb") as file:
                if offset and self._kind.seeks:
                    file.seek(offset)
                while chunk := self._call(file.read, _CHUNK):
                    yield bytes(chunk)

        return Body(offset if self._kind.seeks else 0, size, chunks())

    def _put_aside(self, source: str, final: str, moved: Callable[[int], object]) -> None:
        """Write under another name and rename: in HDFS a file is there, and growing, from its first byte on."""
        temporary = temporary_beside(final)
        try:
            self._write(source, temporary, moved)
            with contextlib.suppress(FileExistsError):
                self._call(self._fs.mv, temporary, final)
            # WebHDFS answers a rename that it refuses like one that it did.
            if self._call(self._fs.exists, temporary):
                self._call(self._fs.info, final)  # somebody was faster; raises if not
                self._call(self._fs.rm_file, temporary)
        except BaseException:
            with contextlib.suppress(Exception):
                self._call(self._fs.rm_file, temporary)
            raise

    def _write(self, source: str, path: str, moved: Callable[[int], object]) -> None:
        with builtins.open(source, "rb") as file:
            target = self._call(self._fs.open, path, "wb")
            while chunk := file.read(_CHUNK):
                self._call(target.write, chunk)
                moved(len(chunk))
            self._call(target.close)

    def _call(self, work: Callable[..., Any], *args: object, **options: object) -> Any:
        """`work(...)`, which the server has to answer in time."""
        if not self._kind.endless:
            return work(*args, **options)
        return _within(self.stall, partial(work, *args, **options))

    @contextlib.contextmanager
    def _meaning_of_errors(self, key: str) -> Iterator[None]:
        """Each library has errors of its own: they leave as ours, without what a server or a URL in them says."""
        try:
            yield
        except RemoteError:
            raise
        except Exception as error:
            kind, cause = meaning(error)
            hints = ["run the same command again to resume"] if kind is RemoteUnavailable else []
            if kind is not RemoteUnavailable and kind is not ObjectMissing:
                hints = [f"check its settings: dvc config --list | grep remote.{self.name}"]
            raise kind(self.name, self.url, cause, *hints, key=key) from None


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """`work()`; TimeoutError where it takes longer. It then goes on, on a thread that nobody waits for."""
    done: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, name="dvcexp-call", daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except Empty:
        raise TimeoutError(errno.ETIMEDOUT, "no answer in time") from None
    if error is not None:
        raise error
    return result


def _needs(given: Options, option: str) -> ConfigError:
    return ConfigError(
        f"DVC remote '{printable(given.name)}': '{option}' is needed",
        f"set it with: dvc remote modify --local {given.name} {option} <value>",
    )
