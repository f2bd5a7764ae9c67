"""DVC remotes that lie about size and content: nothing of it gets a name, and it costs neither disk nor memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.hostile_server import LIES, HostileServer, Lie
from tests.support.patches import shorten_backoff
from tests.support.sharing import Sharing, cached, experiments
from tests.support.shell import git, peak_memory

KINDS = ("http", "webdav", "s3", "gs")
KEYS = {"access_key_id": "key", "secret_access_key": "secret", "region": "r1"}


def configure(project: Path, kind: str, port: int) -> None:
    """The DVC remote of `project` is the server at `port`."""
    place = f"http://127.0.0.1:{port}"
    options = {
        "http": {"url": place},
        "webdav": {"url": f"webdav://127.0.0.1:{port}/x"},
        "s3": {"url": "s3://bucket/x", "endpointurl": place, **KEYS},
        "gs": {"url": "gs://bucket/x", "endpointurl": place, "allow_anonymous_login": "true"},
    }[kind]
    lines = "".join(f"    {key} = {value}\n" for key, value in options.items())
    (project / ".dvc" / "config.local").write_text(f"['remote \"storage\"']\n{lines}")


def fetch(clone: Path, ref: str) -> tuple[int, str, int]:
    """Exit code, stderr, and the peak memory in MiB of whichever process had most."""
    log = clone / "stderr"
    code, peak = peak_memory("git", "fetch", "-q", "origin", f"{ref}:{ref}", cwd=clone, stderr=log)
    return code, log.read_text(errors="surrogateescape"), peak >> 20


def suffer(sharing: Sharing, kind: str, lie: Lie) -> None:
    """A clone of its own fetches the experiment from a server that tells this lie."""
    bob = sharing.clone(f"{kind}-{lie.__name__}")
    with HostileServer(lie) as server:
        configure(bob, kind, server.port)
        code, stderr, peak = fetch(bob, sharing.a)
        assert server.asked
        # What connections may hold in their buffers, for each of three objects and as often as each is tried.
        assert server.sent < 128 << 20
    assert code != 0, stderr
    assert "error: data of experiments not fetched: " in stderr
    assert "Traceback" not in stderr
    assert "unexpected error" not in stderr
    assert stderr.replace("\n", "").isprintable()
    assert experiments(bob) == {}
    assert cached(bob) == set()
    assert not list(bob.rglob("*.tmp"))
    assert peak < 160


def test_each_lie_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once, for most of them are tried again after a pause."""
    shorten_backoff(tmp_path, monkeypatch)
    sharing = Sharing(tmp_path, helper=True)
    git("-c", "dvcexp.cache=false", "push", "-q", "origin", sharing.a, cwd=sharing.alice)
    sharing.alice.rename(tmp_path / "gone")  # her cache is no source
    with ThreadPoolExecutor(32) as pool:
        cases = {
            f"{lie.__name__} over {kind}": pool.submit(suffer, sharing, kind, lie) for kind in KINDS for lie in LIES
        }
    assert {name: error for name, case in cases.items() if (error := case.exception())} == {}
