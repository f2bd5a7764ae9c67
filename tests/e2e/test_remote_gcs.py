"""Google Cloud Storage remotes, against fake-gcs-server. It checks no credentials: those are tested by themselves."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import requests

from tests.support.cloud_servers import gcs_server
from tests.support.remote_dvc import PlainDvc
from tests.support.remote_faults import RemoteFaults
from tests.support.remote_scale import RemoteScale
from tests.support.remote_suite import Config, Place, RemoteSuite


@pytest.fixture(scope="module")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with gcs_server(tmp_path_factory.mktemp("gcs")) as port:
        yield port


@pytest.fixture
def place(gcs: int) -> Place:
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    server = f"http://127.0.0.1:{gcs}"
    requests.post(f"{server}/storage/v1/b?project=p", json={"name": bucket}, timeout=30).raise_for_status()

    def plant(key: str, data: bytes) -> None:
        params = {"uploadType": "media", "name": f"some/where/{key}"}
        url = f"{server}/upload/storage/v1/b/{bucket}/o"
        requests.post(url, params=params, data=data, timeout=30).raise_for_status()

    def options(port: int | None) -> dict[str, str]:
        return {"endpointurl": f"http://127.0.0.1:{port}", "allow_anonymous_login": "true", "projectname": "p"}

    return Place(
        at=lambda port: Config(f"gs://{bucket}/some/where", options(port)),
        port=gcs,
        plant=plant,
        missing_base=Config("gs://no-such-bucket/x", options(gcs)),
    )


class TestGcs(RemoteSuite, RemoteFaults, RemoteScale, PlainDvc):
    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place
