"""HDFS and WebHDFS remotes against real Hadoop. Run by tests/hadoop/run; an ordinary run does not collect this file."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dvcexp.remotes.base import RemoteUnavailable
from dvcexp.remotes.filesystem import FilesystemRemote
from tests.hadoop.server import Hadoop, hadoop
from tests.support.dvc_roundtrip import check_both_ways
from tests.support.fault_proxy import Fault
from tests.support.remote_faults import RemoteFaults, Rig
from tests.support.remote_suite import Config, Place, RemoteSuite, failures, fetched, key_of, uploads_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hadoop]:
    with hadoop(tmp_path_factory.mktemp("hadoop")) as server:
        yield server


def make_place(scheme: str, port: int, server: Hadoop) -> Place:
    base = f"/team/{uuid.uuid4().hex}"

    def plant(key: str, data: bytes) -> None:
        from fsspec.implementations.webhdfs import WebHDFS

        other = WebHDFS("127.0.0.1", server.http, user="grace")
        other.makedirs(f"{base}/{key}".rpartition("/")[0], exist_ok=True)
        other.pipe_file(f"{base}/{key}", data)

    # Through a fault proxy only the NameNode would be reached: what it answers names the DataNode itself.
    return Place(
        at=lambda port: Config(f"{scheme}://127.0.0.1:{port}{base}", {"user": "ada"}),
        port=port,
        plant=plant,
        http=False,
    )


class NameNodeFaults(RemoteFaults):
    """What goes through the proxy is the talk with the NameNode alone."""

    def test_an_upload_that_keeps_breaking_off_leaves_nothing(self, place: Place, rig: Rig, tmp_path: Path) -> None:
        pytest.skip("the bytes go to the DataNode, past the proxy")

    def test_a_server_that_falls_silent_is_given_up(self, rig: Rig) -> None:
        """The libraries would wait for ever."""
        assert isinstance(rig.remote, FilesystemRemote)
        rig.remote.stall = 0.5
        rig.proxy.always = Fault(blackhole=True)
        with pytest.raises(RemoteUnavailable, match="timed out"):
            rig.remote.exists([key_of(b"a")])


class TestHdfs(RemoteSuite, NameNodeFaults):
    small_objects = 40

    @pytest.fixture
    def place(self, server: Hadoop) -> Place:
        return make_place("hdfs", server.rpc, server)

    def test_dvc_and_we_read_what_the_other_wrote(self, place: Place, server: Hadoop, tmp_path: Path) -> None:
        check_both_ways(place.config, tmp_path, env=server.libhdfs)


class TestWebhdfs(RemoteSuite, NameNodeFaults):
    small_objects = 40

    @pytest.fixture
    def place(self, server: Hadoop) -> Place:
        return make_place("webhdfs", server.http, server)

    def test_dvc_and_we_read_what_the_other_wrote(self, place: Place, tmp_path: Path) -> None:
        check_both_ways(place.config, tmp_path)


def test_what_goes_up_by_one_protocol_comes_down_by_the_other(server: Hadoop, tmp_path: Path) -> None:
    uploads = uploads_of(tmp_path, [b"", b"x" * 100_000])
    path = uuid.uuid4().hex
    by_hdfs = Config(f"hdfs://127.0.0.1:{server.rpc}/{path}", {"user": "ada"}).open()
    by_web = Config(f"webhdfs://127.0.0.1:{server.http}/{path}", {"user": "ada"}).open()
    assert failures(by_hdfs.upload(uploads)) == []
    assert fetched(by_web, [u.key for u in uploads], tmp_path) == [b"", b"x" * 100_000]
    assert failures(by_web.upload(uploads)) == [], "what is there already is no failure"
    assert {listed.key for listed in by_web.list("")} == {u.key for u in uploads}
