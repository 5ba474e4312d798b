"""What a network with its initial weights gives for images, before any fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.inference.image_batches import image_batches
from aimic_tui.engine.inference.loaded_model import flat_features
from aimic_tui.engine.inference.run_networks import BATCH
from aimic_tui.engine.models.build import build_network, features
from aimic_tui.engine.models.catalogue import NetworkInfo
from aimic_tui.engine.models.weights import load_initial_weights
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.text import printable
from aimic_tui.engine.training.augmentation import normalised
from aimic_tui.engine.training.task import preprocessing_for


def frozen_features(
    experiment: Experiment,
    info: NetworkInfo,
    paths: Sequence[Path],
    device: torch.device,
    *,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """Return float32 [n, d]: what enters the last layer of a network with its initial weights.

    Args:
        experiment: whose `model.weights` and preprocessing are taken.
        info: the network.
        paths: n images.
        report: hears how many are done.
        should_stop: asked after each batch.

    Raises:
        InputProblem: the weights can't be used, or an image can't be read.
        Interrupted: `should_stop` returned True.
    """
    preprocessing = preprocessing_for(experiment, info)
    network = build_network(info.name, 2, preprocessing.image_size)  # the classifier, new in any case, is not used
    load_initial_weights(network, experiment.model.weights, info)
    network = network.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = []
    remaining = iter(paths)
    batches = image_batches(paths, [preprocessing], BATCH[device.type], report=report, should_stop=should_stop)
    for batch in batches:
        for image, path in zip(batch, remaining, strict=False):
            if image.problem:
                raise InputProblem(f"{printable(str(path))} {image.problem}.")
        pixels = torch.from_numpy(np.stack([image.pixels[preprocessing] for image in batch])).to(device)
        with torch.inference_mode():
            inputs = normalised(pixels.permute(0, 3, 1, 2), preprocessing.mean, preprocessing.std)
            found.append(flat_features(features(network, inputs)).cpu().numpy())
    return np.concatenate(found)
