"""The process that trains: what it answers, and what it survives."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
import torch

from aimic_tui.engine.data.reading.read_image import UnreadableImage
from aimic_tui.engine.errors import AimicError, StorageProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.work import worker as worker_module
from aimic_tui.engine.runs.work.messages import TrialReport, read_report, report_line
from aimic_tui.engine.runs.work.rank_processes import RankDied
from aimic_tui.engine.runs.work.stop_signal import StopSignal
from aimic_tui.engine.runs.work.worker import Worker
from aimic_tui.engine.training.memory import RankOutOfMemory
from aimic_tui.engine.workspace_folder import Workspace
from tests.engine.training.small import NETWORK, draw_images

FIRST = TrialKey(NETWORK, 1)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "cells"
    draw_images(folder)
    return folder


def make_run(images: Path, workspace: Path, epochs: int = 4) -> RunFolder:
    values = {
        "data.path": str(images),
        "split.folds": 2,
        "split.validation": 0.25,
        "model.networks": [NETWORK],
        "model.weights": "none",
        "model.image_size": 32,
        "training.epochs": epochs,
        "training.patience": 1000,
        "training.batch_size": 8,
        "training.precision": "fp32",
        "compute.devices": "cpu",
    }
    return create_run(Experiment().with_values(values), Workspace(workspace), ["test"])


def in_process(run: RunFolder, stop: StopSignal | None = None) -> Worker:
    torch.set_num_threads(1)
    return Worker(run, "cpu", stop or StopSignal(run.stop_file, os.getppid()))


def test_a_trial_is_trained_and_reported_on(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=1)
    assert in_process(run).train(FIRST) == TrialReport(FIRST.name, "finished")
    events = EventReader(run.trial(FIRST).events_file).new()
    assert [event["event"] for event in events if event["event"] not in ("progress", "system", "warning")] == [
        "trial-started",
        "weights",
        "epoch",
        "trial-finished",
    ]


def test_what_goes_wrong_is_reported_with_its_sentence_and_code(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=1)
    worker = in_process(run)
    wrong = worker.train(TrialKey("no_such_network", 1))
    assert wrong.state == "failed" and wrong.error is not None
    assert (wrong.error.code, wrong.error.retry) == ("usage", False) and "no_such_network" in wrong.error.sentence
    run.split_file.write_text("nonsense\n")
    broken = in_process(run).train(FIRST)
    assert broken.state == "failed" and broken.error is not None
    assert (broken.error.code, broken.error.retry) == ("input", False)
    last = EventReader(run.trial(FIRST).events_file).new()[-1]
    assert last["event"] == "error" and last["sentence"] == broken.error.sentence and last["code"] == "input"
    # The others go on.
    assert worker.train(FIRST).state == "finished"


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.csv"), "disk-full", "No space left on device"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk-full", "aimic resume"),
        (OSError(errno.EIO, "Input/output error"), "storage", "aimic resume"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate..."), "memory", "batch_size"),
        (MemoryError(), "memory", "batch_size"),
        (RuntimeError("bad\x1b[31m shape"), "fault", "RuntimeError: bad"),
        (RankOutOfMemory("4 at once do not fit.", 2), "memory", "4 at once do not fit."),
        (RankDied("Process 2 of the 2 left."), "worker-died", "Process 2 of the 2 left."),
        (StorageProblem("It can't be written."), "storage", "It can't be written."),
        (AimicError("It won't."), "failed", "It won't."),
        (
            UnreadableImage(Path("/no/such/a.png"), "unreadable", "does not exist"),
            "input",
            "The folder /no is not there",
        ),
    ],
)
def test_a_report_says_by_its_error_what_trying_again_is_good_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, sentence: str
) -> None:
    def fail(run: RunFolder, device: str) -> None:
        raise error

    monkeypatch.setattr(worker_module, "task_loader", fail)
    run = RunFolder(tmp_path / "run")
    report = read_report(report_line(in_process(run).train(FIRST)).encode())
    assert report is not None and report.state == "failed" and report.error is not None
    assert report.error.code == code
    assert report.error.retry == (code not in ("disk-full", "failed", "input"))
    assert sentence in report.error.sentence and "\x1b" not in report.error.sentence


@pytest.mark.parametrize(
    "line", [b"a library that greets", b"[1]", b'{"trial": "a"}', b'{"trial": "a", "state": "ok"}']
)
def test_what_is_no_report_is_passed_over(line: bytes) -> None:
    assert read_report(line) is None


def test_a_stop_file_stops_and_without_it_the_trial_goes_on(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=2)
    run.stop_file.touch()
    assert in_process(run).train(FIRST).state == "stopped"
    run.stop_file.unlink()
    assert in_process(run).train(FIRST).state == "finished"


def test_a_trial_that_another_process_holds_is_waited_for_but_not_beyond_a_stop(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=1)
    run.trial(FIRST).path.mkdir(parents=True)
    other = FileLock(run.trial(FIRST).lock_file)
    assert other.acquire()
    stop = StopSignal(run.stop_file, os.getppid())
    stop.busy = True
    stop.on_signal()
    assert in_process(run, stop).train(FIRST).state == "stopped"
    other.release()


def test_what_asks_a_worker_to_stop(tmp_path: Path) -> None:
    signal = StopSignal(tmp_path / "stop", os.getppid())
    assert not signal.requested()
    assert StopSignal(tmp_path / "stop", os.getppid() + 1).requested()  # the parent died: another one took its place
    (tmp_path / "stop").touch()
    time.sleep(0.35)
    assert signal.requested()

    idle = StopSignal(tmp_path / "none", os.getppid())
    with pytest.raises(SystemExit):
        idle.on_signal()
    idle.busy = True
    idle.on_signal()
    assert idle.requested()
