"""docs/remotes.md against DVC's own list of options."""

from __future__ import annotations

from pathlib import Path

import pytest
from dvc.config_schema import REMOTE_COMMON, REMOTE_SCHEMAS

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
