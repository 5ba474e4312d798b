"""Typed events: what is written reads back, and stories of other versions are read as far as they go."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.run_events import (
    EpochProgress,
    EpochRecord,
    InitialWeights,
    RunEvent,
    RunFailed,
    RunStarted,
    RunWarning,
    SystemUse,
    TrialEnded,
    TrialEvent,
    TrialFailed,
    TrialFinished,
    TrialStarted,
    WorkerDied,
    append_to_run,
    append_to_trial,
    run_events,
    trial_events,
)
from aimic_tui.engine.run_folder import RunFolder, TrialFolder


@pytest.mark.parametrize(
    "event",
    [
        RunStarted(7, "host"),
        RunWarning("Few images.", "first weights"),
        WorkerDied("net/fold-1", -9, 2, "was ended by SIGKILL"),
        TrialFailed("net/fold-1", "No memory.", "memory", "training.batch_size", 1, given_up=False),
        TrialEnded("net/fold-1", {"accuracy": 0.5}),
        RunFailed("The trial failed.", "input", "data.path"),
    ],
)
def test_an_event_of_a_run_reads_back(tmp_path: Path, event: RunEvent) -> None:
    append_to_run(RunFolder(tmp_path), event)
    (read,) = run_events(RunFolder(tmp_path)).new()
    assert read == event
    assert read.time is not None


@pytest.mark.parametrize(
    "event",
    [
        TrialStarted("cuda:0", 3, True, 90, 30, 30, 8, 12, 1000, "bf16"),
        InitialWeights("Weights from x.", "x", 3, 4, 30, 40, ("fc.weight",), (), ("odd",), {"run": "a", "fold": 1}),
        EpochRecord(*(2, 4, 1e-4, 0.5, 0.8, 0.6, 0.7, 0.7, 0.7, 0.7, 0.7, 10.0, True, 2, 0.7)),
        EpochProgress("train", 1, 2, 3, 50.5, 0.1),
        TrialFinished(2, 4, True, 40.0, {"accuracy": 0.5}, 1e9, 2e9, 3.5),
    ],
)
def test_an_event_of_a_trial_reads_back(tmp_path: Path, event: TrialEvent) -> None:
    append_to_trial(TrialFolder(tmp_path), event)
    assert trial_events(TrialFolder(tmp_path)).new() == [event]


def test_what_is_undefined_is_null_and_read_as_nan(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    append_to_trial(folder, EpochRecord(1, 4, train_loss=math.inf))
    append_to_trial(folder, TrialFinished(1, 1, test={"auroc": math.nan}))
    lines = [json.loads(line) for line in folder.events_file.read_text().splitlines()]
    assert (lines[0]["train_loss"], lines[0]["monitor"]) == (None, None)
    assert lines[1]["test"] == {"auroc": None}
    assert "energy" not in lines[1]  # there is no GPU whose energy could be undefined
    epoch, finished = trial_events(folder).new()
    assert isinstance(epoch, EpochRecord) and math.isnan(epoch.train_loss)
    assert isinstance(finished, TrialFinished) and math.isnan(finished.test["auroc"])


def test_events_and_fields_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    append_event(folder.events_file, "rewound", epoch=3)
    append_event(folder.events_file, "epoch", epoch=1, mood="good", validation_loss="much", best=True)
    append_event(folder.events_file, "epoch", epoch=None)
    append_event(folder.events_file, "warning")
    append_event(folder.events_file, "trial-started", epoch=math.nan, device=None)
    epoch, started = trial_events(folder).new()
    assert isinstance(epoch, EpochRecord) and epoch.best and math.isnan(epoch.validation_loss)
    assert started == TrialStarted()


def test_of_what_came_in_one_go_only_the_last_progress_and_use_are_read(tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path)
    stream = trial_events(folder)
    for batch in range(3):
        append_to_trial(folder, EpochProgress("train", 1, batch, 3))
        append_to_trial(folder, SystemUse(cpu=batch / 10))
    assert stream.new() == [EpochProgress("train", 1, 2, 3), SystemUse(cpu=0.2)]
    assert stream.new() == []
    folder.events_file.write_text("")
    assert stream.new() == [] and stream.restarted
