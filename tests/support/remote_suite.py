"""One behaviour for every kind of DVC remote: a suite that each kind runs against its own live server.

A test module of a kind subclasses `RemoteSuite` as `Test...` and gives the fixture `place`: an empty place of its own
on a running server. Servers start once a module; what differs between kinds is said in `Place`, nowhere else:

    class TestS3(RemoteSuite):
        @pytest.fixture
        def place(self, rclone_s3: S3Server) -> Place: ...
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from dvcexp.remotes import open_remote
from dvcexp.remotes.base import (
    AccessDenied,
    CorruptTransfer,
    Download,
    ObjectMissing,
    Outcome,
    Remote,
    RemoteMissing,
    UnsupportedOption,
    Upload,
)
from dvcexp.remotes.retry import Backoff

SECRET_OPTIONS = (
    "secret_access_key",
    "session_token",
    "account_key",
    "sas_token",
    "password",
    "token",
    "client_secret",
)


class Config(NamedTuple):
    """A remote as DVC's config has it."""

    url: str
    options: Mapping[str, str]

    def open(self, name: str = "storage", jobs: int | None = None) -> Remote:
        """The remote under test, with back-off short enough for tests."""
        remote = open_remote(name, self.url, self.options, jobs=jobs)
        if hasattr(remote, "backoff"):
            remote.backoff = Backoff(attempts=4, first=0.01, longest=0.05)
        return remote


@dataclass(frozen=True)
class Place:
    """An empty place on a live server, and what a suite must know about its kind.

    at: the config that reaches the place through a TCP port of 127.0.0.1, be it the server's own or a fault proxy's.
    port: the server's own; None where no network is involved. wrong_credentials, missing_base: None where the kind
    has no such thing. secrets: what must never be printed. plant: writes an object by other means than ours. lists: can
    tell the keys below a prefix. http: speaks HTTP. dvc: real DVC can use it here. impatient: options that set the
    time-outs to about a second.
    """

    at: Callable[[int | None], Config]
    port: int | None
    plant: Callable[[str, bytes], object]
    wrong_credentials: Config | None = None
    missing_base: Config | None = None
    secrets: tuple[str, ...] = ()
    lists: bool = True
    http: bool = True
    dvc: bool = True
    impatient: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        return self.at(self.port)


def key_of(data: bytes) -> str:
    """Where DVC 3 puts an object with these bytes."""
    digest = hashlib.md5(data).hexdigest()
    return f"files/md5/{digest[:2]}/{digest[2:]}"


def uploads_of(folder: Path, contents: Iterable[bytes]) -> list[Upload]:
    """Files with these contents, to be uploaded under their hashes."""
    uploads = []
    for number, data in enumerate(contents):
        source = folder / f"source-{number}"
        source.write_bytes(data)
        uploads.append(Upload(key_of(data), str(source), len(data)))
    return uploads


def fetched(remote: Remote, keys: Sequence[str], folder: Path) -> list[bytes]:
    """The bytes of these objects, downloaded; fails the test where one does not come whole."""
    downloads = [Download(key, str(folder / f"fetched-{number}")) for number, key in enumerate(keys)]
    for outcome in remote.download(downloads):
        assert outcome.error is None, outcome.error
        assert outcome.md5 is None or f"{outcome.md5[:2]}/{outcome.md5[2:]}" in outcome.key
    return [Path(d.target).read_bytes() for d in downloads]


def failures(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Outcomes that carry an error; all of them are consumed."""
    return [outcome for outcome in outcomes if outcome.error is not None]


class RemoteSuite:
    """The tests. Subclasses give `place`."""

    small_objects = 1500  # fewer for servers that need long for each
    tells_bytes = True  # of an object that is being uploaded

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    @pytest.fixture
    def remote(self, place: Place) -> Iterator[Remote]:
        remote = place.config.open()
        yield remote
        remote.close()

    def test_what_is_uploaded_exists_and_comes_back_byte_for_byte(self, remote: Remote, tmp_path: Path) -> None:
        contents = [b"", b"x", os.urandom(2000), os.urandom(300_000)]
        uploads = uploads_of(tmp_path, contents)
        outcomes = list(remote.upload(uploads))
        assert failures(outcomes) == []
        assert {o.key: o.size for o in outcomes} == {u.key: u.size for u in uploads}
        remote.make_durable()
        assert remote.exists([*(u.key for u in uploads), key_of(b"never uploaded")]) == {u.key for u in uploads}
        assert fetched(remote, [u.key for u in uploads], tmp_path) == contents

    def test_an_object_of_many_parts_keeps_its_bytes(self, remote: Remote, tmp_path: Path) -> None:
        data = os.urandom(1 << 20) * 23 + b"end"
        sent: list[int] = []
        (upload,) = uploads_of(tmp_path, [data])
        assert failures(remote.upload([upload._replace(moved=sent.append)])) == []
        assert fetched(remote, [upload.key], tmp_path) == [data]
        if self.tells_bytes:
            assert sum(sent) >= len(data)  # a server may want it twice, to know who is there
            assert len(sent) > 1

    def test_thousands_of_small_objects(self, remote: Remote, tmp_path: Path) -> None:
        uploads = uploads_of(tmp_path, [str(n).encode() for n in range(self.small_objects)])
        assert failures(remote.upload(iter(uploads))) == []
        known: list[int] = []
        keys = {u.key for u in uploads}
        absent = {key_of(f"absent {n}".encode()) for n in range(50)}
        assert remote.exists([*keys, *absent], known.append) == keys
        assert sum(known) == len(keys) + len(absent)
        downloads = [Download(u.key, u.source + "-back", limit=u.size) for u in uploads]
        assert failures(remote.download(downloads)) == []
        assert all(Path(u.source).read_bytes() == Path(u.source + "-back").read_bytes() for u in uploads)

    def test_listing_tells_the_keys_below_a_prefix(self, place: Place, remote: Remote, tmp_path: Path) -> None:
        if not place.lists:
            pytest.skip("this kind of DVC remote has no listing")
        uploads = uploads_of(tmp_path, [b"", b"one", b"three"])
        uploads.append(uploads[1]._replace(key="runs/ab/cd/ef"))
        assert failures(remote.upload(uploads)) == []
        assert {o.key: o.size for o in remote.list("files/md5/") if o.size >= 0} in (
            {u.key: u.size for u in uploads[:3]},
            {},
        )
        assert {o.key for o in remote.list("")} == {u.key for u in uploads}
        assert {o.key for o in remote.list("runs/")} == {"runs/ab/cd/ef"}
        assert list(remote.list("files/md5/zz/")) == []

    def test_an_object_that_is_gone_is_missing_and_leaves_no_file(self, remote: Remote, tmp_path: Path) -> None:
        uploads = uploads_of(tmp_path, [b"here"])
        assert failures(remote.upload(uploads)) == []
        gone = Download(key_of(b"gone"), str(tmp_path / "gone"))
        here = Download(uploads[0].key, str(tmp_path / "here"))
        outcomes = {o.key: o for o in remote.download([gone, here, gone._replace(target=str(tmp_path / "again"))])}
        assert isinstance(outcomes[gone.key].error, ObjectMissing)
        assert outcomes[here.key].error is None
        assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "source-0"]

    def test_a_sender_that_goes_on_past_the_limit_is_cut_off(self, remote: Remote, tmp_path: Path) -> None:
        uploads = uploads_of(tmp_path, [b"longer than it should be"])
        assert failures(remote.upload(uploads)) == []
        (outcome,) = remote.download([Download(uploads[0].key, str(tmp_path / "t"), limit=5)])
        assert isinstance(outcome.error, CorruptTransfer)
        assert not (tmp_path / "t").exists()

    def test_a_source_that_is_gone_is_named_and_the_others_go(self, remote: Remote, tmp_path: Path) -> None:
        uploads = uploads_of(tmp_path, [b"one", b"two", b"three"])
        os.unlink(uploads[1].source)
        (failed,) = failures(remote.upload(uploads))
        assert failed.key == uploads[1].key
        assert failed.error is not None
        assert uploads[1].source in failed.error.message
        keys = [u.key for u in uploads]
        assert remote.exists(keys) == {keys[0], keys[2]}

    def test_what_others_put_there_is_found(self, place: Place, remote: Remote, tmp_path: Path) -> None:
        data = b"written by another program"
        place.plant(key_of(data), data)
        assert remote.exists([key_of(data)]) == {key_of(data)}
        assert fetched(remote, [key_of(data)], tmp_path) == [data]

    def test_wrong_credentials_are_refused_by_name_and_without_the_secret(self, place: Place, tmp_path: Path) -> None:
        if place.wrong_credentials is None:
            pytest.skip("this kind of DVC remote has no credentials here")
        remote = place.wrong_credentials.open()
        uploads = uploads_of(tmp_path, [b"a", b"b"])
        attempts: list[Callable[[], object]] = [
            lambda: remote.exists([uploads[0].key]),
            lambda: list(remote.upload(uploads)),
            lambda: list(remote.download([Download(uploads[0].key, str(tmp_path / "t"))])),
        ]
        for attempt in attempts:
            with pytest.raises(AccessDenied) as denied:
                attempt()
            said = "\n".join([denied.value.message, *denied.value.hints])
            assert "'storage'" in said
            assert denied.value.hints, "the next step is named"
            for value in (*place.secrets, *(place.wrong_credentials.options.get(key, "-") for key in SECRET_OPTIONS)):
                assert value not in said or value == "-"
        remote.close()

    def test_a_missing_base_is_named_and_never_taken_for_missing_objects(self, place: Place, tmp_path: Path) -> None:
        if place.missing_base is None:
            pytest.skip("this kind of DVC remote makes its base folder")
        remote = place.missing_base.open()
        uploads = uploads_of(tmp_path, [b"a"])
        with pytest.raises(RemoteMissing) as missing:
            remote.exists([uploads[0].key])
        assert missing.value.hints
        with pytest.raises(RemoteMissing):
            list(remote.upload(uploads))
        with pytest.raises(RemoteMissing):
            list(remote.download([Download(uploads[0].key, str(tmp_path / "t"))]))
        remote.close()

    def test_an_option_that_means_nothing_here_is_refused_by_name(self, place: Place) -> None:
        config = Config(place.config.url, {**place.config.options, "gdrive_trash_onlyy": "true"})
        with pytest.raises(UnsupportedOption, match="gdrive_trash_onlyy"):
            config.open()
