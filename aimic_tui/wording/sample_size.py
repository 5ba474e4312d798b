"""How wide intervals will be, in words: for `aimic plan` and Set-up."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.foreseen_intervals import ForecastInterval, SampleSize
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.formatting.numbers import count_text
from aimic_tui.engine.text import plural, printable
from aimic_tui.wording.text_tables import aligned

_IN_SHORT = {"accuracy": "accuracy", "macro_f1": "macro F1", "recall": "smallest class"}


def short_forecast(found: SampleSize) -> str:
    """Say in a line, short enough for 80 columns, how wide the intervals of the headline figures will be."""
    figures = {title: found.figure(metric) for metric, title in _IN_SHORT.items()}
    if all(figure.half_width is None for figure in figures.values()):
        return f"no intervals: {printable(found.figure('accuracy').reason)}"
    widths = " · ".join(f"{title} {_half(figure)}" for title, figure in figures.items())
    return f"intervals at {found.expect:g}: {widths}"


def forecast_lines(found: SampleSize) -> Iterator[str]:
    """Say how wide the intervals will be, how many groups the wanted width takes, and what is assumed."""
    units = f"{plural(found.images, 'test image')} of {plural(found.groups, 'group')} and {found.classes} classes"
    smallest = printable(found.smallest_class)
    held = f"{plural(found.smallest_images, 'image')} of {plural(found.smallest_groups, 'group')}"
    yield f"Intervals to expect from {units}; {smallest} is in the fewest groups ({held}):"
    header = [f"each at {found.expect:g}", "interval"]
    if found.width is not None:
        header += [f"groups for ±{_number(found.width)}", f"of these with {smallest}"]
    yield from aligned([header, *(_row(figure, found) for figure in found.figures)], indent=2)
    for reason in dict.fromkeys(figure.reason for figure in found.figures if figure.reason):
        yield f"  No interval: {printable(reason)}."
    alike = f"images of a group correlate by {found.icc:g} (--icc)" if found.grouped else "images are independent"
    yield (
        f"  Assumed: {alike}, and classes are recognised about equally well (--expect). {100 * found.confidence:g} % "
        "intervals for trained networks on new groups: seeds and repeats don't narrow them, and training anew varies "
        "further."
    )


def _row(figure: ForecastInterval, found: SampleSize) -> list[str]:
    row = [_title(figure), _half(figure)]
    if found.width is not None:
        row += [count_text(figure.groups_needed), count_text(figure.class_groups_needed)]
    return row


def _half(figure: ForecastInterval) -> str:
    return "none" if figure.half_width is None else f"±{_number(figure.half_width)}"


def _title(figure: ForecastInterval) -> str:
    return f"sensitivity of {printable(figure.of)}" if figure.of else TITLES[figure.metric]


def _number(value: float) -> str:
    """Write a half width: three decimals, two where it is large."""
    return f"{value:.3f}".lstrip("0") if value < 0.1 else f"{value:.2f}".lstrip("0")
