"""The reference stored beside a trial's model, for comparing new images with the training images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.inference.loaded_model import flat_features
from aimic_tui.engine.inference.make_reference import FoldImages, make_reference
from aimic_tui.engine.inference.reference import Integers, write_reference
from aimic_tui.engine.models.build import logits_from_features
from aimic_tui.engine.models.model_folder import recorded_digest
from aimic_tui.engine.run_folder import TrialFolder
from aimic_tui.engine.training.pipelines import FeaturePipeline, ImagePipeline, Tick
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.task import FoldParts, TrialTask
from aimic_tui.engine.training.trial_model import probabilities_of


def save_reference(
    task: TrialTask,
    parts: FoldParts,
    preprocessing: Preprocessing,
    network: nn.Module,
    pipeline: ImagePipeline | FeaturePipeline,
    *,
    tick: Tick,
    warn: Callable[[str], None],
) -> None:
    """Write the reference of the model in the trial's folder; where the disk is full, the trial still finishes.

    Args:
        network: with the model's weights, as `pipeline` uses it.
    """
    precision = Precision("fp32", torch.device(task.device))

    def predict(samples: Integers) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        features = pipeline.features(samples, precision, tick)
        with torch.no_grad():
            logits = logits_from_features(network, features.to(task.device))
        return probabilities_of(logits), flat_features(features).numpy()

    folder = TrialFolder(task.folder).model_folder
    manifest = TrialFolder(task.folder).run.manifest_file
    images = FoldImages(task.data_set, parts.train, parts.validation, parts.test, manifest)
    try:
        write_reference(folder, make_reference(images, preprocessing, recorded_digest(folder), predict))
    except OSError as error:
        warn(f"The model's reference, for comparing new images with, could not be written ({error.strerror}).")
