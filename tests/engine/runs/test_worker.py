"""The process that trains: what it answers, and what it survives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import FileLock, read_table
from aimic_tui.engine.runs.creation import create_run
from aimic_tui.engine.runs.events import EventReader
from aimic_tui.engine.runs.folder import RunFolder, TrialKey
from aimic_tui.engine.runs.worker import StopSigns, Worker
from aimic_tui.engine.runs.workspace import Workspace
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


def in_process(run: RunFolder, stop: StopSigns | None = None) -> Worker:
    torch.set_num_threads(1)
    return Worker(run, "cpu", stop or StopSigns(run.stop_file, os.getppid()))


@contextmanager
def worker_process(run: RunFolder) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "aimic_tui.engine.runs.worker", str(run.path), "--device", "cpu", "--threads", "1"]
    with run.worker_log(1).open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def assign(process: subprocess.Popen[str], key: TrialKey) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps({"network": key.network, "fold": key.fold, "seed": key.seed}) + "\n")
    process.stdin.flush()


def answer(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    found: dict[str, str] = json.loads(process.stdout.readline())
    return found


def wait_for_epoch(run: RunFolder, key: TrialKey, epoch: int, seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    reader = EventReader(run.trial(key).events_file)
    while time.monotonic() < until:
        if any(event["event"] == "epoch" and event["epoch"] >= epoch for event in reader.new()):
            return
        time.sleep(0.005)
    raise AssertionError(f"epoch {epoch} did not come: {run.worker_log(1).read_text()[-2000:]}")


def end_of(run: RunFolder, key: TrialKey) -> dict[str, Any]:
    folder = run.trial(key)
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in read_table(folder.metrics_file)]
    weights = (folder.model_folder / "weights.safetensors").read_bytes()
    return {"metrics": rows, "weights": weights, "predictions": folder.predictions_file.read_bytes()}


def test_a_trial_is_trained_and_answered_for(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=1)
    assert in_process(run).train(FIRST) == {"trial": FIRST.name, "state": "finished", "sentence": "", "kind": ""}
    events = EventReader(run.trial(FIRST).events_file).new()
    assert [event["event"] for event in events if event["event"] not in ("progress", "system", "warning")] == [
        "trial-started",
        "weights",
        "epoch",
        "trial-finished",
    ]


def test_what_goes_wrong_is_answered_with_its_sentence_and_kind(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=1)
    worker = in_process(run)
    wrong = worker.train(TrialKey("no_such_network", 1))
    assert wrong["state"] == "failed" and wrong["kind"] == "UsageProblem" and "no_such_network" in wrong["sentence"]
    run.split_file.write_text("nonsense\n")
    broken = in_process(run).train(FIRST)
    assert broken["state"] == "failed" and broken["kind"] == "InputProblem"
    last = EventReader(run.trial(FIRST).events_file).new()[-1]
    assert last["event"] == "error" and last["sentence"] == broken["sentence"]
    # The others go on.
    assert worker.train(FIRST)["state"] == "finished"


def test_a_stop_file_stops_and_without_it_the_trial_goes_on(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=2)
    run.stop_file.touch()
    assert in_process(run).train(FIRST)["state"] == "stopped"
    run.stop_file.unlink()
    assert in_process(run).train(FIRST)["state"] == "finished"


def test_a_trial_that_another_process_holds_is_waited_for_but_not_beyond_a_stop(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=1)
    run.trial(FIRST).path.mkdir(parents=True)
    other = FileLock(run.trial(FIRST).lock_file)
    assert other.acquire()
    stop = StopSigns(run.stop_file, os.getppid())
    stop.busy = True
    stop.on_signal()
    assert in_process(run, stop).train(FIRST)["state"] == "stopped"
    other.release()


def test_signs_to_stop(tmp_path: Path) -> None:
    signs = StopSigns(tmp_path / "stop", os.getppid())
    assert not signs.seen()
    assert StopSigns(tmp_path / "stop", os.getppid() + 1).seen()  # the parent died: another one took its place
    (tmp_path / "stop").touch()
    time.sleep(0.35)
    assert signs.seen()

    idle = StopSigns(tmp_path / "none", os.getppid())
    with pytest.raises(SystemExit):
        idle.on_signal()
    idle.busy = True
    idle.on_signal()
    assert idle.seen()


@pytest.mark.slow
def test_killed_workers_leave_nothing_that_the_next_one_can_not_finish_exactly(images: Path, tmp_path: Path) -> None:
    undisturbed, killed = (make_run(images, tmp_path / name, epochs=6) for name in ("undisturbed", "killed"))
    assert in_process(undisturbed).train(FIRST)["state"] == "finished"
    for epoch in (1, 4):
        with worker_process(killed) as worker:
            assign(worker, FIRST)
            wait_for_epoch(killed, FIRST, epoch)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
    with worker_process(killed) as worker:
        assign(worker, FIRST)
        assert answer(worker)["state"] == "finished"
    assert end_of(killed, FIRST) == end_of(undisturbed, FIRST)


@pytest.mark.slow
def test_a_terminated_worker_answers_and_leaves_at_the_next_step(images: Path, tmp_path: Path) -> None:
    run = make_run(images, tmp_path, epochs=10_000)
    with worker_process(run) as worker:
        assign(worker, FIRST)
        wait_for_epoch(run, FIRST, 1)
        worker.terminate()
        assert answer(worker)["state"] == "stopped"
        assert worker.wait(20) == 0
    told = [event["event"] for event in EventReader(run.trial(FIRST).events_file).new()]
    assert [event for event in told if event != "system"][-1] == "trial-stopped"


@pytest.mark.slow
def test_an_orphan_leaves_and_never_writes_beside_its_successor(images: Path, tmp_path: Path) -> None:
    """The scheduler is killed; its worker has nobody to talk to and gives the trial up to the next one."""
    run, undisturbed = (make_run(images, tmp_path / name, epochs=40) for name in ("orphaned", "undisturbed"))
    scheduler = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "worker = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
            f'worker.stdin.write(b\'{{"network": "{NETWORK}", "fold": 1}}\\n\'); worker.stdin.flush()\n'
            "time.sleep(1000)",
            *(sys.executable, "-m", "aimic_tui.engine.runs.worker", str(run.path), "--threads", "1"),
        ]
    )
    try:
        wait_for_epoch(run, FIRST, 2)
    finally:
        scheduler.kill()
        scheduler.wait()
    assert in_process(run).train(FIRST)["state"] == "finished"
    events = [event["event"] for event in EventReader(run.trial(FIRST).events_file).new()]
    assert events.count("trial-started") == 2
    assert events.index("trial-stopped") < len(events) - 1 - events[::-1].index("trial-started")
    in_process(undisturbed).train(FIRST)
    assert end_of(run, FIRST) == end_of(undisturbed, FIRST)
