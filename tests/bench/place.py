"""Where the benchmark happens, and how large it is."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Scale(NamedTuple):
    """How large the cases are.

    experiments: how many at a time. files, large: of the one large experiment; so many small ones, so many bytes in
    one. directories: files in one. host: experiments on a Git host. served, served_large: the same as files and large,
    on servers.
    """

    experiments: tuple[int, ...]
    files: int
    large: int
    directories: tuple[int, ...]
    host: int
    served: int
    served_large: int


SCALES = {
    "tiny": Scale((3,), 20, 1 << 20, (30,), 20, 20, 1 << 20),
    "full": Scale((200, 2000), 10_000, 512 << 20, (100_000,), 10_000, 5_000, 64 << 20),
}
SCALES["huge"] = SCALES["full"]._replace(directories=(100_000, 1_000_000))


class Place(NamedTuple):
    """folder: everything below it is ours. env: of every command."""

    folder: Path
    env: Mapping[str, str]
    scale: Scale

    def discard(self, *paths: Path) -> None:
        """Put `paths` out of the way.

        They are not deleted while there is still something to measure: ext4 does not use the inodes of what was deleted
        in the last minutes again, and passing over them makes a new file up to ten times as expensive.
        """
        trash = self.folder / "trash"
        trash.mkdir(exist_ok=True)
        for path in paths:
            if path.exists():
                os.rename(path, trash / str(len(os.listdir(trash))))

    def copy(self, source: Path, target: Path) -> None:
        """Make `target`, a folder, what `source` is."""
        self.discard(target)
        subprocess.run(["cp", "-r", source, target], check=True)

    def forget(self) -> None:
        """Put away what DVC has noted outside of projects about remotes."""
        self.discard(Path(self.env["DVC_SITE_CACHE_DIR"]))


_DROP_CACHES = Path("/proc/sys/vm/drop_caches")


def can_drop_caches() -> bool:
    """Does the kernel let us make it forget the files that it has read?"""
    return os.access(_DROP_CACHES, os.W_OK)


def drop_caches() -> None:
    """Make the kernel forget the files that it has read, programs too. All else on the machine is slower after it."""
    os.sync()
    _DROP_CACHES.write_text("3\n")


def make_place(folder: Path, scale: Scale) -> Place:
    """Isolated as the tests are: a HOME of its own, no other configuration, and dvcexp as install.sh installs it."""
    home, programs = folder / "home", folder / "bin"
    for path in (home, programs):
        path.mkdir(parents=True)
    (home / ".gitconfig").write_text(
        "[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
        "[user]\n\tname = Ada\n\temail = ada@example.com\n"
    )
    for command, module in (("git-exp", "dvcexp.cli"), ("git-remote-dvcexp", "dvcexp.helper")):
        _install(programs / command, module)
    kept = {name: value for name, value in os.environ.items() if name in ("LANG", "TMPDIR", "TERM", "USER")}
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {
        "HOME": str(home),
        "PATH": path,
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(home / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "dvc-system"),
    }
    return Place(folder, {**kept, **own}, scale)


def _install(path: Path, module: str) -> None:
    """The start that install.sh gives a command, for the sources here."""
    lines = [f"#!{sys.executable} -IS", "import sys", ""]
    lines += [f"sys.path.append({folder!r})" for folder in (str(ROOT / "lib"), sysconfig.get_path("purelib"))]
    lines += ["", f"from {module} import main", "", "main()", ""]
    path.write_text("\n".join(lines))
    path.chmod(0o755)
