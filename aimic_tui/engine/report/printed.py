"""Figures as a page has them that is printed or quoted: rounded as everywhere, in the dress of journals."""

from __future__ import annotations

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.text import NOTHING


def number(value: float | None, digits: int = 3) -> str:
    """Write a figure with fixed decimals and a true minus sign, a dash where there is none."""
    return numbers.number(value, digits, "print")


def interval(figure: Interval | None, digits: int = 3, *, scale: float = 1.0) -> str:
    """Write a figure with its interval: `0.934 (0.921 to 0.946)`, a dash for none; `scale` as in `interval_text`."""
    if figure is None:
        return NOTHING
    return numbers.interval_text(figure.value, figure.low, figure.high, digits, style="print", scale=scale)
