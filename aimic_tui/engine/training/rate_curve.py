"""The curve of a learning-rate range test, and the rate that it suggests; nothing here needs a network.

After Smith, "Cyclical learning rates for training neural networks" (2017): the rate rises from step to step, the loss
falls, is lowest, and rises when the steps become too long.
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
_FALL = 0.05  # of the loss at the start: a fall below that is noise


@dataclass(frozen=True)
class Suggestion:
    """What a curve says about the rate.

    Attributes:
        rate: the suggested one, of two digits; None where the loss never clearly fell.
        rule: which of the two it follows.
        minimum: the rate of the lowest loss, None where the loss still fell at the end of the range.
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
        steps: of the whole test, which the Gaussian's width is a share of.
    """
    values = np.asarray(losses, dtype=np.float64)
    if not len(values):
        return values
    width = max(1.0, steps * _SMOOTHED_OVER)
    reach = np.arange(-math.ceil(3 * width), math.ceil(3 * width) + 1)
    kernel = np.exp(-0.5 * (reach / width) ** 2)
    whole = slice(len(reach) // 2, len(reach) // 2 + len(values))
    sums = np.convolve(values, kernel)[whole]
    # At both ends a part of the Gaussian has nothing to average.
    averaged: npt.NDArray[np.float64] = sums / np.convolve(np.ones(len(values)), kernel)[whole]
    return averaged


def has_diverged(curve: npt.NDArray[np.float64]) -> bool:
    """Tell whether a smoothed curve ends far above its lowest place, or above where it began knowing nothing."""
    if not len(curve):
        return False
    return bool(curve[-1] > _DIVERGED * max(float(curve.min()), 1e-3) or curve[-1] > _WORSE_THAN_NOTHING * curve[0])


def suggest(rates: Sequence[float], losses: Sequence[float], steps: int) -> Suggestion:
    """Read the suggestion off a curve.

    A tenth of the rate with the lowest loss: there the loss still fell, and the steps of a whole training have room
    before they become too long. Where the range ended before the loss rose, the minimum is unknown, and it is
    the rate of the steepest descent.

    Args:
        rates, losses: of the same n steps, all finite.
        steps: of the whole test.
    """
    curve = smoothed(losses, steps)
    least = max(5, steps // 10)
    if len(curve) < least:
        return Suggestion(None, None, None, None, f"No suggestion: the loss was finite in {len(curve)} steps only.")
    # The first few steps average what hardly changed: where the loss started.
    start = float(np.median(curve[: max(2, len(curve) // 10)]))
    lowest = int(curve.argmin())
    if start - curve[lowest] < _FALL * abs(start) or lowest < 2:
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
    rises = curve[-1] - curve[lowest] > _FALL * abs(start)
    if rises:
        rate = _two_digits(rates[lowest] / 10)
        sentence = f"{_words(rate)}: a tenth of {_words(rates[lowest])}, where the loss was lowest."
        return Suggestion(rate, "a tenth of the minimum", rates[lowest], steepest, sentence)
    rate = _two_digits(steepest)
    sentence = f"{_words(rate)}: where the loss fell fastest; it did not rise again in this range."
    return Suggestion(rate, "steepest descent", None, steepest, sentence)


def _two_digits(rate: float) -> float:
    return float(f"{rate:.1e}")


def _words(rate: float) -> str:
    digits, _, power = f"{rate:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"
