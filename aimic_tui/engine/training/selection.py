"""Which epoch is the best, and when to stop looking for a better one."""

from __future__ import annotations

import math
from typing import Any

from aimic_tui.engine.experiment import Monitor


class Selection:
    """Follows the monitored figure over the epochs.

    Args:
        monitor: macro_f1, accuracy, balanced_accuracy (higher is better) or loss (lower is).
        patience: stop after so many epochs without a gain.

    A figure that counts images moves in steps when there are few; among epochs with equal figures the one with the
    lowest loss is the best, but only a better figure is a gain that renews the patience.
    """

    def __init__(self, monitor: Monitor, patience: int) -> None:
        self.monitor = monitor
        self.lower_is_better = monitor == "loss"
        self.best_epoch = 0
        self._patience = patience
        self._best_value, self._best_loss = -math.inf, math.inf
        self._gained_at = 0

    def observe(self, epoch: int, value: float, loss: float) -> bool:
        """Take an epoch's monitored value and its loss; return whether this epoch is the best so far.

        A value that is not a number is never the best, except where there is nothing else yet.
        """
        signed = -math.inf if math.isnan(value) else -value if self.lower_is_better else value
        loss = math.inf if math.isnan(loss) else loss
        if signed > self._best_value or self.best_epoch == 0:
            self._gained_at = epoch
        elif not (signed == self._best_value and loss < self._best_loss):
            return False
        self.best_epoch, self._best_value, self._best_loss = epoch, signed, loss
        return True

    def should_stop(self, epoch: int, first: int = 1) -> bool:
        """Tell whether the patience is over after `epoch`, of a phase that began with the epoch `first`."""
        return epoch - max(self._gained_at, first - 1) >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """Return where it stands."""
        return {
            "best_epoch": self.best_epoch,
            "best_value": self._best_value,
            "best_loss": self._best_loss,
            "gained_at": self._gained_at,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was taken."""
        self.best_epoch, self._gained_at = int(state["best_epoch"]), int(state["gained_at"])
        self._best_value, self._best_loss = state["best_value"], state["best_loss"]
