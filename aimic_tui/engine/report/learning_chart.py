"""The drawing of training: losses, and the figure that chose the epoch."""

from __future__ import annotations

from collections.abc import Sequence

from aimic_tui.engine.report.chart import FAINT, SERIES, Chart, legend, new_figures
from aimic_tui.engine.runs.follow.snapshot import TrialSnapshot


def learning_curves(network: str, trials: Sequence[TrialSnapshot], monitor: str, part: str) -> Chart:
    """Draw the losses and the figure that chose the epoch, a line a fold; a dot marks the epoch that was kept.

    `part` is what chose it: "validation", or in the published protocol "test".
    """
    figure, (left, right) = new_figures(6.8, 2.4, 2)
    for number, trial in enumerate(trials):
        colour = SERIES[number % len(SERIES)]
        epochs = [record.epoch for record in trial.epochs]
        left.plot(epochs, [record.train_loss for record in trial.epochs], ":", color=colour)
        left.plot(epochs, [record.validation_loss for record in trial.epochs], color=colour)
        right.plot(epochs, [record.monitor for record in trial.epochs], color=colour)
        best = [record for record in trial.epochs if record.epoch == trial.best_epoch]
        right.plot([r.epoch for r in best], [r.monitor for r in best], "o", color=colour, markersize=4.5)
        left.plot([r.epoch for r in best], [r.validation_loss for r in best], "o", color=colour, markersize=4.5)
    left.set_title(f"loss: training dotted, {part} solid", loc="left", fontsize=9)
    right.set_title(f"{part} {monitor}", loc="left", fontsize=9)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(axis="y", color=FAINT, linewidth=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    left.set_ylim(bottom=0)
    if monitor == "loss":
        right.set_ylim(bottom=0)
    else:
        right.set_ylim(top=1.02)
    legend(figure, [f"fold {trial.key.fold}" + _seed(trial, trials) for trial in trials])
    return Chart(figure, "learning" + network)


def _seed(trial: TrialSnapshot, trials: Sequence[TrialSnapshot]) -> str:
    return f", seed {trial.key.seed}" if len({other.key.seed for other in trials}) > 1 else ""
