"""The process that trains: what it answers, and what it survives."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch

from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.work.worker import StopSigns, Worker
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


def in_process(run: RunFolder, stop: StopSigns | None = None) -> Worker:
    torch.set_num_threads(1)
    return Worker(run, "cpu", stop or StopSigns(run.stop_file, os.getppid()))


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
