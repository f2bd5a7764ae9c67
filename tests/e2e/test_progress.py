"""Meters as a user sees them: in Git's look, for every phase, when and where Git shows its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.http_recorder import Answer, Asked, recorder
from tests.support.sharing import Sharing, exp, experiments
from tests.support.shell import git, sh
from tests.support.terminal import on_terminal

SIZE = r"[\d.]+ (?:bytes?|[KMG]iB)"
# Git's own meters have the same look: those of a push or fetch are found with ours.
ROW = re.compile(
    rf"(?P<title>[A-Z][^:]*): (?:(?P<percent>[ \d]{{3}})% \(\d+/\d+\)|\d+)(?:, {SIZE} \| {SIZE}/s)?(?P<end>, done\.)? *"
)
ALL_REFS = "refs/exps/*:refs/exps/*"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_PROGRESS_DELAY", "0")
    monkeypatch.setenv("GIT_PAGER", "cat")


@pytest.fixture
def team(tmp_path: Path) -> Sharing:
    return Sharing(tmp_path, helper=True)


def meters(text: str) -> dict[str, list[re.Match[str]]]:
    """Title -> the rows that were shown of it."""
    found: dict[str, list[re.Match[str]]] = {}
    for piece in re.split(r"[\r\n]", text):
        row = ROW.fullmatch(piece)
        if row is not None:
            found.setdefault(row["title"], []).append(row)
    return found


def completed(*argv: str | Path, cwd: Path) -> set[str]:
    """The titles of what a command shows on a terminal; each grows to the end and is done once."""
    shown = on_terminal(*argv, cwd=cwd)
    assert shown.code == 0, shown.text
    found = meters(shown.text)
    for title, rows in found.items():
        percents = [int(row["percent"] or 100) for row in rows]
        assert percents == sorted(percents), title
        assert percents[-1] == 100, title
        assert [row["end"] for row in rows] == [None] * (len(rows) - 1) + [", done."], title
    return set(found)


class TestPhases:
    def test_of_push_pull_and_fsck(self, team: Sharing) -> None:
        assert completed("git", "exp", "push", "origin", "a", cwd=team.alice) >= {
            "Reading experiments",
            "Checking DVC remote 'storage'",
            "Uploading objects",
        }
        bob = team.clone("bob")
        assert completed("git", "exp", "pull", "origin", "a", cwd=bob) >= {
            "Reading experiments",
            "Downloading directories",
            "Downloading objects",
        }
        assert completed("git", "exp", "fsck", "--remote", cwd=bob) == {
            "Reading experiments",
            "Checking directories",
            "Checking objects",
            "Checking DVC remote 'storage'",
        }

    def test_of_what_changes_the_work_tree(self, team: Sharing) -> None:
        phases = {"Comparing files", "Putting files in place"}
        assert completed("git", "exp", "apply", "a", cwd=team.alice) == {"Putting files in place"}
        (team.alice / "model.bin").write_bytes(b"mine")
        assert completed("git", "exp", "checkout", "--force", cwd=team.alice) == phases
        assert completed("git", "exp", "apply", "b", cwd=team.alice) == phases

    def test_of_one_large_object_on_its_way(self, team: Sharing) -> None:
        team.project.experiment("large", {"model.bin": bytes(3 << 20)})
        with recorder() as server:
            stored: dict[str, bytes] = {}

            def answer(asked: Asked) -> Answer:
                if asked.method == "PUT":
                    stored[asked.path] = asked.body
                return Answer(200 if asked.path in stored else 404, stored.get(asked.path, b""))

            server.answer = answer
            options = f"    url = http://127.0.0.1:{server.port}/dvc\n    method = PUT\n"
            (team.alice / ".dvc" / "config.local").write_text(f"['remote \"web\"']\n{options}")
            up = on_terminal("git", "exp", "push", "-r", "web", "-j", "1", "origin", "large", cwd=team.alice)
            assert up.code == 0, up.text
            shutil.rmtree(team.project.cache)
            down = on_terminal("git", "exp", "fetch", "-r", "web", "-j", "1", "large", cwd=team.alice)
            assert down.code == 0, down.text
        for title, text in (("Uploading objects", up.text), ("Downloading objects", down.text)):
            # The first row is that of the first bytes, the last one counts nothing twice.
            assert f"{title}:   0% (0/1), " in text
            assert f"{title}: 100% (1/1), 3.00 MiB | " in text

    def test_a_command_in_the_background_shows_the_end_alone(self, team: Sharing) -> None:
        shown = on_terminal("bash", "-mc", "git exp push origin a & wait", cwd=team.alice)
        assert [row["end"] for row in meters(shown.text)["Uploading objects"]] == [", done."]


@pytest.mark.parametrize("way", ["helper", "hook", "git exp"])
def test_who_wants_a_meter_of_a_push_gets_one(way: str, tmp_path: Path) -> None:
    team = Sharing(tmp_path, helper=way == "helper")
    if way == "hook":
        hook = Path(__file__).parents[2] / "hooks" / "pre-push"
        (team.alice / ".git" / "hooks").mkdir(exist_ok=True)
        (team.alice / ".git" / "hooks" / "pre-push").symlink_to(hook)
    command = ("git", "exp", "push", "-A", "origin") if way == "git exp" else ("git", "push", "origin", ALL_REFS)

    def run(option: str, *, terminal: bool) -> str:
        shutil.rmtree(team.storage, ignore_errors=True)
        team.storage.mkdir()
        for ref in experiments(team.host):
            git("update-ref", "-d", ref, cwd=team.host)
        argv = [*command, *option.split()]
        text = on_terminal(*argv, cwd=team.alice).text if terminal else sh(*argv, cwd=team.alice).stderr
        assert len(experiments(team.host)) == 2, text
        assert ("dvcexp: uploaded" in text) is ("-q" not in option)
        return text

    decide(run, "Uploading objects", "Writing objects")


def test_who_wants_a_meter_of_a_fetch_gets_one(team: Sharing) -> None:
    exp("push", "-q", "-A", "origin", cwd=team.alice)
    bob = team.clone("bob")

    def run(option: str, *, terminal: bool) -> str:
        shutil.rmtree(bob / ".dvc" / "cache", ignore_errors=True)
        for ref in experiments(bob):
            git("update-ref", "-d", ref, cwd=bob)
        argv = ["git", "fetch", "origin", ALL_REFS, *option.split()]
        text = on_terminal(*argv, cwd=bob).text if terminal else sh(*argv, cwd=bob).stderr
        assert len(experiments(bob)) == 2, text
        return text

    decide(run, "Downloading objects")


def decide(run: Callable[..., str], *titles: str) -> None:
    """Git's rules, by which Git's own meter of the same command comes and goes."""
    for option, terminal, expected in (
        ("", True, True),
        ("", False, False),
        ("--progress", False, True),
        ("--no-progress", True, False),
        ("-q", True, False),
        ("-q --progress", False, True),
    ):
        found = meters(run(option, terminal=terminal))
        assert [title in found for title in titles] == [expected] * len(titles), (option, terminal)
