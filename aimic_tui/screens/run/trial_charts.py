"""What the charts of Run draw: the losses of a trial, and one metric of it beside the same network's other folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aimic_tui.engine.run_events import EpochRecord
from aimic_tui.engine.runs.follow.snapshot import RunSnapshot, TrialSnapshot
from aimic_tui.widgets.chart import ChartData, Role, Series

_EMPTY = "no epoch is finished yet"


@dataclass(frozen=True)
class EpochMetric:
    """A field of `EpochRecord` that can be drawn, with its title."""

    field: str
    title: str
    log: bool = False


METRICS = (
    EpochMetric("validation_macro_f1", "macro F1, validation"),
    EpochMetric("validation_accuracy", "accuracy, validation"),
    EpochMetric("validation_balanced_accuracy", "balanced accuracy, validation"),
    EpochMetric("learning_rate", "learning rate", log=True),
)


def loss_chart(trial: TrialSnapshot) -> ChartData:
    """Draw training and validation loss of a trial."""
    epochs = _column(trial.epochs, "epoch")
    losses = (
        Series("train", epochs, _column(trial.epochs, "train_loss"), "second"),
        Series("validation", epochs, _column(trial.epochs, "validation_loss"), "first"),
    )
    mark, mark_name = _best(trial)
    return ChartData("loss", losses, log=True, mark=mark, mark_name=mark_name, empty=_EMPTY)


def metric_chart(snapshot: RunSnapshot, trial: TrialSnapshot, metric: EpochMetric) -> ChartData:
    """Draw a metric of a trial, and faintly that of the same network's other trials, inner folds among themselves."""
    others = [
        one
        for one in snapshot.trials
        if one.epochs
        and one.key != trial.key
        and one.key.network == trial.key.network
        and (one.key.inner == 0) == (trial.key.inner == 0)
    ]
    lines = [_line("other folds", one, metric, "faint") for one in others]
    lines.append(_line(f"fold {trial.key.fold}", trial, metric, "first"))
    mark, mark_name = _best(trial)
    return ChartData(metric.title, tuple(lines), log=metric.log, mark=mark, mark_name=mark_name, empty=_EMPTY)


def _line(name: str, trial: TrialSnapshot, metric: EpochMetric, role: Role) -> Series:
    return Series(name, _column(trial.epochs, "epoch"), _column(trial.epochs, metric.field), role)


def _column(epochs: Sequence[EpochRecord], field: str) -> list[float]:
    return [getattr(record, field) for record in epochs]


def _best(trial: TrialSnapshot) -> tuple[float | None, str]:
    return (trial.best_epoch, f"best {trial.best_epoch}") if trial.best_epoch else (None, "")
