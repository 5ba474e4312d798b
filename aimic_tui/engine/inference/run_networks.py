"""Networks on a batch of decoded images: their probabilities, and what enters their last layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.inference.image_batches import Pixels
from aimic_tui.engine.inference.loaded_model import LoadedModel

BATCH = {"cpu": 16, "cuda": 128}
"""Images at once that suit a kind of device: on a processor, larger batches only take more memory."""

Arrays = tuple[NDArray[Any], ...]


def class_probabilities(models: Sequence[LoadedModel], images: Sequence[Pixels]) -> NDArray[np.float64]:
    """Return float64 [images, models, classes]; a batch that the device has no room for is done in halves."""

    def run(part: Sequence[Pixels]) -> Arrays:
        inputs = _inputs(models, part)
        return (np.stack([model.probabilities(inputs[model.card.preprocessing]) for model in models], axis=1),)

    (found,) = _in_halves(run, images)
    return found


def probabilities_and_features(
    models: Sequence[LoadedModel], images: Sequence[Pixels]
) -> tuple[NDArray[np.float64], tuple[NDArray[np.float32], ...]]:
    """Return float64 [images, models, classes] and, for each model, float32 [images, d]; in halves as above.

    Args:
        models: loaded with `fused=False`.
    """

    def run(part: Sequence[Pixels]) -> Arrays:
        inputs = _inputs(models, part)
        found = [model.with_features(inputs[model.card.preprocessing]) for model in models]
        return np.stack([probabilities for probabilities, _ in found], axis=1), *(features for _, features in found)

    probabilities, *features = _in_halves(run, images)
    return probabilities, tuple(features)


def _inputs(models: Sequence[LoadedModel], images: Sequence[Pixels]) -> dict[Preprocessing, Tensor]:
    inputs: dict[Preprocessing, Tensor] = {}
    for model in models:
        preprocessing = model.card.preprocessing
        if preprocessing not in inputs:
            inputs[preprocessing] = model.prepare(np.stack([pixels[preprocessing] for pixels in images]))
    return inputs


def _in_halves(run: Callable[[Sequence[Pixels]], Arrays], images: Sequence[Pixels]) -> Arrays:
    """Return what `run` returns for all images, arrays [images, ...], calling it on parts that the device can hold."""
    try:
        return run(images)
    except torch.OutOfMemoryError:
        if len(images) == 1:
            raise
    torch.cuda.empty_cache()  # outside the handler, which would keep the failed batch alive
    half = len(images) // 2
    parts = zip(_in_halves(run, images[:half]), _in_halves(run, images[half:]), strict=True)
    return tuple(np.concatenate(each) for each in parts)
