"""Where the objects of a DVC root are and go: its cache, its DVC remotes, and where else to look.

The work tree's configuration says where data goes now: a remote that was added or moved after an experiment ran counts.
Where there is no work tree (a bare repository, a clone in progress) the commit's own `.dvc/config` serves.
"""

from __future__ import annotations

import os

from dvcexp.dvc.cache import Cache
from dvcexp.dvc.config import DvcConfig, RemoteConfig, commit_config, work_tree_config
from dvcexp.dvc.tree import Tree, TreeIndex, join
from dvcexp.errors import ConfigError, printable
from dvcexp.git.repository import Repository
from dvcexp.git.url import fetch_url
from dvcexp.remotes import open_remote
from dvcexp.remotes.base import Remote
from dvcexp.settings import Settings


class Store:
    """One DVC remote of one DVC root, with the cache beside it; compared by identity.

    config: None where no DVC remote is configured. cache: None where there is nowhere to keep objects. recorded: the
    DVC remote that the commit's own configuration names, where it is another one. colleague: the cache of the Git
    remote's own work tree, where that is a folder of this machine. open_to_us: may a push write into that cache?
    """

    def __init__(
        self,
        root: str,
        config: RemoteConfig | None,
        cache: Cache | None,
        recorded: RemoteConfig | None = None,
        colleague: RemoteConfig | None = None,
        open_to_us: bool = False,
    ) -> None:
        self.root = root
        self.config = config
        self.cache = cache
        self.recorded = recorded
        self.colleague = colleague
        self.open_to_us = open_to_us

    @property
    def destination(self) -> RemoteConfig | None:
        """Where data goes: the DVC remote, or where none is configured the colleague's cache, as the refs go there."""
        return self.colleague if self.config is None and self.open_to_us else self.config

    @property
    def name(self) -> str:
        """The DVC remote's name, for messages."""
        return printable(self.destination.name) if self.destination is not None else "(none)"

    def sources(self) -> list[RemoteConfig]:
        """Where to read from, best first."""
        return [source for source in (self.config, self.recorded, self.colleague) if source is not None]

    def target(self) -> RemoteConfig:
        """Where to write; ConfigError where that is nowhere, or a folder of this machine that a commit alone names."""
        config = self.destination
        if config is None:
            raise ConfigError(
                "no DVC remote is configured, so the data has nowhere to go",
                "dvc remote add -d <name> <url>",
                "to push the refs alone: DVCEXP_SKIP=1 git push ...",
            )
        if config.from_commit and "://" not in config.url:
            raise ConfigError(
                f"DVC remote '{self.name}' is the folder '{printable(config.url)}' that only the commit names",
                f"to allow writing there: dvc remote add --global {self.name} {printable(config.url)}",
            )
        if config.is_versioned:
            raise ConfigError(
                f"DVC remote '{self.name}' is cloud-versioned: it keeps one version of each path, not experiments",
                "add a DVC remote without version_aware and worktree, and name it: git config dvcexp.remote <name>",
            )
        return config


class Stores:
    """Finds the store of each output, opens each remote once; as a context manager it closes them all.

    git_remote: name or URL, as given to Git.
    """

    def __init__(self, repository: Repository, settings: Settings, git_remote: str) -> None:
        self.repository = repository
        self.settings = settings
        self.git_remote = git_remote
        self._stores: dict[tuple[str, str | None, str | None], Store] = {}
        self._work_tree_configs: dict[str, DvcConfig | None] = {}
        self._colleagues: dict[str, tuple[RemoteConfig | None, bool]] = {}
        self._open: dict[tuple[str, str], Remote] = {}
        self._index = TreeIndex(repository.objects)

    def __enter__(self) -> Stores:
        return self

    def __exit__(self, *error: object) -> None:
        for remote in self._open.values():
            remote.close()
        self._open.clear()

    def find(self, tree: str, root: str, remote: str | None) -> Store:
        """The store for an output below `root` of a commit with this tree, whose own DVC remote is `remote`, if any.

        ConfigError where the configuration cannot be read or does not know that remote.
        """
        blob = self._config_blob(tree, root)
        key = (root, remote, blob)
        if key not in self._stores:
            self._stores[key] = self._make(root, remote, blob)
        return self._stores[key]

    def remote(self, config: RemoteConfig) -> Remote:
        """The remote that `config` describes, opened at the first call."""
        key = (config.name, config.url)
        if key not in self._open:
            self._open[key] = open_remote(config.name, config.url, config.options, jobs=self.settings.jobs)
        return self._open[key]

    def _make(self, root: str, remote: str | None, blob: str | None) -> Store:
        folder = self._folder(root)
        here = self._work_tree_config(root)
        data = self.repository.objects.read(blob) if blob is not None else None
        where = "commit's " + ("" if root == "." else f"{root}/") + ".dvc/config"
        there = commit_config(data, where, os.environ, root=folder, work_tree=here)
        wanted = remote or self.settings.remote
        if here is None:
            config = there
            target = config.remote(wanted)
        else:
            config = here
            # A remote that only the commit knows is better than none; push writes there only if it is no local path.
            target = config.remote(wanted, missing_ok=True) or there.remote(wanted)
        cache = Cache(config.cache_dir, shared=config.cache_shared) if config.cache_dir is not None else None
        recorded = there.remote(wanted, missing_ok=True)
        if recorded is not None and target is not None and recorded.url == target.url:
            recorded = None
        return Store(root, target, cache, recorded, *self._colleague(root))

    def _folder(self, root: str) -> str | None:
        return os.path.normpath(os.path.join(self.repository.work_tree, root)) if self.repository.work_tree else None

    def _work_tree_config(self, root: str) -> DvcConfig | None:
        if root not in self._work_tree_configs:
            folder = self._folder(root)
            self._work_tree_configs[root] = (
                work_tree_config(folder, os.environ, self.repository.is_tracked) if folder is not None else None
            )
        return self._work_tree_configs[root]

    def _config_blob(self, tree: str, root: str) -> str | None:
        """The blob of the commit's `<root>/.dvc/config`."""
        node = Tree(self._index, tree).node(join(root, ".dvc/config"))
        return node.id if node is not None and node.kind != "dir" else None

    def _colleague(self, root: str) -> tuple[RemoteConfig | None, bool]:
        """The cache beside the Git remote, if that is a repository on this machine with a work tree; may we write?"""
        if root not in self._colleagues:
            self._colleagues[root] = self._look_beside_git_remote(root)
        return self._colleagues[root]

    def _look_beside_git_remote(self, root: str) -> tuple[RemoteConfig | None, bool]:
        url = fetch_url(self.git_remote, self.repository.config)
        path = url.removeprefix("dvcexp::").removeprefix("file://")
        if not os.path.isabs(path):
            path = os.path.join(self.repository.work_tree or self.repository.git_dir, path)
        if "://" in url.removeprefix("file://") or not os.path.isdir(path):
            return None, False
        folder = os.path.normpath(os.path.join(path, root))
        try:
            config = work_tree_config(folder, os.environ)
        except ConfigError:
            return None, False
        if config is None or config.cache_dir is None:
            return None, False
        options = {"shared": "group"} if config.cache_shared else {}
        cache = RemoteConfig(f"cache of {self.git_remote}", config.cache_dir, options, path)
        return cache, self._pushes_there() and (_is_ours(folder) or _is_below(config.cache_dir, folder))

    def _pushes_there(self) -> bool:
        """Do pushes to the Git remote go where fetches come from, and nowhere else?"""
        config = self.repository.config
        several = len(config.get_all(f"remote.{self.git_remote}.url")) > 1
        return not several and not config.get_all(f"remote.{self.git_remote}.pushurl")


def is_absent(config: RemoteConfig) -> bool:
    """Is it a folder that is not there? A share that is not mounted looks like one that nobody has made yet."""
    return "://" not in config.url and not os.path.isdir(config.url)


def _is_ours(folder: str) -> bool:
    """Is the DVC root `folder` this user's? What somebody else has configured does not lead our writing elsewhere."""
    return os.stat(os.path.join(folder, ".dvc")).st_uid == os.geteuid()


def _is_below(path: str, folder: str) -> bool:
    """Does `path` lie in `folder`, links followed?"""
    top = os.path.realpath(folder)
    return os.path.commonpath([top, os.path.realpath(path)]) == top
