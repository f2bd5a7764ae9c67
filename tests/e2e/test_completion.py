"""What real shells make of `git exp <TAB>`: bash and fish are asked, zsh is typed into."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.sharing import Sharing, exp
from tests.support.shell import git, sh

FILES = ROOT / "lib" / "dvcexp" / "completion"
HOSTILE = "$(touch${IFS}pwned)"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Experiments `a` and `b` here, and one on the Git host alone; completion lies where install.sh links it."""
    data = Path(os.environ["XDG_DATA_HOME"])
    for folder, name in (
        ("bash-completion/completions", "git-exp"),
        ("zsh/site-functions", "_git-exp"),
        ("fish/vendor_conf.d", "git-exp.fish"),
    ):
        (data / folder).mkdir(parents=True)
        (data / folder / name).symlink_to(FILES / name)
    sharing = Sharing(tmp_path, helper=True)
    there = sharing.project.experiment("there-alone", {"model.bin": b"x"})
    git("push", "-q", "origin", there, cwd=sharing.alice)
    git("update-ref", "-d", there, cwd=sharing.alice)
    return sharing.alice


def bash(project: Path, line: str) -> list[str]:
    """What bash would put in place of the last word of `line`, one if it is the only choice."""
    words = [*shlex.split(line), *([""] if line.endswith(" ") else [])]
    command = "__git_wrap__git_main" if words[0] == "git" else "__git_wrap_git_exp"
    script = (
        "source /usr/share/bash-completion/bash_completion; _completion_loader git; _completion_loader git-exp\n"
        f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1} COMP_LINE={shlex.quote(line)}\n"
        f"COMP_POINT={len(line)}; {command}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    return sorted(word for word in sh("bash", "--norc", "-c", script, cwd=project).stdout.split("\n") if word)


def fish(project: Path, line: str) -> list[str]:
    done = sh("fish", "-c", f"complete -C {shlex.quote(line)}", cwd=project)
    return sorted(line.partition("\t")[0] for line in done.stdout.splitlines())


def zsh(project: Path, line: str) -> str:
    """The command that zsh runs after `line` and the key Tab; `git` itself only prints."""
    start = (
        "PROMPT='ready> '; fpath+=($XDG_DATA_HOME/zsh/site-functions); autoload -U compinit; compinit -D -u;"
        ' git() { print -r -- "RAN<$*>"; }\n'
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project)
        os.execvpe("zsh", ["zsh", "-f"], {**os.environ, "TERM": "dumb"})
    said = ""
    steps = [("% ", start), ("ready> ", f"{line}\t"), ("", "\n")]
    deadline = time.monotonic() + 60
    while (ran := re.search(r"[\r\n]RAN<(.*)>", said)) is None and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1.5)[0]:
            said += os.read(terminal, 65536).decode("utf-8", "replace")
        elif steps:
            os.write(terminal, steps.pop(0)[1].encode())
    os.close(terminal)
    os.waitpid(pid, 0)
    assert ran is not None, said
    return ran[1]


def test_bash_knows_verbs_options_and_names(project: Path) -> None:
    assert bash(project, "git exp pu") == ["pull ", "push "]
    assert bash(project, "git exp push origin ") == ["a ", "b ", "there-alone "]
    assert bash(project, "git exp push o") == ["origin "]
    assert bash(project, "git exp push origin a -r ") == ["storage "]
    assert bash(project, "git exp apply ") == ["a ", "b "]
    assert "--dry-run " in bash(project, "git exp push --d")
    assert "--rev=" in bash(project, "git exp list --re")
    assert bash(project, "git exp list --rev=ma") == ["main "]
    assert bash(project, "git-exp pu") == ["pull ", "push "]


def test_fish_knows_verbs_options_and_names(project: Path) -> None:
    assert fish(project, "git exp pu") == ["pull", "push"]
    assert fish(project, "git exp push origin ") == ["a", "b", "there-alone"]
    assert "--dry-run" in fish(project, "git exp push --d")
    assert fish(project, "git-exp pul") == ["pull"]


def test_zsh_knows_verbs_options_and_names(project: Path) -> None:
    assert zsh(project, "git exp pul") == "exp pull"
    assert zsh(project, "git exp push origin the") == "exp push origin there-alone"
    assert zsh(project, "git exp push --dry") == "exp push --dry-run"


def test_a_name_that_the_shell_would_run_is_quoted(project: Path) -> None:
    """Anybody can name an experiment; who presses Tab and Enter runs nothing of it."""
    head = git("rev-parse", "HEAD", cwd=project)
    ref = f"refs/exps/{head[:2]}/{head[2:]}"
    git("update-ref", f"{ref}/x{HOSTILE}", git("rev-parse", f"{ref}/a", cwd=project), cwd=project)
    (word,) = bash(project, "git exp apply x")
    assert sh("bash", "-c", f"printf %s {word}", cwd=project).stdout == f"x{HOSTILE}"
    assert zsh(project, "git exp rename x") == f"exp rename x{HOSTILE}"
    assert f"x{HOSTILE}" in fish(project, "git exp apply x")[0].replace("\\", "")
    assert not (project / "pwned").exists()


def test_what_cannot_be_known_is_nothing_and_no_noise(project: Path, tmp_path: Path) -> None:
    (tmp_path / "nowhere").mkdir()
    done = exp("__complete", "--", "push", "origin", "", cwd=tmp_path / "nowhere")
    assert (done.stdout, done.stderr) == ("", "")
    assert exp("__complete", "--", "no-such-verb", "", cwd=project).stdout == ""
