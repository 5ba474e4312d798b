"""Bands that hold a whole curve: at all abscissae at once, not at each for itself.

Of 99 intervals of 95 % side by side some miss in most studies, and who reads off where a curve is above another looks
for the place that suits best. A simultaneous band takes one multiple c of the standard error for the whole curve: the
quantile of the largest studentised deviation anywhere on it (sup-t; Montiel Olea and Plagborg-Moller 2019, Journal of
Applied Econometrics 34, 1, their plug-in band). Standard errors and correlations are those of the jackknife over
groups (CV3; MacKinnon, Nielsen and Webb 2023), which holds for groups of unequal sizes, and the normal distribution is
replaced by Student's t with as many degrees of freedom as there are effective groups less one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.metrics import Floats

_DRAWS = 4000
_FEWEST_DEGREES = 2.0  # with fewer, Student's t has no variance to speak of


def ratio_deviations(sums: Floats, sizes: Floats) -> Floats:
    """Return by how much each ratio sum(sums) / sum(sizes) changes where one group is left out.

    Args:
        sums: float [g, ...], of each group.
        sizes: float [g], above 0, two groups or more.

    Returns:
        float [g, ...].
    """
    sizes = sizes.reshape(-1, *(1,) * (sums.ndim - 1))
    total, images = sums.sum(axis=0), sizes.sum()
    deviations: Floats = (total - sums) / (images - sizes) - total / images
    return deviations


def jackknife_error(deviations: Floats) -> Floats:
    """Return the standard errors, float [...], from the deviations float [g, ...] without one group at a time (CV3)."""
    groups = len(deviations)
    error: Floats = np.sqrt((groups - 1) / groups * (deviations**2).sum(axis=0))
    return error


def sup_t(deviations: Floats, degrees: float, *, confidence: float, seed: int) -> float:
    """Return how many standard errors a band must reach to hold the whole curve.

    Args:
        deviations: float [g, points], of the jackknife; points that don't vary are left out.
        degrees: of freedom, of the standard errors.
        confidence: of the band, between 0 and 1.
        seed: the same seed draws the same deviations.

    Returns:
        0 where no point varies.
    """
    sizes = np.sqrt((deviations**2).sum(axis=0))
    varies = sizes > 1e-12 * max(1e-300, float(sizes.max(initial=0.0)))
    if not varies.any():
        return 0.0
    scaled = deviations[:, varies] / sizes[varies]
    correlations, directions = np.linalg.eigh(scaled.T @ scaled)
    root = directions * np.sqrt(np.maximum(correlations, 0.0))
    generator = np.random.default_rng(seed)
    drawn = generator.standard_normal((_DRAWS, len(correlations))) @ root.T
    degrees = max(degrees, _FEWEST_DEGREES)
    scale = np.sqrt(generator.chisquare(degrees, _DRAWS) / degrees)
    return float(np.quantile(np.abs(drawn).max(axis=1) / scale, confidence))


def share_band(share: Floats, error: Floats, reach: float, *, groups: float, images: float) -> tuple[Floats, Floats]:
    """Return limits of many shares that lie `reach` standard errors away, as Korn and Graubard (1998) give them.

    Clopper and Pearson's exact limits with an effective number of images, share (1 - share) / error^2, at most
    `images`; where nothing varies (a share of 0 or 1), it is the effective number of `groups`: that no false alarm was
    seen does not show that there is none. Wilson's limits would be too narrow here: along a curve some share is always
    about to become 0, where they exclude the truth in 9 % of studies however far they reach.

    Args:
        share: float [...], 0 to 1.
        error: float [...], their standard errors over groups.
        reach: in standard errors of the normal distribution.
    """
    from scipy.special import betaincinv, ndtr

    spread = share * (1 - share)
    varies = (error > 0) & (spread > 0)
    effective = np.full(share.shape, groups)
    effective[varies] = np.clip(spread[varies] / error[varies] ** 2, 1.0, images)
    hits, misses, tail = share * effective, (1 - share) * effective, float(ndtr(-reach))
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1e-12), misses + 1, tail), 0.0)
    high = np.where(misses > 0, 1 - betaincinv(np.maximum(misses, 1e-12), hits + 1, tail), 1.0)
    return np.minimum(low, share), np.maximum(high, share)


def difference_band(
    first: tuple[Floats, Floats, Floats],
    second: tuple[Floats, Floats, Floats],
    weight: Floats,
    correlation: Floats,
) -> tuple[Floats, Floats]:
    """Return the limits of first - weight * second from their own (MOVER; Zou 2007, with their correlation).

    Args:
        first, second: (value, low, high), float [...] each.
        weight: float [...], at least 0.
        correlation: float [...], -1 to 1, of the two estimates.
    """
    value = first[0] - weight * second[0]
    below = _joined(first[0] - first[1], weight * (second[2] - second[0]), correlation)
    above = _joined(first[2] - first[0], weight * (second[0] - second[1]), correlation)
    return value - below, value + above


def _joined(first: Floats, second: Floats, correlation: Floats) -> Floats:
    square = first**2 + second**2 - 2 * correlation * first * second
    joined: Floats = np.sqrt(np.maximum(square, 0.0))
    return joined


def correlation_of(first: Floats, second: Floats) -> Floats:
    """Return the correlation of two estimates, float [...], 0 where one is fixed, from deviations float [g, ...]."""
    both = (first * second).sum(axis=0)
    sizes = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    known: NDArray[np.bool_] = sizes > 0
    return np.clip(np.where(known, both / np.where(known, sizes, 1.0), 0.0), -1.0, 1.0)
