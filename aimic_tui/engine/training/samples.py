"""What the network will be trained on: some training images, and their augmentations in several epochs.

They are the trial's own: the same function of seed, epoch and image. Mixup and CutMix, which mix the images of a batch
afterwards, are not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aimic_tui.engine.experiment import AugmentationPreset
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.training.augmentation import Augmentation
from aimic_tui.engine.training.augmentation_ranges import ranges_of
from aimic_tui.engine.training.batches import Integers
from aimic_tui.engine.training.task import TrialTask, fold_parts, preprocessing_for

_RGB = npt.NDArray[np.uint8]  # [S, S, 3]


@dataclass(frozen=True, eq=False)
class SampleImage:
    """An image of the training part.

    Attributes:
        image, label: its name in the data set, its class.
        original: uint8 [S, S, 3], as it is after preprocessing.
        variants: of each preset, uint8 [epochs, S, S, 3].
    """

    image: str
    label: str
    original: _RGB
    variants: dict[AugmentationPreset, npt.NDArray[np.uint8]]


def training_samples(
    task: TrialTask, *, count: int, epochs: Sequence[int], presets: Sequence[AugmentationPreset]
) -> list[SampleImage]:
    """Return some of a trial's training images, of all classes in turn, each augmented as in these epochs.

    Args:
        count: of images, at least 1; fewer are returned where the training part has fewer.
        epochs: from 1.
        presets: names of `augmentation.preset`.

    Raises:
        UnreadableImage: an image can't be used.
    """
    preprocessing = preprocessing_for(task.experiment, find_network(task.network))
    chosen = _of_all_classes(
        fold_parts(task.split, task.fold, task.experiment.split.protocol).train, task.data_set.labels, count
    )
    pixels = np.stack([preprocessing.load(task.data_set.path(int(index))) for index in chosen])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    mean, std = preprocessing.mean, preprocessing.std
    variants: dict[AugmentationPreset, npt.NDArray[np.uint8]] = {}
    for preset in presets:
        ranges = ranges_of(task.experiment.with_values({"augmentation.preset": preset}).augmentation)
        augment = Augmentation(ranges, seed=task.seed, mean=mean, std=std)
        augmented = [_pixels(augment(images, chosen, epoch), mean, std) for epoch in epochs]
        variants[preset] = np.stack(augmented, axis=1)
    return [
        SampleImage(
            task.data_set.images[index],
            task.data_set.classes[task.data_set.labels[index]],
            pixels[row],
            {preset: of_all[row] for preset, of_all in variants.items()},
        )
        for row, index in enumerate(chosen)
    ]


def _of_all_classes(train: Integers, labels: npt.NDArray[np.int32], count: int) -> Integers:
    """Return up to `count` of the images: one of each class, another of each class, and so on, evenly over each."""
    codes = np.unique(labels[train])
    counts = {int(code): len(range(position, count, len(codes))) for position, code in enumerate(codes)}
    spread = []
    for code, number in counts.items():
        own = train[labels[train] == code]
        spread.append(own[np.unique(np.linspace(0, len(own) - 1, min(number, len(own))).astype(np.int64))])
    longest = max(len(own) for own in spread)
    turns = [own[turn] for turn in range(longest) for own in spread if turn < len(own)]
    return np.array(turns, dtype=np.int64)


def _pixels(inputs: Tensor, mean: Sequence[float], std: Sequence[float]) -> npt.NDArray[np.uint8]:
    """Turn a network's input, float [b, 3, S, S], back into pixels: uint8 [b, S, S, 3]."""
    offset = inputs.new_tensor(mean)[:, None, None]
    scale = inputs.new_tensor(std)[:, None, None]
    values = ((inputs * scale + offset) * 255).round().clamp(0, 255)
    shown: npt.NDArray[np.uint8] = values.permute(0, 2, 3, 1).to(torch.uint8).contiguous().numpy()
    return shown
