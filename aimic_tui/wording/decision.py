"""What a decision curve says, in words and figures: for the Results place and for `aimic results --decision`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.decision import THRESHOLDS, Decision, DecisionCurve
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.wording.numbers import percent

PER = 100  # images, that net benefits are written for
_SHOWN = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def shown_places() -> list[int]:
    """Return which of `THRESHOLDS` a table lists."""
    return [int(np.argmin(np.abs(THRESHOLDS - shown))) for shown in _SHOWN]


def verdict(curve: DecisionCurve) -> str:
    """Say from which probabilities on acting by the network is better than acting on every image and on none."""
    better = stretches(curve.gain > 0)
    if not better:
        return "never better than both"
    if curve.gain_low is None:
        return f"better than both from {better}; too few groups for an interval"
    shown = stretches(curve.gain_low > 0)
    return f"better than both from {better}, {f'shown to be from {shown}' if shown else 'but not shown to be'}"


def method_words(found: Decision, confidence: float) -> str:
    """Say what the figures are, how their intervals are made and what their probabilities are worth."""
    assert found.curve is not None
    return (
        f"Net benefit (Vickers and Elkin): cases found in {PER} images, less actions for nothing, weighed by the "
        f"probability from which on one acts. {percent(confidence, None)} intervals: bootstrap over groups, "
        f"point by point. Probabilities {'calibrated' if found.calibrated else 'as trained, not calibrated'}; "
        f"{percent(found.curve.share)} of these images are cases, elsewhere it is another share."
    )


def stretches(where: NDArray[np.bool_]) -> str:
    """Write the thresholds at which something is so: `2 to 35, 60 %`; "" where it is nowhere.

    Args:
        where: bool, one for each of `THRESHOLDS`.
    """
    padded = np.concatenate([[False], where, [False]])
    starts, ends = np.flatnonzero(padded[1:] & ~padded[:-1]), np.flatnonzero(padded[:-1] & ~padded[1:]) - 1
    found = [
        f"{100 * THRESHOLDS[start]:.0f}" + (f" to {100 * THRESHOLDS[end]:.0f}" if end > start else "")
        for start, end in zip(starts, ends, strict=True)
    ]
    return f"{', '.join(found)} %" if found else ""


def weight(threshold: float) -> str:
    """Say how many actions for nothing one missed case is worth."""
    odds = (1 - threshold) / threshold
    return f"{odds:.0f} false" if odds >= 10 else f"{odds:.2g} false"


def benefit(
    values: NDArray[np.float64], low: NDArray[np.float64] | None, high: NDArray[np.float64] | None, place: int
) -> Interval:
    """Return a net benefit at one threshold with its limits, in cases per `PER` images."""
    if low is None or high is None:
        return Interval(PER * float(values[place]))
    return Interval(PER * float(values[place]), PER * float(low[place]), PER * float(high[place]))
