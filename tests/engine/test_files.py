"""Files are whole or not there, and a dead process never holds a lock."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aimic_tui.engine import files
from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.files import (
    FileLock,
    append_line,
    append_row,
    digest_of_bytes,
    digest_of_file,
    folder_problem,
    is_locked,
    open_unlinked,
    read_table,
    replacing,
    touch_unlinked,
    write_atomically,
    write_json,
    write_table,
)
from aimic_tui.engine.system_errors import LocksUnavailable


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "status.json"
    write_atomically(target, "old")
    with pytest.raises(RuntimeError), replacing(target) as file:
        file.write(b"half of the new")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    """A file-size limit makes a real write fail as a full disk does: part of it goes through, then an error."""
    target = tmp_path / "weights.bin"
    target.write_bytes(b"old")
    program = (
        "import resource, signal, sys; from pathlib import Path; from aimic_tui.engine.files import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: write_atomically(Path(sys.argv[1]), b'x' * 100_000)\n"
        "except OSError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", program, target], check=False).returncode == 7
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["weights.bin"]


def test_a_replaced_file_can_be_read_by_colleagues(tmp_path: Path) -> None:
    before = tmp_path / "plain"
    before.write_text("x")
    write_atomically(tmp_path / "replaced", "x")
    assert (tmp_path / "replaced").stat().st_mode == before.stat().st_mode


def test_lines_and_rows_are_appended_whole(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    append_line(log, "one")
    append_line(log, "two")
    assert log.read_text() == "one\ntwo\n"
    table = tmp_path / "metrics.csv"
    write_table(table, ["epoch", "loss"], [[1, 0.5]])
    append_row(table, [2, 0.1 + 0.2])
    assert read_table(table) == [{"epoch": "1", "loss": "0.5"}, {"epoch": "2", "loss": "0.30000000000000004"}]


def test_a_table_keeps_hostile_names_and_leaves_out_an_unfinished_line(tmp_path: Path) -> None:
    names = [
        "=1+1.png",
        "a,b.png",
        'quo"te.png',
        "new\nline.png",
        b"caf\xe9.png".decode("utf-8", "surrogateescape"),
        "細胞",
    ]
    table = tmp_path / "table.csv"
    write_table(table, ["image", "=label"], [[name, None] for name in names])
    with table.open("ab") as file:
        file.write(b"half a ro")
    assert [row["image"] for row in read_table(table)] == names
    assert read_table(table)[0]["=label"] == ""
    assert b"\n=1" not in table.read_bytes()


def test_json_comes_back_and_refuses_what_is_no_number(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": [1, None]})
    assert read_json(tmp_path / "a.json") == {"a": [1, None]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    assert read_json(tmp_path / "a.json") == {"a": [1, None]}


def test_a_file_and_its_bytes_have_one_digest(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc" * 500_000)
    assert digest_of_file(tmp_path / "x") == digest_of_bytes(b"abc" * 500_000)


def test_a_lock_falls_when_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "import sys, time; from pathlib import Path; from aimic_tui.engine.files import FileLock\n"
        "assert FileLock(Path(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(path)
        assert not FileLock(path).acquire()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert not is_locked(path)
    lock = FileLock(path)
    assert lock.acquire()
    assert lock.acquire()
    lock.release()
    assert not is_locked(path)


def test_a_lock_is_not_inherited_by_what_its_holder_starts(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.acquire()
    with subprocess.Popen(["sleep", "30"]) as child:
        lock.release()
        assert not is_locked(lock.path)
        child.kill()


def test_a_lock_file_that_is_not_there_is_free(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "none")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "profile", tmp_path / "events.jsonl"
    target.write_text("mine\n")
    link.symlink_to(target)
    for write in (
        lambda: append_line(link, "$(reboot)"),
        lambda: append_row(link, ["$(reboot)"]),
        lambda: touch_unlinked(link),
        lambda: FileLock(link).acquire(),
        lambda: append_event(link, "started"),
    ):
        with pytest.raises(OSError, match="nothing is written through links"):
            write()
    write_atomically(link, "new\n")  # puts a file in the link's place
    assert target.read_text() == "mine\n" and not link.is_symlink()


def test_a_file_that_the_user_named_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    append_line(tmp_path / "link", "a line", follow_links=True)
    assert (tmp_path / "file").read_text() == "a line\n"


def test_a_link_that_leads_nowhere_makes_no_file_there(tmp_path: Path) -> None:
    (tmp_path / "stop").symlink_to(tmp_path / "authorized_keys")
    with pytest.raises(OSError, match="nothing is written through links"):
        touch_unlinked(tmp_path / "stop")
    assert not (tmp_path / "authorized_keys").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_from_a_lock_that_is_held(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    lock = FileLock(tmp_path / "lock")
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(files.fcntl, "flock", refuse)
    with pytest.raises(LocksUnavailable):
        lock.acquire()
    assert not is_locked(tmp_path / "lock")
    assert "has no locks" in folder_problem(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == open_files


def test_a_folder_is_tried_without_leaving_anything(tmp_path: Path) -> None:
    assert folder_problem(tmp_path / "not" / "yet") == ""
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert "is a file" in folder_problem(tmp_path / "file" / "below")


@pytest.mark.parametrize("flags", [os.O_WRONLY | os.O_APPEND, os.O_RDWR, os.O_WRONLY | os.O_TRUNC])
def test_a_pipe_that_nobody_reads_is_no_file_to_write(tmp_path: Path, flags: int) -> None:
    os.mkfifo(tmp_path / "events.jsonl")
    with pytest.raises(OSError, match=r"Not a file|No such device"):
        open_unlinked(tmp_path / "events.jsonl", flags | os.O_CREAT)
