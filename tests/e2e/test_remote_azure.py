"""Azure remotes, against Azurite."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.support.cloud_servers import AZURE_ACCOUNT, AZURE_KEY, azure_server
from tests.support.remote_dvc import PlainDvc
from tests.support.remote_faults import RemoteFaults
from tests.support.remote_scale import RemoteScale
from tests.support.remote_suite import Config, Place, RemoteSuite

WRONG_KEY = "d3Jvbmc" + AZURE_KEY[7:]


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with azure_server(tmp_path_factory.mktemp("azurite")) as port:
        yield port


def connection_string(port: int | None, key: str = AZURE_KEY) -> str:
    endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"


@pytest.fixture
def place(azurite: int) -> Place:
    from azure.storage.blob import BlobServiceClient

    name = f"container-{uuid.uuid4().hex[:8]}"
    with BlobServiceClient.from_connection_string(connection_string(azurite)) as service:
        service.create_container(name)

    def plant(key: str, data: bytes) -> None:
        with BlobServiceClient.from_connection_string(connection_string(azurite)) as service:
            service.get_blob_client(name, f"some/where/{key}").upload_blob(data)

    url = f"azure://{name}/some/where"
    wrong = {"connection_string": connection_string(azurite, WRONG_KEY)}
    return Place(
        at=lambda port: Config(url, {"connection_string": connection_string(port)}),
        port=azurite,
        plant=plant,
        wrong_credentials=Config(url, wrong),
        missing_base=Config("azure://no-such-container/x", {"connection_string": connection_string(azurite)}),
        secrets=(AZURE_KEY, WRONG_KEY),
        impatient={"read_timeout": "1", "connection_timeout": "1"},
    )


class TestAzure(RemoteSuite, RemoteFaults, RemoteScale, PlainDvc):
    small_objects = 600

    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place
