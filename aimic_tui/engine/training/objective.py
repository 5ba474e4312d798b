"""What is minimised: cross-entropy, weighted by class, with smoothed labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import Tensor


class Objective:
    """The loss of a trial.

    Args:
        class_weights: float [classes].
        label_smoothing: share of each label spread over all classes.
        device: where logits and labels are.
    """

    def __init__(self, class_weights: npt.NDArray[np.float64], label_smoothing: float, device: torch.device) -> None:
        self._weights = torch.from_numpy(class_weights).to(device, torch.float32)
        self._label_smoothing = label_smoothing

    def weights(self, labels: Tensor) -> Tensor:
        """Return how much each image counts: float [b]."""
        return self._weights[labels]

    def loss_sum(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the weighted sum over images of the cross-entropy in nats: to be divided by the sum of `weights`.

        A sum, so that a batch that is cut up for want of memory gives the same gradient as a whole one.
        """
        losses = F.cross_entropy(logits.float(), labels, reduction="none", label_smoothing=self._label_smoothing)
        return (losses * self.weights(labels)).sum()


def class_weights(labels: npt.NDArray[np.int32], classes: int, balance: str) -> npt.NDArray[np.float64]:
    """Return float [classes]: with balance "weighted-loss" inversely proportional to the class's images, else ones.

    Averaged over the images the weights are 1; a class without any gets 0.

    Args:
        labels: of the training images.
    """
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    if balance != "weighted-loss":
        return np.ones(classes)
    present = counts > 0
    weights = np.zeros(classes)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights
