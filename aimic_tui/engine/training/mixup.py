"""Images mixed with others of their batch, and their labels with them: mixup and CutMix.

Zhang et al. (2018), "mixup: Beyond empirical risk minimization"; Yun et al. (2019), "CutMix: Regularization strategy to
train strong classifiers". The share is drawn once a batch, by (seed, epoch, step). An image keeps at least half of
itself (the larger of the share and what is left, as Berthelot et al. 2019, "MixMatch"): over a batch that is the same
mixtures, and its own label is the one to expect, which the training accuracy counts.
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
        others: int64 [b], the labels of the images mixed in.
        share: of an image's own label, from 0.5 to 1; the other label has the rest.
    """

    others: Tensor
    share: float


class Mixing:
    """Mixes batches on their device.

    Args:
        mixup, cutmix: the alpha of Beta(alpha, alpha), which the share is drawn from; 0 is never. Where both are set,
            each batch is mixed one way or the other, by the toss of a coin.
        seed: the trial's.
    """

    def __init__(self, mixup: float, cutmix: float, *, seed: int) -> None:
        self._mixup, self._cutmix, self._seed = mixup, cutmix, seed

    def __call__(self, images: Tensor, labels: Tensor, epoch: int, step: int) -> tuple[Tensor, Mix | None]:
        """Return the images mixed, float [b, c, S, S] (the given ones may be overwritten), and with what.

        Args:
            labels: int64 [b], on the device of `images`.
        """
        if not (self._mixup or self._cutmix) or len(images) < 2:
            return images, None
        random = np.random.default_rng(seed_for(Stream.MIXING, self._seed, epoch, step))
        cuts = self._cutmix > 0 and (self._mixup == 0 or random.random() < 0.5)
        alpha = self._cutmix if cuts else self._mixup
        drawn = random.beta(alpha, alpha)
        share = float(max(drawn, 1 - drawn))
        partners = torch.from_numpy(random.permutation(len(images))).to(images.device)
        if cuts:
            rows, columns, share = _box(random, images.shape[2], images.shape[3], share)
            images[:, :, rows, columns] = images[:, :, rows, columns][partners]
        else:
            images = images.lerp(images[partners], 1 - share)
        return images, Mix(labels[partners], share)


def _box(random: np.random.Generator, height: int, width: int, share: float) -> tuple[slice, slice, float]:
    """Return a box of the image's proportions that leaves about `share` of it, and what it leaves: it is cut off at
    the image's edges."""
    side = math.sqrt(1 - share)
    slices = []
    for length in (height, width):
        centre, half = random.uniform(0, length), side * length / 2
        slices.append(slice(max(0, round(centre - half)), min(length, round(centre + half))))
    rows, columns = slices
    covered = (rows.stop - rows.start) * (columns.stop - columns.start)
    return rows, columns, 1 - covered / (height * width)
