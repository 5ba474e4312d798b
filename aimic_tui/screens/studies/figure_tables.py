"""A study's results as tables of the app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.formatting.numbers import PER_CENT, bounds_text
from aimic_tui.engine.report.printed import number
from aimic_tui.engine.study.figures import METRICS
from aimic_tui.engine.study.sentences import DIGITS, percent
from aimic_tui.engine.study.study_results import ComparedFigure, StudyRanking, StudyResults
from aimic_tui.engine.text import NOTHING, printable
from aimic_tui.widgets.interval_bar import Scale, axis, bar, common_scale
from aimic_tui.widgets.table_column import Cell, Column

FIGURES = ("macro_f1", *(metric for metric in METRICS if metric != "macro_f1"))  # in the order of the key
_PUBLISHED = 9
_MEAN = "mean"
_WITH_PUBLISHED = 110  # columns from which on the published figures are in sight without scrolling
_TWO_TICKS = 16  # columns of a scale that one can be read off


@dataclass(frozen=True)
class Line:
    """One row of a table: a network on a data set, and the run that says so ("" for a mean over data sets)."""

    data: str
    network: str
    figure: ComparedFigure
    run: str = ""


def figure_lines(results: StudyResults, protocol: str, metric: str) -> list[Line]:
    """Return a figure of every tested network on every data set, and the means over the data sets below."""
    lines = [
        Line(cell.data, name, network.figures[metric], network.run)
        for cell in results.cells_of(protocol)
        for name, network in cell.networks.items()
    ]
    if len(results.data_sets) > 1:
        averages = results.averages.get(protocol, {})
        lines += [Line(_MEAN, name, figures[metric]) for name, figures in averages.items() if metric in figures]
    return lines


def gap_lines(results: StudyResults) -> list[Line]:
    """Return what the published protocol adds to the F1 of every network on every data set."""
    return [Line(gap.data, gap.network, ComparedFigure(gap.figures["macro_f1"])) for gap in results.gaps]


def figure_columns(lines: Sequence[Line], metric: str, width: int) -> list[Column]:
    """Return the table of `figure_lines`, which is `width` columns wide."""
    compared = any(line.figure.published is not None for line in lines)
    begin = _names(lines)
    values = [line.figure.interval for line in lines]
    differences = [line.figure.difference for line in lines]
    beside = 2 + _PUBLISHED + 2 + _width(differences, "difference") if compared and width >= _WITH_PUBLISHED else 0
    title = f"{TITLES[metric]}, %"
    taken = _taken(begin) + 2 + _width(values, title) + beside
    scale = _scale(values, (0.0, 100.0))
    columns = [
        *begin,
        Column("figure", title, values, _figure_cell, width=_width(values, title), sort_by=_order(values)),
        _drawn(values, scale, width - taken),
    ]
    if compared:
        published = [line.figure.published for line in lines]
        columns += [
            Column("published", "published", published, lambda share: number(_per_cent(share), 2), "right", _PUBLISHED),
            Column("difference", "difference", differences, _figure_cell, width=_width(differences, "difference")),
        ]
    return columns


def gap_columns(results: StudyResults, lines: Sequence[Line], width: int) -> list[Column]:
    """Return the table of `gap_lines`: the gap, drawn beside it, and the two figures that it is between."""
    begin = _names(lines)
    values = [line.figure.interval for line in lines]
    scale = _scale([Interval(0.0), *values], (-100.0, 100.0))
    columns = [
        *begin,
        Column("gap", "gap, points", values, _figure_cell, width=_width(values, "gap, points"), sort_by=_order(values)),
        _drawn(values, scale, min(width - _taken(begin) - 2 - _width(values, "gap, points"), 40)),
    ]
    for protocol in ("honest", "aimic-2022"):
        figures = {
            (line.data, line.network): line.figure.interval for line in figure_lines(results, protocol, "macro_f1")
        }
        both = [figures.get((line.data, line.network)) for line in lines]
        columns.append(Column(protocol, protocol, both, _figure_cell, width=_width(both, protocol)))
    return columns


def rank_columns(ranking: StudyRanking, width: int) -> tuple[list[Column], int]:
    """Return the table of ranks, the best first, and its length.

    Each average rank is drawn with half the critical difference on either side: networks whose lines don't meet differ.
    """
    averages = ranking.average_ranks
    names = sorted(averages, key=lambda name: averages[name])
    half = ranking.critical_difference / 2
    values = [Interval(averages[name], averages[name] - half, averages[name] + half) for name in names]
    most = len(names)
    scale = Scale(
        min(1.0, *(value.low or 1.0 for value in values)), max(most, *(value.high or most for value in values))
    )
    network = max([7, *(len(printable(name)) for name in names)])
    columns = [
        Column("network", "network", names, printable, width=network),
        Column("rank", "average rank", averages_of(values), lambda rank: number(rank, 2), "right", 12),
        _drawn(values, scale, min(60, width - 2 - network - 2 - 12 - 2), times=1.0),
    ]
    for place, data in enumerate(ranking.data_sets):
        ranks = [f"{ranking.ranks[name][place]:g}" for name in names]
        columns.append(Column(f"rank-{place}", data, ranks, str, "right", max(6, min(24, len(printable(data))))))
    return columns, len(names)


def averages_of(values: Sequence[Interval]) -> list[float]:
    """Return the figures without their limits; what is not defined is NaN."""
    return [float("nan") if value.value is None else value.value for value in values]


def sentences_above(results: StudyResults, part: str, protocol: str) -> Content:
    """Write the sentences that belong to a part, as the command and the page write them."""
    sentences = results.sentences
    lines: list[Content] = []
    if sentences.state:
        lines.append(Content.styled(f"! {sentences.state}", "$warning"))
    lines += [Content.styled(f"! {printable(sentence)}", "$warning") for sentence in results.problems]
    if part == "figures":
        honest = protocol == "honest"
        lines.append(
            Content.styled(("" if honest else "! ") + sentences.protocols[protocol], "" if honest else "$warning")
        )
        if sentences.best.get(protocol):
            lines.append(Content(printable(sentences.best[protocol])))
    elif part == "gap":
        lines.append(
            Content(sentences.gap or "No network is tested on every fold by both protocols of a data set yet.")
        )
        lines.append(Content.styled(sentences.gap_method, "$text-muted"))
    else:
        sentence = sentences.ranking.get(protocol) or "Ranking needs two data sets with tested networks."
        lines.append(Content.assemble((f"{protocol}: ", "bold"), printable(sentence)))
        if results.rankings.get(protocol):
            lines.append(
                Content.styled(
                    "Lines span half the critical difference on either side of the average rank: networks whose lines "
                    "don't overlap differ.",
                    "$text-muted",
                )
            )
    return Content("\n").join(lines)


def summary(results: StudyResults) -> Content:
    """Write what a study found in a few sentences."""
    said = (*results.sentences.best.values(), results.sentences.gap)
    return Content("\n").join(Content(printable(sentence)) for sentence in said if sentence)


def _names(lines: Sequence[Line]) -> list[Column]:
    data = min(24, max([8, *(len(printable(line.data)) for line in lines)]))
    network = min(24, max([7, *(len(printable(line.network)) for line in lines)]))
    return [
        Column("data", "data set", [line.data for line in lines], printable, width=data),
        Column("network", "network", [line.network for line in lines], printable, width=network),
    ]


def _taken(columns: Sequence[Column]) -> int:
    return 2 + sum(column.width or 0 for column in columns) + 2 * (len(columns) - 1) + 4


def _scale(values: Sequence[Interval], limits: tuple[float, float]) -> Scale:
    """Return a scale in per cent."""
    ends = [end for value in values for end in (value.low, value.value, value.high)]
    return common_scale([None if end is None else 100 * end for end in ends], 5.0, limits)


def _drawn(values: Sequence[Interval], scale: Scale, room: int, times: float = 100.0) -> Column:
    width = max(12, min(60, room))

    def show(value: Interval) -> Cell:
        middle, low, high = (None if end is None else times * end for end in (value.value, value.low, value.high))
        return ((bar(middle, low, high, scale, width), "primary"),)

    return Column(
        "drawn",
        axis(scale, width) if width >= _TWO_TICKS else "",
        values,
        show,
        width=width,
        searched=False,
        sort_by=_order(values),
    )


def _figure_cell(figure: Interval | None) -> Cell:
    if figure is None or figure.value is None:
        return ((NOTHING.rjust(5), "strong"), ("", "muted"))
    limits = bounds_text(figure.low, figure.high, DIGITS, style="print", scale=PER_CENT)
    return ((number(PER_CENT * figure.value, DIGITS).rjust(5), "strong"), (f" {limits}" if limits else "", "muted"))


def _width(figures: Sequence[Interval | None], label: str) -> int:
    """Return how wide a column of figures is: 100.00 and a minus take more than 96.83."""
    return max([len(label), *(1 + len(percent(figure)) for figure in figures)])


def _order(values: Sequence[Interval]) -> list[str]:
    return [f"{1 + (value.value or 0.0):.6f}" for value in values]


def _per_cent(share: float | None) -> float | None:
    return None if share is None else 100 * share
