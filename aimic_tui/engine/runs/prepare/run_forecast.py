"""What a run will take: trials, steps, disk space. Cheap enough for a thread of the app: no image is opened."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.catalogue import NetworkInfo, find_network
from aimic_tui.engine.runs.prepare.split_forecast import SplitForecast
from aimic_tui.engine.runs.prepare.trial_grid import grid

_BUFFERS = 1.02  # what a network holds beside its parameters: the statistics of its batch norms, 2 % of mobilenet_v2
# Numbers kept for each weight that learns; L-BFGS keeps two vectors for each of ten steps, and four more.
_MOMENTS = {"adamw": 2, "adam": 2, "adamax": 2, "rprop": 2, "adadelta": 2, "adagrad": 1, "lbfgs": 24}
_ROW = 60  # bytes of a row of predictions.csv or split.csv before the classes' probabilities
_PROBABILITY = 20  # bytes of each


@dataclass(frozen=True)
class RunForecast:
    """How large a run will be.

    Attributes:
        seeds: how many times each network is trained on each fold.
        trials: networks times folds times seeds, and the inner ones.
        train, validation: images of each trial, about.
        epochs: of each trial, at most.
        steps: of all trials at most; None where the batch size is left to the device.
        run_bytes: that the run's folder will hold, about.
        cache_bytes: of decoded images, which other runs share.
        free_bytes: on the disk of the workspace; None where that can't be known.
    """

    networks: int
    folds: int
    seeds: int
    trials: int
    train: int
    validation: int
    epochs: int
    steps: int | None
    run_bytes: int
    cache_bytes: int
    free_bytes: int | None = None


def forecast_run(experiment: Experiment, split: SplitForecast, classes: int, workspace: Path) -> RunForecast:
    """Work out how large a run will be.

    Args:
        split: without a problem.
        classes: how many.
        workspace: the folder that the run would be kept in; it need not be there yet.
    """
    assert split.split is not None
    training = experiment.training
    keys = grid(experiment, split.split)
    counts = [np.bincount(split.split.column(key.fold, key.inner), minlength=len(Part)) for key in keys]
    trained = [int(count[Part.TRAIN]) for count in counts]
    steps = None
    if isinstance(training.batch_size, int):
        steps = sum(math.ceil(train / training.batch_size) for train in trained) * training.epochs
    infos = _known(experiment)
    weights = sum(trial_bytes(experiment, info, classes) for info in infos) * len(keys) // max(1, len(infos))
    predicted = sum(int(count[Part.TEST] + count[Part.VALIDATION]) for count in counts)
    return RunForecast(
        networks=len(experiment.model.networks),
        folds=split.folds,
        seeds=experiment.seeds,
        trials=len(keys),
        train=round(sum(trained) / len(trained)),
        validation=round(sum(split.validation) / split.folds),
        epochs=training.epochs,
        steps=steps,
        run_bytes=weights + predicted * (_ROW + _PROBABILITY * classes) + split.used * (split.folds + 3) * _ROW,
        cache_bytes=_cache_bytes(experiment, infos, split.used),
        free_bytes=_free_bytes(workspace),
    )


def _known(experiment: Experiment) -> list[NetworkInfo]:
    infos = []
    for name in experiment.model.networks:
        try:
            infos.append(find_network(name))
        except AimicError:
            continue
    return infos


def trial_bytes(experiment: Experiment, info: NetworkInfo, classes: int) -> int:
    """Return what a finished trial's weights take on the disk, in bytes.

    That is the network three times (the model, the best epoch's, the last epoch's checkpoint), and in the checkpoint
    the optimiser's numbers for each weight that learns, and the averaged weights.
    """
    training = experiment.training
    weights = info.parameters_for(classes)
    learning = info.per_class * classes if experiment.model.trainable == "head" else weights
    moments = _MOMENTS.get(training.optimizer, 0)
    if training.optimizer in ("sgd", "rmsprop"):
        moments = (training.optimizer == "rmsprop") + (training.momentum > 0)
    averages = learning if training.ema else 0
    return round(4 * (3 * _BUFFERS * weights + moments * learning + averages))


def _cache_bytes(experiment: Experiment, infos: Sequence[NetworkInfo], images: int) -> int:
    """Return what the decoded images take: once for each size, and no more than the cache's limit."""
    if experiment.compute.cache == "off":
        return 0
    wanted = experiment.model.image_size
    sizes = {info.input_size if wanted == "auto" else wanted for info in infos}
    limit = int(experiment.compute.cache_limit * 1e9)
    return min(limit, sum(size for size in (3 * side * side * images for side in sizes) if size <= limit))


def _free_bytes(folder: Path) -> int | None:
    there = next((parent for parent in (folder, *folder.parents) if parent.exists()), None)
    try:
        return shutil.disk_usage(there).free if there else None
    except OSError:
        return None
