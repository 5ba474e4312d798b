"""Predictive values at a prevalence in words, for the Results place and for `aimic results`; and how one is typed."""

from __future__ import annotations

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.evaluation.predictive_values import PredictiveValues
from aimic_tui.engine.formatting.numbers import interval_text, percent
from aimic_tui.engine.text import printable

HOLDS = (
    "PPV and NPV at a named prevalence follow from sensitivity and specificity. They hold at that prevalence, as long "
    "as images of a class look there as they do here."
)


def read_prevalence(text: str) -> float:
    """Read a prevalence as people type it: `0.02`, `2 %`, `2%`.

    Raises:
        UsageProblem: it is no number, or not between 0 and 1.
    """
    number = text.strip()
    scale = 100.0 if number.endswith("%") else 1.0
    try:
        value = float(number.removesuffix("%").strip().replace(",", ".")) / scale
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise UsageProblem(f"{printable(text)} is not a prevalence. Name a share above 0 and below 1: 0.02 or 2 %.")
    return value


def values_sentence(name: str, found: PredictiveValues) -> str:
    """Write the predictive values of a class in a line.

    Args:
        name: of the class, printable.
    """
    positive, negative = (
        interval_text(figure.value, figure.low, figure.high) for figure in (found.positive, found.negative)
    )
    return f"{name} at a prevalence of {percent(found.prevalence, None)}: PPV {positive}, NPV {negative}"
