"""The critical-difference diagram of networks over several data sets (Demsar 2006), as SVG or PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.ranking import Ranking
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.report.chart import FAINT, INK, SERIES, Chart, new_figure, short
from aimic_tui.engine.report.printed import number
from aimic_tui.engine.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_diagram(ranking: Ranking, output: Path) -> None:
    """Write the diagram of a ranking to a file that ends in .svg or .pdf.

    Raises:
        UsageProblem: it ends in something else.
        InputProblem: its folder does not exist.
        OSError: the disk is full or not writable.
    """
    kind = output.suffix.lower()
    if kind not in (".svg", ".pdf"):
        raise UsageProblem(f"{printable(output.name)} must end in .svg or .pdf.")
    if not output.absolute().parent.is_dir():
        raise InputProblem(f"There is no folder {printable(str(output.parent))} to write the diagram into.")
    chart = rank_diagram(ranking)
    write_atomically(output, chart.svg.encode() if kind == ".svg" else chart.pdf())


def rank_diagram(ranking: Ranking) -> Chart:
    """Draw average ranks on one axis, the best to the left; a bar joins networks that are not shown to differ."""
    order = ranking.by_rank
    count = len(order)
    lines = (count + 1) // 2
    bars = len(ranking.groups)
    figure, axes = new_figure(6.8, 1.2 + 0.22 * lines + 0.12 * bars)
    top, step = 0.0, 1.0
    axes.plot([1, count], [top, top], color=INK, linewidth=0.9)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [top, top + 0.3], color=INK, linewidth=0.9)
        axes.text(rank, top + 0.45, str(rank), ha="center", va="bottom")
    _critical_difference(axes, ranking, count)
    depth = 0.6 + 0.55 * bars
    reach = 0.05 * max(count - 1, 1)
    for at, place in enumerate(order):
        left = at < lines
        height = -(depth + step * (at if left else count - 1 - at))
        average = ranking.average_ranks[place]
        edge = 1 - reach if left else count + reach
        axes.plot([average, average, edge], [top, height, height], color=FAINT, linewidth=0.8)
        axes.plot([average], [top], "o", color=SERIES[0], markersize=4)
        name = f"{short(ranking.networks[place])}  {number(average, 2)}"
        axes.text(edge, height, name + " " if left else " " + name, ha="right" if left else "left", va="center")
    for row, (start, end) in enumerate(ranking.groups):
        ends = [ranking.average_ranks[order[place]] for place in (start, end)]
        height = -(0.4 + 0.55 * row)
        axes.plot([ends[0] - reach / 3, ends[1] + reach / 3], [height, height], color=SERIES[1], linewidth=3)
    axes.set_xlim(1 - 0.55 * max(count - 1, 1), count + 0.55 * max(count - 1, 1))
    axes.set_ylim(-(depth + step * (lines - 0.4)), 3.8)
    axes.set_axis_off()
    return Chart(figure, "ranks" + ranking.metric)


def _critical_difference(axes: Axes, ranking: Ranking, count: int) -> None:
    end = 1 + ranking.critical_difference
    axes.plot([1, end], [1.6, 1.6], color=INK, linewidth=0.9)
    for x in (1, end):
        axes.plot([x, x], [1.4, 1.8], color=INK, linewidth=0.9)
    axes.text((1 + end) / 2, 1.8, f"CD {number(ranking.critical_difference, 2)}", ha="center", va="bottom")
    title = f"average rank by {TITLES[ranking.metric]}, {len(ranking.data_sets)} data sets"
    axes.text(1, 3.7, title, ha="left", va="top", color=FAINT)
