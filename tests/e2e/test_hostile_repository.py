"""A cloned repository that tries to run a command, to read or write outside of itself, or to lead a secret elsewhere.

The stranger wrote everything that Git carries: commits, `.dvc/config`, DVC's files, names of refs. Each test has the
attack written down, and beside it what shows that the attack would have been noticed.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_recorder import Answer, Recorder, recorder
from tests.support.sharing import exp
from tests.support.shell import git, sh, write_program
from tests.support.team import Project, Team, dvc_file, experiments, fetch, objects, put


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        running.answer = lambda asked: Answer(404)
        yield running


@pytest.fixture
def pwned(tmp_path: Path) -> Path:
    """What an attack that runs a command makes."""
    return tmp_path / "pwned"


def set_trap(team: Team, config: str, files: dict[str, str] | None = None) -> Project:
    """The stranger's project: one experiment, refs pushed, and this `.dvc/config` in branch and experiment."""
    mallory = team.project("mallory")
    mallory.write(".dvc/config", config)
    for name, text in (files or {}).items():
        mallory.write(name, text)
    mallory.commit("a project like any other")
    mallory.with_output("a", b"model")
    sh("git", "push", "-q", "origin", "main", "refs/exps/*", cwd=mallory.path, env={"DVCEXP_SKIP": "1"})
    mallory.path.rename(team.base / "gone")  # her cache is no source
    return mallory


def webdav(port: int, command: str) -> str:
    remote = f"url = webdav://127.0.0.1:{port}/x\n    bearer_token_command = '{command}'\n"
    return f"[core]\n    remote = storage\n['remote \"storage\"']\n    {remote}"


def use_everything(clone: Path) -> str:
    """What a user does with a new clone; everything that was said."""
    said = [fetch(clone, check=False).stderr]
    for verb in (["pull", "-A", "origin"], ["fetch"], ["status"], ["push", "-A", "--force", "origin"], ["list", "-A"]):
        said.append(exp(*verb, cwd=clone, check=False).stderr)
    said.append(sh("git", "push", "origin", "refs/exps/*", cwd=clone, check=False).stderr)
    return "".join(said)


class TestCommands:
    def test_a_token_command_of_the_clone_is_not_run(self, team: Team, server: Recorder, pwned: Path) -> None:
        command = f"touch {pwned}; echo token"
        set_trap(team, webdav(server.port, command))
        bob = team.clone()
        said = use_everything(bob)
        assert not pwned.exists()
        assert "its bearer_token_command came with the repository, and would run here" in said
        assert "hint: if you trust it: dvc remote modify --local storage bearer_token_command <the same>" in said
        assert server.asked == []
        # Once the user says so himself:
        (bob / ".dvc" / "config.local").write_text(f"['remote \"storage\"']\n    bearer_token_command = '{command}'\n")
        fetch(bob, check=False)
        assert pwned.exists()
        assert server.asked[0].headers["authorization"] == "Bearer token"

    @pytest.mark.parametrize("disguise", ["tracked", "a link to a tracked file", "in a folder that is a link"])
    def test_a_config_local_that_came_along_is_not_the_users_word(
        self, team: Team, server: Recorder, pwned: Path, disguise: str
    ) -> None:
        """Git ignores `.dvc/config.local` by a `.gitignore`, which does not bind whoever commits."""
        mallory = team.project("mallory")
        text = webdav(server.port, f"touch {pwned}; echo token")
        if disguise == "tracked":
            mallory.write(".dvc/config.local", text)
        elif disguise == "a link to a tracked file":
            mallory.write("notes.txt", text)
            (mallory.path / ".dvc" / "config.local").symlink_to("../notes.txt")
        else:
            (mallory.path / ".dvc").rename(mallory.path / "conf")
            (mallory.path / ".dvc").symlink_to("conf")
            mallory.write("conf/config.local", text)
        git("add", "-A", "-f", ".", cwd=mallory.path)
        git("commit", "-q", "-m", "traps", cwd=mallory.path)
        mallory.experiment("a", {"m.dvc": dvc_file("m", put(team.base / "elsewhere", b"model"))})
        sh("git", "push", "-q", "-f", "origin", "main", "refs/exps/*", cwd=mallory.path, env={"DVCEXP_SKIP": "1"})
        bob = team.clone()
        assert (bob / ".dvc" / "config.local").exists()
        use_everything(bob)
        assert not pwned.exists()
        assert server.asked == []

    def test_a_token_command_that_only_a_commit_names_is_not_run(
        self, team: Team, server: Recorder, pwned: Path
    ) -> None:
        """In a clone in progress there is no work tree: the commit's own configuration stands in for it."""
        set_trap(team, webdav(server.port, f"touch {pwned}; echo token"))
        options = ["-c", "remote.origin.vcs=dvcexp", "-c", "remote.origin.fetch=+refs/exps/*:refs/exps/*"]
        sh("git", "clone", "-q", *options, team.host, "bob", cwd=team.base, check=False)
        assert not pwned.exists()

    @pytest.mark.parametrize("key", ["configpath", "credentialpath"])
    def test_a_credential_process_of_the_clone_is_not_run(
        self, team: Team, server: Recorder, pwned: Path, key: str
    ) -> None:
        remote = f"url = s3://bucket/x\n    endpointurl = http://127.0.0.1:{server.port}\n    {key} = ../aws\n"
        config = f"[core]\n    remote = storage\n['remote \"storage\"']\n    {remote}    profile = p\n"
        section = "[profile p]" if key == "configpath" else "[p]"
        set_trap(team, config, {"aws": f"{section}\nregion = r\ncredential_process = touch {pwned}\n"})
        bob = team.clone()
        assert f"its {key} is a file that came with the repository, and could run commands" in use_everything(bob)
        assert not pwned.exists()
        # The same file, named by the user, runs its command: that is what it is for.
        (bob / ".dvc" / "config.local").write_text(f"['remote \"storage\"']\n    {key} = ../aws\n")
        fetch(bob, check=False)
        assert pwned.exists()

    @pytest.mark.parametrize(
        "url",
        [
            "ssh://-oProxyCommand=touch%20{pwned}/x",
            "ssh://-oProxyCommand=touch${{IFS}}{pwned}/x",
            "ssh://user@-oProxyCommand=touch {pwned}/x",
            "ssh://-oProxyCommand=touch%20{pwned}@127.0.0.1/x",
            "ssh://[-oProxyCommand=touch {pwned}]/x",
            "ssh://127.0.0.1:-oProxyCommand=touch%20{pwned}/x",
            "ext::sh -c touch%20{pwned}",
            "file://{pwned}/$(touch {pwned})",
        ],
    )
    def test_a_url_is_no_option_and_no_command(self, team: Team, pwned: Path, url: str) -> None:
        text = url.format(pwned=pwned)
        set_trap(team, f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = '{text}'\n")
        use_everything(team.clone())
        assert not pwned.exists()

    @pytest.mark.parametrize(
        "name",
        ["$(touch${IFS}pwned)", "`touch${IFS}pwned`", ";touch${IFS}pwned;", "|touch${IFS}pwned", "--exec=x", "-A"],
    )
    def test_a_name_is_no_option_and_no_command(self, team: Team, name: str) -> None:
        mallory = team.project("mallory")
        ref = mallory.with_output(name, b"model")
        mallory.push(ref)
        bob = team.clone()
        fetch(bob)
        assert experiments(bob) == [name]
        for arguments in (
            ["list", "-A"],
            ["status"],
            ["pull", "origin", "--", name],
            ["push", "origin", "--", name],
            ["branch", "--", name],
            ["branch", "--", name, "taken"],
            ["rename", "--", name, "other"],
            ["remove", "-g", "origin", "--", name],
        ):
            exp(*arguments, cwd=bob, check=False)
        assert list(team.base.rglob("pwned*")) == []
        assert git("rev-parse", "taken", cwd=bob) == git("rev-parse", ref, cwd=mallory.path)


class TestSecrets:
    def test_a_password_kept_for_a_name_does_not_follow_it(self, team: Team, server: Recorder) -> None:
        """Bob keeps a password for his own remote `storage`; the clone calls its remote `storage`, too."""
        folder = Path(os.environ["DVC_GLOBAL_CONFIG_DIR"])
        folder.mkdir()
        (folder / "config").write_text(
            "['remote \"storage\"']\n    auth = basic\n    user = bob\n    password = hunter2\n"
        )
        config = f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = http://127.0.0.1:{server.port}/x\n"
        set_trap(team, config)
        bob = team.clone()
        said = use_everything(bob)
        assert "its url came with the repository, and your password would go to '127.0.0.1'" in said
        assert "hunter2" not in said
        assert server.asked == []
        # With the repository in view he may say that it is the right host.
        local = f"['remote \"storage\"']\n    url = http://127.0.0.1:{server.port}/x\n"
        (bob / ".dvc" / "config.local").write_text(local)
        fetch(bob, check=False)
        assert server.asked[0].headers["authorization"] == "Basic " + base64.b64encode(b"bob:hunter2").decode()

    def test_a_private_file_is_not_sent_under_the_name_of_an_object(self, team: Team, tmp_path: Path) -> None:
        """The clone has its cache in Git, with a link in it to a key that only bob can read. DVC and we take a file
        that nobody may write to for verified; the size is easily guessed."""
        key = write_program(tmp_path / "home" / "key.pem", "-----BEGIN", mode=0o400)
        oid = "ab" + "c" * 30
        mallory = team.project("mallory")
        link = mallory.cache / "files" / "md5" / oid[:2] / oid[2:]
        link.parent.mkdir(parents=True)
        link.symlink_to(key)
        git("add", "-f", ".dvc/cache", cwd=mallory.path)
        text = dvc_file("m", oid, flags=f"  size: {key.stat().st_size}\n")
        mallory.write("m.dvc", text)
        mallory.commit("data")
        sh("git", "push", "-q", "-f", "origin", "main", cwd=mallory.path)
        bob = team.clone()
        assert (bob / ".dvc" / "cache" / "files" / "md5" / oid[:2] / oid[2:]).read_text() == "-----BEGIN"
        head = git("rev-parse", "HEAD", cwd=bob)
        sh("git", "commit", "-q", "--allow-empty", "-m", "mine", cwd=bob)
        git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/mine", "HEAD", cwd=bob)
        done = sh("git", "push", "origin", "refs/exps/*", cwd=bob, check=False)
        assert done.code != 0
        assert "content does not match its hash" in done.stderr
        assert not team.storage.exists() or objects(team.storage) == set()

    def test_a_configuration_that_is_a_link_shows_nothing_of_what_it_leads_to(self, team: Team, tmp_path: Path) -> None:
        private = tmp_path / "private"
        private.write_text("hunter2 = is no DVC configuration\n[[")
        mallory = team.project("mallory")
        (mallory.path / ".dvc" / "config").unlink()
        (mallory.path / ".dvc" / "config").symlink_to(private)
        mallory.commit("link")
        mallory.with_output("a", b"model")
        sh("git", "push", "-q", "-f", "origin", "main", "refs/exps/*", cwd=mallory.path, env={"DVCEXP_SKIP": "1"})
        assert "hunter2" not in use_everything(team.clone())

    def test_a_configuration_without_end_is_not_read_to_it(self, team: Team) -> None:
        mallory = team.project("mallory")
        (mallory.path / ".dvc" / "config").unlink()
        (mallory.path / ".dvc" / "config").symlink_to("/dev/zero")
        mallory.commit("link")
        mallory.with_output("a", b"model")
        sh("git", "push", "-q", "-f", "origin", "main", "refs/exps/*", cwd=mallory.path, env={"DVCEXP_SKIP": "1"})
        assert "is too large for a configuration file" in use_everything(team.clone())


class TestPlaces:
    def test_a_commit_alone_names_no_folder_to_write_to(self, team: Team, tmp_path: Path) -> None:
        """The branch that is checked out has another DVC remote than the stranger's experiment."""
        mallory = team.project("mallory", storage=None)
        ref = mallory.experiment(
            "a",
            {
                ".dvc/config": f"[core]\n    remote = evil\n['remote \"evil\"']\n    url = {tmp_path}/victim\n",
                "m.dvc": dvc_file("m", put(mallory.cache, b"model")),
            },
        )
        sh("git", "push", "-q", "origin", ref, cwd=mallory.path, env={"DVCEXP_SKIP": "1"})
        bob = team.clone()
        fetch(bob)
        git("update-ref", f"{ref}2", ref, cwd=bob)
        done = sh("git", "push", "origin", f"{ref}2", cwd=bob, check=False)
        assert done.code != 0
        assert "that only the commit names" in done.stderr
        assert not (tmp_path / "victim").exists()

    def test_a_commit_chooses_no_cache(self, team: Team, tmp_path: Path) -> None:
        mallory = team.project("mallory")
        config = (mallory.path / ".dvc" / "config").read_text() + f"[cache]\n    dir = {tmp_path}/victim\n"
        oid = put(mallory.cache, b"model")
        mallory.push(mallory.experiment("a", {".dvc/config": config, "m.dvc": dvc_file("m", oid)}))
        bob = team.clone()
        mallory.path.rename(team.base / "gone")
        fetch(bob)
        assert objects(bob / ".dvc" / "cache") == {f"files/md5/{oid[:2]}/{oid[2:]}"}
        assert not (tmp_path / "victim").exists()
