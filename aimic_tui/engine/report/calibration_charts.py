"""The drawings of calibration: reliability, and errors among the most certain images."""

from __future__ import annotations

from collections.abc import Sequence

from aimic_tui.engine.evaluation.class_calibration import CalibrationCurve
from aimic_tui.engine.evaluation.run_results import ReliabilityBin
from aimic_tui.engine.report.chart import FAINT, SERIES, Chart, legend, new_figure, short


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


def class_curve(name: str, positive: str, before: CalibrationCurve | None, after: CalibrationCurve) -> Chart:
    """Draw how often images of a stated probability of a class are of it, before and after calibration."""
    figure, axes = new_figure(3.3, 3.1)
    axes.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=0.8)
    if after.low is not None and after.high is not None:
        axes.fill_between(after.stated, after.low, after.high, color=SERIES[1], alpha=0.15, linewidth=0)
    if before is not None:
        axes.plot(before.stated, before.observed, color=SERIES[0])
    axes.plot(after.stated, after.observed, color=SERIES[1])
    axes.scatter([one[0] for one in after.bins], [one[1] for one in after.bins], 12, color=SERIES[1], linewidths=0)
    axes.set_xlim(-0.02, 1.03)
    axes.set_ylim(-0.02, 1.03)
    axes.set_xlabel(f"probability of {short(positive)}")
    axes.set_ylabel(f"share that is {short(positive)}")
    legend(figure, ["as trained", "calibrated"])
    return Chart(figure, f"class-calibration {name} {positive}")


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
