"""The curve of a learning-rate range test, and the rate that it suggests; works without a network.

After Smith, "Cyclical learning rates for training neural networks" (2017): the rate rises from step to step; the
loss falls to a minimum, and rises where the steps become too long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Rule = Literal["a tenth of the minimum", "steepest descent"]

_SMOOTHED_OVER = 1 / 40  # of all steps: the Gaussian's standard deviation
_DIVERGED, _WORSE_THAN_NOTHING = 4.0, 1.5  # times the lowest loss so far, and times the loss at the start
_MIN_FALL = 0.05  # share of the initial loss; a smaller fall is noise


@dataclass(frozen=True)
class Suggestion:
    """The rate that a curve suggests.

    Attributes:
        rate: the suggested rate, to two digits; None where the loss never clearly fell.
        rule: by which it was chosen; None where there is no rate.
        minimum: the rate with the lowest loss, None where the loss was still falling at the end of the range.
        steepest: the rate at which the loss fell fastest per decade.
        sentence: the suggestion with its reason.
    """

    rate: float | None
    rule: Rule | None
    minimum: float | None
    steepest: float | None
    sentence: str


def rising_rates(first: float, last: float, steps: int) -> npt.NDArray[np.float64]:
    """Return `steps` rates, each the same factor above the one before, from `first` to `last`."""
    return np.geomspace(first, last, steps)


def smoothed(losses: Sequence[float], steps: int) -> npt.NDArray[np.float64]:
    """Return float64 [n]: each loss averaged with its neighbours by a Gaussian.

    A running mean would lag behind, and move the minimum towards higher rates.

    Args:
        losses: finite, of the first n steps.
        steps: of the whole test; the Gaussian's width is a share of them.
    """
    values = np.asarray(losses, dtype=np.float64)
    if not len(values):
        return values
    width = max(1.0, steps * _SMOOTHED_OVER)
    reach = np.arange(-math.ceil(3 * width), math.ceil(3 * width) + 1)
    kernel = np.exp(-0.5 * (reach / width) ** 2)
    whole = slice(len(reach) // 2, len(reach) // 2 + len(values))
    sums = np.convolve(values, kernel)[whole]
    # At both ends part of the Gaussian is beyond the data.
    averaged: npt.NDArray[np.float64] = sums / np.convolve(np.ones(len(values)), kernel)[whole]
    return averaged


def has_diverged(curve: npt.NDArray[np.float64]) -> bool:
    """Tell whether a smoothed curve ends far above its minimum, or above the loss of the untrained network."""
    if not len(curve):
        return False
    return bool(curve[-1] > _DIVERGED * max(float(curve.min()), 1e-3) or curve[-1] > _WORSE_THAN_NOTHING * curve[0])


def suggest(rates: Sequence[float], losses: Sequence[float], steps: int) -> Suggestion:
    """Read the suggestion off a curve.

    A tenth of the rate with the lowest loss: there the loss was still falling, with a margin before the steps become
    too long. Where the range ended before the loss rose, the minimum is unknown, and the rate of steepest descent is
    suggested.

    Args:
        rates, losses: of n steps, all finite.
        steps: of the whole test.
    """
    curve = smoothed(losses, steps)
    least = max(5, steps // 10)
    if len(curve) < least:
        return Suggestion(None, None, None, None, f"No suggestion: the loss was finite in {len(curve)} steps only.")
    # The initial loss: it hardly changes in the first few steps.
    start = float(np.median(curve[: max(2, len(curve) // 10)]))
    lowest = int(curve.argmin())
    if start - curve[lowest] < _MIN_FALL * abs(start) or lowest < 2:
        return Suggestion(
            None,
            None,
            None,
            None,
            "No suggestion: the loss never clearly fell in this range. Try other rates (--from, --to), "
            "more steps (--steps), or look at the data.",
        )
    slopes = np.gradient(curve[: lowest + 1], np.log10(np.asarray(rates[: lowest + 1])))
    steepest = rates[int(slopes.argmin())]
    rises = curve[-1] - curve[lowest] > _MIN_FALL * abs(start)
    if rises:
        rate = _two_digits(rates[lowest] / 10)
        sentence = f"{_rate_text(rate)}: a tenth of {_rate_text(rates[lowest])}, where the loss was lowest."
        return Suggestion(rate, "a tenth of the minimum", rates[lowest], steepest, sentence)
    rate = _two_digits(steepest)
    sentence = f"{_rate_text(rate)}: where the loss fell fastest; it did not rise again in this range."
    return Suggestion(rate, "steepest descent", None, steepest, sentence)


def _two_digits(rate: float) -> float:
    return float(f"{rate:.1e}")


def _rate_text(rate: float) -> str:
    digits, _, power = f"{rate:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"
