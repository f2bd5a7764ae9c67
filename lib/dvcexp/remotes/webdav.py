"""WebDAV(S): HTTP with folders that can be made and listed, and files that can be renamed."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

from dvcexp.errors import ConfigError, printable
from dvcexp.files import temporary_beside
from dvcexp.remotes import retry
from dvcexp.remotes.base import AccessDenied, Listed, ObjectMissing, Remote, RemoteError, RemoteFull, RemoteUnavailable
from dvcexp.remotes.http import HttpRemote
from dvcexp.remotes.http_auth import webdav_auth
from dvcexp.remotes.http_client import HttpClient, client_base
from dvcexp.remotes.http_session import Sent
from dvcexp.remotes.options import Options
from dvcexp.remotes.presence import Listing
from dvcexp.remotes.webdav_listing import REQUEST, Malformed, Member, members

_JOBS = 8
_TIMEOUT = 30.0  # DVC's
_MADE = (*range(200, 300), 405)  # 405: MKCOL on what exists


def open(name: str, url: str, options: Mapping[str, str], jobs: int | None = None) -> Remote:
    """The remote at `webdav://...` or `webdavs://...`; asks for a password where the config wants that."""
    given = Options(name, url, options)
    jobs = jobs or _JOBS
    timeout = given.seconds("timeout")
    timeout = _TIMEOUT if timeout is None else timeout or None
    address = "http" + url.partition("webdav")[2]
    client = HttpClient(
        name,
        client_base(name, address),
        jobs=jobs,
        verify=given.flag_or_path("ssl_verify"),
        cert=_certificate(given),
        auth=webdav_auth(address, given, timeout),
        timeout=(timeout, timeout),
    )
    given.done()
    return WebdavRemote(client, jobs)


def _certificate(given: Options) -> str | tuple[str, str] | None:
    paths = []
    for option in ("cert_path", "key_path"):
        path = given.text(option)
        if path is None:
            continue
        path = os.path.expanduser(path)
        if not os.path.exists(path):
            raise ConfigError(
                f"DVC remote '{printable(given.name)}': option '{option}' names '{printable(path)}', "
                "which does not exist",
                f"set it with: dvc remote modify {given.name} {option} <file>",
            )
        paths.append(path)
    return (paths[0], paths[1]) if len(paths) == 2 else paths[0] if paths else None


class WebdavRemote(HttpRemote):
    """Objects as files below a collection.

    An upload goes to a temporary name and is moved: some servers (wsgidav is one) write a PUT straight to the file, and
    leave half of it there when the connection ends. That costs one more request an object. Servers that cannot move
    are given the object directly, as DVC does.
    """

    listing = Listing(page=1000, flat=False)

    def __init__(self, client: HttpClient, jobs: int) -> None:
        super().__init__(client, jobs, "PUT")
        self._moves = True
        self._made: set[str] = set()

    def put(self, key: str, body: Sent | bytes) -> None:
        self._make_folder(self._client.url_of(key).rpartition("/")[0])
        if self._moves:
            temporary = temporary_beside(key)
            try:
                super().put(temporary, body)
                if self._move(temporary, key):
                    return
            except BaseException:
                self._remove(temporary)
                raise
            self._remove(temporary)
            self._moves = False
            if isinstance(body, Sent):
                body.seek(0)
        super().put(key, body)

    def list(self, prefix: str) -> Iterator[Listed]:
        folders = [prefix.rstrip("/")]
        while folders:
            folder = folders.pop()
            for member in retry.call(partial(self._members, folder), self.backoff, threading.Event()):
                key = f"{folder}/{member.name}" if folder else member.name
                if member.is_folder:
                    folders.append(key)
                elif not member.name.startswith("."):
                    yield Listed(key, member.size)

    def _members(self, folder: str) -> Sequence[Member]:
        url = f"{self._client.url_of(folder)}/" if folder else f"{self._client.base}/"
        headers = {"Depth": "1", "Content-Type": "application/xml"}
        try:
            with self._client.request("PROPFIND", folder, url=url, headers=headers, body=REQUEST) as response:
                return members(self._client.chunks(response, folder))
        except ObjectMissing:
            return ()
        except Malformed as error:
            raise self._client.error(RemoteError, str(error)) from None

    def _move(self, temporary: str, key: str) -> bool:
        """False if the server refuses. A path alone comes first: a server behind a proxy may not know its own URL."""
        final = self._client.url_of(key)
        for destination in (urlsplit(final).path, final):
            headers = {"Destination": destination, "Overwrite": "T"}
            try:
                with self._client.request("MOVE", temporary, headers=headers):
                    return True
            except (RemoteUnavailable, RemoteFull):
                raise
            except RemoteError:
                continue
        return False

    def _remove(self, temporary: str) -> None:
        with contextlib.suppress(RemoteError), self._client.request("DELETE", temporary):
            pass

    def _make_folder(self, url: str) -> None:
        """Make the collection at `url` and those above it, up to the server's root. Once each."""
        if url in self._made:
            return
        if not self._make_one(url):
            above = url.rpartition("/")[0]
            if above.count("/") > 2:  # more than scheme and host
                self._make_folder(above)
                self._make_one(url)
        self._made.add(url)

    def _make_one(self, url: str) -> bool:
        """False if what is above it is missing. Other refusals show in what is done next."""
        key = url.removeprefix(self._client.base).strip("/")
        try:
            with self._client.request("MKCOL", key, url=f"{url}/", good=(*_MADE, 404, 409)) as response:
                return response.status_code in _MADE
        except (AccessDenied, RemoteUnavailable, RemoteFull):
            raise
        except RemoteError:
            return True
