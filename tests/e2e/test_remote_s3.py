"""S3 remotes, against `rclone serve s3`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.cloud_servers import S3_BUCKET, S3_KEY, S3_SECRET, s3_server
from tests.support.remote_dvc import PlainDvc
from tests.support.remote_faults import RemoteFaults
from tests.support.remote_scale import RemoteScale
from tests.support.remote_suite import Config, Place, RemoteSuite


class S3(NamedTuple):
    port: int
    data: Path


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    folder = tmp_path_factory.mktemp("s3")
    with s3_server(folder) as port:
        yield S3(port, folder / "data")


def options(port: int | None, secret: str = S3_SECRET) -> dict[str, str]:
    return {
        "endpointurl": f"http://127.0.0.1:{port}",
        "access_key_id": S3_KEY,
        "secret_access_key": secret,
        "region": "us-east-1",
    }


@pytest.fixture
def place(s3: S3) -> Place:
    path = f"{uuid.uuid4().hex[:8]}/some"

    def plant(key: str, data: bytes) -> None:
        from obstore.store import S3Store

        config = {"endpoint": f"http://127.0.0.1:{s3.port}", "access_key_id": S3_KEY, "secret_access_key": S3_SECRET}
        store = S3Store(S3_BUCKET, config=config, client_options={"allow_http": True})
        store.put(f"{path}/{key}", data, use_multipart=False)

    url = f"s3://{S3_BUCKET}/{path}"
    return Place(
        at=lambda port: Config(url, options(port)),
        port=s3.port,
        plant=plant,
        wrong_credentials=Config(url, options(s3.port, "another-secret")),
        missing_base=Config("s3://no-such-bucket/x", options(s3.port)),
        secrets=(S3_SECRET, "another-secret"),
        impatient={"read_timeout": "1", "connect_timeout": "1"},
    )


class TestS3(RemoteSuite, RemoteFaults, RemoteScale, PlainDvc):
    resumes = False  # this server sends all of an object, whatever part of it is asked for

    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place
