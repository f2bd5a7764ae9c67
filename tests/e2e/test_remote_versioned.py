"""Cloud-versioned DVC remotes, on servers that keep versions: what DVC pushed there is fetched by version id."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from tests.support.cloud_servers import S3_KEY, S3_SECRET, gcs_server, versioned_s3_server
from tests.support.remote_dvc import dvc
from tests.support.shell import git, sh
from tests.support.team import EXPS, Project, Team, objects


class Place(NamedTuple):
    url: str
    options: Mapping[str, str]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    folder = tmp_path_factory.mktemp("servers")
    for name in ("s3", "gs"):
        (folder / name).mkdir()
    with versioned_s3_server(folder / "s3") as s3, gcs_server(folder / "gs") as gs:
        yield {"s3": f"http://127.0.0.1:{s3}", "gs": f"http://127.0.0.1:{gs}"}


@pytest.fixture(params=["s3", "gs"])
def place(request: pytest.FixtureRequest, servers: Mapping[str, str]) -> Place:
    """A bucket that keeps every version."""
    kind: str = request.param
    server, bucket = servers[kind], f"bucket-{uuid.uuid4().hex[:8]}"
    if kind == "s3":
        requests.put(f"{server}/{bucket}", timeout=30).raise_for_status()
        text = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        requests.put(f"{server}/{bucket}?versioning", data=text, timeout=30).raise_for_status()
        keys = {"access_key_id": S3_KEY, "secret_access_key": S3_SECRET, "region": "us-east-1"}
        return Place(f"s3://{bucket}/base", {"endpointurl": server, **keys})
    made = {"name": bucket, "versioning": {"enabled": True}}
    requests.post(f"{server}/storage/v1/b?project=p", json=made, timeout=30).raise_for_status()
    return Place(f"gs://{bucket}/base", {"endpointurl": server, "allow_anonymous_login": "true"})


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def project_at(team: Team, place: Place, flavour: str) -> Project:
    """A project whose DVC remote is cloud-versioned, its `data` and `model` pushed there by DVC."""
    project = team.project(storage=None)
    options = {"url": place.url, flavour: "true", **place.options}
    lines = "".join(f"    {key} = {value}\n" for key, value in options.items())
    project.write(".dvc/config", f"[core]\n    remote = cloud\n['remote \"cloud\"']\n{lines}")
    write_outputs(project, "one")
    dvc(project.path, ["add", "-q", "data", "model"], ["push", "-q"])
    project.commit("first")
    git("push", "-q", "origin", "main", cwd=project.path)
    return project


def write_outputs(project: Project, content: str) -> None:
    for path in ("data/x", "data/sub/y", "model"):
        project.write(path, f"{content} in {path}\n" * 50)
    project.write("data/same", "the same\n")


@pytest.mark.parametrize("flavour", ["version_aware", "worktree"])
def test_an_experiment_gets_its_own_versions_whatever_lies_at_the_paths_now(
    team: Team, place: Place, flavour: str
) -> None:
    project = project_at(team, place, flavour)
    base = project.head()
    for name in ("mine", "later"):
        write_outputs(project, name)
        dvc(project.path, ["add", "-q", "data", "model"], ["push", "-q"])
        project.commit(name)
        git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", "HEAD", cwd=project.path)
        git("checkout", "-q", "-f", base, cwd=project.path)
    sh("git", "push", "origin", "refs/exps/*", cwd=project.path, env={"DVCEXP_SKIP": "1"})
    bob = team.clone()
    done = sh("git", "fetch", "origin", "refs/exps/*/mine:refs/exps/*/mine", cwd=bob)
    assert "warning" not in done.stderr, done.stderr
    fetched = objects(bob / ".dvc" / "cache")
    texts = {path.read_text() for path in (bob / ".dvc" / "cache" / "files").rglob("*") if path.is_file()}
    assert {f"mine in {path}\n" * 50 for path in ("data/x", "data/sub/y", "model")} | {"the same\n"} <= texts
    assert not any("later" in text for text in texts)
    git("fetch", "-q", "origin", EXPS, cwd=bob)
    assert objects(bob / ".dvc" / "cache") > fetched


def test_a_push_is_refused_with_the_reason_and_the_way_out(team: Team, place: Place) -> None:
    project = project_at(team, place, "version_aware")
    ref = project.with_output("mine", b"mine", path="other")
    done = project.push(ref, check=False)
    assert done.code == 1
    assert "error: " in done.stderr
    assert "'cloud' is cloud-versioned: it keeps one version of each path, not experiments" in done.stderr
    assert "git config dvcexp.remote <name>" in done.stderr
    assert "refs/exps" not in git("for-each-ref", cwd=team.host)
    storage = f"['remote \"storage\"']\n    url = {team.storage}\n"
    with (project.root / ".dvc" / "config.local").open("a") as config:
        config.write(storage)
    git("config", "dvcexp.remote", "storage", cwd=project.path)
    project.push(ref)
    assert "files/md5/91/8b81db5e91d031548b963c93845e5b" in objects(team.storage)
