"""The drawings of figures, training and calibration in a report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.run_results import ReliabilityBin
from aimic_tui.engine.report.canvas import FAINT, SERIES, Chart, legend, new_figure, new_figures, short
from aimic_tui.engine.runs.follow.snapshot import TrialSnapshot


def intervals(name: str, rows: Sequence[tuple[str, Sequence[Interval | None]]], series: Sequence[str]) -> Chart:
    """Draw figures with their intervals on one scale.

    Args:
        name: unique in a document.
        rows: a title, and a figure for each series; None where a series has none.
        series: their names.
    """
    many = len(series)
    figure, axes = new_figure(6.8, 0.55 + len(rows) * (0.14 + 0.13 * max(many, 1)) + 0.2 * (many > 1))
    lows = [0.9]
    for row, (_, found) in enumerate(rows):
        for number, interval in enumerate(found):
            if interval is None or interval.value is None:
                continue
            height = -row - (number - (many - 1) / 2) * 0.62 / max(many, 2)
            colour = SERIES[number % len(SERIES)]
            lows.append(interval.value if interval.low is None else interval.low)
            if interval.low is not None and interval.high is not None:
                axes.plot([interval.low, interval.high], [height, height], color=colour, linewidth=2)
            axes.plot([interval.value], [height], "o", color=colour, markersize=4.5)
    axes.set_yticks([-row for row in range(len(rows))], [short(name) for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_xlim(max(-0.02, np.floor(min(lows) * 10) / 10 - 0.02), 1.005)
    axes.grid(axis="x", color=FAINT, linewidth=0.3)
    axes.set_xlabel("figure with its interval")
    if many > 1:
        legend(figure, series)
    return Chart(figure, "intervals" + name)


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


def reliability(name: str, before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> Chart:
    """Draw how often images of a stated probability are right, before and after calibration; area: images."""
    figure, axes = new_figure(3.3, 3.1)
    axes.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=0.8)
    for bins, colour in ((before, SERIES[0]), (after, SERIES[1])):
        filled = [one for one in bins if one.images]
        most = max((one.images for one in filled), default=1)
        xs, ys = [one.confidence for one in filled], [one.accuracy for one in filled]
        axes.plot(xs, ys, color=colour, linewidth=0.9)  # type: ignore[arg-type]  # bins with images have both
        axes.scatter(xs, ys, [8 + 60 * one.images / most for one in filled], color=colour, linewidths=0)  # type: ignore[arg-type]
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("probability of the predicted class")
    axes.set_ylabel("share that is correct")
    legend(figure, ["as trained", "calibrated"])
    return Chart(figure, "reliability" + name)


def risk_coverage(name: str, coverage: Sequence[float], risk: Sequence[float]) -> Chart:
    """Draw the share of errors among the surest images against how many are answered."""
    figure, axes = new_figure(3.3, 3.1)
    axes.step([0, *coverage], [0, *risk], where="post", color=SERIES[0])
    axes.set_xlim(0, 1.01)
    axes.set_ylim(bottom=0)
    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_xlabel("share of images answered, most certain first")
    axes.set_ylabel("share of errors among these")
    return Chart(figure, "risk" + name)


def _seed(trial: TrialSnapshot, trials: Sequence[TrialSnapshot]) -> str:
    return f", seed {trial.key.seed}" if len({other.key.seed for other in trials}) > 1 else ""
