"""Figures with their intervals, drawn on one common scale: `├──●──┤`.

Pure text, so that every table can put a bar into its lines: `common_scale` once, `axis` above, `bar` in each line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from aimic_tui.widgets.ticks import linear_ticks


@dataclass(frozen=True)
class Scale:
    """The stretch of values that all bars of a table share, `low` below `high`."""

    low: float
    high: float

    def column(self, value: float, width: int) -> int:
        """Return the character column, 0 to `width` - 1, where `value` stands; beyond the ends it is clipped."""
        share = (value - self.low) / (self.high - self.low)
        return min(width - 1, max(0, round(share * (width - 1))))


def common_scale(values: Iterable[float | None], least: float = 0.05, limits: tuple[float, float] = (0, 1)) -> Scale:
    """Return a scale on which all `values` (ends of intervals included; None and NaN are passed over) fit.

    Args:
        values: what is to be drawn.
        least: how wide the scale is at least, so that noise does not look like a difference.
        limits: beyond which it never goes.
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not finite:
        return Scale(*limits)
    low, high = min(finite), max(finite)
    lacking = max(0.0, least - (high - low)) / 2 + 0.04 * (high - low)
    low, high = low - lacking, high + lacking
    if low < limits[0]:
        low, high = limits[0], max(high, limits[0] + least)
    if high > limits[1]:
        low, high = min(low, limits[1] - least), limits[1]
    return Scale(low, high)


def bar(value: float | None, low: float | None, high: float | None, scale: Scale, width: int) -> str:
    """Return `width` characters with the interval and its value; the value alone where there is no interval."""
    if value is None or not math.isfinite(value) or width < 1:
        return " " * max(width, 0)
    cells = [" "] * width
    if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
        left, right = scale.column(low, width), scale.column(high, width)
        cells[left : right + 1] = "─" * (right - left + 1)
        cells[left], cells[right] = "├", "┤"
    cells[scale.column(value, width)] = "●"
    return "".join(cells)


def axis(scale: Scale, width: int) -> str:
    """Return `width` characters with the scale's ticks as numbers, each centred on where its value stands."""
    cells = [" "] * width
    ticks = linear_ticks(scale.low, scale.high, max(1, width // 8))
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 0.01
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    free = 0
    for tick in ticks:
        label = f"{tick:.{digits}f}"
        label = label[1:] if label.startswith("0.") else label
        start = min(width - len(label), scale.column(tick, width) - (len(label) - 1) // 2)
        if start >= free:
            cells[start : start + len(label)] = label
            free = start + len(label) + 1
    return "".join(cells)
