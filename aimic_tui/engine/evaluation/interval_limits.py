"""Limits around a figure, from how it varies when the groups of images are resampled. Plain formulas, no images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metrics import Floats

_NORMAL = NormalDist()


@dataclass(frozen=True)
class ResampledFigure:
    """One figure and how it varies.

    Attributes:
        value: of the images as they are; NaN where it is not defined.
        resamples: float [r], of as many groups drawn with replacement; NaN where it is not defined.
        jackknife: float [b], without one block of groups at a time.
        groups: how many independent groups it rests on, at least 2.
        confidence: wanted of the limits, between 0 and 1.
    """

    value: float
    resamples: Floats
    jackknife: Floats
    groups: int
    confidence: float

    @property
    def width(self) -> float:
        """How many standard deviations of the resamples reach to a limit, widened for few groups (Hesterberg 2015)."""
        return t_quantile(0.5 + self.confidence / 2, self.groups - 1) * math.sqrt(self.groups / (self.groups - 1))


def share_limits(figure: ResampledFigure, images: float) -> Interval:
    """Wilson's interval of a share of `images` images, with the effective number of independent ones.

    That number is share (1 - share) / variance over the resamples (Korn and Graubard 1998), at most `images`.
    Where nothing varies (no error at all), it is the number of groups: only they are known to be independent.
    """
    if math.isnan(figure.value) or images <= 0:
        return Interval(number_or_none(figure.value))
    variance = float(np.nanvar(figure.resamples)) * figure.groups / (figure.groups - 1)
    spread = figure.value * (1 - figure.value)
    effective = spread / variance if variance > 0 and spread > 0 else float(figure.groups)
    effective = min(max(effective, 1.0), images)
    return Interval(figure.value, *wilson(figure.value, effective, figure.confidence, degrees=figure.groups - 1))


def bca_limits(figure: ResampledFigure) -> Interval:
    """Bias-corrected and accelerated bootstrap quantiles (Efron 1987); none where all resamples agree."""
    if math.isnan(figure.value):
        return Interval(None)
    resamples = figure.resamples[~np.isnan(figure.resamples)]
    if not len(resamples) or np.ptp(resamples) < 1e-12:
        return Interval(figure.value)
    below = float((resamples < figure.value).mean() + (resamples <= figure.value).mean()) / 2
    edge = 1 / (len(resamples) + 1)
    shift = _NORMAL.inv_cdf(min(max(below, edge), 1 - edge))
    influence = np.nanmean(figure.jackknife) - figure.jackknife[~np.isnan(figure.jackknife)]
    size = float((influence**2).sum())
    acceleration = float((influence**3).sum()) / (6 * size**1.5) if size > 0 else 0.0
    ends = []
    for z in (-figure.width, figure.width):
        moved = shift + z
        ends.append(_NORMAL.cdf(shift + moved / max(1 - acceleration * moved, 0.1)))
    low, high = np.quantile(resamples, ends)
    return Interval(figure.value, min(float(low), figure.value), max(float(high), figure.value))


def area_limits(figure: ResampledFigure, smallest_step: float) -> Interval:
    """Limits of an area under a ROC curve: normal in the logit, which keeps them below 1 (Obuchowski 1998).

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
        return Interval(value)
    edge = min(smallest_step / 2, (1 - value) / 4, value / 4)
    inside = np.clip(resamples, edge, 1 - edge)
    of_areas = float(resamples.std()) / (value * (1 - value))
    of_logits = float(np.log(inside / (1 - inside)).std())
    middle, reach = math.log(value / (1 - value)), figure.width * math.sqrt(of_areas * of_logits)
    return Interval(value, 1 / (1 + math.exp(reach - middle)), 1 / (1 + math.exp(-reach - middle)))


def mean_limits(terms: Sequence[Interval]) -> Interval:
    """Limits of the mean of independent shares from their own limits (MOVER; Zou and Donner 2008)."""
    values = np.array([term.value for term in terms], dtype=np.float64)
    lows = np.array([term.low for term in terms], dtype=np.float64)
    highs = np.array([term.high for term in terms], dtype=np.float64)
    value = float(values.mean())
    if np.isnan(lows).any() or np.isnan(highs).any():
        return Interval(number_or_none(value))
    below = math.sqrt(float(((values - lows) ** 2).sum())) / len(terms)
    above = math.sqrt(float(((highs - values) ** 2).sum())) / len(terms)
    return Interval(value, max(0.0, value - below), min(1.0, value + above))


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
