"""docs/remotes.md against DVC's own list of options."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from dvc.config_schema import REMOTE_COMMON, REMOTE_SCHEMAS

from dvcexp.errors import DvcexpError
from dvcexp.remotes import open_remote
from dvcexp.remotes.options import Options

DOCS = Path(__file__).resolve().parents[2] / "docs" / "remotes.md"


@pytest.mark.parametrize(
    ("scheme", "title"),
    [
        *[("s3", "S3 and"), ("azure", "Azure"), ("gs", "Google Cloud"), (None, "DVC remotes")],
        *[("http", "HTTP"), ("webdav", "WebDAV"), ("ssh", "SSH")],
        *[(scheme, "HDFS") for scheme in ("hdfs", "webhdfs", "oss", "gdrive")],
    ],
)
def test_the_section_of_a_kind_names_every_option_of_dvc(scheme: str | None, title: str) -> None:
    sections = DOCS.read_text().split("\n## ")
    (section,) = [text for text in sections if text.removeprefix("# ").startswith(title)]
    common = {str(getattr(option, "schema", option)) for option in REMOTE_COMMON} | {"verify"}
    options = REMOTE_SCHEMAS[scheme] if scheme else common
    names = {str(getattr(option, "schema", option)) for option in options} - {"url"}
    missing = {name for name in names - (common if scheme else set()) if f"`{name}`" not in section}
    assert missing == set()


@pytest.mark.parametrize(
    "scheme", ["s3", "azure", "gs", "http", "https", "webdav", "webdavs", "ssh", "hdfs", "webhdfs", "oss", "gdrive"]
)
def test_the_table_says_what_a_kind_refuses(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it takes is what it asks its options for; what is left it refuses."""
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| `") and line.count("|") == 7]
    (row,) = [line for line in rows if f"`{scheme}://`" in line.split("|")[1]]
    refused = set(re.findall(r"`(\w+)`", row.split("|")[4]))
    taken: set[str] = set()
    text = Options.text

    def recorded(self: Options, key: str) -> str | None:
        taken.add(key)
        return text(self, key)

    monkeypatch.setattr(Options, "text", recorded)
    given = {
        "s3": {"region": "x", "allow_anonymous_login": "true", "ssl_verify": "true"},
        "oss": {"oss_endpoint": "http://127.0.0.1:1"},
    }
    given["azure"] = {"account_name": "x", "allow_anonymous_login": "true"}
    given["gs"] = {"allow_anonymous_login": "true"}
    with contextlib.suppress(DvcexpError):  # a library that is an extra
        open_remote("x", f"{scheme}://127.0.0.1/x", given.get(scheme, {}))
    common = {str(getattr(option, "schema", option)) for option in REMOTE_COMMON} | {"verify", "url"}
    names = {str(getattr(option, "schema", option)) for option in REMOTE_SCHEMAS[scheme]}
    assert names - common - taken == refused


def test_the_table_says_what_a_folder_refuses() -> None:
    (row,) = [line for line in DOCS.read_text().splitlines() if line.startswith("| a folder")]
    honoured, refused = (set(re.findall(r"`(\w+)`", cell)) for cell in row.split("|")[3:5])
    common = {str(getattr(option, "schema", option)) for option in REMOTE_COMMON} | {"verify", "url"}
    names = {str(getattr(option, "schema", option)) for option in REMOTE_SCHEMAS[""]}
    assert names - common == honoured | refused
    open_remote("x", "/nowhere", dict.fromkeys(honoured, "group"))
    for option in refused:
        with pytest.raises(DvcexpError, match=option):
            open_remote("x", "/nowhere", {option: "true"})
