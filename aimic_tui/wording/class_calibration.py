"""How one class's probabilities are calibrated, in words: for the Results place and for `aimic results`."""

from __future__ import annotations

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.run_results import ClassCalibration
from aimic_tui.engine.formatting.numbers import interval_text

METHOD = (
    "Slope 1 and intercept 0 are right. Slope below 1: too extreme (overconfident); above: too timid. Intercept below "
    "0: the class gets too much probability on the whole; above: too little."
)


def figure_text(figure: Interval) -> str:
    """Write a slope or an intercept with its interval."""
    return interval_text(figure.value, figure.low, figure.high, 2)


def class_verdict(found: ClassCalibration, *, calibrated: bool) -> str:
    """Say what slope and intercept show, as far as their intervals do.

    Args:
        calibrated: of the calibrated probabilities, else of those as trained.
    """
    slope, intercept = (
        (found.slope_after, found.intercept_after) if calibrated else (found.slope_before, found.intercept_before)
    )
    if slope.value is None:
        return "No slope: the class is told apart without an error, or has no image here."
    if slope.low is None or slope.high is None or intercept.low is None or intercept.high is None:
        return "Too few groups for intervals."
    shown = []
    if slope.high < 1:
        shown.append("probabilities too extreme (overconfident)")
    elif slope.low > 1:
        shown.append("probabilities too timid")
    if intercept.high < 0:
        shown.append("too much probability on the whole")
    elif intercept.low > 0:
        shown.append("too little probability on the whole")
    if not shown:
        return "Neither slope nor intercept is shown to be off."
    said = " and ".join(shown)
    return f"{said[0].upper()}{said[1:]}."
