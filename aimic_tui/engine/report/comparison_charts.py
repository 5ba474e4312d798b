"""The drawings of a report that set things side by side: confusion matrix, groups of images, merit against cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.pareto import Cost
from aimic_tui.engine.evaluation.subgroups import GroupFigures
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.report.chart import FAINT, INK, SERIES, Chart, new_figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADE = 0.6  # of the darkest cell, so that figures stay readable on it


def confusion(name: str, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Chart:
    """Draw a confusion matrix, each row as shares of the true class."""
    matrix = np.array(counts, dtype=np.float64)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    count = len(classes)
    side = min(6.8, 1.6 + 0.55 * count)
    figure, axes = new_figure(side, side * 0.86)
    for row in range(count):
        for column in range(count):
            share = shares[row, column]
            if share > 0:
                axes.fill(
                    [column - 0.5, column + 0.5, column + 0.5, column - 0.5],
                    [row - 0.5, row - 0.5, row + 0.5, row + 0.5],
                    color=SERIES[0],
                    alpha=_SHADE * share,
                    linewidth=0,
                )
            if count <= 12 and matrix[row, column]:
                axes.text(column, row, percent(share), ha="center", va="center", fontsize=8, color=INK)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xticks(range(count), [short(one) for one in classes], rotation=30 if count > 2 else 0, ha="right")
    axes.set_yticks(range(count), [short(one) for one in classes])
    axes.tick_params(length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    for spine in axes.spines.values():
        spine.set_visible(False)
    return Chart(figure, "confusion" + name)


def groups(name: str, names: Sequence[str], figures: Sequence[GroupFigures], overall: float) -> Chart:
    """Draw each group's share of correct images with its funnel limit, worst first; worse ones in another colour."""
    figure, axes = new_figure(6.8, 0.7 + 0.19 * len(figures))
    axes.axvline(overall, color=FAINT, linewidth=0.8, linestyle="--")
    for place, one in enumerate(figures):
        colour = SERIES[1] if one.worse else SERIES[0]
        if one.accuracy.low is not None and one.accuracy.high is not None:
            axes.plot([one.accuracy.low, one.accuracy.high], [-place, -place], color=colour, linewidth=1.6)
        axes.plot([one.accuracy.value or 0.0], [-place], "o", color=colour, markersize=4)
        if one.limit is not None:
            axes.plot([one.limit], [-place], "|", color=INK, markersize=7)
        axes.text(1.03, -place, f"{one.images:,}", va="center", ha="left", fontsize=8, color=FAINT)
    axes.set_yticks([-place for place in range(len(figures))], [short(one) for one in names], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-len(figures) + 0.4, 0.6)
    axes.set_xlim(-0.02, 1.12)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_xlabel("share of correct images; on the right: number of images")
    return Chart(figure, "groups" + name)


def _logarithmic(axes: Axes, low: float, high: float) -> None:
    """Scale the abscissae by powers, with round numbers as they are written, not as powers of ten."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_xscale("log")
    room = (high / low) ** 0.3
    first, last = math.floor(math.log10(low / room)), math.ceil(math.log10(high * room))
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    shown = [tick for tick in ticks if low / room <= tick <= high * room]
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{tick:g}" for tick in shown])
    axes.set_xlim(low / room, high * room)


def pareto(
    name: str,
    merits: Mapping[str, Interval],
    cost: Cost,
    front: Sequence[str],
    merit_title: str,
) -> Chart:
    """Draw a figure with its interval against a cost; a line joins the networks that no other one beats."""
    figure, axes = new_figure(3.3, 3.0)
    drawn = [one for one in merits if one in cost.values and merits[one].value is not None]
    known = {one: merits[one].value or 0.0 for one in drawn}
    axes.plot([cost.values[one] for one in front], [known[one] for one in front], color=SERIES[0], linewidth=1.0)
    values = [cost.values[one] for one in drawn]
    if min(values) > 0 and max(values) > 3 * min(values):
        _logarithmic(axes, min(values), max(values))
    for one in drawn:
        colour = SERIES[0] if one in front else FAINT
        x, low, high = cost.values[one], merits[one].low, merits[one].high
        if low is not None and high is not None:
            axes.plot([x, x], [low, high], color=colour, linewidth=1.0, alpha=0.6)
        axes.plot([x], [known[one]], "o", color=colour, markersize=4.5)
        axes.annotate(short(one), (x, known[one]), xytext=(4, 3), textcoords="offset points", fontsize=7, color=colour)
    if axes.get_xscale() == "linear":
        axes.margins(x=0.25)
    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_xlabel(cost.title)
    axes.set_ylabel(merit_title)
    return Chart(figure, "pareto" + name + cost.title)
