"""The scheduler and real worker processes that only pretend to train."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.machine.devices import Slot
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.status import RunStatus, read_recorded, read_status
from aimic_tui.engine.runs.work.journal import Disks
from aimic_tui.engine.runs.work.retries import ATTEMPTS
from aimic_tui.engine.runs.work.scheduler import Scheduler

MakeRun = Callable[..., RunFolder]
WORKER = [sys.executable, str(Path(__file__).with_name("stand_in_worker.py"))]
CPU = Slot(1, "cpu", "", 1)


def schedule(
    folder: RunFolder, slots: tuple[Slot, ...] = (CPU,), evaluate: Callable[[], object] = lambda: None
) -> RunStatus:
    return Scheduler(folder, slots, WORKER, evaluate).run()


def states(status: RunStatus) -> dict[str, str]:
    return {trial.key.name: trial.state for trial in status.trials}


def story(folder: RunFolder) -> list[str]:
    return [event["event"] for event in EventReader(folder.events_file).new()]


def tries(folder: RunFolder, key: TrialKey) -> list[str]:
    return (folder.trial(key).path / "tries").read_text().splitlines()


def test_every_trial_is_carried_out_by_one_worker_a_device(make_run: MakeRun) -> None:
    folder = make_run(["small", "large"], folds=2)
    evaluated: list[int] = []
    status = schedule(folder, evaluate=lambda: evaluated.append(read_recorded(folder).trials_done))

    assert status.state == "finished"
    assert status == read_recorded(folder)
    assert set(states(status).values()) == {"finished"}
    workers = {tries(folder, trial.key)[0] for trial in status.trials}
    assert len(workers) == 1  # a network and torch are loaded once, not once a trial
    assert evaluated == [1, 2, 3, 4]  # figures after each finished trial
    assert story(folder)[0] == "run-started"
    assert story(folder)[-1] == "run-finished"
    finished = [event for event in EventReader(folder.events_file).new() if event["event"] == "trial-finished"]
    assert finished[0]["test"] == {"accuracy": 0.75}


def test_two_devices_work_side_by_side(make_run: MakeRun) -> None:
    folder = make_run(["slow", "small"], folds=1)
    runner = threading.Thread(target=schedule, args=(folder, (CPU, Slot(2, "cpu", "", 3))))
    runner.start()
    wait_until(lambda: states(read_recorded(folder))["small/fold-1"] == "finished")
    assert states(read_recorded(folder))["slow/fold-1"] == "running"
    assert tries(folder, TrialKey("small", 1))[0].endswith(" 3")  # its own share of the threads
    folder.stop_file.touch()
    runner.join(30)
    assert read_recorded(folder).state == "stopped"


def test_a_worker_that_dies_is_replaced_and_its_trial_taken_again(make_run: MakeRun) -> None:
    folder = make_run(["dies-once"], folds=2)
    status = schedule(folder)
    assert states(status) == {"dies-once/fold-1": "finished", "dies-once/fold-2": "finished"}
    assert [trial.attempts for trial in status.trials] == [2, 2]
    assert story(folder).count("worker-died") == 2


@pytest.mark.parametrize("network", ["dies", "fails", "exits"])
def test_a_trial_that_keeps_failing_is_given_up_and_the_others_go_on(make_run: MakeRun, network: str) -> None:
    folder = make_run([network, "small"], folds=1)
    status = schedule(folder)
    assert status.state == "failed"
    assert states(status) == {f"{network}/fold-1": "failed", "small/fold-1": "finished"}
    assert len(tries(folder, TrialKey(network, 1))) == ATTEMPTS
    reason = {
        "dies": "SIGKILL, as the system does when memory runs out",
        "fails": "CUDA is out of memory",
        "exits": "left with exit code 1: Traceback: the graphics driver is gone",
    }[network]
    assert reason in status.trials[0].reason
    assert status.reason.startswith("1 of 2 trials failed: ")


def test_a_trial_that_gets_on_between_its_deaths_is_not_given_up(make_run: MakeRun) -> None:
    folder = make_run(["plods"], folds=1)
    status = schedule(folder)
    assert status.state == "finished"
    assert status.trials[0].attempts == 8  # never three in a row without a new epoch
    assert story(folder).count("worker-died") == 7


def test_after_a_failure_the_next_attempt_gets_a_new_process(make_run: MakeRun) -> None:
    folder = make_run(["fails-once"], folds=1)
    assert schedule(folder).state == "finished"
    first, second = tries(folder, TrialKey("fails-once", 1))
    assert first != second  # memory that the failure left behind is gone with its process


def test_what_trying_again_cannot_mend_is_tried_once(make_run: MakeRun) -> None:
    folder = make_run(["bad-input", "small"], folds=1)
    status = schedule(folder)
    assert states(status) == {"bad-input/fold-1": "failed", "small/fold-1": "finished"}
    assert len(tries(folder, TrialKey("bad-input", 1))) == 1
    first = status.trials[0]
    assert (first.reason, first.code, first.setting) == ("a.png is empty.", "input", "data.path")
    (failed,) = [event for event in EventReader(folder.events_file).new() if event["event"] == "trial-failed"]
    assert (failed["code"], failed["key"], failed["given_up"]) == ("input", "data.path", True)


def test_a_full_disk_ends_the_run_and_keeps_the_other_trials_for_later(make_run: MakeRun) -> None:
    folder = make_run(["full-disk"], folds=3)
    status = schedule(folder)
    assert status.state == "failed"
    assert [trial.state for trial in status.trials] == ["failed", "queued", "queued"]
    assert status.reason == "1 of 3 trials failed: It can't be written."  # known by its code, not by its sentence


def test_where_no_worker_can_begin_the_run_fails_soon(make_run: MakeRun) -> None:
    folder = make_run(["cannot-begin"], folds=5)
    status = schedule(folder)
    assert [trial.attempts for trial in status.trials] == [3, 0, 0, 0, 0]
    assert {trial.state for trial in status.trials} == {"failed"}
    assert "No module named 'torch'" in status.reason


def test_finished_trials_are_not_done_again_and_failed_ones_get_new_attempts(make_run: MakeRun) -> None:
    folder = make_run(["fails", "small"], folds=1)
    schedule(folder)
    assert schedule(folder).state == "failed"
    assert len(tries(folder, TrialKey("small", 1))) == 1
    assert len(tries(folder, TrialKey("fails", 1))) == 2 * ATTEMPTS
    assert "run-resumed" in story(folder)


def test_figures_that_fail_are_a_warning_not_the_end(make_run: MakeRun) -> None:
    def fail() -> None:
        raise InputProblem("predictions.csv is damaged.")

    folder = make_run(["small"], folds=2)
    assert schedule(folder, evaluate=fail).state == "finished"
    assert warnings(folder) == ["The figures could not be computed: predictions.csv is damaged."] * 2


def test_a_stop_keeps_what_is_queued_and_is_gone_with_the_run(make_run: MakeRun) -> None:
    folder = make_run(["slow"], folds=3)
    runner = threading.Thread(target=schedule, args=(folder,))
    runner.start()
    wait_until((folder.trial(TrialKey("slow", 1)).path / "tries").exists)
    folder.stop_file.touch()
    runner.join(30)
    status = read_recorded(folder)
    assert status.state == "stopped"
    assert [trial.state for trial in status.trials] == ["stopped", "queued", "queued"]
    assert not folder.stop_file.exists()
    assert story(folder)[-2:] == ["run-stopping", "run-stopped"]


def start_process(folder: RunFolder) -> subprocess.Popen[bytes]:
    program = (
        "import signal, sys\nfrom pathlib import Path\n"
        "from aimic_tui.engine.files import FileLock\n"
        "from aimic_tui.engine.machine.devices import Slot\n"
        "from aimic_tui.engine.run_folder import RunFolder\n"
        "from aimic_tui.engine.runs.work.scheduler import Scheduler\n"
        "folder = RunFolder(Path(sys.argv[1])); lock = FileLock(folder.lock_file); lock.acquire()\n"
        "scheduler = Scheduler(folder, [Slot(1, 'cpu', '', 1)], sys.argv[2:], lambda: None)\n"
        "for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, scheduler.on_signal)\n"
        "scheduler.run()\n"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(folder.path), *WORKER], start_new_session=True)


def test_a_signal_stops_the_run_and_a_second_one_does_not_wait(make_run: MakeRun) -> None:
    folder = make_run(["slow"], folds=2)
    process = start_process(folder)
    wait_until((folder.trial(TrialKey("slow", 1)).path / "tries").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert read_recorded(folder).state == "stopped"

    shutil.rmtree(folder.path)
    folder = make_run(["deaf"], folds=1)
    process = start_process(folder)
    wait_until((folder.trial(TrialKey("deaf", 1)).path / "tries").exists)
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: read_recorded(folder).state == "stopping")
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 0
    assert states(read_recorded(folder)) == {"deaf/fold-1": "stopped"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_told_in_the_status(make_run: MakeRun, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    try:
        made = make_run(["slow"], folds=1)
        folder = RunFolder(disk / "run")
        shutil.copytree(made.path, folder.path)
        runner = threading.Thread(target=schedule, args=(folder,))
        runner.start()
        wait_until((folder.trial(TrialKey("slow", 1)).path / "tries").exists)
        with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(b"x" * 4096)
        folder.stop_file.touch()  # takes no space on this disk
        runner.join(30)
        assert read_recorded(folder).state == "stopped"  # the space kept aside was enough for the last words
        assert story(folder)[-1] == "run-stopped"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def warnings(folder: RunFolder) -> list[str]:
    return [event["sentence"] for event in EventReader(folder.events_file).new() if event["event"] == "warning"]


def test_a_folder_that_vanishes_for_a_while_is_waited_for(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(["writes"], folds=2)
    runner = threading.Thread(target=schedule, args=(folder,))
    runner.start()
    first = TrialKey("writes", 1)
    wait_until((folder.trial(first).path / "tries").exists)
    workspace, away = folder.path.parent, tmp_path / "away"
    workspace.rename(away)
    time.sleep(2.0)
    away.rename(workspace)
    runner.join(30)
    assert states(read_recorded(folder)) == {"writes/fold-1": "finished", "writes/fold-2": "finished"}
    assert len(tries(folder, first)) == 2
    assert len(tries(folder, TrialKey("writes", 2))) == 1  # nothing was begun while it was away
    (sentence,) = warnings(folder)
    assert sentence.startswith("For ") and "the run's folder could not be written; the run goes on" in sentence
    assert "trial-failed" not in story(folder)


def test_a_run_whose_folder_is_gone_is_left_by_a_signal_and_resumed_later(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(["slow"], folds=2)
    process = start_process(folder)
    wait_until((folder.trial(TrialKey("slow", 1)).path / "tries").exists)
    workspace, away = folder.path.parent, tmp_path / "away"
    workspace.rename(away)
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    away.rename(workspace)
    assert read_status(folder).state == "interrupted"  # its last words had no place to go
    assert "last checkpoints are kept" in read_status(folder).reason


def test_a_run_whose_folder_was_removed_is_left(make_run: MakeRun) -> None:
    folder = make_run(["writes"], folds=4)
    runner = threading.Thread(target=schedule, args=(folder,))
    runner.start()
    wait_until((folder.trial(TrialKey("writes", 1)).path / "tries").exists)
    shutil.rmtree(folder.path, ignore_errors=True)
    shutil.rmtree(folder.path, ignore_errors=True)  # the worker wrote while it went
    runner.join(30)
    assert not runner.is_alive()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
def test_a_disk_that_can_only_be_read_for_a_while_is_waited_for(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(["writes"], folds=2)
    workspace, copy = folder.path.parent, tmp_path / "copy"
    runner = threading.Thread(target=schedule, args=(folder,))
    runner.start()
    wait_until((folder.trial(TrialKey("writes", 1)).path / "tries").exists)
    shutil.copytree(workspace, copy)
    # Nobody can take the right to write from a disk in use; a copy that can only be read, mounted over it, can.
    if subprocess.run(["mount", "--bind", str(copy), str(workspace)], check=False).returncode:
        runner.join(30)
        pytest.skip("this system lets nobody mount a disk")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(workspace)], check=True)
        with pytest.raises(OSError, match="Read-only"):
            folder.stop_file.touch()
        time.sleep(2.0)
    finally:
        subprocess.run(["umount", "-l", str(workspace)], check=True)
    runner.join(30)
    assert set(states(read_recorded(folder)).values()) == {"finished"}
    assert any("could not be written" in sentence for sentence in warnings(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
def test_images_that_are_gone_with_their_disk_are_missed_and_removed_ones_are_not(
    make_run: MakeRun, tmp_path: Path
) -> None:
    folder = make_run()
    disk = tmp_path / "disk"
    (disk / "cells").mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    mounted = True
    try:
        (disk / "images").mkdir()
        disks = Disks(folder, str(disk / "images"))
        assert disks.missing() == ""
        (disk / "images").rmdir()
        assert disks.missing() == ""  # that is told by whoever needs them
        (disk / "images").mkdir()
        subprocess.run(["umount", str(disk)], check=True)
        mounted = False
        assert "were gone with their disk" in disks.missing()
        assert disks.missed_for > 0
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
