"""Warnings about the course of a training, each given once, with its numbers and advice.

They are based on the training and validation losses alone, never on test images.
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

# The learning rate is too high when the loss after the warm-up is above the initial one by more than noise.
_HIGHER, _HIGHER_BY = 1.1, 0.05
# Overfitting: the minimum of the validation loss is this many epochs back, and the mean of the last epochs is this much
# higher while the training loss kept falling. A mean, since single epochs of a small validation part jump by more.
_EPOCHS_SINCE, _LAST, _RISEN, _FALLEN = 5, 3, 1.1, 0.9


@dataclass(frozen=True)
class Alert:
    """A warning; a trial gives each kind once."""

    kind: str
    sentence: str


class Alerts:
    """The warnings of one trial.

    Args:
        experiment: the advice names its settings.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._given: list[str] = []
        self._start_loss = math.nan

    def observe(self, epochs: Sequence[EpochRecord], start_loss: float | None, warmup_end: float) -> list[str]:
        """Check the epochs so far; return the warnings that are new, as sentences.

        Args:
            start_loss: mean training loss of the trial's first steps; None where they are not among the last epoch's.
            warmup_end: the number of epochs after which the learning rate is at its peak.
        """
        if start_loss is not None:
            self._start_loss = start_loss
        found = [
            rate_too_high(epochs, self._start_loss, warmup_end, self._experiment),
            overfitting(epochs, self._experiment),
        ]
        return [alert.sentence for alert in found if alert is not None and self._is_new(alert)]

    def _is_new(self, alert: Alert) -> bool:
        if alert.kind in self._given:
            return False
        self._given.append(alert.kind)
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint stores."""
        return {"told": list(self._given), "start_loss": self._start_loss}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._given, self._start_loss = list(state["told"]), float(state["start_loss"])


def rate_too_high(
    epochs: Sequence[EpochRecord], start_loss: float, warmup_end: float, experiment: Experiment
) -> Alert | None:
    """Warn where the last epoch's training loss is above the initial one."""
    last = epochs[-1]
    if last.epoch <= warmup_end or not last.train_loss > _HIGHER * start_loss + _HIGHER_BY:
        return None
    rate = experiment.training.learning_rate
    return Alert(
        "rate",
        f"The learning rate seems too high: in epoch {last.epoch} the training loss is {last.train_loss:.3g}, above "
        f"the {start_loss:.3g} it began with. Lower training.learning_rate (it is {rate:g}), to {rate / 10:g} for "
        "instance; `aimic learning-rate` suggests one.",
    )


def overfitting(epochs: Sequence[EpochRecord], experiment: Experiment) -> Alert | None:
    """Warn where the validation loss has risen for several epochs while the training loss fell."""
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
        f"{epochs[-1].best_epoch} is the best so far and remains the model; for a better one "
        f"{_against_overfitting(experiment)}.",
    )


def _against_overfitting(experiment: Experiment) -> str:
    remedies = []
    if experiment.model.trainable != "head":
        if experiment.augmentation.preset != "strong":
            remedies.append("augmentation.preset=strong")
        if not experiment.augmentation.mixup:
            remedies.append("augmentation.mixup=0.2")
    if not experiment.training.label_smoothing:
        remedies.append("training.label_smoothing=0.1")
    return f"try {', '.join([*remedies[:2], 'fewer epochs'])} or more images"
