"""How figures read in a report."""

from __future__ import annotations

import math
from collections.abc import Mapping

NOTHING = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Write a figure with fixed decimals and a true minus sign, a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # no −0.00


def interval(figure: Mapping[str, float | None], digits: int = 3) -> str:
    """Write a figure with its interval: `0.934 (0.921 to 0.946)`."""
    value, low, high = (figure.get(key) for key in ("value", "low", "high"))
    if low is None or high is None:
        return number(value, digits)
    return f"{number(value, digits)} ({number(low, digits)} to {number(high, digits)})"


def p_value(value: float | None) -> str:
    """Write a p-value as journals do."""
    return "<0.001" if value is not None and value < 0.001 else number(value)


def percent(figure: Mapping[str, float | None]) -> str:
    """Write a share with its interval in per cent."""
    return interval({key: None if value is None else 100 * value for key, value in figure.items()}, 1)


def duration(seconds: float | None) -> str:
    """Write a length of time: `48 s`, `12 min`, `3 h 5 min`."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Join names: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else NOTHING
