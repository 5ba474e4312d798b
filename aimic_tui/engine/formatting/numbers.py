"""How figures read everywhere: in a command's table, on a screen, in a report.

All of them are rounded here. Only their dress differs: a terminal has narrow columns, a page that is printed follows
what journals ask for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from aimic_tui.engine.text import NOTHING

Style = Literal["terminal", "print"]
PER_CENT = 100.0  # the scale at which shares are written in per cent


def count_text(count: int | None) -> str:
    """Write a count with its thousands apart: `1,877`."""
    return NOTHING if count is None else f"{count:,}"


def number(value: float | None, digits: int = 3, style: Style = "terminal") -> str:
    """Write a figure with a fixed number of decimals, so that columns align: `0.938`; a dash for no figure.

    In print a negative one has a true minus sign.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{round(value, digits) + 0.0:.{digits}f}"  # no -0.00
    return text.replace("-", "−") if style == "print" else text


def interval_text(
    value: float | None,
    low: float | None,
    high: float | None,
    digits: int = 3,
    *,
    style: Style = "terminal",
    scale: float = 1.0,
) -> str:
    """Write a figure with its interval: `0.934 [.921 .946]`, in print `0.934 (0.921 to 0.946)`.

    It is the figure alone where there is no interval. In a terminal the leading zero of the bounds is left out, as
    print does it for shares that can't pass 1.

    Args:
        scale: what all three are multiplied by, such as `PER_CENT`.
    """
    middle = number(_scaled(value, scale), digits, style)
    bounds = bounds_text(low, high, digits, style=style, scale=scale)
    return f"{middle} {bounds}" if bounds else middle


def bounds_text(
    low: float | None, high: float | None, digits: int = 3, *, style: Style = "terminal", scale: float = 1.0
) -> str:
    """Write an interval without its figure: `[.921 .946]`, in print `(0.921 to 0.946)`; "" where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    ends = [number(scale * limit, digits, style) for limit in (low, high)]
    if style == "print":
        return f"({' to '.join(ends)})"
    return f"[{' '.join(map(_without_leading_zero, ends))}]"


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value


def _without_leading_zero(text: str) -> str:
    if text.startswith("0."):
        return text[1:]
    return "-" + text[2:] if text.startswith("-0.") else text


def short_share(value: float | None, digits: int = 3) -> str:
    """Write a share of 0 to 1 without its leading zero, where room is short: `.934`."""
    return _without_leading_zero(number(value, digits))


def percent(share: float | None, digits: int | None = 0) -> str:
    """Write a share of 0 to 1 as `87 %`; with `digits` None with as many decimals as it has: `99.5 %`."""
    if share is None or not math.isfinite(share):
        return NOTHING
    return f"{PER_CENT * share:.6g} %" if digits is None else f"{number(PER_CENT * share, digits)} %"


def range_text(values: Iterable[float], digits: int = 2, *, scale: float = 1.0) -> str:
    """Write the smallest and the largest of some values: `0.91 to 1.04`; a dash for none."""
    ends = [scale * value for value in values]
    return f"{number(min(ends), digits)} to {number(max(ends), digits)}" if ends else NOTHING


def three_figures(value: float | None) -> str:
    """Write an amount of any size with three figures, or all its whole ones: `0.0123`, `41.2`, `1,877`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.3g}" if value < 99.95 else f"{value:,.0f}"


def p_value(value: float | None) -> str:
    """Write a p-value as journals do: `0.043`, `<0.001`."""
    return "<0.001" if value is not None and value < 0.001 else number(value)


def energy_text(joules: float) -> str:
    """Write an energy in watt-hours: `12 Wh`, `3.4 kWh`."""
    hours = joules / 3600
    if hours < 999.5:
        return f"{number(hours, 1 if hours < 9.95 else 0)} Wh"
    return f"{number(hours / 1000, 1)} kWh"


def rate(images_per_second: float | None) -> str:
    """Write a speed: `2,118 images/s`, `4.1 images/s`."""
    if images_per_second is None or not math.isfinite(images_per_second):
        return NOTHING
    return f"{images_per_second:,.{1 if images_per_second < 10 else 0}f} images/s"
