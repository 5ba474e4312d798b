"""How far the expected calibration error can be trusted.

It is a sum over bins of absolute values |d_b|, d_b being the mean over images of (right or not) - probability. Chance
makes each |d_b| too large on average, the more the smaller the true gap is, so the error of samples is too high on
average, and that of resampled samples higher still: quantiles of a bootstrap, also corrected ones, hold the truth in a
fraction of studies only (24 to 93 % in `benchmarks/intervals.py`'s studies). Sun, Chaudhari, Barnett and Dobriban
(2024) show the same for the squared error, which is normal only far from zero.

So the bootstrap is used for what it does well, the scatter of the d_b themselves, and the limits come from inverting a
test (Carpenter 1999): for a true error t the sample's error is distributed as the sum of |t u_b + e_b|, where e is the
scatter of d over resampled groups, and u says how t is divided among the bins. The lower limit is the smallest t that
makes an error as large as the observed one no surprise, the upper limit the largest that makes one as small no
surprise. How t is divided is not known, and it decides how much chance adds: nothing where it is spread over all
bins, most where few bins hold it. Each limit takes the division that errs to its own side: the lower one few bins (d
shrunken bin by bin as by James and Stein), the upper one many (d with its scatter added). The corrected value is the t
with the observed error as its median.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import effective_number, t_quantile
from aimic_tui.engine.evaluation.metrics import Floats

_TRIED = 48  # values of t, between which the limits are interpolated


@dataclass(frozen=True)
class CalibrationError:
    """The binned calibration error.

    Attributes:
        interval: the error as it is usually reported, with the limits of the true one. Where the limits lie below the
            reported error, which is too high in most samples, the upper one is the reported error.
        corrected: an estimate of the true error, too high as often as too low.
    """

    interval: Interval
    corrected: float


def calibration_error(
    gaps: Floats, images: Floats, *, resamples: int, confidence: float, seed: int
) -> CalibrationError:
    """Estimate a calibration error and its limits from the groups that its images come from.

    Args:
        gaps: float [groups, seeds, bins]: sums over a group's images of (right or not) - probability, by bin.
        images: float [groups]: how many images each group has.
        resamples: of the groups.
        confidence: of the interval, between 0 and 1.
        seed: the same seed draws the same resamples.
    """
    groups, seeds = gaps.shape[:2]
    sums = gaps.reshape(groups, -1) / seeds
    found = sums.sum(axis=0) / images.sum()
    value = float(np.abs(found).sum())
    times = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples)
    scatter = (times @ sums) / (times @ images)[:, None] - found
    scatter *= _widening(sums, images, found, scatter)
    upper = 0.5 + confidence / 2
    deviation = scatter.std(axis=0)
    used = (deviation > 0) | (found != 0)
    if not used.any() or not deviation.any():
        return CalibrationError(Interval(value), value)  # nothing varies: there is nothing to estimate by
    found, scatter, deviation = found[used], scatter[:, used], deviation[used]
    sign = np.where(found < 0, -1.0, 1.0)
    shrunken = found * np.maximum(0.0, 1 - 0.5 * (deviation / np.maximum(np.abs(found), 1e-12)) ** 2)
    few = shrunken if shrunken.any() else found
    many = sign * np.hypot(found, deviation)
    low = _inverted(value, few, scatter, upper)
    high = _inverted(value, many, scatter, 1 - upper)
    return CalibrationError(Interval(value, min(low, value), max(high, value)), _inverted(value, found, scatter, 0.5))


def _widening(sums: Floats, images: Floats, found: Floats, scatter: Floats) -> float:
    """How many times larger the scatter is than among resamples, for few and for unequal groups.

    As in `interval_limits`: the larger one of the bootstrap's and the jackknife's variance (that of all bins together),
    and Student's t with the effective number of groups in place of their number.
    """
    groups = len(images)
    without = (sums.sum(axis=0) - sums) / (images.sum() - images)[:, None] - found
    jackknife = float((without**2).sum()) * (groups - 1) / groups
    drawn = float((scatter**2).mean(axis=0).sum())
    few = groups / (groups - 1)
    larger = max(few, jackknife / drawn) if drawn > 0 else few
    quantiles = [t_quantile(0.975, max(0.1, degrees - 1)) for degrees in (effective_number(images), groups)]
    return math.sqrt(larger) * quantiles[0] / quantiles[1]


def _inverted(value: float, division: Floats, scatter: Floats, chance: float) -> float:
    """Return the true error, divided among the bins like `division`, that makes `value` the quantile `chance`."""
    size = float(np.abs(division).sum())
    if size == 0:
        return 0.0
    tried = np.linspace(0.0, 2.5 * value + 2 * float(scatter.std(axis=0).sum()), _TRIED)
    reached = np.array([np.quantile(np.abs(t / size * division + scatter).sum(axis=1), chance) for t in tried])
    reached = np.maximum.accumulate(reached)
    return 0.0 if value <= reached[0] else float(np.interp(value, reached, tried))
