"""Predictive values of a class at a prevalence that the user names.

Among test images a class may be far more frequent than where a network is to be used, and predictive values follow the
prevalence. Sensitivity and specificity don't, as long as images of one class look alike in both places. So

    PPV = sens prev / (sens prev + (1 - spec) (1 - prev)),   NPV = spec (1 - prev) / (spec (1 - prev) + (1 - sens) prev)

(Bayes; Altman and Bland 1994). With prev fixed the odds of the PPV are the positive likelihood ratio sens / (1 - spec)
times prev / (1 - prev), and those of the NPV spec / (1 - sens) times (1 - prev) / prev: limits of a ratio of two
shares. These come from the limits of both shares, which are for groups, and from their correlation over groups (MOVER
for ratios; Donner and Zou 2012, Statistical Methods in Medical Research 21, 347). Mercaldo, Lau and Zhou (2007) give a
normal interval of the logarithm of the same ratio; it needs an arbitrary addition where a share is 0 or 1, which MOVER
does without, as the limits of the shares are then known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from aimic_tui.engine.evaluation.interval import Interval


@dataclass(frozen=True)
class PredictiveValues:
    """Of one class.

    Attributes:
        prevalence: that they hold at, between 0 and 1.
        positive: of the images predicted to be of the class, the share that is.
        negative: of the others, the share that is not.
    """

    prevalence: float
    positive: Interval
    negative: Interval


def predictive_values(
    sensitivity: Interval, specificity: Interval, prevalence: float, correlation: float = 0.0
) -> PredictiveValues:
    """Return PPV and NPV at a prevalence.

    Args:
        sensitivity, specificity: of the class, with their limits.
        prevalence: above 0 and below 1.
        correlation: of the two estimates over groups, -1 to 1.

    Returns:
        No value where a share is not defined, or the class is never predicted (PPV) or always (NPV); no limits where
        the two shares have none.
    """
    odds = prevalence / (1 - prevalence)
    # Of sensitivity and its complement the one, of specificity the other: the correlation changes its sign.
    return PredictiveValues(
        prevalence,
        _share(sensitivity, _complement(specificity), odds, -correlation),
        _share(specificity, _complement(sensitivity), 1 / odds, -correlation),
    )


def _complement(share: Interval) -> Interval:
    value, low, high = (None if one is None else 1 - one for one in (share.value, share.high, share.low))
    return Interval(value, low, high)


def _share(above: Interval, below: Interval, odds: float, correlation: float) -> Interval:
    """The share whose odds are `odds` times above / below."""
    if above.value is None or below.value is None or above.value + below.value == 0:
        return Interval(None)
    value = _of_odds(above.value, below.value, odds)
    if above.low is None or above.high is None or below.low is None or below.high is None:
        return Interval(value, missing=above.missing or below.missing)
    low, high = _ratio_limits((above.value, above.low, above.high), (below.value, below.low, below.high), correlation)
    return Interval(value, min(value, _of_odds(low, 1.0, odds)), max(value, _of_odds(high, 1.0, odds)))


def _of_odds(above: float, below: float, odds: float) -> float:
    return 1.0 if math.isinf(above) else odds * above / (odds * above + below)


def _ratio_limits(
    above: tuple[float, float, float], below: tuple[float, float, float], correlation: float
) -> tuple[float, float]:
    """Limits of above / below from (value, low, high) of both: where a limit of above - ratio * below is 0."""
    (first, first_low, first_high), (second, second_low, second_high) = above, below
    product = first * second - correlation * (first - first_low) * (second_high - second)
    outer, inner = second_high * (2 * second - second_high), first_low * (2 * first - first_low)
    low = _root(product, outer, inner, lower=True)
    product = first * second - correlation * (first_high - first) * (second - second_low)
    outer, inner = second_low * (2 * second - second_low), first_high * (2 * first - first_high)
    return max(0.0, low), _root(product, outer, inner, lower=False)


def _root(product: float, outer: float, inner: float, *, lower: bool) -> float:
    """Solve outer r^2 - 2 product r + inner = 0 for the limit; infinite where there is no upper one."""
    reach = math.sqrt(max(0.0, product**2 - outer * inner))
    if lower:
        # The same root as (product - reach) / outer, also where outer is 0.
        divisor = product + reach
        return inner / divisor if divisor > 0 else 0.0
    return (product + reach) / outer if outer > 0 else math.inf
