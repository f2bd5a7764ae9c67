"""The configuration is what DVC makes of the same files."""

from __future__ import annotations

import io
import os
from pathlib import Path
from random import Random

import pytest
from configobj import ConfigObj, ConfigObjError
from dvc.cachemgr import CacheManager
from dvc.config import Config
from dvc.config import ConfigError as DvcConfigError
from dvc.fs import get_fs_config
from dvc.repo import Repo

from dvcexp.dvc import configfile
from dvcexp.dvc.config import DvcConfig, work_tree_config
from dvcexp.errors import ConfigError

LEVELS = ("system", "global", "config", "config.local")


class Project:
    """A DVC project with a file for each level of configuration."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        (self.root / ".dvc").mkdir(parents=True)
        self.paths = {
            "system": Path(os.environ["DVC_SYSTEM_CONFIG_DIR"]) / "config",
            "global": Path(os.environ["DVC_GLOBAL_CONFIG_DIR"]) / "config",
            "config": self.root / ".dvc" / "config",
            "config.local": self.root / ".dvc" / "config.local",
        }

    def write(self, **levels: str) -> None:
        for level, path in self.paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(levels.get(level.replace(".", "_"), ""))

    def ours(self) -> DvcConfig:
        config = work_tree_config(str(self.root), os.environ)
        assert config is not None
        return config

    def theirs(self) -> Config:
        return Config(str(self.root / ".dvc"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_later_levels_win_key_by_key(project: Project) -> None:
    project.write(
        system="[core]\nremote = a\n['remote \"a\"']\nurl = s3://system/a\nregion = eu\n",
        **{"global": "['remote \"a\"']\nprofile = mine\nregion = us\n[core]\nremote = B\n"},
        config="['remote \"a\"']\nurl = s3://repo/a\n['remote \"B\"']\nurl = https://example.com/b\n",
        config_local="['remote \"b\"']\nuser = me\npassword = 'a#b,c \"q\" 50%'\nauth = basic\n",
    )
    ours, theirs = project.ours(), project.theirs()
    assert ours.default_remote == theirs["core"]["remote"] == "b"
    for name, remote in ours.remotes.items():
        expected = dict(theirs["remote"][name])
        assert remote.url == expected.pop("url")
        assert remote.options.items() <= {key: str(value) for key, value in expected.items()}.items()
    assert ours.remotes["b"].options == {"user": "me", "password": 'a#b,c "q" 50%', "auth": "basic"}
    assert ours.remotes["a"].source == str(project.paths["config"])


@pytest.mark.parametrize(
    "url",
    ["../store", "../../store", "store", "/abs/store", "~/store", "~", "u@h:/p", "file:///x", "s3://b/p/", "", "."],
)
@pytest.mark.parametrize("level", ["global", "config", "config.local"])
def test_urls_are_relative_to_the_folder_of_their_file(project: Project, url: str, level: str) -> None:
    project.write(**{level.replace(".", "_"): f"['remote \"r\"']\nurl = '{url}'\n"})
    assert project.ours().remotes["r"].url == project.theirs().read()["remote"]["r"]["url"]


@pytest.mark.parametrize("base", ["s3://bucket/pre", "s3://bucket/pre/", "/data/store", "../store"])
@pytest.mark.parametrize("rest", ["sub", "sub/deep/", "", "/sub"])
def test_a_remote_can_stand_on_another(project: Project, base: str, rest: str) -> None:
    project.write(
        config=f"['remote \"Base\"']\nurl = {base}\nverify = true\njobs = 2\n"
        f"['remote \"r\"']\nurl = remote://BASE/{rest}\njobs = 3\n"
    )
    ours, theirs = project.ours().remotes["r"], get_fs_config(project.theirs().read(), name="R")
    assert ours.url == theirs["url"]
    assert ours.options == {key: value for key, value in theirs.items() if key != "url"}
    assert ours.options == {"verify": "true", "jobs": "3"}


def test_paths_among_the_options_are_made_absolute(project: Project) -> None:
    keys = ["credentialpath", "configpath", "keyfile", "cert_path", "key_path", "gdrive_user_credentials_file"]
    text = "['remote \"r\"']\nurl = s3://b\n" + "".join(f"{key} = ../{key}\n" for key in keys)
    project.write(config_local=text)
    theirs = project.theirs
    expected = {key: str(project.root / key) for key in keys}
    assert project.ours().remotes["r"].options == expected
    assert expected.items() <= Config(str(project.root / ".dvc"), validate=False)["remote"]["r"].items()
    with pytest.raises(DvcConfigError):  # no kind of remote takes all of them; which takes what is the remotes' matter
        theirs()


@pytest.mark.parametrize(
    ("text", "types", "shared"),
    [
        ("", ("reflink", "copy"), False),
        ("dir = ../cache\n", ("reflink", "copy"), False),
        ("dir = /abs/cache\ntype = hardlink,symlink\n", ("hardlink", "symlink"), False),
        ('type = "reflink, copy"\nshared = GROUP\n', ("reflink", "copy"), True),
    ],
)
def test_the_cache_is_where_dvc_has_it(project: Project, text: str, types: tuple[str, ...], shared: bool) -> None:
    project.write(config=f"[cache]\n{text}[core]\nno_scm = true\n")
    ours = project.ours()
    repo = Repo(str(project.root))
    manager = CacheManager(repo)
    assert ours.cache_dir == manager.local_cache_dir
    assert (ours.cache_types, ours.cache_shared) == (types, shared)
    repo.close()


@pytest.mark.parametrize("text", ["[cache]\ntype = hardlink, magic\n", "[cache]\nshared = all\n"])
def test_a_cache_that_dvc_would_not_have_is_an_error(project: Project, text: str) -> None:
    project.write(config=text)
    with pytest.raises(DvcConfigError):
        project.theirs()
    with pytest.raises(ConfigError, match=r"\.dvc/config'"):
        project.ours()


def by_configobj(text: str) -> object:
    try:
        sections = ConfigObj(io.StringIO(text)).dict()
    except ConfigObjError:
        return ConfigError
    # DVC knows no keys outside of sections, and no sections within sections.
    fine = all(
        isinstance(section, dict) and not any(isinstance(v, dict) for v in section.values())
        for section in sections.values()
    )
    return (
        {name.lower(): {key.lower(): v for key, v in section.items()} for name, section in sections.items()}
        if fine
        else ConfigError
    )


def by_us(text: str) -> object:
    try:
        return configfile.parse(text.encode(), "config")
    except ConfigError:
        return ConfigError


# A row of examples each; in them `@` is a triple quote.
LINES = r"""
x = a b  c | x=a#b | x = 'a#b' # c | x = "a'b" | x = it's | x = a,b | x = a, | x = , | x = | x = '' | x = 'a','b c', d
x = 'a'b | x = "a" "b" | x = ' | x = a,,b | x = ,a | x = a # b, c | x = #c | x = '''a\n b''' | x = @a@ # c | x = '''a
'x' = 1 | "x = y" = 1 | x | = 1 | ; c | # c | x = %(y)s\ny = 2 | x = %(z)s | x = %(x)s | x = 50% %s $HOME | x = 1\nx = 2
X = 1 | x = 1\nX = 2 | [b] # c\nx = 1 | [b | [ b ] | ['b c'] | ["b"] | [''] | [b]] | [[b]] | [a] | x = [b] | x = a = b
"""


@pytest.mark.parametrize("line", [line for row in LINES.strip().split("\n") for line in row.split(" | ")])
def test_lines_mean_what_configobj_reads(line: str) -> None:
    line = line.replace(r"\n", "\n").replace("@", '"' * 3)
    text = f"[a]\n{line}\n"
    assert by_us(text) == by_configobj(text)


def test_random_lines_mean_what_configobj_reads() -> None:
    pieces = ["[", "]", "a", "b", "'", '"', "=", ",", "#", " ", "\n", "x", "%", "\n[c]\n", "\nx = ", "\t"]
    random, compared = Random(3), 0
    for _ in range(15_000):
        text = "[a]\n" + "".join(random.choice(pieces) for _ in range(random.randint(1, 10)))
        expected = by_configobj(text)
        if expected is not ConfigError and by_us(text) is not ConfigError:
            compared += 1
            assert by_us(text) == expected, text
    assert compared > 2000


def test_a_named_section_is_read_in_all_the_ways_that_dvc_reads_it() -> None:
    for header in ("['remote \"My Store\"']", '[remote "My Store"]', '[ Remote  "my store" ]'):
        assert configfile.parse(f"{header}\nurl = x\n".encode(), "f") == {'remote "my store"': {"url": "x"}}
    assert configfile.remote_name('remote "my store"') == "my store"
    assert configfile.remote_name("core") is None
