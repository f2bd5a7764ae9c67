"""S3 remotes, against `rclone serve s3`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.cloud_servers import S3_KEY, S3_SECRET, s3_server
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
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    base = s3.data / bucket / "some" / "where"
    base.mkdir(parents=True)

    def plant(key: str, data: bytes) -> None:
        (base / key).parent.mkdir(parents=True, exist_ok=True)
        (base / key).write_bytes(data)

    url = f"s3://{bucket}/some/where"
    return Place(
        at=lambda port: Config(url, options(port)),
        port=s3.port,
        plant=plant,
        wrong_credentials=Config(url, options(s3.port, "another-secret")),
        missing_base=Config("s3://no-such-bucket/x", options(s3.port)),
        secrets=(S3_SECRET, "another-secret"),
    )


class TestS3(RemoteSuite):
    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place
