"""ROC and precision-recall curves of each class against the rest, with bands, over all folds.

How folds are put together: every image is tested by one fold's network (with several seeds or repeats, once in each
set), and the scores of all folds are ranked together, as the areas in `metrics` are. That asks more than ranking within
each fold: the networks must mean the same by the same probability, as they must if one threshold is to be set. Where
they don't, pooled areas are lower than the folds' own (Forman and Scholz 2010), so the mean of the folds' areas stands
beside them: a gap between the two is a difference between the folds' networks, not among the images. Curves of several
sets are averaged at equal false positive rate or recall; a macro curve is the mean of the classes' in the same way.

Bands are pointwise: 2.5 and 97.5 % quantiles (for 95 %) of the curves of redrawn groups, at each abscissa for itself.
They hold at one abscissa as often as they say, not along the whole curve. There is none where `intervals` gives none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.interval import FEWEST_GROUPS, FEWEST_GROUPS_OF_A_CLASS
from aimic_tui.engine.evaluation.metrics import Floats, class_scores
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions

POINTS = 101
GRID: Floats = np.linspace(0, 1, POINTS)
_RESAMPLES = 500  # quantiles of a drawn band need no more


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve at the abscissae `GRID`.

    Attributes:
        values: float [POINTS].
        low, high: float [POINTS], the band; None where none can be given.
    """

    values: Floats
    low: Floats | None
    high: Floats | None


@dataclass(frozen=True, eq=False)
class ClassCurves:
    """The curves of one class against the rest, or of all classes' mean.

    Attributes:
        roc: true positive rate (sensitivity) over false positive rate (1 - specificity).
        precision_recall: precision over recall, stepwise as in the average precision.
        share: of the images that are of the class: the precision of guessing; NaN for the mean.
        fold_auroc, fold_average_precision: means of the areas within each fold (and set), over folds that define
            them; NaN where none does.
    """

    roc: Curve
    precision_recall: Curve
    share: float
    fold_auroc: float
    fold_average_precision: float


def class_curves(
    network: NetworkPredictions, *, confidence: float = 0.95, seed: int = 0, resamples: int = _RESAMPLES
) -> tuple[list[ClassCurves | None], ClassCurves | None]:
    """Return the curves of each class, in the order of the codes, and of their mean.

    Args:
        network: its test predictions.
        confidence: of the bands, between 0 and 1.
        seed: the same seed draws the same resamples.
        resamples: of the groups.

    Returns:
        None for a class without images in it or outside it, and where no class has a curve.
    """
    known = (network.labels >= 0) & ~np.isnan(network.probabilities).any(axis=(0, 2))
    labels, tables = network.labels[known], network.probabilities[:, known]
    if not known.any():
        return [None] * tables.shape[2], None
    _, groups = np.unique(network.groups[known], return_inverse=True)
    count = int(groups.max()) + 1
    weights = np.ones((1, len(labels)))
    if count >= FEWEST_GROUPS:
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
        weights = np.vstack([weights, drawn[:, groups]])
    within = _areas_of_folds(network)
    tail = (1 - confidence) / 2
    found: list[ClassCurves | None] = []
    macro: list[tuple[Floats, Floats]] = []
    banded = count >= FEWEST_GROUPS
    for code in range(tables.shape[2]):
        positive = labels == code
        if not positive.any() or positive.all():
            found.append(None)
            continue
        enough = (
            count >= FEWEST_GROUPS
            and min(len(np.unique(groups[positive])), len(np.unique(groups[~positive]))) >= FEWEST_GROUPS_OF_A_CLASS
        )
        banded &= enough
        roc, precision = (
            np.mean(of_sets, axis=0)
            for of_sets in zip(*(_curves(positive, table[:, code], weights) for table in tables), strict=True)
        )
        macro.append((roc, precision))
        found.append(
            ClassCurves(
                _banded(roc, tail, enough=enough),
                _banded(precision, tail, enough=enough),
                float(positive.mean()),
                within[code]["auroc"],
                within[code]["average_precision"],
            )
        )
    if not macro:
        return found, None
    of_folds = [one for one in found if one is not None]
    return found, ClassCurves(
        _banded(np.mean([roc for roc, _ in macro], axis=0), tail, enough=banded),
        _banded(np.mean([precision for _, precision in macro], axis=0), tail, enough=banded),
        float("nan"),
        float(np.mean([one.fold_auroc for one in of_folds])),
        float(np.mean([one.fold_average_precision for one in of_folds])),
    )


def _areas_of_folds(network: NetworkPredictions) -> list[dict[str, float]]:
    """Class by class the mean over folds and sets of the areas within each."""
    of_trials = [
        class_scores(network.labels[trial.images], network.probabilities[trial.set_index, trial.images])
        for trial in network.trials()
    ]
    return [
        {name: _mean([trial[code][name] for trial in of_trials]) for name in ("auroc", "average_precision")}
        for code in range(network.probabilities.shape[2])
    ]


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def _banded(curves: Floats, tail: float, *, enough: bool) -> Curve:
    """A curve and its band from float [1 + resamples, POINTS], the first row as the images are."""
    if not enough:
        return Curve(curves[0], None, None)
    low, high = np.nanquantile(curves[1:], [tail, 1 - tail], axis=0)
    return Curve(curves[0], np.minimum(low, curves[0]), np.maximum(high, curves[0]))


def _curves(positive: NDArray[np.bool_], probability: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return true positive rate and precision at `GRID` for each weighting: float [weightings, POINTS] each."""
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])  # equal scores share one threshold
    counted = weights[:, order]
    hits = np.cumsum(counted * positive[order], axis=1)[:, ends]
    seen = np.cumsum(counted, axis=1)[:, ends]
    roc, precision = np.full((len(weights), POINTS), np.nan), np.full((len(weights), POINTS), np.nan)
    for row in range(len(weights)):
        positives, all_of_it = hits[row, -1], seen[row, -1]
        if positives > 0 and positives < all_of_it:
            roc[row] = _at_grid(hits[row] / positives, (seen[row] - hits[row]) / (all_of_it - positives))
            precision[row] = _steps(hits[row] / positives, hits[row] / np.maximum(seen[row], 1e-300))
    return roc, precision


def _at_grid(rate: Floats, false_rate: Floats) -> Floats:
    """The ROC curve, straight between thresholds (ties count half); where it rises vertically, the upper end."""
    xs, ys = np.r_[0.0, false_rate], np.r_[0.0, rate]
    last = np.r_[xs[1:] != xs[:-1], True]
    return np.asarray(np.interp(GRID, xs[last], ys[last]))


def _steps(recall: Floats, precision: Floats) -> Floats:
    """The precision at the first threshold that reaches each recall."""
    place = np.searchsorted(recall, GRID - 1e-12).clip(max=len(recall) - 1)
    # Recall 0 is reached before any image is named; the first threshold that names one stands for it.
    first = int(np.argmax(recall > 0))
    return np.asarray(precision[np.maximum(place, first)])
