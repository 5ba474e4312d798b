"""The drawing of figures with their intervals, side by side on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.report.chart import FAINT, SERIES, Chart, legend, new_figure, short


def interval_chart(name: str, rows: Sequence[tuple[str, Sequence[Interval | None]]], series: Sequence[str]) -> Chart:
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
