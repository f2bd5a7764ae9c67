"""What large and many objects cost this side, the same for every kind of DVC remote: a suite beside `RemoteSuite`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.remote_suite import Place, failures, fetched, uploads_of
from tests.support.shell import peak_memory

LARGE = 256 << 20
MEMORY = 160 << 20  # less than the object, more than the libraries

_TRANSFER = """
import json, sys
from dvcexp.remotes import open_remote
from dvcexp.remotes.base import Download, Upload
url, options, source, target, size = json.loads(sys.argv[1])
remote = open_remote("storage", url, options)
for way in (remote.upload([Upload("files/md5/ab/large", source, size)]),
            remote.download([Download("files/md5/ab/large", target)])):
    for outcome in way:
        assert outcome.error is None, outcome.error
remote.close()
"""


class RemoteScale:
    """The tests. Subclasses give `place`."""

    connections = 16  # for four jobs and 180 requests; a kind may have one pool to read and one to write

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    def test_a_large_object_is_never_in_memory_whole(self, place: Place, tmp_path: Path) -> None:
        source, target = tmp_path / "source", tmp_path / "target"
        with source.open("wb") as file:
            for _ in range(LARGE >> 20):
                file.write(os.urandom(1 << 10) * 1024)
        arguments = [place.config.url, dict(place.config.options), str(source), str(target), LARGE]
        code, peak = peak_memory(sys.executable, "-c", _TRANSFER, json.dumps(arguments), cwd=tmp_path)
        assert code == 0
        assert peak < MEMORY
        assert subprocess.run(["cmp", source, target], check=False).returncode == 0

    def test_connections_are_kept_and_shared(self, place: Place, tmp_path: Path) -> None:
        if place.port is None:
            pytest.skip("this kind of DVC remote has no connections")
        uploads = uploads_of(tmp_path, [f"object {n}".encode() for n in range(60)])
        with FaultProxy(place.port) as proxy:
            remote = place.at(proxy.port).open(jobs=4)
            assert failures(remote.upload(uploads)) == []
            assert remote.exists([upload.key for upload in uploads]) == {upload.key for upload in uploads}
            assert len(fetched(remote, [upload.key for upload in uploads], tmp_path)) == 60
            remote.close()
            assert proxy.connections <= self.connections, proxy.connections
