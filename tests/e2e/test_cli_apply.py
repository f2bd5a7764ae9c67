"""`git exp apply` and `git exp checkout` where no DVC is: what is refused, what is hostile, what fails half-way."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from tests.support.sharing import exp, experiments
from tests.support.shell import git, sh, write_program
from tests.support.team import Project, Team, dvc_file, put
from tests.support.workspaces import differences, snapshot

DATA = {"a.bin": b"a" * 100, "sub/b.bin": b"b" * 200, "empty": b""}
NAMED: dict[str, bytes | dict[str, bytes]] = {"data": DATA, "model": b"model", "other": b"other"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Team(tmp_path).project()


def names(stderr: str) -> list[str]:
    """The files that an error lists."""
    return [line.removeprefix("error:   ") for line in stderr.splitlines() if line.startswith("error:   ")]


def refused(path: Path, *arguments: str) -> str:
    """What is said when it is refused; nothing has been changed."""
    before = snapshot(path)
    done = exp(*arguments, cwd=path, check=False)
    assert done.code == 1, done
    assert differences(before, snapshot(path)) == []
    assert not list((path / ".git").glob("dvcexp/apply-*"))
    return done.stderr


class TestMissing:
    def test_data_is_named_with_the_command_that_fetches_it(self, project: Project) -> None:
        project.with_output("e", DATA, "data")
        (project.cache / "files/md5/" / put(project.cache, b"a" * 100)[:2]).rename(project.path / "gone")
        assert refused(project.path, "apply", "e") == (
            "error: applying 'e' needs data that is not in the cache; nothing has been changed\n"
            "error:   data/a.bin\n"
            "hint: git exp fetch e\n"
        )

    def test_a_directorys_list_is_missed_by_its_own_name(self, project: Project) -> None:
        project.with_output("e", DATA, "data")
        for path in project.cache.rglob("*.dir"):
            path.unlink()
        assert names(refused(project.path, "apply", "e")) == ["data"]

    def test_the_hinted_command_makes_up_for_it(self, project: Project) -> None:
        project.with_output("e", DATA, "data")
        project.push()
        shutil.rmtree(project.cache)
        assert "hint: git exp fetch e\n" in refused(project.path, "apply", "e")
        exp("fetch", "e", cwd=project.path)
        exp("apply", "e", cwd=project.path)
        assert contents(project.path / "data") == DATA

    def test_fetch_comes_first_if_asked(self, project: Project) -> None:
        ref = project.with_output("e", DATA, "data")
        project.push()
        shutil.rmtree(project.cache)
        tip = experiments(project.path)[ref]
        git("update-ref", "-d", ref, cwd=project.path)
        assert f"hint: git exp apply --fetch {tip}\n" in refused(project.path, "apply", tip)
        exp("apply", "--fetch", tip, cwd=project.path)
        assert contents(project.path / "data") == DATA
        shutil.rmtree(project.path / "data")
        shutil.rmtree(project.cache)
        git("add", "-A", cwd=project.path)
        git("commit", "-q", "-m", "taken", cwd=project.path)
        assert "hint: git exp checkout --fetch\n" in refused(project.path, "checkout")
        assert exp("checkout", "--fetch", cwd=project.path).stdout == "A       data/\n"
        assert contents(project.path / "data") == DATA

    def test_the_hinted_command_brings_what_fetches_leave_out(self, project: Project) -> None:
        project.with_output("e", DATA, "data")
        project.push()
        shutil.rmtree(project.cache)
        git("config", "dvcexp.fetchExclude", "/data/sub/", cwd=project.path)
        exp("fetch", "e", cwd=project.path)
        assert (
            "hint: git exp apply --fetch e: it brings also what dvcexp.fetchInclude or dvcexp.fetchExclude leaves out\n"
        ) in refused(project.path, "apply", "e")
        exp("apply", "--fetch", "e", cwd=project.path)
        assert contents(project.path / "data") == DATA

    def test_a_path_is_all_that_is_fetched(self, project: Project) -> None:
        files = {path: dvc_file(path, put(project.cache, content)) for path, content in NAMED.items()}
        project.experiment("e", {f"{path}.dvc": text for path, text in files.items()})
        project.push()
        git("merge", "-q", "--ff-only", experiments(project.path).popitem()[1], cwd=project.path)
        shutil.rmtree(project.cache)
        hint = "hint: git exp checkout --fetch data/sub model\n"
        assert hint in refused(project.path, "checkout", "data/sub", "model")
        exp("checkout", "--fetch", "data/sub", "model", cwd=project.path)
        assert contents(project.path / "data") == {"sub/b.bin": b"b" * 200}
        brought = {path.read_bytes() for path in project.cache.rglob("*") if path.is_file() and path.suffix != ".dir"}
        assert brought == {b"b" * 200, b"model"}
        exp("checkout", "--fetch", cwd=project.path)
        assert (project.path / "other").read_bytes() == b"other"

    def test_what_is_right_in_the_work_tree_is_not_missed(self, project: Project) -> None:
        project.with_output("e", {"a": b"1"}, "data")
        exp("apply", "e", cwd=project.path)
        for path in project.cache.rglob("*"):
            if path.is_file() and path.suffix != ".dir":
                path.unlink()
        exp("apply", "e", cwd=project.path)

    def test_a_damaged_object_that_could_be_written_to_is_not_used(self, project: Project) -> None:
        project.with_output("e", b"content")
        (damaged,) = (path for path in project.cache.rglob("*") if path.is_file())
        damaged.chmod(0o644)
        damaged.write_bytes(b"consent")
        assert refused(project.path, "apply", "e") == (
            "error: applying 'e' needs data that is not in the cache; nothing has been changed\n"
            "error:   model\n"
            "hint: git exp fsck: some of it is in the cache, but damaged\n"
        )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class TestNames:
    def test_a_revision_comes_before_an_experiment_of_that_name(self, project: Project) -> None:
        project.with_output("main", b"of the experiment")
        exp("apply", "main", cwd=project.path)
        assert not (project.path / "model").exists()
        ref = next(ref for ref in experiments(project.path) if ref.endswith("/main"))
        exp("apply", ref, cwd=project.path)
        assert (project.path / "model").read_bytes() == b"of the experiment"

    def test_of_several_the_one_based_on_head_is_meant(self, project: Project) -> None:
        project.with_output("e", b"first")
        project.write("later", "x")
        project.commit("later")
        project.with_output("e", b"second")
        exp("apply", "e", cwd=project.path)
        assert (project.path / "model").read_bytes() == b"second"
        git("checkout", "-q", "--orphan", "elsewhere", cwd=project.path)
        git("commit", "-q", "-m", "elsewhere", cwd=project.path)
        assert "error: there are 2 experiments called 'e'\n" in refused(project.path, "apply", "--force", "e")

    def test_an_unknown_word_is_refused(self, project: Project) -> None:
        assert refused(project.path, "apply", "nope") == (
            "error: 'nope' is neither a revision nor an experiment\nhint: git exp list --all-commits\n"
        )

    def test_a_bare_repository_has_nothing_to_put_it_in(self, project: Project) -> None:
        git("clone", "-q", "--bare", project.path, "bare.git", cwd=project.path.parent)
        done = exp("apply", "main", cwd=project.path.parent / "bare.git", check=False)
        assert (done.code, done.stderr.splitlines()[0]) == (1, "error: this repository has no work tree")

    def test_a_repository_without_a_commit(self, tmp_path: Path) -> None:
        git("init", "-q", "empty", cwd=tmp_path)
        done = exp("checkout", cwd=tmp_path / "empty")
        assert (done.stdout, done.stderr) == ("", "")


class TestTheUndo:
    def test_is_dvcs(self, project: Project) -> None:
        project.write("params.yaml", "n: 1\n")
        project.write("mine.txt", "mine\n")
        git("add", "params.yaml", cwd=project.path)
        git("commit", "-q", "-m", "params", cwd=project.path)
        project.experiment("e", {"params.yaml": "n: 2\n", "mine.txt": "theirs\n"})
        project.write("params.yaml", "n: 3\n")
        project.write("mine.txt", "mine\n")
        assert names(refused(project.path, "apply", "e")) == ["mine.txt", "params.yaml"]
        exp("apply", "--force", "e", cwd=project.path)
        assert (project.path / "mine.txt").read_text() == "theirs\n"
        git("reset", "-q", "--hard", cwd=project.path)
        (project.path / "mine.txt").unlink()
        git("stash", "apply", "refs/exps/apply/stash", cwd=project.path)
        assert (project.path / "params.yaml").read_text() == "n: 3\n"
        assert (project.path / "mine.txt").read_text() == "mine\n"

    def test_needs_no_name_in_git(self, project: Project) -> None:
        project.with_output("e", b"x")
        project.write("mine.txt", "mine\n")
        nobody = {f"GIT_{role}_{what}": "" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        exp("apply", "e", cwd=project.path, env={**nobody, "EMAIL": ""})
        assert git("show", "refs/exps/apply/stash^3:mine.txt", cwd=project.path) == "mine"


class TestHooks:
    def test_none_runs(self, project: Project) -> None:
        project.write("params.yaml", "n: 1\n")
        project.commit("params")
        project.experiment("e", {"params.yaml": "n: 2\n"})
        ran = project.path.parent / "ran"
        for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit", "post-commit"):
            write_program(project.path / ".git" / "hooks" / hook, f"#!/bin/sh\necho {hook} >>{ran}\n")
        project.write("params.yaml", "n: 3\n")
        git("add", "params.yaml", cwd=project.path)
        ran.unlink()
        exp("apply", "--force", "e", cwd=project.path)
        assert not ran.exists()


class TestRepositories:
    def test_every_dvc_root_is_looked_after_from_any_folder(self, project: Project) -> None:
        inner = project.path / "deep" / "inner"
        for name in (".dvc/config", ".dvc/.gitignore"):
            project.write(f"deep/inner/{name}", (project.path / name).read_text())
        project.commit("inner")
        files = {
            "outer.dvc": dvc_file("outer", put(project.cache, b"outer")),
            "deep/inner/in.dvc": dvc_file("in", put(inner / ".dvc" / "cache", {"x": b"inner"})),
        }
        project.experiment("e", files)
        exp("apply", "e", cwd=project.path / "deep")
        assert (project.path / "outer").read_bytes() == b"outer"
        assert (inner / "in" / "x").read_bytes() == b"inner"
        shutil.rmtree(inner / "in")
        (project.path / "outer").unlink()
        assert exp("checkout", ".", cwd=inner).stdout == "A       in/\n"
        assert exp("checkout", cwd=inner).stdout == "A       ../../outer\n"

    def test_a_root_that_the_experiment_brings(self, project: Project) -> None:
        inner = project.path / "new"
        files = {"new/.dvc/config": "", "new/in.dvc": dvc_file("in", put(inner / ".dvc" / "cache", b"inner"))}
        project.experiment("e", files)
        put(inner / ".dvc" / "cache", b"inner")
        exp("apply", "e", cwd=project.path)
        assert (inner / "in").read_bytes() == b"inner"

    def test_a_linked_worktree_is_one_of_its_own(self, project: Project) -> None:
        project.with_output("e", b"x")
        linked = project.path.parent / "linked"
        git("worktree", "add", "-q", "--detach", linked, cwd=project.path)
        put(linked / ".dvc" / "cache", b"x")
        exp("apply", "e", cwd=linked)
        assert (linked / "model").read_bytes() == b"x"
        assert not (project.path / "model").exists()
        assert git("status", "--porcelain", cwd=project.path) == ""
        assert git("diff", "--cached", "--name-only", cwd=linked) == ""

    def test_sha256(self, tmp_path: Path) -> None:
        path = tmp_path / "p"
        git("init", "-q", "--object-format=sha256", path, cwd=tmp_path)
        (path / ".dvc").mkdir()
        (path / ".dvc" / "config").write_text("")
        (path / ".dvc" / ".gitignore").write_text("/cache\n/tmp\n")
        (path / "model.dvc").write_text(dvc_file("model", put(path / ".dvc" / "cache", b"one")))
        git("add", "-A", cwd=path)
        git("commit", "-q", "-m", "one", cwd=path)
        (path / "model.dvc").write_text(dvc_file("model", put(path / ".dvc" / "cache", b"two")))
        (path / "link").symlink_to("model.dvc")
        git("add", "-A", cwd=path)
        git("commit", "-q", "-m", "two", cwd=path)
        exp("checkout", cwd=path)
        exp("apply", "HEAD~1", cwd=path)
        assert (path / "model").read_bytes() == b"one"
        assert not (path / "link").is_symlink()
        (path / "link").symlink_to("elsewhere")
        assert names(refused(path, "apply", "HEAD")) == ["link"]

    def test_submodules_are_left_alone(self, project: Project, tmp_path: Path) -> None:
        git("init", "-q", "other", cwd=tmp_path)
        git("commit", "-q", "--allow-empty", "-m", "one", cwd=tmp_path / "other")
        git("-c", "protocol.file.allow=always", "submodule", "add", "-q", tmp_path / "other", "sub", cwd=project.path)
        project.commit("sub")
        git("config", "submodule.recurse", "true", cwd=project.path)
        base = project.head()
        git("commit", "-q", "--allow-empty", "-m", "two", cwd=project.path / "sub")
        there = git("rev-parse", "HEAD", cwd=project.path / "sub")
        project.write("params.yaml", "n: 2\n")
        project.commit("moved")
        git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/e", "HEAD", cwd=project.path)
        git("reset", "-q", "--hard", "--no-recurse-submodules", base, cwd=project.path)
        (project.path / "sub" / "mine").write_text("mine")
        exp("apply", "e", cwd=project.path)
        assert git("rev-parse", "HEAD", cwd=project.path / "sub") == there
        assert (project.path / "sub" / "mine").read_text() == "mine"
        assert (project.path / "params.yaml").read_text() == "n: 2\n"

    def test_filters_and_line_ends_are_gits(self, project: Project) -> None:
        project.experiment(
            "e", {".gitattributes": "*.txt text eol=crlf\n*.up filter=up\n", "a.txt": "a\n", "b.up": "b\n"}
        )
        git("config", "filter.up.smudge", "tr a-z A-Z", cwd=project.path)
        git("config", "filter.up.clean", "tr A-Z a-z", cwd=project.path)
        exp("apply", "e", cwd=project.path)
        assert (project.path / "a.txt").read_bytes() == b"a\r\n"
        assert (project.path / "b.up").read_bytes() == b"B\n"
        exp("apply", "HEAD", cwd=project.path)
        assert (project.path / ".gitattributes").exists()  # untracked files survive, as with DVC
        exp("apply", "e", cwd=project.path)

    def test_a_merge_under_way_is_not_disturbed(self, project: Project) -> None:
        project.write("f", "base\n")
        project.commit("base")
        git("checkout", "-q", "-b", "side", cwd=project.path)
        project.write("f", "side\n")
        project.commit("side")
        git("checkout", "-q", "main", cwd=project.path)
        project.write("f", "main\n")
        project.commit("main")
        git("merge", "side", cwd=project.path, check=False)
        said = refused(project.path, "apply", "--force", "side")
        assert said.startswith("error: a merge is under way here; nothing has been changed\nerror:   f\n")


class TestHostile:
    """A commit from elsewhere writes nothing outside of the work tree, and nothing that Git or DVC would run."""

    def victim(self, project: Project) -> Path:
        folder = project.path.parent / "victim"
        folder.mkdir()
        (folder / "a").write_text("precious")
        return folder

    @pytest.mark.parametrize("force", [[], ["--force"]])
    @pytest.mark.parametrize("content", [b"evil", {"a": b"evil"}], ids=["file", "directory"])
    def test_an_output_behind_a_link_of_the_commit(
        self, project: Project, force: list[str], content: bytes | dict[str, bytes]
    ) -> None:
        victim = self.victim(project)
        git("checkout", "-q", "--detach", cwd=project.path)
        (project.path / "door").symlink_to(victim)
        path = "door/a" if isinstance(content, bytes) else "door"
        project.write("evil.dvc", dvc_file(path, put(project.cache, content)))
        evil = project.commit("evil")
        git("checkout", "-q", "main", cwd=project.path)
        said = refused(project.path, "apply", *force, evil)
        assert "in Git\n" in said
        assert contents(victim) == {"a": b"precious"}

    def test_an_output_behind_a_link_of_the_users(self, project: Project) -> None:
        victim = self.victim(project)
        project.experiment("e", {"evil.dvc": dvc_file("door/a", put(project.cache, b"evil"))})
        (project.path / "door").symlink_to(victim)
        for options in ([], ["--force"]):
            assert refused(project.path, "apply", *options, "e") == (
                "error: 'door' is in the way: it is not a folder\nhint: move it elsewhere, then run it again\n"
            )
        assert contents(victim) == {"a": b"precious"}

    def test_a_file_of_git_behind_a_link_of_the_users(self, project: Project) -> None:
        victim = self.victim(project)
        project.experiment("e", {"door/a": "evil", "door/b": "evil"})
        (project.path / "door").symlink_to(victim)
        assert names(refused(project.path, "apply", "e")) == ["door"]
        exp("apply", "--force", "e", cwd=project.path)
        assert contents(victim) == {"a": b"precious"}
        assert contents(project.path / "door") == {"a": b"evil", "b": b"evil"}

    @pytest.mark.parametrize(
        "relpath", [".git/hooks/post-checkout", "x/.git/config", ".GIT/config", ".dvc/config.local", "x/.dvc /config"]
    )
    def test_files_in_the_innards_of_a_repository(self, project: Project, relpath: str) -> None:
        project.with_output("e", {relpath: b"evil", "ok": b"fine"}, "data")
        assert "lies where Git or DVC keep their own files\n" in refused(project.path, "apply", "--force", "e")

    @pytest.mark.parametrize("path", [".git/hooks/post-checkout", "sub/.git/config", ".dvc/config.local", ".dvc/tmp/x"])
    def test_outputs_in_the_innards_of_a_repository(self, project: Project, path: str) -> None:
        project.experiment("e", {"evil.dvc": dvc_file(path, put(project.cache, b"evil"))})
        before = sorted((project.path / ".git" / "hooks").iterdir())
        exp("apply", "--force", "e", cwd=project.path, check=False)
        assert sorted((project.path / ".git" / "hooks").iterdir()) == before
        assert not (project.path / path).exists()

    def test_lists_that_contradict_themselves(self, project: Project) -> None:
        rows = '[{{"md5": "{0}", "relpath": "a"}}, {{"md5": "{0}", "relpath": "a/b"}}]'.format(put(project.cache, b"x"))
        project.experiment("e", {"data.dvc": dvc_file("data", put_raw(project.cache, rows.encode()))})
        assert "is both a file and a folder\n" in refused(project.path, "apply", "e")

    def test_dvcs_scratch_files_stay_out(self, project: Project) -> None:
        git("checkout", "-q", "--detach", cwd=project.path)
        for name in (".dvc/tmp/repro.dat", ".dvc/cache/files/md5/aa/bb", ".dvc/config.local"):
            project.write(name, "evil")
            git("add", "-f", name, cwd=project.path)
        project.write("params.yaml", "n: 2\n")
        evil = project.commit("evil")
        git("checkout", "-q", "main", cwd=project.path)
        exp("apply", evil, cwd=project.path)
        assert (project.path / "params.yaml").read_text() == "n: 2\n"
        for name in (".dvc/tmp/repro.dat", ".dvc/cache/files/md5/aa/bb", ".dvc/config.local"):
            assert not (project.path / name).exists(), name

    def test_names_are_shown_harmless(self, project: Project) -> None:
        git("checkout", "-q", "--detach", cwd=project.path)
        project.write("\x1b[31mred", "theirs")
        evil = project.commit("evil")
        git("checkout", "-q", "main", cwd=project.path)
        project.write("\x1b[31mred", "mine")
        assert names(refused(project.path, "apply", evil)) == ["\\x1b[31mred"]


def put_raw(cache: Path, manifest: bytes) -> str:
    """A manifest as it is, in the cache."""
    oid = put(cache, manifest)
    path = cache / "files" / "md5" / oid[:2]
    (path / oid[2:]).rename(path / f"{oid[2:]}.dir")
    return f"{oid}.dir"


class TestHalfWay:
    """Every file is either old or new, and the same command completes it."""

    def test_a_full_disk(self, project: Project, tmp_path: Path) -> None:
        project.write("big.txt", "old\n")
        project.commit("big")
        old = {"a": b"old a", "b": b"old b"}
        new = {"a": b"new a", "b": b"n" * 400_000, "c": b"new c"}
        project.experiment("old", {"data.dvc": dvc_file("data", put(project.cache, old))})
        project.experiment("new", {"data.dvc": dvc_file("data", put(project.cache, new)), "big.txt": "new\n"})
        exp("apply", "old", cwd=project.path)
        # No file may grow beyond this: the write of the large one fails in its middle, as on a full disk.
        done = sh("bash", "-c", "ulimit -f 200; trap '' XFSZ; git exp apply new", cwd=project.path, check=False)
        assert done.code == 1, done
        assert "Traceback" not in done.stderr
        lines = done.stderr.splitlines()
        assert lines[0].startswith("error: cannot write to the work tree: ")
        assert lines[-1].endswith("'git exp apply new' goes on where it stopped")
        there = contents(project.path / "data")
        assert set(there) <= {"a", "b", "c"}
        assert all(content in (old.get(name), new[name]) for name, content in there.items())
        assert (project.path / "big.txt").read_text() == "new\n"
        exp("apply", "new", cwd=project.path)
        assert contents(project.path / "data") == new

    def test_killed_in_the_middle(self, project: Project) -> None:
        files = {f"f{number}": b"%d" % number for number in range(300)}
        project.experiment("e", {"data.dvc": dvc_file("data", put(project.cache, files))})
        project.path.joinpath("data").mkdir()
        unfinished = project.path / "data" / ".abcdefghijklmnopqrstuv.tmp"
        unfinished.write_text("half of someth")  # what a kill -9 leaves
        exp("apply", "e", cwd=project.path)
        assert contents(project.path / "data") == files

    def test_what_a_killed_one_has_left_in_the_git_directory_goes(self, project: Project) -> None:
        project.with_output("e", b"x")
        left = project.path / ".git" / "dvcexp" / "apply-killed" / "files"
        left.mkdir(parents=True)
        exp("apply", "e", cwd=project.path)
        assert not left.parent.exists()

    def test_where_dvc_is_at_work_nothing_is_done(self, project: Project) -> None:
        project.with_output("e", b"x")
        lock = project.path / ".dvc" / "tmp" / "lock"
        lock.parent.mkdir()
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            for arguments in (["apply", "e"], ["checkout"]):
                assert "error: another DVC or git exp command is at work here: " in refused(project.path, *arguments)
        exp("apply", "e", cwd=project.path)

    def test_another_experiment_after_one_that_broke_off(self, project: Project) -> None:
        """The files of the first are in no commit of HEAD and were not applied; but an experiment has them."""
        project.write("params.yaml", "n: 1\n")
        project.commit("params")
        project.experiment("one", {"params.yaml": "n: 11\n"})
        project.experiment("two", {"params.yaml": "n: 22\n"})
        project.write("params.yaml", "n: 11\n")
        exp("apply", "two", cwd=project.path)
        assert (project.path / "params.yaml").read_text() == "n: 22\n"


class TestRefusedFiles:
    def test_what_cannot_be_read_is_told_first(self, project: Project) -> None:
        project.experiment("e", {"bad.dvc": "<<<<<<< ours\n", "good.dvc": dvc_file("good", put(project.cache, b"x"))})
        said = refused(project.path, "apply", "e")
        assert said.startswith(
            "error: applying 'e': its data cannot be told; nothing has been changed\nerror: 'bad.dvc'"
        )
        done = exp("apply", "--force", "e", cwd=project.path)
        assert "'bad.dvc'" in done.stderr
        assert (project.path / "good").read_bytes() == b"x"

    def test_content_that_is_known_is_no_reason(self, project: Project) -> None:
        project.with_output("one", b"one")
        project.with_output("two", b"two")
        (project.path / "model").write_bytes(b"one")  # nobody's output here, but the cache has it
        exp("apply", "two", cwd=project.path)
        assert (project.path / "model").read_bytes() == b"two"

    def test_staged_content_that_is_nowhere_else(self, project: Project) -> None:
        project.write("f", "base\n")
        project.commit("f")
        project.experiment("e", {"g": "new\n"})
        project.write("f", "staged\n")
        git("add", "f", cwd=project.path)
        project.write("f", "base\n")
        assert names(refused(project.path, "apply", "e")) == ["f"]

    def test_an_ignored_file_in_the_way(self, project: Project) -> None:
        project.write(".gitignore", "*.log\n")
        project.commit("ignore")
        git("checkout", "-q", "--detach", cwd=project.path)
        project.write("my.log", "theirs\n")
        git("add", "-f", "my.log", cwd=project.path)
        tip = project.commit("log")
        git("checkout", "-q", "main", cwd=project.path)
        project.write("my.log", "mine\n")
        assert names(refused(project.path, "apply", tip)) == ["my.log"]
        exp("apply", "--force", tip, cwd=project.path)
        assert (project.path / "my.log").read_text() == "theirs\n"

    def test_an_edit_that_the_experiment_does_not_touch_is_kept_and_told(self, project: Project) -> None:
        project.write("readme", "base\n")
        project.commit("readme")
        project.with_output("e", b"x")
        project.write("readme", "mine\n")
        done = exp("apply", "e", cwd=project.path)
        assert done.stderr == "dvcexp: kept your changes to 'readme', which the experiment does not change\n"
        assert (project.path / "readme").read_text() == "mine\n"
        assert exp("apply", "-q", "e", cwd=project.path) == (0, "", "")
