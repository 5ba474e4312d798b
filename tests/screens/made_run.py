"""Runs as the engine leaves them, made in a second: real writers, real images, no training."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.evaluation.build_results import write_results
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.event_log import append_event, now
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import read_recorded, write_status
from aimic_tui.engine.workspace_folder import Workspace

CLASSES = ("platelet", "red_cell", "white_cell")


def make_data(folder: Path, classes: tuple[str, ...] = CLASSES, each: int = 20, size: int = 24) -> Path:
    """Draw a disc in another colour a class, each with a pattern of its own, two images a smear."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[:size, :size] - size / 2
    for code, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = np.full((size, size, 3), 225, np.uint8)
            inside = np.hypot(x, y) < size * (0.2 + 0.25 * random.random())
            pixels[inside] = (200 - 40 * (code % 4), 60 + 45 * (code % 3), 90 + 30 * (code % 5))
            pattern = np.kron(random.normal(0, 30, (6, 6)), np.ones((size // 6, size // 6)))[:, :, None]
            pixels = np.clip(pixels + pattern + random.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(
                folder / name / f"smear{code * each // 2 + number // 2:03d}_{number % 2}.jpg", quality=92
            )
    return folder


def make_run(
    workspace: Path,
    data: Path,
    *,
    networks: tuple[str, ...] = ("mobilenet_v2",),
    folds: int = 3,
    epochs: int = 20,
    finished: int | None = None,
    state: str = "finished",
    settings: dict[str, object] | None = None,
) -> RunFolder:
    """Make a run of which `finished` trials (default: all) are finished and, where it is "running", one is under way.

    A "running" one is interrupted until somebody holds its lock (`hold`).
    """
    values = {
        "data.path": str(data),
        "model.networks": list(networks),
        "model.weights": "none",
        "split.folds": folds,
        "training.epochs": epochs,
        "training.seeds": 1,
        "evaluation.resamples": 1000,
        **(settings or {}),
    }
    folder = create_run(Experiment().with_values(values), Workspace(workspace), ["aimic", "train"])
    status = read_recorded(folder)
    count = len(status.trials) if finished is None else finished
    trials = []
    append_event(folder.events_file, "run-started", pid=1, host="here")
    for index, trial in enumerate(status.trials):
        if index < count:
            append_event(folder.events_file, "trial-assigned", trial=trial.key.name, device="cpu", attempt=1)
            train(folder, trial.key, epochs, quality=2.0 + 0.4 * list(networks).index(trial.network))
            trial = replace(trial, state="finished", attempts=1, device="cpu")  # noqa: PLW2901
        elif index == count and state == "running":
            append_event(folder.events_file, "trial-assigned", trial=trial.key.name, device="cpu", attempt=1)
            tell_epochs(folder, trial.key, epochs, until=max(1, epochs // 2))
            append_event(
                folder.trial(trial.key).events_file,
                "progress",
                phase="train",
                epoch=max(1, epochs // 2) + 1,
                batch=3,
                batches=8,
                images_per_second=211.8,
                waiting=0.02,
            )
            trial = replace(trial, state="running", attempts=1, device="cpu")  # noqa: PLW2901
        trials.append(trial)
    if state == "finished":
        append_event(folder.events_file, "run-finished")
    status = replace(status, state=state, trials=tuple(trials), started=now())
    write_status(folder, status)
    if count:
        write_results(folder.path)
    return folder


def hold(folder: RunFolder) -> FileLock:
    """Hold a run's lock as its scheduler would."""
    lock = FileLock(folder.lock_file)
    assert lock.acquire()
    return lock


def tell_epochs(folder: RunFolder, key: TrialKey, epochs: int, until: int, start: int = 1) -> int:
    """Write the story of some epochs; return the best one."""
    files = folder.trial(key)
    files.path.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(key.fold)
    if start == 1:
        append_event(
            files.events_file,
            "trial-started",
            device="cpu",
            epoch=1,
            resumed=False,
            train=34,
            validation=6,
            test=20,
            batch_size=8,
            steps=5,
            parameters=2_227_715,
            precision="fp32",
        )
    best, best_epoch = -1.0, 0
    for epoch in range(start, until + 1):
        score = float(0.96 - 0.6 * math.exp(-epoch / 5) + random.normal(0, 0.02))
        if score > best:
            best, best_epoch = score, epoch
        append_event(
            files.events_file,
            "epoch",
            epoch=epoch,
            epochs=epochs,
            learning_rate=3e-4,
            train_loss=float(1.1 * math.exp(-epoch / 4) + 0.02),
            train_accuracy=min(1.0, score + 0.03),
            validation_loss=float(0.9 * math.exp(-epoch / 5) + 0.15 + random.normal(0, 0.01)),
            validation_accuracy=score,
            validation_macro_precision=score,
            validation_macro_recall=score,
            validation_macro_f1=score,
            validation_balanced_accuracy=score,
            seconds=1.5,
            best=epoch == best_epoch,
            best_epoch=best_epoch,
            monitor=score,
        )
    return best_epoch


def train(folder: RunFolder, key: TrialKey, epochs: int, quality: float = 2.0) -> None:
    """Leave behind what a finished trial leaves: its story and its test predictions."""
    best = tell_epochs(folder, key, epochs, until=epochs)
    data_set = read_manifest(folder.manifest_file)
    split = read_split(folder.split_file, data_set.images)
    chosen = split.indices(key.fold, Part.TEST, key.inner) if key.fold else []
    random = np.random.default_rng(100 + key.fold)
    logits = random.normal(0, 1, (len(chosen), len(data_set.classes)))
    labels = data_set.labels[chosen]
    logits[np.arange(len(chosen)), labels] += quality
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    predictions = Predictions(tuple(data_set.images[i] for i in chosen), labels, shares, data_set.classes)
    files = folder.trial(key)
    write_predictions(files.predictions_file, predictions)
    append_event(
        files.events_file,
        "trial-finished",
        best_epoch=best,
        epochs=epochs,
        stopped_early=False,
        seconds=1.5 * epochs,
        test=scores(labels, shares),
    )
