"""Limits for a recipe (network and settings, trained anew) rather than for the networks that one run left.

A figure's sets of predictions, one a seed or repeat, differ because their networks were trained anew, and all of them
share the groups of images that they were tested on. Both must be redrawn for the recipe, as the pigeonhole bootstrap
does (Owen 2007; Owen and Eckles 2012). Of three sets, though, redrawing shows (3 - 1) / 3 of their variance, and its
quantiles know nothing of its two degrees of freedom. So the two parts are kept apart: the limits over groups, as they
are, and for the sets their standard error s / sqrt(S) times Student's t with S - 1 degrees of freedom. The distances
from the figure add in quadrature, each with its own quantile. For normal parts such limits hold the truth at least as
often as they say, whichever part is the larger one (Banerjee 1960); Satterthwaite's combined degrees of freedom would
be narrower and hold it less often where few sets happen to agree. How a set's network differs from fold to fold need
not be known: a set's figure contains the chance of a fold's training as well as what all folds of a seed share. What
chance makes of networks on single groups is in both parts, so the limits are rather too wide than too narrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import UNBOUNDED, Bounds, t_quantile
from aimic_tui.engine.evaluation.metrics import Floats


@dataclass(frozen=True)
class TrainingVariance:
    """How a mean over sets varies with the training.

    Attributes:
        error: its standard error, at least 0.
        degrees: of freedom of `error`, above 0.
    """

    error: float
    degrees: float

    def reach(self, probability: float) -> float:
        """Return how far a limit lies away, `probability` being that of the one side (0.975 for 95 %)."""
        return t_quantile(probability, self.degrees) * self.error if self.error > 0 else 0.0


def of_sets(values: Floats) -> TrainingVariance | None:
    """Return the training variance of the mean of float [sets]; None for fewer than two sets, or without values."""
    if len(values) < 2 or np.isnan(values).any():
        return None
    return TrainingVariance(float(values.std(ddof=1)) / math.sqrt(len(values)), len(values) - 1)


def of_both(a: TrainingVariance, b: TrainingVariance) -> TrainingVariance:
    """Return that of a difference of two recipes' means: degrees of freedom by Welch (1947) and Satterthwaite (1946).

    The seeds of two recipes are independent draws, whatever numbers they have.
    """
    variance = a.error**2 + b.error**2
    if variance == 0:
        return TrainingVariance(0.0, a.degrees + b.degrees)
    degrees = variance**2 / (a.error**4 / a.degrees + b.error**4 / b.degrees)
    return TrainingVariance(math.sqrt(variance), degrees)


def recipe_limits(
    over_groups: Interval, training: TrainingVariance | None, confidence: float, bounds: Bounds = UNBOUNDED
) -> Interval:
    """Return a figure with limits that contain the training, too.

    Args:
        over_groups: the figure with the limits for these trained networks, on new groups.
        training: how it varies with the training; None (a single set) gives no limits.
        confidence: of both limits, between 0 and 1.
        bounds: the smallest and the largest value that the figure can take.
    """
    value, low, high = over_groups.value, over_groups.low, over_groups.high
    if value is None or low is None or high is None or training is None:
        return Interval(value, missing=over_groups.missing)
    reach = training.reach(0.5 + confidence / 2)
    return Interval(
        value,
        max(bounds[0], value - math.hypot(value - low, reach)),
        min(bounds[1], value + math.hypot(high - value, reach)),
    )


def recipe_p_value(over_groups: Interval, groups: float, training: TrainingVariance, confidence: float) -> float | None:
    """Return the two-sided p-value of a difference of recipes: 1 - the confidence at which its limits reach 0.

    Args:
        over_groups: the difference with the limits for these trained networks.
        groups: the effective number that these rest on, above 1: at other confidences the limit towards 0 moves like
            Student's t with `groups` - 1 degrees of freedom.
        training: how the difference varies with the training.
        confidence: of the limits.

    Returns:
        None without limits.
    """
    value, low, high = over_groups.value, over_groups.low, over_groups.high
    if value is None or low is None or high is None:
        return None
    degrees = max(0.1, groups - 1)
    error = (value - low if value > 0 else high - value) / t_quantile(0.5 + confidence / 2, degrees)
    if value == 0 or (error == 0 and training.error == 0):
        return 1.0 if value == 0 else 0.0

    def beyond(half: float) -> float:
        """How far the limit lies beyond 0, `half` being half of 1 - confidence."""
        return math.hypot(t_quantile(1 - half, degrees) * error, training.reach(1 - half)) - abs(value)

    from scipy.optimize import brentq

    smallest = 1e-9
    if beyond(smallest) <= 0:
        return 2 * smallest
    return 2 * float(brentq(beyond, smallest, 0.5, xtol=1e-10))
