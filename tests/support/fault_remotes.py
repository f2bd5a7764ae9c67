"""DVC remotes of every kind with a network, for the tests of faults: a new place each time, and what lies there.

Where the server keeps plain files those are looked at; from the others everything is copied out by other hands than
ours.
"""

from __future__ import annotations

import contextlib
import getpass
import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.cloud_servers import (
    AZURE_ACCOUNT,
    AZURE_KEY,
    S3_BUCKET,
    S3_KEY,
    S3_SECRET,
    azure_server,
    gcs_server,
    s3_server,
)
from tests.support.remote_suite import Config
from tests.support.storage_servers import nginx_server, ssh_server

KINDS = ["http", "webdav", "ssh", "s3", "azure", "gs"]


@dataclass(frozen=True)
class Far:
    """A place on a server. files: where its objects lie, brought up to date by `look`. at: its config through a port
    of this machine, None for the server's own, which is `port`. programs: to stand first on the PATH."""

    port: int
    files: Path
    at: Callable[[int | None], Config]
    look: Callable[[], object] = lambda: None
    plant: Callable[[Path], object] | None = None
    programs: Path | None = None

    def fill(self, source: Path) -> None:
        """Everything below `source` lies there."""
        if self.plant is not None:
            self.plant(source)
        else:
            shutil.copytree(source, self.files, dirs_exist_ok=True)
        self.look()

    def configure(self, project: Path, port: int | None = None, extra: Mapping[str, str] | None = None) -> None:
        """As `dvc remote modify --local` would."""
        config = self.at(port)
        options = {"url": config.url, **config.options, **(extra or {})}
        text = "".join(f"    {key} = {value}\n" for key, value in options.items())
        (project / ".dvc" / "config.local").write_text(f"['remote \"storage\"']\n{text}")


@contextlib.contextmanager
def far_remotes(kind: str, folder: Path) -> Iterator[Callable[[], Far]]:
    """Makes places on a server of this kind."""
    with _SERVERS[kind](folder) as make:
        names = (f"place-{number}" for number in itertools.count())
        yield lambda: make(next(names))


@contextlib.contextmanager
def _http(folder: Path) -> Iterator[Callable[[str], Far]]:
    with nginx_server(folder) as nginx:

        def make(name: str) -> Far:
            options = {"method": "PUT"}
            return Far(
                nginx.plain,
                nginx.root / name,
                lambda port: Config(f"http://127.0.0.1:{port or nginx.plain}/{name}", options),
            )

        yield make


@contextlib.contextmanager
def _webdav(folder: Path) -> Iterator[Callable[[str], Far]]:
    with nginx_server(folder) as nginx:
        yield lambda name: Far(
            nginx.dav, nginx.root / name, lambda port: Config(f"webdav://127.0.0.1:{port or nginx.dav}/{name}", {})
        )


@contextlib.contextmanager
def _ssh(folder: Path) -> Iterator[Callable[[str], Far]]:
    """The user's `ssh` does not know the server."""
    with ssh_server(folder) as sshd:
        known = folder / "known"
        known.write_text(f"storage {(folder / 'host.pub').read_text()}")
        ssh = folder / "bin" / "ssh"
        ssh.parent.mkdir()
        ssh.write_text(
            f'#!/bin/sh\nexec /usr/bin/ssh -F none -oUserKnownHostsFile={known} -oHostKeyAlias=storage "$@"\n'
        )
        ssh.chmod(0o755)

        def make(name: str) -> Far:
            path = folder / "far" / name
            url = f"ssh://{getpass.getuser()}@127.0.0.1"
            return Far(
                sshd.port,
                path,
                lambda port: Config(f"{url}:{port or sshd.port}{path}", {"keyfile": str(sshd.key)}),
                programs=ssh.parent,
            )

        yield make


@contextlib.contextmanager
def _s3(folder: Path) -> Iterator[Callable[[str], Far]]:
    with s3_server(folder) as own:

        def at(name: str, port: int | None) -> Config:
            keys = {"access_key_id": S3_KEY, "secret_access_key": S3_SECRET, "region": "us-east-1"}
            return Config(f"s3://{S3_BUCKET}/{name}", {"endpointurl": f"http://127.0.0.1:{port or own}", **keys})

        def plant(name: str, source: Path) -> None:
            """Not past the server, which remembers what folders have."""
            import boto3  # type: ignore[import-untyped]

            keys = {"aws_access_key_id": S3_KEY, "aws_secret_access_key": S3_SECRET, "region_name": "us-east-1"}
            client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{own}", **keys)
            for key, data in _read(source).items():
                client.put_object(Bucket=S3_BUCKET, Key=f"{name}/{key}", Body=data)
            client.close()

        def make(name: str) -> Far:
            files = folder / "data" / S3_BUCKET / name
            return Far(own, files, lambda port: at(name, port), plant=lambda source: plant(name, source))

        yield make


@contextlib.contextmanager
def _azure(folder: Path) -> Iterator[Callable[[str], Far]]:
    from azure.storage.blob import BlobServiceClient

    with azure_server(folder) as own:

        def connection(port: int | None) -> str:
            endpoint = f"http://127.0.0.1:{port or own}/{AZURE_ACCOUNT}"
            account = f"AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY}"
            return f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={endpoint};"

        def make(name: str) -> Far:
            mirror = folder / "mirror" / name
            with BlobServiceClient.from_connection_string(connection(None)) as service:
                service.create_container(name)

            def look() -> None:
                with BlobServiceClient.from_connection_string(connection(None)) as service:
                    container = service.get_container_client(name)
                    blobs = {blob.name: container.download_blob(blob.name).readall() for blob in container.list_blobs()}
                _write(mirror, blobs)

            def plant(source: Path) -> None:
                with BlobServiceClient.from_connection_string(connection(None)) as service:
                    container = service.get_container_client(name)
                    for key, data in _read(source).items():
                        container.upload_blob(key, data)

            config = Config(f"azure://{name}", {})
            return Far(
                own,
                mirror,
                lambda port: config._replace(options={"connection_string": connection(port)}),
                look,
                plant,
            )

        yield make


@contextlib.contextmanager
def _gs(folder: Path) -> Iterator[Callable[[str], Far]]:
    with gcs_server(folder) as own:
        server = f"http://127.0.0.1:{own}"

        def make(name: str) -> Far:
            mirror = folder / "mirror" / name
            requests.post(f"{server}/storage/v1/b?project=p", json={"name": name}, timeout=30).raise_for_status()

            def look() -> None:
                listing = requests.get(f"{server}/storage/v1/b/{name}/o", timeout=30).json()
                links = {item["name"]: item["mediaLink"] for item in listing.get("items", [])}
                _write(mirror, {key: requests.get(link, timeout=30).content for key, link in links.items()})

            def plant(source: Path) -> None:
                for key, data in _read(source).items():
                    url = f"{server}/upload/storage/v1/b/{name}/o"
                    params = {"uploadType": "media", "name": key}
                    requests.post(url, params=params, data=data, timeout=30).raise_for_status()

            def at(port: int | None) -> Config:
                options = {"endpointurl": f"http://127.0.0.1:{port or own}", "allow_anonymous_login": "true"}
                return Config(f"gs://{name}", {**options, "projectname": "p"})

            return Far(own, mirror, at, look, plant)

        yield make


def _read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for key, data in contents.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


_SERVERS = {"http": _http, "webdav": _webdav, "ssh": _ssh, "s3": _s3, "azure": _azure, "gs": _gs}
