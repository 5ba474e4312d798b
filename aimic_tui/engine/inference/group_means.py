"""Means over images whose groups are alike: their intervals, and whether those of two sets differ. Formulas only.

Variances are jackknifed over whole groups (CV3 of MacKinnon, Nielsen and Webb 2023), with as many degrees of freedom as
there are effective groups, (sum n)^2 / sum n^2, less one: a group that holds half of the images can't be outvoted by
many small ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from aimic_tui.engine.evaluation.interval import FEWEST_EFFECTIVE_GROUPS, FEWEST_GROUPS, Interval
from aimic_tui.engine.evaluation.interval_limits import effective_number, t_quantile

_ROUNDS = 1999
_ROUNDS_AT_ONCE = 2048

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupSums:
    """Images of one set, added up by group: `sums` and `sizes` are float [g], sizes at least 1."""

    sums: Floats
    sizes: Floats

    @classmethod
    def of(cls, values: Floats, groups: NDArray[np.integer]) -> GroupSums:
        """Add values, float [n], up by groups, int [n] of any codes."""
        _, codes = np.unique(groups, return_inverse=True)
        sums: Floats = np.bincount(codes, weights=values).astype(np.float64)
        return cls(sums, np.bincount(codes).astype(np.float64))

    @property
    def groups(self) -> int:
        """How many there are."""
        return len(self.sizes)

    @property
    def mean(self) -> float:
        """The mean over images."""
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def variance(self) -> float:
        """The variance of `mean`: the spread of the means without one group at a time; needs two groups."""
        without = (self.sums.sum() - self.sums) / (self.sizes.sum() - self.sizes)
        return (self.groups - 1) / self.groups * float(((without - self.mean) ** 2).sum())

    @property
    def degrees(self) -> float:
        """Degrees of freedom of `variance`: the effective number of groups less one."""
        return effective_number(self.sizes) - 1

    @property
    def enough(self) -> bool:
        """Whether there are enough groups, and equal enough ones, to tell chance from more."""
        return self.groups >= FEWEST_GROUPS and effective_number(self.sizes) >= FEWEST_EFFECTIVE_GROUPS


def mean_interval(values: Floats, groups: NDArray[np.integer], confidence: float = 0.95) -> Interval:
    """Return the mean over images with Student's t interval over groups.

    Args:
        values: float [n], no NaN.
        groups: int [n], any codes.

    Returns:
        No value without images, no limits with fewer than `FEWEST_GROUPS` groups or too unequal ones.
    """
    if not len(values):
        return Interval(None)
    found = GroupSums.of(values, groups)
    if not found.enough:
        return Interval(found.mean)
    reach = t_quantile(0.5 + confidence / 2, found.degrees) * math.sqrt(found.variance)
    return Interval(found.mean, found.mean - reach, found.mean + reach)


def difference_p(first: GroupSums, second: GroupSums, seed: int = 0) -> float | None:
    """Return the two-sided p-value of a difference between the means of two sets of images.

    The larger of two: Welch's t over groups, which holds where the sets differ in spread and in the groups' sizes, and
    a permutation of the groups of the studentised difference (Janssen 1997; Chung and Romano 2013), which holds where
    values are far from normal. Groups that are in both sets are taken as independent, which makes p rather too large.

    Returns:
        None where a set has fewer than `FEWEST_GROUPS` groups or too unequal ones; 1 where nothing varies and nothing
        differs.
    """
    if not (first.enough and second.enough):
        return None
    difference, parts = second.mean - first.mean, (first.variance, second.variance)
    variance = sum(parts)
    if variance <= 0:
        return 1.0 if difference == 0 else None
    degrees = variance**2 / (parts[0] ** 2 / first.degrees + parts[1] ** 2 / second.degrees)
    welch = float(2 * stdtr(degrees, -abs(difference) / math.sqrt(variance)))
    return max(welch, _permuted(first, second, seed))


def _permuted(first: GroupSums, second: GroupSums, seed: int) -> float:
    sums, sizes = np.concatenate([first.sums, second.sums]), np.concatenate([first.sizes, second.sizes])
    sums = sums - sums.sum() / sizes.sum() * sizes  # about the common mean, for the sake of rounding
    # What a set's mean and its linearised variance need, as sums over its groups.
    terms = np.stack([sums, sizes, sums**2, sums * sizes, sizes**2], axis=1)
    whole = terms.sum(axis=0)

    def studentised(chosen: NDArray[np.bool_]) -> Floats:
        inside = chosen.astype(np.float64) @ terms
        mean, spread = _mean_and_variance(inside)
        other, further = _mean_and_variance(whole - inside)
        with np.errstate(divide="ignore", invalid="ignore"):
            size: Floats = np.abs(mean - other) / np.sqrt(spread + further)
        return np.nan_to_num(size, nan=0.0, posinf=np.inf)

    member = np.arange(len(sizes)) < first.groups
    found = studentised(member[None])[0]
    generator = np.random.default_rng(seed)
    as_large = 0
    for start in range(0, _ROUNDS, _ROUNDS_AT_ONCE):
        rounds = min(_ROUNDS_AT_ONCE, _ROUNDS - start)
        chosen = generator.permuted(np.broadcast_to(member, (rounds, len(member))), axis=1)
        as_large += int((studentised(chosen) >= found * (1 - 1e-9)).sum())
    return (1 + as_large) / (1 + _ROUNDS)


def _mean_and_variance(sums: Floats) -> tuple[Floats, Floats]:
    """Return the means [r] of sets and their variances from the sums of the terms [r, 5] over their groups."""
    total, size, squares, products, sizes = sums.T
    mean = total / size
    variance = (squares - 2 * mean * products + mean**2 * sizes) / size**2
    return mean, np.maximum(variance, 0.0)
