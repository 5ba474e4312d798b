"""How well a linear classifier tells two sets of images apart by a network's features: as trained, and at best.

The classifier two-sample test (Lopez-Paz and Oquab 2017) with a ridge classifier: it is tested on groups that it has
not seen, and its AUROC is 0.5 where the sets can't be told apart. The p-value comes from exchanging whole groups
between the sets, with the classifier trained anew each time.

A classifier that few images have trained finds little also where there is much to find, so its AUROC says nothing
against a difference. What the best linear classifier could reach on any number of such images has an upper limit of its
own (`achievable_auroc`), which stays near 1 until the images are many more than the features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import t_quantile
from aimic_tui.engine.evaluation.intervals import cluster_bootstrap

FOLDS = 5
_RIDGE = 400.0  # on standardised features, summed over images: there are many features and few images
_ROUNDS = 999
_RESAMPLES = 1000
_SPARE = 10  # images more than features: fewer leave the covariance too uncertain
_FAR = 50.0  # squared distance, an AUROC of 1 - 3e-7

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TwoSets:
    """n images of two sets.

    Attributes:
        features: float64 [n, d].
        new: bool [n], to which set each belongs.
        labels: int [n], classes; equal shares of each in both sets.
        groups: int [n], codes; one code in both sets is the same group.
    """

    features: Floats
    new: NDArray[np.bool_]
    labels: NDArray[np.integer]
    groups: NDArray[np.integer]


@dataclass(frozen=True)
class ToldApart:
    """How well a classifier tells two sets apart.

    Attributes:
        auroc: on groups that it was not trained on, with its interval over groups.
        p: of no difference at all, by exchanging groups.
        achievable: upper limit of what the best linear classifier could reach; 1 where nothing limits it.
    """

    auroc: Interval
    p: float
    achievable: float


def tell_apart(sets: TwoSets, *, confidence: float = 0.95, seed: int = 0) -> ToldApart:
    """Train and test the classifier; both sets must have several groups."""
    scoring = _fold_scores(sets, seed)
    scores = _scores(scoring, sets.new[:, None])[:, 0]
    return ToldApart(
        _auroc(sets, scores, confidence, seed), _permutation_p(sets, scoring, seed), achievable_auroc(sets, confidence)
    )


@dataclass(frozen=True, eq=False)
class _Fold:
    """A fold's test rows int [t], training rows int [m], and what turns training targets [m] into scores [t, m]."""

    test: NDArray[np.intp]
    train: NDArray[np.intp]
    weights: Floats


def _fold_scores(sets: TwoSets, seed: int) -> list[_Fold]:
    """Prepare the folds. They don't depend on the sets, so that they stay as they are where groups are exchanged."""
    spread = sets.features.std(axis=0)
    used = spread > 0
    scaled = (sets.features[:, used] - sets.features[:, used].mean(axis=0)) / spread[used]
    products = scaled @ scaled.T
    # An image and its twin in the other set have one group, and are never on two sides of a fold.
    names, codes = np.unique(sets.groups, return_inverse=True)
    fold_of = np.random.default_rng(seed).permutation(len(names))[codes] % FOLDS
    found = []
    for fold in range(FOLDS):
        test, train = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        inner = products[np.ix_(train, train)] + _RIDGE * np.eye(len(train))
        found.append(_Fold(test, train, np.linalg.solve(inner, products[np.ix_(train, test)]).T))
    return found


def _scores(folds: list[_Fold], new: NDArray[np.bool_]) -> Floats:
    """float [n, r]: scores of all images, each by the classifier not trained on it, for sets as bool [n, r]."""
    share = new.mean(axis=0)
    targets = np.where(new, 0.5 / share, -0.5 / (1 - share))  # both sets weigh the same
    scores = np.empty(new.shape)
    for fold in folds:
        scores[fold.test] = fold.weights @ targets[fold.train]
    return scores


def _areas(scores: Floats, new: NDArray[np.bool_]) -> Floats:
    """float [r]: the areas under the ROC curves of scores [n, r]."""
    from scipy.stats import rankdata

    ranks = rankdata(scores, axis=0)
    count = new.sum(axis=0)
    areas: Floats = ((ranks * new).sum(axis=0) - count * (count + 1) / 2) / (count * (len(new) - count))
    return areas


def _permutation_p(sets: TwoSets, folds: list[_Fold], seed: int) -> float:
    """The share of exchanges of whole groups between the sets whose classifier does as well as the real one."""
    _, codes = np.unique(np.stack([sets.groups, sets.new]), axis=1, return_inverse=True)
    codes = codes.reshape(-1)
    member = np.zeros(int(codes.max()) + 1, bool)
    member[codes] = sets.new
    found = _areas(_scores(folds, sets.new[:, None]), sets.new[:, None])[0]
    generator = np.random.default_rng(seed)
    exchanged = generator.permuted(np.broadcast_to(member, (_ROUNDS, len(member))), axis=1)[:, codes].T
    as_large = int((_areas(_scores(folds, exchanged), exchanged) >= found - 1e-12).sum())
    return (1 + as_large) / (1 + _ROUNDS)


def _auroc(sets: TwoSets, scores: Floats, confidence: float, seed: int) -> Interval:
    share = 1 / (1 + np.exp(-scores))
    bootstrap = cluster_bootstrap(
        sets.new.astype(np.int32),
        np.stack([1 - share, share], axis=1),
        np.unique(sets.groups, return_inverse=True)[1].astype(np.int32),
        resamples=_RESAMPLES,
        confidence=confidence,
        seed=seed,
    )
    found = bootstrap.overall["auroc"]
    if found.value is None or found.missing != "nothing varies":
        return found
    # Resampling shows no spread: every pair is ranked correctly, or both sets are the same images.
    fewest = min(len(np.unique(sets.groups[chosen])) for chosen in (sets.new, ~sets.new))
    return _perfect(fewest, confidence) if found.value >= 1 else Interval(found.value, found.value, found.value)


def _perfect(groups: int, confidence: float) -> Interval:
    """Return the one-sided interval of a proportion of 1 among so many groups."""
    return Interval(1.0, (1 - confidence) ** (1 / groups), 1.0)


def achievable_auroc(sets: TwoSets, confidence: float = 0.95) -> float:
    """Return the upper limit of the AUROC that the best linear classifier could reach on any number of such images.

    For normal features with one covariance that classifier is Fisher's, and its AUROC is Phi(D / sqrt 2), with D
    Mahalanobis' distance between the sets' means, in whatever direction of the features they differ. The squared
    distance in the sample is too large by about d (1/n + 1/m) and by the covariance being estimated (Hotelling 1931;
    Lachenbruch and Mickey 1968); what is left is compared with its standard deviation to find the largest D that the
    sample does not contradict. Classes are centred first, since both sets have the same mix of them. As for groups, the
    excess is taken as if all images were independent, the spread along the difference as if those of a group were one,
    and the spread of the excess as groups show it: where these disagree, the limit is too high rather than too low.

    Args:
        confidence: of a two-sided interval with this upper end: 0.95 leaves 2.5 % beyond it.

    Returns:
        0.5 to 1; 1 where there are too few images for so many features.
    """
    white = _whitened(sets)
    if white is None:
        return 1.0
    noise = _noise(sets, white.rest)
    features, degrees = white.rest.shape[1], white.degrees
    reach = t_quantile(0.5 + confidence / 2, max(1.0, noise.effective_groups - 1))
    found = white.squared * (degrees - features - 1) / degrees - features * noise.independent

    def above(distance: float) -> float:
        variance: float = 4 * distance * noise.as_groups + 2 * features * noise.as_shown**2
        variance += 2 * (distance + features * noise.as_shown) ** 2 / (degrees - features - 3)
        return float(distance - reach * math.sqrt(variance) - found)

    if above(0.0) >= 0:
        return 0.5
    if above(_FAR) <= 0:
        return 1.0
    squared: float = brentq(above, 0.0, _FAR)
    return float(ndtr(math.sqrt(squared / 2)))


@dataclass(frozen=True, eq=False)
class _Whitened:
    """Images in coordinates of unit covariance.

    Attributes:
        rest: float [n, d], about the mean of each image's set and class.
        squared: the squared distance between the sets' means.
        degrees: of freedom of the covariance.
    """

    rest: Floats
    squared: float
    degrees: int


def _whitened(sets: TwoSets) -> _Whitened | None:
    """Return None where the covariance of the features can't be inverted."""
    centred, classes = sets.features.copy(), np.unique(sets.labels)
    for code in classes:
        centred[sets.labels == code] -= centred[sets.labels == code].mean(axis=0)
    means = [centred[chosen].mean(axis=0) for chosen in (~sets.new, sets.new)]
    difference, rest = means[1] - means[0], centred - np.where(sets.new[:, None], means[1], means[0])
    spread = rest.std(axis=0)
    used = spread > 0
    degrees = len(rest) - len(classes) - 1
    if difference[~used].any() or not used.any() or degrees - used.sum() < _SPARE:
        return None
    rest, difference = rest[:, used] / spread[used], difference[used] / spread[used]
    try:
        root = np.linalg.cholesky(rest.T @ rest / degrees)
    except np.linalg.LinAlgError:  # some features are combinations of others
        return None
    return _Whitened(np.linalg.solve(root, rest.T).T, float((np.linalg.solve(root, difference) ** 2).sum()), degrees)


@dataclass(frozen=True)
class _Noise:
    """The variance of the difference between the sets' means along a direction of unit variance, from three views.

    Attributes:
        independent: as if all images were independent.
        as_groups: as if the images of a group were one.
        as_shown: as the groups show it, on average over all directions.
        effective_groups: (sum n)^2 / sum n^2 of the set with fewer.
    """

    independent: float
    as_groups: float
    as_shown: float
    effective_groups: float


def _noise(sets: TwoSets, white: Floats) -> _Noise:
    independent = as_groups = as_shown = 0.0
    effective = math.inf
    for chosen in (~sets.new, sets.new):
        _, codes = np.unique(sets.groups[chosen], return_inverse=True)
        images, sizes = int(chosen.sum()), np.bincount(codes)
        alike = float((sizes**2).sum()) / images**2
        sums = np.zeros((len(sizes), white.shape[1]))
        np.add.at(sums, codes, white[chosen])
        inflation = float((sums**2).sum() / (white[chosen] ** 2).sum()) / (1 - alike)
        independent += 1 / images
        as_groups += alike
        as_shown += min(max(1.0, inflation) / images, alike)
        effective = min(effective, 1 / alike)
    return _Noise(independent, as_groups, as_shown, effective)
