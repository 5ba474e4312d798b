"""Warnings about how a training goes, each told once, with its number and what to do.

They look only at what chooses the epoch anyway: the losses of training and validation, never at test images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aimic_tui.engine.data.splitting.validation_size import validation_size_warning
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_events import EpochRecord

__all__ = ["Alert", "Alerts", "overfitting", "validation_size_warning"]

# A rate is too high when the network knows less after the warm-up than at the start; less than this is noise.
_HIGHER, _HIGHER_BY = 1.1, 0.05
# Overfitting: so many epochs since the lowest validation loss, and the last ones so much worse, while the training
# loss went on falling. Single epochs of a small validation part jump by more.
_EPOCHS_SINCE, _LAST, _RISEN, _FALLEN = 5, 3, 1.1, 0.9


@dataclass(frozen=True)
class Alert:
    """A warning; of one kind a trial tells one."""

    kind: str
    sentence: str


class Alerts:
    """What a trial has been warned of.

    Args:
        experiment: whose settings the advice names.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._told: list[str] = []
        self._start_loss = math.nan

    def observe(self, epochs: Sequence[EpochRecord], start_loss: float | None, warm_after: float) -> list[str]:
        """Take the epochs so far; return the sentences of what is new.

        Args:
            start_loss: mean training loss of the trial's first steps; None where they are not among the last epoch's.
            warm_after: the number of epochs after which the last epoch's learning rate had fully risen.
        """
        if start_loss is not None:
            self._start_loss = start_loss
        found = [
            too_high_a_rate(epochs, self._start_loss, warm_after, self._experiment),
            overfitting(epochs, self._experiment),
        ]
        return [alert.sentence for alert in found if alert is not None and self._is_new(alert)]

    def _is_new(self, alert: Alert) -> bool:
        if alert.kind in self._told:
            return False
        self._told.append(alert.kind)
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what was told."""
        return {"told": list(self._told), "start_loss": self._start_loss}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict` was taken."""
        self._told, self._start_loss = list(state["told"]), float(state["start_loss"])


def too_high_a_rate(
    epochs: Sequence[EpochRecord], start_loss: float, warm_after: float, experiment: Experiment
) -> Alert | None:
    """Tell where the last epoch's training loss is above the one that the training began with."""
    last = epochs[-1]
    if last.epoch <= warm_after or not last.train_loss > _HIGHER * start_loss + _HIGHER_BY:
        return None
    rate = experiment.training.learning_rate
    return Alert(
        "rate",
        f"The learning rate seems too high: in epoch {last.epoch} the training loss is {last.train_loss:.3g}, above "
        f"the {start_loss:.3g} it began with. Lower training.learning_rate (it is {rate:g}), to {rate / 10:g} for "
        "instance; `aimic learning-rate` shows what suits.",
    )


def overfitting(epochs: Sequence[EpochRecord], experiment: Experiment) -> Alert | None:
    """Tell where the validation loss has risen for several epochs while the training loss fell, and since when."""
    losses = [epoch.validation_loss for epoch in epochs]
    lowest = int(np.argmin(losses))
    if len(epochs) - 1 - lowest < _EPOCHS_SINCE:
        return None
    turn, last = epochs[lowest], epochs[-_LAST:]
    validation = float(np.mean([epoch.validation_loss for epoch in last]))
    training = float(np.mean([epoch.train_loss for epoch in last]))
    if validation < _RISEN * turn.validation_loss or training > _FALLEN * turn.train_loss:
        return None
    return Alert(
        "overfitting",
        f"Overfitting after epoch {turn.epoch}: since then the validation loss rose from {turn.validation_loss:.3g} to "
        f"{validation:.3g} while the training loss fell from {turn.train_loss:.3g} to {training:.3g}. Epoch "
        f"{epochs[-1].best_epoch} is the best so far and is kept; for a better one {_against_overfitting(experiment)}.",
    )


def _against_overfitting(experiment: Experiment) -> str:
    ways = []
    if experiment.model.trainable != "head":
        if experiment.augmentation.preset != "strong":
            ways.append("augmentation.preset=strong")
        if not experiment.augmentation.mixup:
            ways.append("augmentation.mixup=0.2")
    if not experiment.training.label_smoothing:
        ways.append("training.label_smoothing=0.1")
    return f"try {', '.join([*ways[:2], 'fewer epochs'])} or more images"
