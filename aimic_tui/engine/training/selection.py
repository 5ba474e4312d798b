"""Choosing the best epoch, and early stopping."""

from __future__ import annotations

import math
from typing import Any

from aimic_tui.engine.experiment import Monitor


class EpochSelection:
    """Tracks the monitored metric over the epochs.

    Args:
        monitor: macro_f1, accuracy, balanced_accuracy (higher is better) or loss (lower is).
        patience: stop after this many epochs without improvement.

    With few images a metric that counts them changes in steps. Among epochs with equal metrics the one with the lowest
    loss is the best, but only a better metric restarts the patience.
    """

    def __init__(self, monitor: Monitor, patience: int) -> None:
        self.monitor = monitor
        self.lower_is_better = monitor == "loss"
        self.best_epoch = 0
        self._patience = patience
        self._best_value, self._best_loss = -math.inf, math.inf
        self._improved_at = 0

    def observe(self, epoch: int, value: float, loss: float) -> bool:
        """Record an epoch's monitored value and its loss; return whether this epoch is the best so far.

        NaN is never the best, except in the first epoch.
        """
        signed = -math.inf if math.isnan(value) else -value if self.lower_is_better else value
        loss = math.inf if math.isnan(loss) else loss
        if signed > self._best_value or self.best_epoch == 0:
            self._improved_at = epoch
        elif not (signed == self._best_value and loss < self._best_loss):
            return False
        self.best_epoch, self._best_value, self._best_loss = epoch, signed, loss
        return True

    def should_stop(self, epoch: int, first: int = 1) -> bool:
        """Tell whether the patience has run out after `epoch`, in a phase that began with the epoch `first`."""
        return epoch - max(self._improved_at, first - 1) >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint stores."""
        return {
            "best_epoch": self.best_epoch,
            "best_value": self._best_value,
            "best_loss": self._best_loss,
            "gained_at": self._improved_at,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.best_epoch, self._improved_at = int(state["best_epoch"]), int(state["gained_at"])
        self._best_value, self._best_loss = state["best_value"], state["best_loss"]
