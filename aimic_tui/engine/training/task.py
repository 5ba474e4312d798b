"""The definition of a trial: network, fold, seed; the parts of its images and their preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.input_rule import rule_from_settings
from aimic_tui.engine.data.splitting.split import Split, fold_name
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import Experiment, SplitProtocol
from aimic_tui.engine.models.catalogue import NetworkInfo
from aimic_tui.engine.models.weights_folder import input_size, normalisation
from aimic_tui.engine.training.parallel import SINGLE_RANK, Ranks

_HALVES = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class TrialTask:
    """What to train, on which images and device, and where the files go.

    Attributes:
        fold: from 1.
        folder: the trial's, which exists; `cache_folder` is made where needed.
        device: "cpu", "cuda:0"...
        experiment_digest, split_digest: SHA-256; a checkpoint with other ones is refused.
        run: the run's name, for the model's provenance.
        ranks: this process among those that share the trial.
        checkpoint_folder: of its checkpoints, where that is not `folder`.
        digests: of the images' contents, in the data set's order, "" where one is not known; empty where none is.
        inner: the inner fold, from 1, where one of the fold's inner folds is trained and tested; else 0.
    """

    network: str
    fold: int
    seed: int
    experiment: Experiment
    data_set: DataSet
    split: Split
    folder: Path
    cache_folder: Path
    device: str
    experiment_digest: str
    split_digest: str
    run: str = ""
    digests: tuple[str, ...] = ()
    inner: int = 0
    ranks: Ranks = SINGLE_RANK
    checkpoint_folder: Path | None = None


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended; `test` has the metrics of the test part where it is finished."""

    state: Literal["finished", "stopped"]
    best_epoch: int
    test: dict[str, float | None]


@dataclass(frozen=True, eq=False)
class FoldParts:
    """Indices into the data set, int64 each.

    Attributes:
        selecting: the images by which the best epoch is chosen and training stops early: the validation part, or in the
            published protocol the test part, which makes its metrics optimistic.
    """

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    selecting: npt.NDArray[np.int64]
    optimistic: bool


def fold_parts(split: Split, fold: int, protocol: SplitProtocol, inner: int = 0) -> FoldParts:
    """Return the parts of `fold` (from 1), or of one of its inner folds (from 1).

    Raises:
        InputProblem: a required part has no images.
    """
    parts = split.column(fold, inner)
    train, validation, test = (np.flatnonzero(parts == part) for part in (Part.TRAIN, Part.VALIDATION, Part.TEST))
    optimistic = protocol == "aimic-2022"
    selecting = test if optimistic else validation
    for name, samples in (("training", train), ("test", test), ("validation", selecting)):
        if not len(samples):
            raise InputProblem(f"Fold {fold_name(fold, inner)} has no {name} images. Change the settings of the split.")
    return FoldParts(train, validation, test, selecting, optimistic)


def used_images(split: Split) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the indices of the images that any fold uses, and the position among them of each image of the data set,
    -1 for unused ones.

    All folds share one cache, of these images alone.
    """
    used = np.flatnonzero((split.parts != Part.UNUSED).any(axis=0))
    positions = np.full(split.parts.shape[1], -1, dtype=np.int64)
    positions[used] = np.arange(len(used))
    return used, positions


def preprocessing_for(experiment: Experiment, info: NetworkInfo) -> Preprocessing:
    """Return the preprocessing for a network: its own image size, normalised as its initial weights expect.

    The published protocol scales every network's images to [-1, 1].
    """
    size = experiment.model.image_size
    rule = rule_from_settings(experiment.data)
    if experiment.split.protocol == "aimic-2022":
        mean, std = _HALVES, _HALVES
    else:
        mean, std = normalisation(experiment.model.weights, info)
    return Preprocessing(
        image_size=input_size(experiment.model.weights, info) if size == "auto" else size,
        fit=experiment.data.fit,
        intensity=rule.intensity,
        mean=mean,
        std=std,
        window=rule.window,
        channels=rule.channels,
        plane=rule.plane,
    )
