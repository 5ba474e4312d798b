"""Mixing the images of a batch, and their labels with them: mixup and CutMix.

Zhang et al. (2018), "mixup: Beyond empirical risk minimization"; Yun et al. (2019), "CutMix: Regularization strategy to
train strong classifiers". The share is drawn once a batch, by (seed, epoch, step). Each image keeps the larger
share of itself (as in Berthelot et al. 2019, "MixMatch"): over a batch the mixtures are the same, and an image's own
label is the expected one, by which the training accuracy is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aimic_tui.engine.training.randomness import Stream, seed_for


@dataclass(frozen=True, eq=False)
class Mix:
    """What a batch was mixed with.

    Attributes:
        others: int64 [b], the labels of the images that were mixed in.
        share: the weight of an image's own label, from 0.5 to 1; the other label has the rest.
    """

    others: Tensor
    share: float


class BatchMixer:
    """Mixes batches on their device.

    Args:
        mixup, cutmix: the alpha of Beta(alpha, alpha), from which the share is drawn; 0 turns it off. Where both are
            set, each batch is mixed by one of them, at random.
        seed: the trial's.
    """

    def __init__(self, mixup: float, cutmix: float, *, seed: int) -> None:
        self._mixup, self._cutmix, self._seed = mixup, cutmix, seed

    def __call__(self, images: Tensor, labels: Tensor, epoch: int, step: int) -> tuple[Tensor, Mix | None]:
        """Return the mixed images, float [b, c, S, S] (the given ones may be overwritten), and what was mixed in.

        Args:
            labels: int64 [b], on the device of `images`.
        """
        if not (self._mixup or self._cutmix) or len(images) < 2:
            return images, None
        random = np.random.default_rng(seed_for(Stream.MIXING, self._seed, epoch, step))
        use_cutmix = self._cutmix > 0 and (self._mixup == 0 or random.random() < 0.5)
        alpha = self._cutmix if use_cutmix else self._mixup
        drawn = random.beta(alpha, alpha)
        share = float(max(drawn, 1 - drawn))
        partners = torch.from_numpy(random.permutation(len(images))).to(images.device)
        if use_cutmix:
            rows, columns, share = _box(random, images.shape[2], images.shape[3], share)
            images[:, :, rows, columns] = images[:, :, rows, columns][partners]
        else:
            images = images.lerp(images[partners], 1 - share)
        return images, Mix(labels[partners], share)


def _box(random: np.random.Generator, height: int, width: int, share: float) -> tuple[slice, slice, float]:
    """Return a box of the image's proportions that leaves about `share` of the image, and the exact share: the box is
    cut off at the edges."""
    side = math.sqrt(1 - share)
    slices = []
    for length in (height, width):
        centre, half = random.uniform(0, length), side * length / 2
        slices.append(slice(max(0, round(centre - half)), min(length, round(centre + half))))
    rows, columns = slices
    covered = (rows.stop - rows.start) * (columns.stop - columns.start)
    return rows, columns, 1 - covered / (height * width)
