"""What is kept of each epoch: the columns of metrics.csv and the fields of the epoch event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from aimic_tui.engine.files import append_row, write_table


@dataclass(frozen=True)
class EpochResult:
    """One epoch. Losses are those that are minimised, in nats, with the trial's class weights and label smoothing.

    Attributes:
        learning_rate: of the last step, before the factors of earlier layers.
        train_loss, train_accuracy: over the varied images as the network learned from them, while it learned; of mixed
            images the class that most of each is of counts as right.
        seconds: of training and validation together.
        best: this epoch was the best so far.
        monitor: the value that chooses the best epoch.
    """

    epoch: int
    epochs: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float | None
    validation_macro_precision: float | None
    validation_macro_recall: float | None
    validation_macro_f1: float | None
    validation_balanced_accuracy: float | None
    seconds: float
    best: bool
    best_epoch: int
    monitor: float | None


class History:
    """The epochs of a trial, kept in step with its metrics.csv."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.epochs: list[EpochResult] = []

    def restart(self, epochs: Sequence[EpochResult]) -> None:
        """Make `epochs` the whole history, in the file too."""
        self.epochs = list(epochs)
        names = [field.name for field in fields(EpochResult)]
        write_table(self._path, names, [astuple(epoch) for epoch in self.epochs])

    def write_last(self) -> None:
        """Append the last epoch to the file."""
        append_row(self._path, astuple(self.epochs[-1]))
