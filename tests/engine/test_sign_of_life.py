"""Signs of life in a lock file: who is at work on another host."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from aimic_tui.engine import sign_of_life
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.runs import control, same_data
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.sign_of_life import RECENT, LifeElsewhere, life_elsewhere, signs_of_life
from tests.run_folders import make_run

FOREIGN = "node07 0f1e2d3c\n"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    (tmp_path / "lock").touch()
    return tmp_path / "lock"


def test_a_sign_is_given_and_taken_away(lock: Path) -> None:
    with signs_of_life(lock):
        for _ in range(100):
            if lock.stat().st_size:
                break
            time.sleep(0.01)
        assert lock.read_text().split()[0] == sign_of_life.socket.gethostname()
        assert life_elsewhere(lock) is None  # ours: the lock itself tells
    assert lock.read_text() == ""


def test_only_another_systems_sign_counts_and_only_for_a_while(lock: Path) -> None:
    lock.write_text(FOREIGN)
    found = life_elsewhere(lock)
    assert isinstance(found, LifeElsewhere) and found.host == "node07"
    os.utime(lock, (0, time.time() - RECENT - 5))
    assert life_elsewhere(lock) is None
    os.utime(lock, (0, time.time() + RECENT + 5))  # a clock that was set back
    assert life_elsewhere(lock) is None


@pytest.mark.parametrize("content", ["", "one", "\0" * 300, "a b c", "node07 \xff".encode("latin-1").decode("latin-1")])
def test_what_is_no_sign_is_none(content: str, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock.write_bytes(content.encode("latin-1"))
    monkeypatch.setattr(sign_of_life, "_system_number", lambda: "\ufffd")
    assert life_elsewhere(lock) is None
    assert life_elsewhere(lock.with_name("no file")) is None


def test_a_container_of_this_host_shares_its_locks(lock: Path) -> None:
    lock.write_text(f"another-container {sign_of_life._system_number()}\n")
    assert life_elsewhere(lock) is None


def test_a_run_that_another_host_is_at_work_on_is_not_started_a_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, "20261122-101010-cells", "running", folds=2)
    started: list[str] = []
    monkeypatch.setattr(control, "start_scheduler", lambda folder: started.append(folder.name))
    monkeypatch.setattr(same_data, "check_same_data", lambda *_: [])  # its images are not what this is about
    run.lock_file.write_text(FOREIGN)
    assert read_status(run).state == "running"
    with pytest.raises(InputProblem, match=r"running on node07.*--take-over"):
        control.resume(run)
    assert not started
    control.resume(run, take_over=True)
    os.utime(run.lock_file, (0, 0))
    assert read_status(run).state == "interrupted"
    control.resume(run)
    assert started == [run.name, run.name]


def test_a_finished_run_of_a_read_only_folder_is_said_to_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, "20261122-101010-cells", "finished", folds=2, done=2)
    monkeypatch.setattr(control, "folder_problem", lambda _: "It belongs to somebody else.")
    with pytest.raises(InputProblem, match="is finished"):
        control.resume(run)
    stopped = make_run(tmp_path, "20261122-101011-cells", "stopped", folds=2, done=1)
    with pytest.raises(InputProblem, match="can't be continued here: It belongs to somebody else") as caught:
        control.resume(stopped)
    assert caught.value.code == "storage"
