"""The drawings of a report that follow a threshold: ROC, precision-recall and decision curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aimic_tui.engine.evaluation.curves import GRID, ClassCurves, Curve
from aimic_tui.engine.evaluation.decision import THRESHOLDS, DecisionCurve
from aimic_tui.engine.report.chart import FAINT, INK, SERIES, Chart, legend, new_figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NAMED = 6  # classes that get a colour and a name of their own


def roc(name: str, classes: Sequence[str], curves: Sequence[ClassCurves | None], macro: ClassCurves) -> Chart:
    """Draw each class's ROC curve and their mean, this one with its band."""
    drawn = [None if one is None else one.roc for one in curves]
    return _curves("roc" + name, classes, drawn, macro.roc, ("1 − specificity", "sensitivity"), diagonal=True)


def precision_recall(
    name: str, classes: Sequence[str], curves: Sequence[ClassCurves | None], macro: ClassCurves
) -> Chart:
    """Draw each class's precision over its recall and their mean, this one with its band."""
    drawn = [None if one is None else one.precision_recall for one in curves]
    return _curves(
        "pr" + name, classes, drawn, macro.precision_recall, ("sensitivity (recall)", "precision"), diagonal=False
    )


def _curves(
    name: str,
    classes: Sequence[str],
    curves: Sequence[Curve | None],
    macro: Curve,
    labels: tuple[str, str],
    *,
    diagonal: bool,
) -> Chart:
    figure, axes = new_figure(3.3, 3.3)
    if diagonal:
        axes.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=0.8)
    named = len(classes) <= _MOST_NAMED
    for number, curve in enumerate(curves):
        if curve is not None:
            colour = SERIES[number % len(SERIES)] if named else FAINT
            axes.plot(GRID, curve.values, color=colour, linewidth=1.2 if named else 0.6)
    _with_band(axes, GRID, macro, INK)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    names = [*classes, "mean"] if named else ["mean", "each class"]
    legend(figure, names, [*SERIES[: len(classes)], INK] if named else [INK, FAINT])
    return Chart(figure, name)


def _with_band(axes: Axes, xs: object, curve: Curve, colour: str) -> None:
    if curve.low is not None and curve.high is not None:
        axes.fill_between(xs, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)  # type: ignore[arg-type]
    axes.plot(xs, curve.values, color=colour, linewidth=1.6)  # type: ignore[arg-type]


def decision(name: str, positive: str, curve: DecisionCurve) -> Chart:
    """Draw the net benefit of acting by the network, on every image, and on none."""
    figure, axes = new_figure(6.8, 2.8)
    axes.axhline(0, color=FAINT, linewidth=1.0)
    axes.plot(THRESHOLDS, curve.everyone, color=SERIES[1], linewidth=1.2)
    _with_band(axes, THRESHOLDS, Curve(curve.network, curve.low, curve.high), SERIES[0])
    top = max(curve.share, 0.01)
    axes.set_ylim(-0.25 * top, 1.15 * top)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"threshold: probability of {short(positive)} above which one acts")
    axes.set_ylabel("net benefit per image")
    legend(figure, ["act on the network", "act on every image", "act on none"], [SERIES[0], SERIES[1], FAINT])
    return Chart(figure, f"decision {name} {positive}")
