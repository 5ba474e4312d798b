"""A decision curve in words and figures: for the Results place and for `aimic results --decision`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.decision import THRESHOLDS, Decision, DecisionCurve, threshold_ranges
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.formatting.numbers import percent

PER = 100  # images, that net benefits are written for
_SHOWN = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def shown_thresholds() -> list[int]:
    """Return the indices into `THRESHOLDS` that a table lists."""
    return [int(np.argmin(np.abs(THRESHOLDS - shown))) for shown in _SHOWN]


def verdict(curve: DecisionCurve) -> str:
    """Say at which thresholds acting on the network is better than acting on every image and on none."""
    useful = threshold_ranges(curve.useful)
    if not useful:
        return "Not useful at any threshold: acting on all images or on none is at least as good."
    if curve.shown_useful is None:
        certainty = "too few groups for a band"
    elif shown := threshold_ranges(curve.shown_useful):
        certainty = f"over the whole range with {percent(curve.confidence, None)} confidence: {shown}"
    else:
        certainty = f"nowhere shown over the whole range with {percent(curve.confidence, None)} confidence"
    return f"Useful at thresholds {useful} ({certainty})."


def benefit_note(found: Decision) -> str:
    """Say what net benefit is and what it rests on here."""
    assert found.curve is not None
    return (
        f"Net benefit: true positives per {PER} images minus weighted false alarms. Probabilities "
        f"{'calibrated' if found.calibrated else 'as trained, not calibrated'}; {percent(found.curve.share)} of these "
        "images are positive."
    )


def weight(threshold: float) -> str:
    """Say how many false alarms weigh as much as one missed case."""
    odds = (1 - threshold) / threshold
    return f"{odds:.0f} false" if odds >= 10 else f"{odds:.2g} false"


def benefit(
    values: NDArray[np.float64], low: NDArray[np.float64] | None, high: NDArray[np.float64] | None, index: int
) -> Interval:
    """Return a net benefit at one threshold with its limits, per `PER` images."""
    if low is None or high is None:
        return Interval(PER * float(values[index]))
    return Interval(PER * float(values[index]), PER * float(low[index]), PER * float(high[index]))
