"""Git over HTTPS with all that companies ask of their users: what Git's own settings do, they do through the helper."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.git_operations import EXPERIMENTS, NEW, data_of
from tests.support.git_servers import PASSWORD, USER, GitHosts
from tests.support.git_worlds import EVERY_EXPERIMENT, Seed, Transport, World
from tests.support.https_servers import INSIDE, HttpsHosts, WebProxy, https_hosts, web_proxy
from tests.support.shell import git, write_program
from tests.support.storage_servers import TOKEN
from tests.support.terminal import on_terminal


@pytest.fixture(scope="module")
def https(hosts: GitHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsHosts]:
    with https_hosts(tmp_path_factory.mktemp("https"), hosts) as running:
        yield running


@pytest.fixture
def proxy() -> Iterator[WebProxy]:
    with web_proxy() as running:
        yield running


class Worlds(NamedTuple):
    """The same project with Git alone, and with us: `remote.origin.vcs=dvcexp` ("vcs"), `dvcexp::<url>` ("prefix")."""

    native: World
    ours: list[World]

    @property
    def all(self) -> list[World]:
        return [self.native, *self.ours]

    def assert_alike(self, https: HttpsHosts) -> None:
        """They say the same, hold the same refs, and the server has seen the same requests."""
        for ours in self.ours:
            assert ours.story() == self.native.story()
            assert ours.state() == self.native.state()
            assert https.asked(ours.folder.name) == https.asked(self.native.folder.name)


MakeWorlds = Callable[..., Worlds]


@pytest.fixture
def make_worlds(hosts: GitHosts, seed: Seed, tmp_path: Path) -> MakeWorlds:
    """Makes worlds whose host is at `<base>/<place>/`, with these settings in the user's configuration."""

    def make(
        base: str, config: Mapping[str, object], place: str = "open", forms: Sequence[str] = ("vcs", "prefix")
    ) -> Worlds:
        for key, value in config.items():
            git("config", "--global", key, str(value), cwd=tmp_path)
        transport = Transport("https", f"{base}/{place}/{{world}}/host.git")
        name = f"{tmp_path.parent.name}-{tmp_path.name}"
        return Worlds(
            World(seed, hosts, transport, f"{name}-native", helper=False),
            [World(seed, hosts, transport, f"{name}-{f}", helper=True, prefix=f == "prefix") for f in forms],
        )

    return make


def share(worlds: Worlds, https: HttpsHosts) -> None:
    """A clone with experiments and a push of one go as with Git alone, and their data goes along."""
    for world in worlds.all:
        world.run_clone(*EXPERIMENTS)
        world.run("push", "origin", "ahead", NEW)
    worlds.assert_alike(https)
    assert_shared(worlds)


def assert_shared(worlds: Worlds) -> None:
    """The data went along."""
    for ours in worlds.ours:
        assert ours.stored() == worlds.native.stored() | ours.seed.objects["new"]
        if (ours.folder / "clone").exists():
            data_of(ours, "a", "b")


def fail(worlds: Worlds, https: HttpsHosts, words: str, *without: str) -> None:
    """Without these settings a fetch and a push fail as with Git alone, in these `words`; no data goes anywhere."""
    for key in without:
        git("config", "--global", "--unset", key, cwd=worlds.native.folder)
    for world in worlds.all:
        before = world.stored()
        for command in (["fetch", "origin", EVERY_EXPERIMENT], ["push", "origin", NEW]):
            done = world.run(*command, check=False)
            assert done.code == 128
            assert words in done.stderr
        assert world.stored() == before
    worlds.assert_alike(https)


def test_a_ca_of_ones_own(make_worlds: MakeWorlds, https: HttpsHosts) -> None:
    """Named for this URL alone: each of the other tests has it so."""
    base = f"https://127.0.0.1:{https.tls}"
    worlds = make_worlds(base, {f"http.{base}/.sslCAInfo": https.ca})
    share(worlds, https)
    fail(worlds, https, "certificate", f"http.{base}/.sslCAInfo")


def test_a_client_certificate(make_worlds: MakeWorlds, https: HttpsHosts) -> None:
    base = f"https://127.0.0.1:{https.mutual}"
    certificate = {"sslCAInfo": https.ca, "sslCert": https.client_cert, "sslKey": https.client_key}
    worlds = make_worlds(base, {f"http.{base}/.{name}": value for name, value in certificate.items()}, forms=["prefix"])
    share(worlds, https)
    assert all("[CN=client]" in line for line in https.asked(worlds.ours[0].folder.name))
    fail(worlds, https, "400", f"http.{base}/.sslCert", f"http.{base}/.sslKey")


def test_a_header_and_cookies(make_worlds: MakeWorlds, https: HttpsHosts, tmp_path: Path) -> None:
    base = f"https://127.0.0.1:{https.tls}"
    jar = tmp_path / "cookies"
    settings = {
        "sslCAInfo": https.ca,
        "extraHeader": f"X-Access-Token: {TOKEN}",
        "cookieFile": jar,
        "saveCookies": "true",
        "userAgent": "ours/1.0",
    }
    worlds = make_worlds(
        base, {f"http.{base}/token.{name}": value for name, value in settings.items()}, "token", ["vcs"]
    )
    given = f"127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\t{TOKEN}\n"
    for world in worlds.all:
        jar.write_text(given)
        world.run_clone(*EXPERIMENTS)
        assert "seen\tyes" in jar.read_text()
        jar.write_text(given)
        world.run("push", "origin", NEW)
        assert "seen\tyes" in jar.read_text()
    worlds.assert_alike(https)
    assert_shared(worlds)
    jar.write_text(given)
    fail(worlds, https, "403", f"http.{base}/token.extraHeader")


def test_a_host_that_has_moved(make_worlds: MakeWorlds, https: HttpsHosts) -> None:
    base = f"https://127.0.0.1:{https.tls}"
    worlds = make_worlds(base, {f"http.{base}/.sslCAInfo": https.ca}, "moved", forms=["vcs"])
    share(worlds, https)
    assert all("warning: redirecting to" in done.stderr for _, done in worlds.ours[0].log)
    git("config", "--global", "http.followRedirects", "false", cwd=worlds.native.folder)
    fail(worlds, https, "301")


class TestCredentials:
    @pytest.fixture
    def worlds(self, make_worlds: MakeWorlds, https: HttpsHosts) -> Worlds:
        """Each with a helper that gives a wrong password until it is told to forget it, and logs what it is asked."""
        base = f"https://127.0.0.1:{https.tls}"
        worlds = make_worlds(base, {f"http.{base}/.sslCAInfo": https.ca, "credential.useHttpPath": "true"}, "closed")
        for world in worlds.all:
            helper = write_program(
                world.folder / "credentials",
                f"""#!/bin/sh
(echo "$1"; cat) >>"$0.log"
case $1 in
get) echo "username={USER}"; echo "password=$(cat "$0.password")" ;;
erase) echo {PASSWORD} >"$0.password" ;;
esac
""",
            )
            (world.folder / "credentials.password").write_text("wrong\n")
            git("config", f"credential.{base}.helper", helper, cwd=world.project)
        return worlds

    def test_what_a_helper_gives_is_used_kept_and_forgotten(self, worlds: Worlds, https: HttpsHosts) -> None:
        for world in worlds.all:
            refused = world.run("push", "origin", NEW, check=False)
            assert refused.code == 128
            assert "Authentication failed" in refused.stderr
            world.run("push", "origin", NEW)
            world.run("fetch", "origin", EVERY_EXPERIMENT)
        worlds.assert_alike(https)
        native, *ours = (
            (world.folder / "credentials.log").read_text().replace(world.folder.name, "<world>") for world in worlds.all
        )
        assert ours == [native, native]
        asked = [line for line in native.splitlines() if "=" not in line]
        assert asked[:2] == ["get", "erase"]
        assert asked[2:4] == ["get", "store"]
        assert "path=closed/<world>/host.git\n" in native
        assert_shared(worlds)


def test_who_must_type_a_password_is_asked_as_by_git(make_worlds: MakeWorlds, https: HttpsHosts) -> None:
    base = f"https://127.0.0.1:{https.tls}"
    worlds = make_worlds(base, {f"http.{base}/.sslCAInfo": https.ca}, "closed", forms=["vcs"])
    shown = []
    for world in worlds.all:
        answers = [
            (f"Username for '{base}': ", USER),
            (f"Password for '{base.replace('//', f'//{USER}@')}': ", PASSWORD),
        ]
        command = ["git", "push", "--no-progress", "origin", NEW]
        done = on_terminal(*command, cwd=world.project, env={"GIT_TERMINAL_PROMPT": "1"}, answers=answers)
        assert done.code == 0, done.text
        lines = done.text.replace(world.folder.name, "<world>").splitlines()
        shown.append([line for line in lines if not line.startswith("dvcexp: ")])
    assert shown[0] == shown[1]
    assert_shared(worlds)


def test_ctrl_c_instead_of_a_password_ends_it_as_it_ends_git(make_worlds: MakeWorlds, https: HttpsHosts) -> None:
    base = f"https://127.0.0.1:{https.tls}"
    worlds = make_worlds(base, {f"http.{base}/.sslCAInfo": https.ca}, "closed", forms=["vcs"])
    shown = [
        on_terminal(
            *["git", "push", "origin", NEW],
            cwd=world.project,
            env={"GIT_TERMINAL_PROMPT": "1"},
            answers=[(f"Username for '{base}': ", USER), ("': ", "\x03")],
        )
        for world in worlds.all
    ]
    assert shown[0] == shown[1]
    assert shown[0].code == -signal.SIGINT


@pytest.mark.parametrize(
    ("scheme", "way", "form"),
    [
        ("https", "http.proxy", "vcs"),
        ("https", "http.<url>.proxy", "prefix"),
        ("https", "remote.<name>.proxy", "vcs"),
        ("https", "remote.<name>.proxy", "prefix"),
        ("https", "https_proxy", "vcs"),
        ("http", "http.proxy", "prefix"),
    ],
)
def test_a_proxy_leads_to_a_host_that_only_it_finds(
    form: str,
    scheme: str,
    way: str,
    make_worlds: MakeWorlds,
    hosts: GitHosts,
    https: HttpsHosts,
    proxy: WebProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = https.tls if scheme == "https" else hosts.smart
    base = f"{scheme}://{INSIDE}:{port}"
    config: dict[str, object] = {f"http.{base}/.sslCAInfo": https.ca}
    if way == "https_proxy":
        monkeypatch.setenv(way, proxy.url)
    else:
        config[way.replace("<url>", f"{base}/").replace("<name>", "origin")] = proxy.url
    worlds = make_worlds(base, config, forms=[form])
    seen = []
    for world in worlds.all:
        proxy.asked.clear()
        world.run("push", "origin", NEW)
        world.run("fetch", "origin", EVERY_EXPERIMENT)
        seen.append({words.replace(world.folder.name, "<world>") for words in proxy.asked})
    worlds.assert_alike(https)
    assert seen[0] == seen[1]
    assert any(f"{INSIDE}:{port}" in words for words in seen[0])
    assert_shared(worlds)
