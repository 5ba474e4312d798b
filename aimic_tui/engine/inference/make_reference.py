"""Making the reference of a model: at the end of its training, or later while the run's images are still there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.read_image import UnreadableImage
from aimic_tui.engine.data.threads import in_threads
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.inference.colour_statistics import colours_of_files
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
from aimic_tui.engine.text import printable

_AT_ONCE = 128  # images: features may be maps, a hundred times larger than what is kept of them

Look = Callable[[Integers], tuple[NDArray[np.float64], NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class FoldImages:
    """The images of one fold: int64 indices into the data set; `validation` may be empty."""

    data_set: DataSet
    train: Integers
    validation: Integers
    test: Integers
    manifest: Path


def make_reference(images: FoldImages, way: Preprocessing, weights: str, look: Look) -> Reference:
    """Describe a model by what it says and sees of images that it was not trained on.

    Args:
        weights: SHA-256 of the model's weights.
        look: returns probabilities [b, c] and features [b, d] of images by their indices; it may raise to stop.
    """
    first = images.test if len(images.test) else images.validation
    sample, tested = choose_sample(images.test, images.validation, look(first[:1])[1].shape[1])
    looked = [look(sample[start : start + _AT_ONCE]) for start in range(0, len(sample), _AT_ONCE)]
    data = images.data_set
    # Half precision ends at 65504; a feature that large says nothing that a smaller one doesn't.
    features = np.clip(np.concatenate([found for _, found in looked]), -6e4, 6e4)
    return Reference(
        features=features.astype(np.float16),
        colours=colours_of_files([data.path(int(index)) for index in sample], way),
        labels=data.labels[sample].astype(np.int32),
        groups=group_codes([data.group_names[code] for code in data.groups[sample]]),
        tested=tested,
        probabilities=np.concatenate([said for said, _ in looked]).astype(np.float32),
        trained=trained_digests(images.manifest, data, images.train),
        weights=weights,
    )


def reference_of(model: LoadedModel) -> Reference:
    """Return a model's reference; where there is none yet it is made from the images of its run, and kept.

    Args:
        model: loaded with `fused=False`.

    Raises:
        InputProblem: there is none, and the model lies in no run or the run's images are gone.
    """
    known = read_reference(model.folder, model.digest)
    if known is not None:
        return known
    origin = find_origin(model.folder)
    if origin.data_set.classes != model.card.classes:
        raise InputProblem(f"{printable(str(model.folder))} has other classes than its run.")
    images = FoldImages(origin.data_set, origin.train, origin.validation, origin.test, origin.manifest)

    def look(samples: Integers) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        paths = [origin.data_set.path(int(index)) for index in samples]
        parts = [model.with_features(model.prepare(pixels)) for pixels in loaded_batches(paths, model, 16)]
        return np.concatenate([said for said, _ in parts]), np.concatenate([found for _, found in parts])

    try:
        made = make_reference(images, model.card.preprocessing, model.digest, look)
    except UnreadableImage as problem:
        raise InputProblem(
            f"The images that {printable(str(model.folder))} was tested on can't be read any more: {problem.sentence}"
        ) from None
    with suppress(OSError):  # another's run that can be read only
        write_reference(model.folder, made)
    return made


def loaded_batches(paths: Sequence[Path], model: LoadedModel, size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield uint8 [b, S, S, 3], the images as a model takes them, decoded in threads.

    Raises:
        UnreadableImage: one of them can't be used.
    """
    decoded = in_threads(model.card.preprocessing.load, paths)
    batch: list[NDArray[np.uint8]] = []
    for image in decoded:
        batch.append(image)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
