"""What the operating system refuses is said with its place and what helps."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aimic_tui.engine import system_errors
from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.system_errors import LocksUnavailable, explain, is_process_limit, signal_words, why_not_writable


def error(number: int, path: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number), *([str(path)] if path else []))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full. Make space there"),
        (errno.EDQUOT, "is used up"),
        (errno.EROFS, "mounted read-only"),
        (errno.EMFILE, "ulimit -n"),
        (errno.ESTALE, "Check that it is mounted"),
        (errno.EIO, "Check that it is mounted"),
    ],
)
def test_the_place_and_what_helps_are_named(number: int, words: str, tmp_path: Path) -> None:
    sentence = explain(error(number, tmp_path / "runs" / "status.json"))
    assert words in sentence
    assert str(tmp_path) in sentence


def test_what_has_no_meaning_of_its_own_keeps_the_systems_words(tmp_path: Path) -> None:
    assert explain(error(errno.ENOTDIR, tmp_path)) == f"Not a directory ({tmp_path})."


def test_a_full_disk_that_no_error_names_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_WORKSPACE", str(tmp_path / "space"))
    monkeypatch.setattr(system_errors, "has_room", lambda folder: folder != tmp_path)
    assert f"the disk of {tmp_path} is full" in explain(error(errno.ENOSPC))


def test_another_users_folder_is_said_to_be_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(system_errors.os, "access", lambda *_: False)
    monkeypatch.setattr(system_errors.os, "geteuid", lambda: 2002)
    sentence = explain(error(errno.EACCES, tmp_path / "run"))
    assert f"{tmp_path} belongs to" in sentence
    assert "you are user 2002" in sentence
    assert f"chmod -R g+w {tmp_path}" in sentence and "umask 002" in sentence
    tmp_path.chmod(0o775)
    assert "in its group" in why_not_writable(tmp_path / "run")


def test_ones_own_closed_folder_is_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_errors.os, "access", lambda *_: False)
    assert "is yours, but not open for writing" in why_not_writable(tmp_path)


def test_a_file_system_without_locks_is_named(tmp_path: Path) -> None:
    sentence = explain(LocksUnavailable(error(errno.ENOLCK), tmp_path / "lock"))
    assert sentence.startswith(f"The file system of {tmp_path} has no locks (No locks available)")


def test_a_deleted_current_folder_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    program = (
        "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]); sys.argv = ['aimic', 'runs']\n"
        "from aimic_tui.start import main; main()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "AIMIC_WORKSPACE"}
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "gone")],
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("aimic: The current folder no longer exists.")


def test_a_limit_on_threads_or_processes_is_a_sentence() -> None:
    for raised in (RuntimeError("can't start new thread"), error(errno.EAGAIN)):
        assert is_process_limit(raised)
        record = ErrorRecord.of(raised)
        assert "ulimit -u" in record.sentence and record.code != "fault"
    assert not is_process_limit(BlockingIOError(errno.EAGAIN, "write could not complete without blocking", 3))
    assert not is_process_limit(RuntimeError("another"))


def test_a_write_that_fails_names_its_file(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from aimic_tui.engine.files import append_line, write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "for write in (write_atomically, append_line):\n"
        "    try: write(Path(sys.argv[1]), 'x')\n"
        "    except OSError as error: print(error.filename)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a")], capture_output=True, text=True, check=True
    )
    assert answer.stdout == f"{tmp_path / 'a'}\n" * 2


def test_a_system_without_a_temporary_folder_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(system_errors.tempfile, "gettempdir", none)
    with pytest.raises(FileNotFoundError) as caught:
        system_errors.tempfile.gettempdir()
    assert explain(caught.value).endswith("found in ['/tmp']. Set TMPDIR to a folder that can be written and has room.")


def test_a_library_that_does_not_fit_into_memory_is_a_sentence() -> None:
    record = ErrorRecord.of(ImportError("libtorch_cpu.so: failed to map segment from shared object"))
    assert (record.code, record.key) == ("memory", "")
    assert "`ulimit -v`" in record.sentence
    assert ErrorRecord.of(MemoryError()).sentence == "Memory ran out."
    assert ErrorRecord.of(ImportError("cannot import name 'a' from 'b'")).code == "fault"


def test_the_signal_that_ended_a_process_has_its_usual_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    infinite = resource.RLIM_INFINITY
    for limits, has in (((infinite, infinite), False), ((60, 60), True)):
        monkeypatch.setattr(resource, "getrlimit", lambda kind, limits=limits: limits)
        assert signal_words(signal.SIGKILL).startswith("SIGKILL, as the system does when memory runs out")
        assert ("ulimit -t" in signal_words(signal.SIGKILL)) == has
    assert "ulimit -t" in signal_words(signal.SIGXCPU)
    assert (signal_words(signal.SIGSEGV), signal_words(50)) == ("SIGSEGV", "signal 50")
