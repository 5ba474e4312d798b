"""The loss: cross-entropy or focal loss, weighted by class, with smoothed and mixed labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - the usual alias
from torch import Tensor

from aimic_tui.engine.experiment import Balance, Experiment
from aimic_tui.engine.training.mixup import Mix

_MIN_DOUBT = 1e-6  # of 1 - p in the focal factor: for gamma below 1 its slope at 0 is infinite


class Objective:
    """The loss of a trial.

    Args:
        class_weights: float [classes].
        label_smoothing: share of each label spread over all classes.
        device: where logits and labels are.
        gamma: of the focal loss (Lin et al. 2017, "Focal loss for dense object detection", equation 5, alpha being
            the class weights): the cross-entropy of each class times (1 - its probability) ** gamma. 0 is
            cross-entropy.
    """

    def __init__(
        self,
        class_weights: npt.NDArray[np.float64],
        label_smoothing: float,
        device: torch.device,
        gamma: float = 0.0,
    ) -> None:
        self._weights = torch.from_numpy(class_weights).to(device, torch.float32)
        self._label_smoothing = label_smoothing
        self._gamma = gamma

    def weights(self, labels: Tensor, mix: Mix | None = None) -> Tensor:
        """Return the weight of each image: float [b]; for a mixed one, by the shares of its two classes."""
        own = self._weights[labels]
        return own if mix is None else own.lerp(self._weights[mix.others], 1 - mix.share)

    def loss_sum(self, logits: Tensor, labels: Tensor, mix: Mix | None = None) -> Tensor:
        """Return the weighted sum over images of the loss in nats: to be divided by the sum of `weights`.

        A sum, so that the micro-batches of a batch add up to the gradient of the whole batch.

        Args:
            logits: [b, classes].
            labels: int64 [b].
            mix: where images were mixed, the loss is that of both labels, weighted by their shares.
        """
        logits = logits.float()
        losses = self._losses(logits, labels) * self._weights[labels]
        if mix is not None:
            losses = losses.lerp(self._losses(logits, mix.others) * self._weights[mix.others], 1 - mix.share)
        return losses.sum()

    def _losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self._label_smoothing
        if not self._gamma:
            return F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
        logs = logits.log_softmax(dim=1)
        terms = -logs * (-torch.expm1(logs)).clamp_min(_MIN_DOUBT) ** self._gamma
        own = terms.gather(1, labels[:, None])[:, 0]
        return own if not smoothing else own.lerp(terms.mean(dim=1), smoothing)


def objective_of(
    experiment: Experiment, labels: npt.NDArray[np.int32], classes: int, device: torch.device
) -> Objective:
    """Return the loss that an experiment's settings define.

    Args:
        labels: of the fold's training images, for the class weights.
    """
    settings = experiment.training
    return Objective(
        class_weights(labels, classes, experiment.data.balance),
        settings.label_smoothing,
        device,
        settings.focal_gamma if settings.loss == "focal" else 0.0,
    )


def class_weights(labels: npt.NDArray[np.int32], classes: int, balance: Balance) -> npt.NDArray[np.float64]:
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
