"""A study's figures as tables of the app, from what `aimic study FILE --tables --json` makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.content import Content

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.files import read_json
from aimic_tui.engine.study.figures import METRICS
from aimic_tui.engine.study.words import percent
from aimic_tui.engine.text import printable
from aimic_tui.widgets.interval_bar import Scale, axis, bar, common_scale
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording.printed import number

FIGURES = ("macro_f1", *(metric for metric in METRICS if metric != "macro_f1"))  # in the order of the key
_PUBLISHED = 9
_MEAN = "mean"
_WITH_PUBLISHED = 110  # columns from which on the published figures are in sight without scrolling
_TWO_TICKS = 16  # columns of a scale that one can be read off


@dataclass(frozen=True)
class StudyTables:
    """What results.json of a study holds.

    Attributes:
        found: its figures and sentences.
        made: when, in nanoseconds, as its file says.
    """

    found: Mapping[str, Any]
    made: int


@dataclass(frozen=True)
class Line:
    """One row of a table: a network on a data set, and the run that says so ("" for a mean over data sets)."""

    data: str
    network: str
    figure: Mapping[str, Any]
    run: str = ""


def read_tables(folder: Path) -> StudyTables | None:
    """Read a study's figures; None where there are none, or a version that wrote less made them."""
    path = folder / "results.json"
    try:
        made = path.stat().st_mtime_ns
        found = read_json(path)
    except (OSError, ValueError):
        return None
    whole = isinstance(found, dict) and {"sentences", "cells", "averages", "gaps", "ranking"} <= found.keys()
    return StudyTables(found, made) if whole else None


def protocols_of(tables: StudyTables) -> list[str]:
    """Return the protocols, in the study's order."""
    return list(tables.found["sentences"]["protocols"])


def figure_lines(tables: StudyTables, protocol: str, metric: str) -> list[Line]:
    """Return a figure of every tested network on every data set, and the means over the data sets below."""
    found = tables.found
    lines = [
        Line(cell["data_set"], name, network[metric], network["run"])
        for cell in found["cells"]
        if cell["protocol"] == protocol
        for name, network in cell["networks"].items()
    ]
    averages = found["averages"].get(protocol, {})
    several = len({cell["data_set"] for cell in found["cells"]}) > 1
    means = [Line(_MEAN, name, of[metric]) for name, of in averages.items() if metric in of] if several else []
    return lines + means


def gap_lines(tables: StudyTables) -> list[Line]:
    """Return what the published protocol adds to the F1 of every network on every data set."""
    return [Line(gap["data_set"], gap["network"], gap["macro_f1"]) for gap in tables.found["gaps"]]


def figure_columns(lines: Sequence[Line], metric: str, width: int) -> list[Column]:
    """Return the table of `figure_lines`, which is `width` columns wide."""
    compared = any(line.figure["published"] is not None for line in lines)
    begin = _names(lines)
    values = [_interval(line.figure) for line in lines]
    differences = [None if (found := line.figure["difference"]) is None else _interval(found) for line in lines]
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
        published = [line.figure["published"] for line in lines]
        columns += [
            Column("published", "published", published, lambda share: number(_per_cent(share), 2), "right", _PUBLISHED),
            Column("difference", "difference", differences, _figure_cell, width=_width(differences, "difference")),
        ]
    return columns


def gap_columns(tables: StudyTables, lines: Sequence[Line], width: int) -> list[Column]:
    """Return the table of `gap_lines`: the gap, drawn beside it, and the two figures that it is between."""
    begin = _names(lines)
    values = [_interval(line.figure) for line in lines]
    scale = _scale([Interval(0.0), *values], (-100.0, 100.0))
    columns = [
        *begin,
        Column("gap", "gap, points", values, _figure_cell, width=_width(values, "gap, points"), sort_by=_order(values)),
        _drawn(values, scale, min(width - _taken(begin) - 2 - _width(values, "gap, points"), 40)),
    ]
    for protocol in ("honest", "aimic-2022"):
        figures = {(line.data, line.network): line.figure for line in figure_lines(tables, protocol, "macro_f1")}
        both = [_interval(figures.get((line.data, line.network), {})) for line in lines]
        columns.append(Column(protocol, protocol, both, _figure_cell, width=_width(both, protocol)))
    return columns


def rank_columns(ranking: Mapping[str, Any], width: int) -> tuple[list[Column], int]:
    """Return the table of ranks, the best first, and its length.

    Each average rank is drawn with half the critical difference on either side: networks whose lines don't meet differ.
    """
    averages = ranking["average_ranks"]
    names = sorted(averages, key=lambda name: float(averages[name]))
    half = float(ranking["critical_difference"]) / 2
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
    for place, data in enumerate(ranking["data_sets"]):
        ranks = [f"{ranking['ranks'][name][place]:g}" for name in names]
        columns.append(Column(f"rank-{place}", data, ranks, str, "right", max(6, min(24, len(printable(data))))))
    return columns, len(names)


def averages_of(values: Sequence[Interval]) -> list[float]:
    """Return the figures without their limits; what is not defined is NaN."""
    return [float("nan") if value.value is None else value.value for value in values]


def words_above(tables: StudyTables, part: str, protocol: str) -> Content:
    """Write the sentences that belong to a part, as the command and the page write them."""
    said = tables.found["sentences"]
    lines: list[Content] = []
    if said["state"]:
        lines.append(Content.styled(f"! {said['state']}", "$warning"))
    lines += [Content.styled(f"! {printable(sentence)}", "$warning") for sentence in tables.found["problems"]]
    if part == "figures":
        honest = protocol == "honest"
        lines.append(
            Content.styled(("" if honest else "! ") + said["protocols"][protocol], "" if honest else "$warning")
        )
        if said["best"].get(protocol):
            lines.append(Content(printable(said["best"][protocol])))
    elif part == "gap":
        lines.append(
            Content(said["gap"] or "No network is tested on every fold by both protocols of one data set yet.")
        )
        lines.append(Content.styled(said["gap_method"], "$text-muted"))
    else:
        sentence = said["ranking"].get(protocol) or "Ranks are of two data sets or more; nothing is ranked yet."
        lines.append(Content.assemble((f"{protocol}: ", "bold"), printable(sentence)))
        if tables.found["ranking"].get(protocol):
            lines.append(
                Content.styled(
                    "A line is the average rank with half the critical difference on either side: networks whose lines "
                    "don't meet differ.",
                    "$text-muted",
                )
            )
    return Content("\n").join(lines)


def summary(tables: StudyTables) -> Content:
    """Write what a study found in a few sentences."""
    said = tables.found["sentences"]
    return Content("\n").join(Content(printable(words)) for words in (*said["best"].values(), said["gap"]) if words)


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


def _interval(figure: Mapping[str, Any]) -> Interval:
    return Interval(figure.get("value"), figure.get("low"), figure.get("high"))


def _figure_cell(figure: Interval | None) -> Cell:
    value, _, limits = percent(figure).partition(" ")
    return ((value.rjust(5), "strong"), (f" {limits}" if limits else "", "muted"))


def _width(figures: Sequence[Interval | None], label: str) -> int:
    """Return how wide a column of figures is: 100.00 and a minus take more than 96.83."""
    return max([len(label), *(1 + len(percent(figure)) for figure in figures)])


def _order(values: Sequence[Interval]) -> list[str]:
    return [f"{1 + (value.value or 0.0):.6f}" for value in values]


def _per_cent(share: float | None) -> float | None:
    return None if share is None else 100 * share
