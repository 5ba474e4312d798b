"""The epochs of a trial: in metrics.csv, and in a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aimic_tui.engine.files import append_row, write_table
from aimic_tui.engine.run_events import EpochRecord, field_names

# Undefined where no image has a class: an empty cell in the table.
_MAY_BE_UNDEFINED = (
    "validation_accuracy",
    "validation_macro_precision",
    "validation_macro_recall",
    "validation_macro_f1",
    "validation_balanced_accuracy",
    "monitor",
)


class History:
    """The epochs of a trial, in memory and in its metrics.csv."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.epochs: list[EpochRecord] = []

    def restart(self, epochs: Sequence[EpochRecord]) -> None:
        """Make `epochs` the whole history, in the file too."""
        self.epochs = list(epochs)
        write_table(self._path, field_names(EpochRecord), [list(to_state(epoch).values()) for epoch in self.epochs])

    def write_last(self) -> None:
        """Append the last epoch to the file."""
        append_row(self._path, list(to_state(self.epochs[-1]).values()))


def to_state(epoch: EpochRecord) -> dict[str, Any]:
    """Return an epoch as checkpoints have it: by column, None where a metric is undefined."""
    return {
        name: None if name in _MAY_BE_UNDEFINED and math.isnan(value) else value
        for name, value in epoch.to_fields().items()
    }


def from_state(state: Mapping[str, Any]) -> EpochRecord:
    """Return the epoch that `to_state` wrote."""
    values: dict[str, Any] = {name: math.nan if value is None else value for name, value in state.items()}
    return EpochRecord(**values)
