"""Limits around a figure, from how it varies when the groups of images are resampled. Plain formulas, no images.

Groups of unequal size are worth fewer equal ones: their effective number is G* = (sum n)^2 / sum n^2 (Kish 1965), and
limits use Student's t with G* - 1 degrees of freedom. An effective number of clusters in that place is after Carter,
Schnepel and Steigerwald (2017, Review of Economics and Statistics 99, 698), and MacKinnon and Webb (2017) study it;
theirs depends on the model, too, and is this one where images of a group are independent.
The bootstrap's variance is too small where few groups hold most images; there the jackknife's (CV3; Bell and McCaffrey
2002, MacKinnon, Nielsen and Webb 2023) is larger and right, so the larger of the two is taken. For normal effects of
groups both together hold the truth in 93 to 99 % for every division of the images among groups that was tried, also
with one group holding half of them, or three of equal size 90 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metrics import Floats

_NORMAL = NormalDist()
_FARTHEST = 2.6  # standard deviations: beyond, too few of 1,000 resamples are left to take quantiles of
_FEW = 3.0  # events, up to which Wilson's limit towards none is too close
Bounds = tuple[float, float]
UNBOUNDED = (-math.inf, math.inf)


@dataclass(frozen=True)
class ResampledFigure:
    """One figure and how it varies.

    Attributes:
        value: of the images as they are; NaN where it is not defined.
        resamples: float [r], of as many groups drawn with replacement; NaN where it is not defined.
        jackknife: float [b], without one block of groups at a time.
        groups: how many independent groups it rests on, at least 2.
        confidence: wanted of the limits, between 0 and 1.
        effective: how many groups of equal size they are worth, above 1; None takes `groups`.
    """

    value: float
    resamples: Floats
    jackknife: Floats
    groups: int
    confidence: float
    effective: float | None = None

    @property
    def degrees(self) -> float:
        """Degrees of freedom of Student's t."""
        return max(0.1, (self.groups if self.effective is None else self.effective) - 1)

    @property
    def quantile(self) -> float:
        """How many standard errors reach to a limit."""
        return t_quantile(0.5 + self.confidence / 2, self.degrees)

    @property
    def variance(self) -> float:
        """The larger of the jackknife's and the bootstrap's, times G / (G - 1) for few groups (Hesterberg 2015)."""
        drawn = float(np.nanvar(self.resamples)) * self.groups / (self.groups - 1)
        return max(drawn, jackknife_variance(self.value, self.jackknife))

    @property
    def widening(self) -> float:
        """How many times larger the standard error is than the standard deviation of the resamples."""
        drawn = float(np.nanvar(self.resamples))
        return math.sqrt(self.variance / drawn) if drawn > 0 else 1.0


def effective_number(sizes: NDArray[np.number]) -> float:
    """Return (sum n)^2 / sum n^2 of the sizes of groups: how many equal ones they are worth (Kish 1965); 0 of none."""
    of_each = np.asarray(sizes, dtype=np.float64)
    squares = float((of_each**2).sum())
    return float(of_each.sum()) ** 2 / squares if squares > 0 else 0.0


def jackknife_variance(value: float, jackknife: Floats) -> float:
    """Return (b - 1) / b times the sum of squared changes of a figure where one of b blocks is left out (CV3)."""
    changes = jackknife[~np.isnan(jackknife)] - value
    return float((changes**2).sum()) * (len(changes) - 1) / len(changes) if len(changes) else 0.0


def share_limits(figure: ResampledFigure, images: float) -> Interval:
    """Wilson's interval of a share of `images` images, with the effective number of independent ones.

    That number is share (1 - share) / variance (Korn and Graubard 1998), at most `images`. Where nothing varies (no
    error at all), it is the effective number of groups: only they are known to be independent. Of up to three errors
    (or hits), Wilson's limit on the side of none is too close; there Poisson's takes its place, as in the modified
    interval of Brown, Cai and DasGupta (2001, Statistical Science 16, 101), but with half of the level, which is wider.
    """
    if math.isnan(figure.value) or images <= 0:
        return Interval(number_or_none(figure.value))
    spread = figure.value * (1 - figure.value)
    variance = figure.variance
    alone = float(figure.groups if figure.effective is None else figure.effective)
    effective = spread / variance if variance > 0 and spread > 0 else alone
    effective = min(max(effective, 1.0), images)
    low, high = wilson(figure.value, effective, figure.confidence, degrees=figure.degrees)
    if 0 < figure.value * effective <= _FEW:
        low = min(low, _fewest_events(figure.value * effective, figure.confidence) / effective)
    if 0 < (1 - figure.value) * effective <= _FEW:
        high = max(high, 1 - _fewest_events((1 - figure.value) * effective, figure.confidence) / effective)
    return Interval(figure.value, low, high)


def _fewest_events(seen: float, confidence: float) -> float:
    """Return the lower limit of Poisson's expected number of events where `seen` are seen, above 0 (Garwood 1936)."""
    from scipy.special import gammaincinv

    return float(gammaincinv(seen, 0.5 - confidence / 2))


def bca_limits(figure: ResampledFigure, bounds: Bounds = UNBOUNDED) -> Interval:
    """Bias-corrected and accelerated bootstrap quantiles (Efron 1987); none where all resamples agree.

    Limits that would lie farther out than the resamples reach are as many times farther from the figure than those at
    2.6 standard deviations as that is wanted.

    Args:
        bounds: the smallest and the largest value that the figure can take.
    """
    if math.isnan(figure.value):
        return Interval(None)
    resamples = figure.resamples[~np.isnan(figure.resamples)]
    if not len(resamples) or np.ptp(resamples) < 1e-12:
        return Interval(figure.value, missing="nothing varies")
    below = float((resamples < figure.value).mean() + (resamples <= figure.value).mean()) / 2
    edge = 1 / (len(resamples) + 1)
    shift = _NORMAL.inv_cdf(min(max(below, edge), 1 - edge))
    influence = np.nanmean(figure.jackknife) - figure.jackknife[~np.isnan(figure.jackknife)]
    size = float((influence**2).sum())
    acceleration = float((influence**3).sum()) / (6 * size**1.5) if size > 0 else 0.0
    width = figure.quantile * figure.widening
    read = min(width, _FARTHEST)
    ends = []
    for z in (-read, read):
        moved = shift + z
        ends.append(_NORMAL.cdf(shift + moved / max(1 - acceleration * moved, 0.1)))
    low, high = (float(end) for end in np.quantile(resamples, ends))
    low, high = (figure.value + (end - figure.value) * width / read for end in (low, high))
    return Interval(figure.value, max(bounds[0], min(low, figure.value)), min(bounds[1], max(high, figure.value)))


def area_limits(figure: ResampledFigure, smallest_step: float) -> Interval:
    """Limits of an area under a ROC curve: normal in the logit, which keeps them below 1.

    Kottas, Kuss and Zapf (2014, BMC Medical Research Methodology 14, 26) compare such limits with others.

    Close to 1 the scatter of resampled areas understates how far below the truth can lie, and that of their logits
    overstates it, since some resampled areas are 1: the standard error is their geometric mean. In `benchmarks/
    intervals.py`'s studies that is right where quantiles of resampled areas are too narrow (90 % for a class of 40 in
    400 images with an area of 0.99).

    Args:
        smallest_step: by how much the area changes at least; a resampled 1 is taken as half of that below 1.

    Returns:
        No limits where all resamples agree, or the area is 0 or 1.
    """
    if math.isnan(figure.value):
        return Interval(None)
    value, resamples = figure.value, figure.resamples[~np.isnan(figure.resamples)]
    if not len(resamples) or np.ptp(resamples) < 1e-12 or not 0 < value < 1:
        return Interval(value, missing="nothing varies")
    edge = min(smallest_step / 2, (1 - value) / 4, value / 4)
    inside = np.clip(resamples, edge, 1 - edge)
    of_areas = float(resamples.std()) / (value * (1 - value))
    of_logits = float(np.log(inside / (1 - inside)).std())
    middle = math.log(value / (1 - value))
    reach = figure.quantile * figure.widening * math.sqrt(of_areas * of_logits)
    return Interval(value, 1 / (1 + math.exp(reach - middle)), 1 / (1 + math.exp(-reach - middle)))


def mean_limits(terms: Sequence[Interval], bounds: Bounds = (0.0, 1.0)) -> Interval:
    """Limits of the mean of independent figures from their own limits (MOVER; Zou and Donner 2008).

    Args:
        bounds: the smallest and the largest value that the figures can take.
    """
    values = np.array([term.value for term in terms], dtype=np.float64)
    lows = np.array([term.low for term in terms], dtype=np.float64)
    highs = np.array([term.high for term in terms], dtype=np.float64)
    value = float(values.mean())
    if np.isnan(lows).any() or np.isnan(highs).any():
        return Interval(number_or_none(value))
    below = math.sqrt(float(((values - lows) ** 2).sum())) / len(terms)
    above = math.sqrt(float(((highs - values) ** 2).sum())) / len(terms)
    return Interval(value, max(bounds[0], value - below), min(bounds[1], value + above))


def difference_limits(a: Interval, b: Interval, correlation: float) -> Interval:
    """Limits of a - b from those of both figures and their correlation (MOVER; Zou 2007, Psychol. Methods 12, 399).

    Without limits where one of the two has none.
    """
    if a.value is None or b.value is None:
        return Interval(None)
    value = a.value - b.value
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Interval(value)
    ends = []
    for of_a, of_b in ((a.value - a.low, b.high - b.value), (a.high - a.value, b.value - b.low)):
        ends.append(math.sqrt(max(0.0, of_a**2 + of_b**2 - 2 * correlation * of_a * of_b)))
    return Interval(value, value - ends[0], value + ends[1])


def wider(one: Interval, other: Interval) -> Interval:
    """Return the value of `one` between the outer ones of both intervals' limits; a missing one adds nothing."""
    if other.low is None or other.high is None or one.value is None:
        return one
    if one.low is None or one.high is None:
        return Interval(one.value, min(one.value, other.low), max(one.value, other.high))
    return Interval(one.value, min(one.low, other.low), max(one.high, other.high))


def wilson(share: float, images: float, confidence: float = 0.95, *, degrees: float = math.inf) -> tuple[float, float]:
    """Return Wilson's interval (1927) of a share of `images` independent images (any number above 0, also a fraction).

    `degrees` of freedom other than infinity take Student's t in place of the normal quantile.
    """
    z = t_quantile(0.5 + confidence / 2, degrees)
    spread = z * math.sqrt(share * (1 - share) / images + z * z / (4 * images * images))
    middle, scale = share + z * z / (2 * images), 1 + z * z / images
    # Rounding must not put the share itself outside.
    return max(0.0, min(share, (middle - spread) / scale)), min(1.0, max(share, (middle + spread) / scale))


def t_quantile(probability: float, degrees: float) -> float:
    """Return the quantile of Student's t; infinite degrees of freedom make it the normal one."""
    if math.isinf(degrees):
        return _NORMAL.inv_cdf(probability)  # what a screen draws while images come in needs no more
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))


def number_or_none(value: float) -> float | None:
    """Turn NaN into None."""
    return None if math.isnan(value) else float(value)
