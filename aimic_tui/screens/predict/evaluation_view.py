"""The results of an evaluation, drawn: the verdict, the figures beside those at home, how images differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.formatting.numbers import count_text, interval_text, percent
from aimic_tui.engine.inference.evaluation_file import (
    NOTABLE_DEVIATIONS,
    ClassResult,
    EvaluationResults,
)
from aimic_tui.engine.inference.label_shift_result import METHOD as LABEL_SHIFT_METHOD
from aimic_tui.engine.text import plural, printable
from aimic_tui.widgets.interval_bar import Scale, axis, bar, common_scale
from aimic_tui.wording.class_shares import CORRECTED_TITLE, corrected_figure_lines, evaluated_share_lines
from aimic_tui.wording.evaluation import about_classes, cautions, intervals_text
from aimic_tui.wording.signs import SIGNS, bar_text

_NONE = Interval(None)
_TITLE = 22
_FIGURE, _DIFFERENCE = 20, 24
_CLOSE = (18, 19, 21)  # the same of title, figure and difference where 80 columns must do
_LEAST_BAR, _MOST_BAR = 14, 48
_NAME = 24
_SHARES = frozenset(TITLES) - LOWER_IS_BETTER  # figures of 0 to 1, drawn on one scale
_SIGNS = {"fine": (SIGNS["finished"], "$success"), "attention": (SIGNS["attention"], "$warning"), "open": ("·", "")}
_LIGHT = {
    "red": "share of red",
    "green": "share of green",
    "blue": "share of blue",
    "saturation": "saturation",
    "brightness": "brightness",
    "contrast": "contrast",
    "sharpness": "sharpness",
}


def verdict_text(found: EvaluationResults) -> Content:
    """Write the verdict in plain words, a sign before each sentence, then what to keep in mind."""
    lines = []
    for remark in found.verdict:
        sign, style = _SIGNS[remark.kind]
        weight = "bold" if remark.kind != "open" else ""
        lines.append(Content.assemble((f"{sign} ", style), (printable(remark.sentence), weight)))
    if not lines:
        lines.append(Content("Nothing is known of the model's own images, so there is nothing to compare with."))
    for words in (*about_classes(found.left_out, found.absent), *cautions(found)):
        lines.append(Content.styled(f"  {words}", "$text-muted"))
    return Content("\n").join(lines)


def figures_table(found: EvaluationResults, width: int) -> Content:
    """Write every figure here, at home and their difference, and draw those that are shares on one scale."""
    here = found.pooled
    names = [name for name in TITLES if name in here and here[name].value is not None]
    p = found.difference_p
    rows = [
        _Row(TITLES[name], "", name in LOWER_IS_BETTER, here[name], *_at_home(found, name), p.get(name))
        for name in names
    ]
    drawn = [name in _SHARES for name in names]
    table = _table("figure", rows, drawn, found, width, legend=True)
    return Content("\n").join([table, Content.styled(intervals_text(found), "$text-muted")])


def _at_home(found: EvaluationResults | ClassResult, name: str) -> tuple[Interval, Interval]:
    return (found.home or {}).get(name, _NONE), found.differences.get(name, _NONE)


def classes_table(found: EvaluationResults, width: int) -> Content:
    """Write the recall of each class here, at home and their difference, with its images."""
    rows = [
        _Row(
            printable(each.name),
            count_text(each.support),
            False,
            each.figures["recall"],
            *_at_home(each, "recall"),
            each.recall_p,
        )
        for each in found.classes
    ]
    return _table("recall, images", rows, [True] * len(rows), found, width)


def label_shift_text(found: EvaluationResults) -> Content:
    """Write the figures for the estimated class shares, and these; nothing where they can't be estimated."""
    if found.label_shift is None:
        return Content("")
    lines = [Content.styled(CORRECTED_TITLE, "bold")]
    for table in (corrected_figure_lines(found.pooled, found.label_shift), evaluated_share_lines(found.label_shift)):
        heading, *rows = table
        lines += [Content.styled(heading, "$text-muted"), *map(Content, rows)]
    if found.label_shift.caution:
        lines.append(Content.styled(f"{SIGNS['attention']} {found.label_shift.caution}", "$warning"))
    return Content("\n").join([*lines, Content.styled(LABEL_SHIFT_METHOD, "$text-muted")])


class _Row(NamedTuple):
    """A line of a table; `p` is of no difference."""

    title: str
    images: str
    lower_is_better: bool
    here: Interval
    home: Interval
    difference: Interval
    p: float | None


def _table(
    heading: str,
    rows: Sequence[_Row],
    drawn: Sequence[bool],
    found: EvaluationResults,
    width: int,
    *,
    legend: bool = False,
) -> Content:
    """Lay figures out: title, count, here, home, difference, and a bar where there is room for one."""
    with_home = found.home is not None
    first = min(max([_TITLE, *(min(len(row.title), _NAME) + len(row.images) + 3 for row in rows)]), _NAME + 10)
    each, last, gap = _FIGURE, _DIFFERENCE, "  "
    if with_home and first + 2 * each + last > width:
        (first, each, last), gap = _CLOSE, ""
    written = first + each + (each + last if with_home else 0)
    room = min(width - written - 2, _MOST_BAR)
    ends = [
        end
        for row, draw in zip(rows, drawn, strict=True)
        if draw
        for figure in (row.here, row.home)
        for end in (figure.value, figure.low, figure.high)
    ]
    scale = common_scale(ends) if room >= _LEAST_BAR else None
    head = heading.ljust(first) + f"here [{percent(found.confidence)}]".ljust(each)
    head += "at home".ljust(each) + f"{gap} difference".ljust(last) if with_home else ""
    lines = [Content.styled(head + (axis(scale, room) if scale else ""), "$text-muted")]
    for row, draw in zip(rows, drawn, strict=True):
        after = f" {row.images}{gap or ' '}" if row.images else " "
        name = Content(row.title).truncate(first - len(after), ellipsis=True, pad=True)
        here = (_written(row.here).ljust(each), "bold")
        parts: list[Content | tuple[str, str]] = [name, (after, "$text-muted"), here]
        if with_home:
            shown = row.p is not None and row.p <= 1 - found.confidence
            parts += [(_written(row.home).ljust(each), ""), _padded(_difference(row, gap, shown=shown), last)]
        if scale and draw:
            parts.append(_both(row.here, row.home if with_home else _NONE, scale, room))
        lines.append(Content.assemble(*parts))
    if scale and with_home and legend:
        lines.append(Content.assemble(" " * written, ("● ", "$primary"), ("here   ○ at home", "$text-muted")))
    return Content("\n").join(lines)


def _written(figure: Interval) -> str:
    return interval_text(figure.value, figure.low, figure.high)


def _difference(row: _Row, gap: str, *, shown: bool) -> Content:
    """Write a difference: marked where it is shown and the figure is the worse for it."""
    value = row.difference.value
    text = _written(row.difference)
    text = text if text.startswith("-") else f" {text}"
    worse = value is not None and (value > 0) == row.lower_is_better
    sign, style = (SIGNS["attention"], "$warning") if shown and worse else (" ", "$success" if shown else "$text-muted")
    return Content.styled(sign + gap[1:] + text, style)


def _padded(content: Content, width: int) -> Content:
    return content + " " * max(0, width - content.cell_length)


def _both(here: Interval, home: Interval, scale: Scale, width: int) -> Content:
    """Draw two figures on one line; what is here lies over what is at home."""
    front = bar(here.value, here.low, here.high, scale, width)
    back = bar(home.value, home.low, home.high, scale, width)
    back = back.translate(str.maketrans("─├┤●", "╌╌╌○"))
    pieces = [(front[at], "$primary") if front[at] != " " else (back[at], "$text-muted") for at in range(width)]
    return Content.assemble(*pieces)


def differing_text(found: EvaluationResults, width: int) -> Content:
    """Write how the images differ from the training images: as the model sees them, and in light, colour and focus."""
    shift = found.shift
    if shift is None:
        return Content.styled(
            "Differences between the images are unknown: the model's own images are not there.", "$text-muted"
        )
    auroc = shift.auroc
    lines = [Content.styled("How the images differ", "bold")]
    value = interval_text(auroc.value, auroc.low, auroc.high)
    lines.append(_fact("told apart by features", value, "area under the curve, 0.5 is chance", width))
    if shift.achievable is not None:
        words = "upper limit for the best linear classifier"
        lines.append(_fact("at best", f"{shift.achievable:.3f}", words, width))
    distance = shift.distance
    if distance is not None:
        words = f"{distance:.1f} ×"
        lines.append(_fact("feature distance", words, "1: as between two halves of the known images", width))
    room = max(4, min(16, width - 53))
    lines.append(Content.styled(f"{'':<24}{'known':>8}{'here':>9}   deviations", "$text-muted"))
    for each in shift.appearance:
        name, deviations = each.name, each.deviations
        notable = each.notable(1 - found.confidence)
        amount = "–" if deviations is None else f"{deviations:+.1f}"
        drawn = bar_text(min(abs(deviations or 0.0), 3.0) / 3, room)
        lines.append(
            Content.assemble(
                f"{_LIGHT.get(name, printable(name)):<24}",
                f"{each.written(each.known):>8}{each.written(each.new):>9}",
                (f"  {SIGNS['attention'] if notable else ' '} {amount:>5}  ", "$warning" if notable else ""),
                (drawn, "$warning" if notable else "$secondary"),
            )
        )
    words = (
        f"{plural(shift.images, 'image')} of each set; deviations: standard ones of the known images; "
        f"{SIGNS['attention']}: at least {NOTABLE_DEVIATIONS:g} and shown (test over groups, Holm over the seven)"
    )
    lines.append(Content.styled(words, "$text-muted"))
    return Content("\n").join(lines)


def _fact(title: str, value: str, words: str, width: int) -> Content:
    rest = words if width >= 24 + len(value) + 3 + len(words) else ""
    return Content.assemble(f"{title:<24}", (value, "bold"), (f"   {rest}", "$text-muted"))
