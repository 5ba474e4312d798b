"""Tests of whether two networks differ, from their predictions for the same images. Formulas only, no files.

Three questions, three tests:

- `paired_randomisation`: do these trained networks differ in a figure on images like these? Were they equal, their
  predictions could be exchanged; groups of images are exchanged whole, since images of one group are alike.
- `mcnemar`: the same for the share of correct images, exact, without drawing anything.
- `corrected_t`: would networks newly trained on other images differ too? From the differences of the folds, with
  the variance corrected for training parts that overlap. With five folds it has little power.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.metrics import Floats, Integers, Scorer

AREAS = frozenset({"auroc", "average_precision"})
_ROUNDS_AT_ONCE = 512


@dataclass(frozen=True)
class McNemar:
    """Two-sided p-values of McNemar's test and what they rest on.

    Attributes:
        only_a, only_b: images that only a, only b has right; means over seeds where there are several.
        p_exact: at most as often too small as it says.
        p_mid: counts half of what is as extreme as found (Fagerland et al. 2013): less timid, close to its level.
    """

    only_a: float
    only_b: float
    p_exact: float
    p_mid: float


@dataclass(frozen=True)
class CorrectedT:
    """The corrected resampled t-test; `t` and `p` are None where the folds don't allow one."""

    folds: int
    t: float | None
    p: float | None


def mcnemar(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], groups: Integers) -> McNemar:
    """Test whether two networks are right equally often.

    McNemar's exact test (1947) gives each discordant image to a or b with equal chances. Images of one group are not
    independent, so here each group's surplus (images that only a has right minus those that only b has) gets its sign
    by chance. Where every group is one image this is McNemar's own test. The distribution of the sum is computed, not
    drawn.

    Args:
        right_a, right_b: bool [seeds, n], the same number of seeds and the same images in both.
        groups: int [n], any codes.
    """
    surplus = (right_a.astype(np.int64) - right_b).sum(axis=0)
    _, codes = np.unique(groups, return_inverse=True)
    of_groups = np.bincount(codes, weights=surplus, minlength=1).round().astype(np.int64)
    chances = _chances_of_signed_sum(np.abs(of_groups[of_groups != 0]))
    reach = len(chances) // 2
    size = np.abs(np.arange(-reach, reach + 1))
    found = abs(int(of_groups.sum()))
    beyond, same = float(chances[size > found].sum()), float(chances[size == found].sum())
    seeds = len(right_a)
    return McNemar(
        float((right_a & ~right_b).sum() / seeds),
        float((right_b & ~right_a).sum() / seeds),
        min(1.0, beyond + same),
        min(1.0, beyond + same / 2),
    )


def _chances_of_signed_sum(sizes: NDArray[np.int64]) -> Floats:
    """float [2 s + 1]: the chances of the sums -s ... s of `sizes` with signs by chance, s being their sum."""
    chances = np.ones(1)
    for size, times in zip(*np.unique(sizes, return_counts=True), strict=True):
        steps = np.arange(times + 1)
        logs = np.array([math.lgamma(times + 1) - math.lgamma(k + 1) - math.lgamma(times - k + 1) for k in steps])
        spaced = np.zeros(2 * int(size) * int(times) + 1)
        spaced[:: 2 * int(size)] = np.exp(logs - times * math.log(2))
        chances = np.convolve(chances, spaced)
    return chances


def corrected_t(differences: Sequence[float], test_train_ratio: float) -> CorrectedT:
    """Test whether the mean of the folds' differences is zero (Nadeau and Bengio 2003).

    t = mean / sqrt((1/k + tested/trained) variance) with k - 1 degrees of freedom: the folds' training parts overlap,
    which the plain t-test ignores.

    Args:
        differences: of a figure, one a fold.
        test_train_ratio: images in a test part over those in a training part.
    """
    folds = len(differences)
    if folds < 2 or test_train_ratio <= 0:
        return CorrectedT(folds, None, None)
    mean, variance = float(np.mean(differences)), float(np.var(differences, ddof=1))
    if variance < 1e-24:
        return CorrectedT(folds, None, 1.0 if abs(mean) < 1e-12 else None)
    from scipy.special import stdtr

    t = mean / math.sqrt((1 / folds + test_train_ratio) * variance)
    return CorrectedT(folds, t, float(2 * stdtr(folds - 1, -abs(t))))


def paired_randomisation(
    labels: Integers,
    probabilities_a: Floats,
    probabilities_b: Floats,
    groups: Integers,
    metric: str,
    *,
    rounds: int = 4999,
    seed: int = 0,
) -> float | None:
    """Return the two-sided p-value of a difference in a figure, by exchanging the networks' predictions.

    In each round every group of images is either left as it is or has its predictions by a and b exchanged. The
    p-value is (1 + rounds with a difference at least as large as found) / (1 + rounds); it needs no distribution.

    Args:
        labels: int [n], codes, all known.
        probabilities_a, probabilities_b: float [seeds, n, c], as many seeds in both, no NaN.
        groups: int [n], any codes.
        metric: one of `metrics.ALL_METRICS`.

    Returns:
        None where the figure is not defined.
    """
    _, codes = np.unique(groups, return_inverse=True)
    count, areas = int(codes.max(initial=-1)) + 1, metric in AREAS
    twice = np.concatenate([labels, labels])
    scorers = [Scorer(twice, np.concatenate(pair)) for pair in zip(probabilities_a, probabilities_b, strict=True)]

    def difference(exchanged: NDArray[np.bool_]) -> Floats:
        """float [rounds] from bool [rounds, groups]."""
        swapped = exchanged[:, codes].astype(np.float64)
        as_a, as_b = np.hstack([1 - swapped, swapped]), np.hstack([swapped, 1 - swapped])
        each = [
            scorer.all_figures(as_a, areas=areas)[0][metric] - scorer.all_figures(as_b, areas=areas)[0][metric]
            for scorer in scorers
        ]
        mean: Floats = np.mean(each, axis=0)
        return mean

    found = abs(float(difference(np.zeros((1, count), bool))[0])) if count else math.nan
    if math.isnan(found):
        return None
    generator = np.random.default_rng(seed)
    as_large = 0
    for start in range(0, rounds, _ROUNDS_AT_ONCE):
        exchanged = generator.random((min(_ROUNDS_AT_ONCE, rounds - start), count)) < 0.5
        as_large += int((np.abs(difference(exchanged)) >= found - 1e-12).sum())
    return (1 + as_large) / (1 + rounds)
