"""Exceptions become words on stderr and exit codes; nothing of ours reaches the user as a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dvcexp import boundary, concealed, report
from dvcexp.errors import DvcexpError, SettingsError, UsageError


def raising(error: BaseException) -> int:
    """A `main` that fails."""

    def main() -> int:
        raise error

    return boundary.run(main)


def program(text: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """A Python process that runs `text` inside the boundary."""
    code = f"import sys\nfrom dvcexp.boundary import leave, run\ndef main():\n    {text}\nleave(run(main))"
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_what_main_returns_is_the_exit_code() -> None:
    assert boundary.run(lambda: 7) == 7


@pytest.mark.parametrize(
    ("error", "code"),
    [(DvcexpError("no"), 1), (UsageError("no"), 129), (SettingsError("no"), 128), (KeyboardInterrupt(), 130)],
)
def test_each_kind_of_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert raising(error) == code


def test_an_expected_error_is_its_message_and_its_hints(capsys: pytest.CaptureFixture[str]) -> None:
    raising(DvcexpError("no DVC remote", "dvc remote add -d storage <url>", "git exp env"))
    assert capsys.readouterr().err == (
        "error: no DVC remote\nhint: dvc remote add -d storage <url>\nhint: git exp env\n"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x"), "'/data/x': no space left on device"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "input/output error"),
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), "git"), "'git': resource temporarily unavailable"),
        (RuntimeError("can't start new thread"), "the system allows no more threads"),
        (MemoryError(), "out of memory"),
    ],
)
def test_what_the_machine_refuses_is_no_fault_of_ours(
    error: Exception, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raising(error) == 1
    assert capsys.readouterr().err.splitlines()[0] == f"error: {words}"


def test_every_line_of_a_message_has_gits_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    raising(DvcexpError("one\ntwo", "three\nfour"))
    assert capsys.readouterr().err == "error: one\nerror: two\nhint: three\nhint: four\n"


def test_control_characters_are_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    raising(DvcexpError("'\x1b[31mred'"))
    assert capsys.readouterr().err == "error: '\\x1b[31mred'\n"


def test_an_interrupt_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    raising(KeyboardInterrupt())
    assert capsys.readouterr() == ("", "")


def test_the_answer_to_dash_h_passes() -> None:
    with pytest.raises(SystemExit):
        raising(SystemExit(0))


def test_a_reader_that_leaves_ends_the_program_quietly() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = program("print('x'); return 0", stdout=write_end)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_closed_stderr_leaves_the_exit_code() -> None:
    done = program("from dvcexp.errors import DvcexpError; sys.stderr.close(); raise DvcexpError('no')")
    assert done.returncode == 1


def test_a_name_that_is_no_text_can_be_printed() -> None:
    done = program("from dvcexp.errors import DvcexpError; raise DvcexpError('file \\udcff')")
    assert (done.returncode, done.stderr) == (1, b"error: file \\udcff\n")


class TestUnexpectedErrors:
    """Faults of ours: one message, and a report with everything an issue needs."""

    def test_the_report_lies_in_the_git_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        monkeypatch.chdir(tmp_path)
        text = report.compose(ValueError("boom"))
        path = report.save(text)
        assert path == str(tmp_path / ".git" / "dvcexp" / "report.md")
        assert Path(path).read_text() == text
        assert Path(path).stat().st_mode & 0o077 == 0

    def test_outside_a_repository_it_lies_in_the_temporary_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        path = report.save("text")
        assert path is not None
        assert Path(path).parent == tmp_path

    def test_a_program_says_where_it_is_and_exits_3(self, tmp_path: Path) -> None:
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        done = program("return {}['x']", cwd=tmp_path)
        path = tmp_path / ".git" / "dvcexp" / "report.md"
        assert done.returncode == 3
        assert done.stderr.decode() == (
            f"error: unexpected error, a fault in dvcexp: KeyError: 'x'\n"
            f"hint: please report it with the file '{path}'\n"
        )
        assert "KeyError: 'x'" in path.read_text()
        assert "Traceback (most recent call last)" in path.read_text()

    def test_where_nothing_can_be_written_the_report_is_on_stderr(self, tmp_path: Path) -> None:
        missing = tmp_path / "missing"
        done = program(f"import tempfile; tempfile.tempdir = {str(missing)!r}; return {{}}['x']", cwd=tmp_path)
        assert done.returncode == 3
        assert b"hint: no folder for a report could be written; this is what it would say:\n" in done.stderr
        assert b"hint: KeyError: 'x'\n" in done.stderr

    @pytest.mark.parametrize(
        "text",
        [
            "https://ada:s3cret@host/x",
            "ssh://s3cret@host/x",
            "password=s3cret",
            "{'secret_access_key': 's3cret'}",
            'account_key = "s3cret"',
            "?sv=1&sig=s3cret&se=2",
            "Authorization: Basic s3cret==",
            "'Authorization': 'Bearer s3cret'",
            "bearer s3cret-token-of-some-length",
            "X-Amz-Signature=s3cret",
            "AccountKey=s3cret;EndpointSuffix=core",
        ],
    )
    def test_secrets_are_left_out(self, text: str) -> None:
        assert "s3cret" not in concealed.scrub(text)

    def test_what_is_no_secret_stays(self) -> None:
        text = "https://host/org/repo.git: object ab/cdef is missing (key 'files/md5/ab/cdef')"
        assert concealed.scrub(text) == text
