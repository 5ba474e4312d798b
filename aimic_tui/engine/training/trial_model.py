"""What a trial leaves for use: the best epoch's model, and its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from aimic_tui import __version__
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.evaluation.predictions import Predictions
from aimic_tui.engine.models.model_folder import ModelCard, save_model
from aimic_tui.engine.models.provenance import Provenance
from aimic_tui.engine.run_events import EpochRecord
from aimic_tui.engine.run_folder import TrialFolder
from aimic_tui.engine.training.batches import Integers
from aimic_tui.engine.training.history import to_state
from aimic_tui.engine.training.task import TrialTask

_VALIDATION = "validation_"
_INITIAL_WEIGHTS_KEYS = ("source", "loaded", "total", "loaded_parameters", "parameters", "origin")


def versions() -> dict[str, str]:
    """Return the versions that affect the last digits of results."""
    return {"aimic": __version__} | {name: version(name) for name in ("torch", "torchvision", "timm", "numpy")}


def probabilities_of(logits: Tensor) -> NDArray[np.float64]:
    """Return float64 [n, classes], each row with sum 1, from float32 logits."""
    probabilities: NDArray[np.float64] = logits.double().softmax(dim=1).cpu().numpy()
    return probabilities


def predictions_of(data_set: DataSet, samples: Integers, logits: Tensor) -> Predictions:
    """Return a network's predictions for the images `samples` of a data set."""
    names = tuple(data_set.images[index] for index in samples)
    return Predictions(names, data_set.labels[samples], probabilities_of(logits), data_set.classes)


def save_trial_model(  # noqa: PLR0917
    task: TrialTask,
    network: str,
    preprocessing: Preprocessing,
    epoch: EpochRecord,
    state: Mapping[str, Tensor],
    initial_weights: Mapping[str, Any],
) -> None:
    """Save an epoch's weights as the trial's model, with their provenance.

    Args:
        network: its name in the catalogue.
        state: the state dict.
        initial_weights: what training started from, as in the trial's `weights` event.

    Raises:
        OSError: the disk is full or gone.
    """
    metrics = {
        name.removeprefix(_VALIDATION): value for name, value in to_state(epoch).items() if name.startswith(_VALIDATION)
    }
    provenance = Provenance(
        run=task.run,
        fold=task.fold,
        seed=task.seed,
        inner_fold=task.inner,
        epoch=epoch.epoch,
        experiment_digest=task.experiment_digest,
        split_digest=task.split_digest,
        versions=versions(),
        monitor=task.experiment.training.monitor,
        validation=metrics,
        protocol=task.experiment.split.protocol,
        first_weights={key: value for key, value in initial_weights.items() if key in _INITIAL_WEIGHTS_KEYS},
    )
    save_model(
        TrialFolder(task.folder).model_folder,
        ModelCard(network, task.data_set.classes, preprocessing, provenance),
        state,
    )
