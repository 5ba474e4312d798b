"""Makes a model's reference: at the end of its training, or later while the run's images are still there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.inference.colour_statistics import colour_statistics_of_files
from aimic_tui.engine.inference.image_batches import image_batches
from aimic_tui.engine.inference.loaded_model import LoadedModel
from aimic_tui.engine.inference.origin import find_origin
from aimic_tui.engine.inference.reference import (
    Integers,
    Reference,
    choose_sample,
    group_codes,
    read_reference,
    trained_digests,
    write_reference,
)
from aimic_tui.engine.inference.run_networks import BATCH, probabilities_and_features
from aimic_tui.engine.text import printable

_AT_ONCE = 128  # images: their feature maps may take a hundred times the memory of what is stored

Predict = Callable[[Integers], tuple[NDArray[np.float64], NDArray[np.float32]]]
"""Returns the probabilities [b, c] and features [b, d] of images by their indices; may raise to stop."""


@dataclass(frozen=True, eq=False)
class FoldImages:
    """The images of one fold: int64 indices into the data set; `validation` may be empty."""

    data_set: DataSet
    train: Integers
    validation: Integers
    test: Integers
    manifest: Path


def make_reference(images: FoldImages, preprocessing: Preprocessing, weights: str, predict: Predict) -> Reference:
    """Describe a model by its probabilities and features for images that it was not trained on.

    Args:
        weights: SHA-256 of the model's weights.
    """
    first = images.test if len(images.test) else images.validation
    sample, tested = choose_sample(images.test, images.validation, predict(first[:1])[1].shape[1])
    predicted = [predict(sample[start : start + _AT_ONCE]) for start in range(0, len(sample), _AT_ONCE)]
    data = images.data_set
    # Half precision ends at 65504; larger features carry no further information.
    features = np.clip(np.concatenate([found for _, found in predicted]), -6e4, 6e4)
    return Reference(
        features=features.astype(np.float16),
        colours=colour_statistics_of_files([data.path(int(index)) for index in sample], preprocessing),
        labels=data.labels[sample].astype(np.int32),
        groups=group_codes([data.group_names[code] for code in data.groups[sample]]),
        tested=tested,
        probabilities=np.concatenate([found for found, _ in predicted]).astype(np.float32),
        trained=trained_digests(images.manifest, data, images.train),
        weights=weights,
    )


def reference_of(model: LoadedModel) -> Reference:
    """Return a model's reference; one that is missing is made from the images of its run and saved.

    Args:
        model: loaded with `fused=False`.

    Raises:
        InputProblem: there is none, and the model is not in a run or the run's images can't be read.
    """
    known = read_reference(model.folder, model.digest)
    if known is not None:
        return known
    origin = find_origin(model.folder)
    if origin.data_set.classes != model.card.classes:
        raise InputProblem(f"{printable(str(model.folder))} has other classes than its run.")
    images = FoldImages(origin.data_set, origin.train, origin.validation, origin.test, origin.manifest)

    def predict(indices: Integers) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        return _predict([origin.data_set.path(int(index)) for index in indices], model)

    made = make_reference(images, model.card.preprocessing, model.digest, predict)
    with suppress(OSError):  # someone else's run, which is read-only here
        write_reference(model.folder, made)
    return made


def _predict(paths: Sequence[Path], model: LoadedModel) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return a model's probabilities [n, c] and features [n, d] for image files.

    Raises:
        InputProblem: one of them can't be read.
    """
    probabilities: list[NDArray[np.float64]] = []
    features: list[NDArray[np.float32]] = []
    remaining = iter(paths)
    for batch in image_batches(paths, [model.card.preprocessing], BATCH[model.device.type]):
        for image, path in zip(batch, remaining, strict=False):
            if image.problem:
                raise InputProblem(
                    f"The images that {printable(str(model.folder))} was tested on can't be read any more: "
                    f"{printable(str(path))} {image.problem}."
                )
        found, (own,) = probabilities_and_features([model], [image.pixels for image in batch])
        probabilities.append(found[:, 0])
        features.append(own)
    return np.concatenate(probabilities), np.concatenate(features)
