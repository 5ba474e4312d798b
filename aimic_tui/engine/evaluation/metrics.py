"""The figures a classifier is judged by, for one weighting of the images or for thousands at once.

All of them come from labels and class probabilities alone. A weighting says how often each image counts: ones
for the figures themselves, the counts of a bootstrap resample for their intervals. `Scorer` sorts and bins
once, so that a resample costs a few passes over the images.

Where a figure is not defined:

- A class with no image (of weight above 0) has no recall, F1, AUROC or average precision, and the macro averages
  leave it out. A class that has images and is never predicted has no precision (of no prediction none can be right or
  wrong), and counts as 0 in the macro precision, as in scikit-learn, so that never predicting a class costs something.
- AUROC needs images in and outside the class. Matthews' and Cohen's coefficients need more than one class
  among truth and predictions.
- Top-2 and top-3 accuracy need more than 2 or 3 classes; otherwise every image is a hit.
- Images without a label or without a prediction don't count. Without any image, nothing is defined.

What is not defined is NaN in arrays and None in dicts.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "one_vs_rest_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "auroc",
    "average_precision",
    "log_loss",
    "ece",
)
TOPS = {"top_2_accuracy": 2, "top_3_accuracy": 3}
MORE_METRICS = ("matthews", "kappa", "brier", *TOPS)
ALL_METRICS = METRICS + MORE_METRICS
CLASS_METRICS = (
    "precision",
    "recall",
    "specificity",
    "negative_predictive_value",
    "f1",
    "one_vs_rest_accuracy",
    "auroc",
    "average_precision",
)
LOWER_IS_BETTER = frozenset({"log_loss", "ece", "brier"})

CALIBRATION_BINS = 15
_RESAMPLES_AT_ONCE = 256  # keeps the arrays of a pass in the processor's cache


def scores(labels: Integers, probabilities: Floats, weights: Floats | None = None) -> dict[str, float | None]:
    """Return every overall figure of one set of predictions.

    Args:
        labels: int [n], codes from 0 to c - 1; -1 where unknown.
        probabilities: float [n, c].
        weights: float [n], at least 0: how often each image counts; None counts each once.

    Returns:
        For each of `ALL_METRICS` its value, None where it is not defined:

        - accuracy: the share of correct images.
        - balanced_accuracy, macro_recall: the mean of the classes' recalls (two names of one figure).
        - one_vs_rest_accuracy: (1/c) sum over classes of (TP + TN) / all, Liu et al. 2022; for more than two
          classes larger than the accuracy: 1 - 2 (1 - accuracy) / c.
        - macro_precision, macro_f1: means over the classes; F1 is 2 TP / (2 TP + FP + FN).
        - auroc, average_precision: means over the classes of each class against the rest; ties count half in
          the first and share one threshold in the second (no interpolation), as in scikit-learn.
        - log_loss: mean of -ln p(true class), natural logarithm, p at least 2.2e-16.
        - ece: expected calibration error of the predicted class's probability over 15 bins of equal width,
          (0, 1/15], ..., (14/15, 1]: the mean over images of |accuracy - mean probability| of their bin
          (Guo et al. 2017).
        - matthews: Gorodkin's R_K, the coefficient for many classes, -1 to 1; kappa: Cohen's, unweighted.
        - brier: mean over images of the sum over classes of (p - truth)^2, 0 to 2.
        - top_2_accuracy, top_3_accuracy: the share of images whose true class is among the 2 or 3 most probable ones;
          of equally probable classes the one with the lower code comes first, as it does among predictions.
    """
    weighting = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    found, _ = Scorer(labels, probabilities).all_figures(weighting[None])
    return {name: none_where_undefined(found[name][0]) for name in ALL_METRICS}


def class_scores(
    labels: Integers, probabilities: Floats, weights: Floats | None = None
) -> list[dict[str, float | None]]:
    """Return each class's figures against the rest, in the order of the codes.

    Arguments as for `scores`. Keys: those of `CLASS_METRICS` (recall is the sensitivity, precision the positive
    predictive value; the negative one is the share of right ones among the images said not to be of the class),
    "support" (the weight of the class's images) and "predicted" (the weight of the images said to be of the class).
    """
    weighting = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    _, found = Scorer(labels, probabilities).all_figures(weighting[None])
    return [
        {name: none_where_undefined(found[name][0, code]) for name in (*CLASS_METRICS, "support", "predicted")}
        for code in range(probabilities.shape[1])
    ]


def none_where_undefined(value: float) -> float | None:
    """Turn an array's NaN into the None of a dict."""
    return None if np.isnan(value) else float(value)


def confusion(labels: Integers, predicted: Integers, classes: int) -> NDArray[np.int64]:
    """Count images by truth (rows) and prediction (columns): int64 [classes, classes].

    Images without a label or a prediction (-1) are left out.
    """
    known = (labels >= 0) & (predicted >= 0)
    cells = labels[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


class Scorer:
    """The figures of one set of predictions under many weightings of its images.

    Args:
        labels: int [n], codes from 0 to c - 1; -1 where unknown.
        probabilities: float [n, c].
        predicted: int [n], the predicted classes where these are not the most probable ones.
    """

    def __init__(self, labels: Integers, probabilities: Floats, predicted: NDArray[np.intp] | None = None) -> None:
        self._known = (labels >= 0) & ~np.isnan(probabilities).any(axis=1)
        truth = labels[self._known].astype(np.int64)
        table = np.asarray(probabilities[self._known], dtype=np.float64)
        self._images, self._classes = table.shape
        most_probable = table.argmax(axis=1) if self._images else truth
        said = most_probable if predicted is None else predicted[self._known]
        rows = np.arange(self._images)
        self._cells = np.zeros((self._images, self._classes**2))
        self._cells[rows, truth * self._classes + said] = 1.0

        self._loss = -np.log(np.clip(table[rows, truth], np.finfo(np.float64).eps, 1.0))
        target = np.zeros_like(table)
        target[rows, truth] = 1.0
        self._brier = ((table - target) ** 2).sum(axis=1)
        self._wrong = truth != said

        of_truth = table[rows, truth][:, None]
        before = np.arange(self._classes) < truth[:, None]
        rank = ((table > of_truth) | ((table == of_truth) & before)).sum(axis=1)
        self._tops = {name: (rank < k).astype(np.float64) for name, k in TOPS.items() if k < self._classes}

        confidence = table[rows, said]
        bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(np.int64) - 1, 0, CALIBRATION_BINS - 1)
        self._gaps = np.zeros((self._images, CALIBRATION_BINS))
        self._gaps[rows, bins] = (truth == said) - confidence

        self._rankings = [_Ranking(truth == code, table[:, code]) for code in range(self._classes)]

    def all_figures(self, weights: Floats, *, areas: bool = True) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Return the overall figures and those of the classes for every weighting.

        Args:
            weights: float [resamples, n], at least 0.
            areas: False leaves out the areas under curves (they are NaN then), which take most of the time.

        Returns:
            `ALL_METRICS`, each float [resamples], and `CLASS_METRICS` with "support" and "predicted", each float
            [resamples, c]; NaN where a figure is not defined.
        """
        parts = []
        for start in range(0, len(weights), _RESAMPLES_AT_ONCE):
            part = np.ascontiguousarray(weights[start : start + _RESAMPLES_AT_ONCE, self._known].T)
            counts = self._confusions(part)
            classes = self._per_class(part, counts, areas=areas)
            parts.append((self._overall(part, counts, classes), classes))
        return _joined([overall for overall, _ in parts]), _joined([classes for _, classes in parts])

    def cost_of_an_error(self) -> dict[str, float]:
        """Return what a wrong image adds to "log_loss" and "brier": their mean over the wrong images.

        Without any, the most that an image adds, but at least what a wrong one must: the true class has at most the
        probability 1/2, so ln 2 and 1/2.
        """
        found = {}
        for name, of_images, least in (("log_loss", self._loss, math.log(2)), ("brier", self._brier, 0.5)):
            wrong = of_images[self._wrong]
            found[name] = float(wrong.mean()) if len(wrong) else max(least, float(of_images.max(initial=0.0)))
        return found

    def calibration_gaps(self) -> Floats:
        """Return float [m, bins] for the m images that count: (right or not) - probability, in the image's bin.

        The calibration error is the sum over bins of the absolute mean over images of these.
        """
        return self._gaps

    # From here on weights are [n, resamples]: rows of images are contiguous, so reordering and cumulating are fast.

    def _overall(self, weights: Floats, counts: Floats, figures: dict[str, Floats]) -> dict[str, Floats]:
        total = weights.sum(axis=0)
        truth, said = counts.sum(axis=2), counts.sum(axis=1)
        hits = np.einsum("rcc->r", counts)
        accuracy = _ratio(hits, total)
        recall = _mean_of_defined(figures["recall"])
        by_chance = (truth * said).sum(axis=1)
        spread_of_truth = total**2 - (truth**2).sum(axis=1)
        spread_of_said = total**2 - (said**2).sum(axis=1)
        present = truth > 0
        return {
            "accuracy": accuracy,
            "balanced_accuracy": recall,
            "one_vs_rest_accuracy": 1 - 2 * (1 - accuracy) / self._classes,
            "macro_precision": _mean_of_defined(np.where(present, np.nan_to_num(figures["precision"]), np.nan)),
            "macro_recall": recall,
            "macro_f1": _mean_of_defined(figures["f1"]),
            "auroc": _mean_of_defined(figures["auroc"]),
            "average_precision": _mean_of_defined(figures["average_precision"]),
            "log_loss": _ratio(self._loss @ weights, total),
            "ece": _ratio(np.abs(self._gaps.T @ weights).sum(axis=0), total),
            "matthews": _ratio(hits * total - by_chance, np.sqrt(spread_of_truth * spread_of_said)),
            "kappa": _ratio(hits * total - by_chance, total**2 - by_chance),
            "brier": _ratio(self._brier @ weights, total),
            **{
                name: _ratio(self._tops[name] @ weights, total) if name in self._tops else np.full(len(total), np.nan)
                for name in TOPS
            },
        }

    def _per_class(self, weights: Floats, counts: Floats, *, areas: bool) -> dict[str, Floats]:
        total = weights.sum(axis=0)[:, None]
        truth, said = counts.sum(axis=2), counts.sum(axis=1)
        hits = np.einsum("rcc->rc", counts)
        none = np.full(weights.shape[1], np.nan)
        curves = [ranking.areas(weights) if areas else (none, none) for ranking in self._rankings]
        present = truth > 0
        return {
            "precision": _ratio(hits, said),
            "recall": _ratio(hits, truth),
            "specificity": _ratio(total - truth - said + hits, total - truth),
            "negative_predictive_value": _ratio(total - truth - said + hits, total - said),
            "f1": np.where(present, _ratio(2 * hits, truth + said), np.nan),
            "one_vs_rest_accuracy": _ratio(total - truth - said + 2 * hits, total),
            "auroc": np.stack([roc for roc, _ in curves], axis=1),
            "average_precision": np.stack([precision for _, precision in curves], axis=1),
            "support": truth,
            "predicted": said,
        }

    def _confusions(self, weights: Floats) -> Floats:
        """float [resamples, c, c], rows truth."""
        counts: Floats = (weights.T @ self._cells).reshape(-1, self._classes, self._classes)
        return counts


class _Ranking:
    """One class against the rest: images by falling probability, equal ones in one step."""

    def __init__(self, positive: NDArray[np.bool_], probability: Floats) -> None:
        self._order = np.argsort(-probability, kind="stable")
        ordered = probability[self._order]
        self._positive = positive[self._order]
        self._steps = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])

    def areas(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the areas under the ROC curve and (stepwise) under the precision-recall curve: float [resamples] each.

        AUROC is the weight of (positive, negative) pairs in the right order, half for a tie, over all pairs.
        Average precision is the sum over steps of (gain in recall) x precision.
        """
        if not len(self._order):
            undefined = np.full(weights.shape[1], np.nan)
            return undefined, undefined
        ordered = weights[self._order]
        gained = ordered * self._positive[:, None]
        if len(self._steps) < len(self._order):
            ordered = np.add.reduceat(ordered, self._steps, axis=0)
            gained = np.add.reduceat(gained, self._steps, axis=0)
        found = np.cumsum(gained, axis=0)
        seen = np.cumsum(ordered, axis=0)
        positives, images = found[-1], seen[-1]
        # A negative is in the right order against the positives above it, and half against those of its own step.
        right = np.einsum("sr,sr->r", ordered - gained, found - 0.5 * gained)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(seen > 0, found / seen, 0.0)
        area = np.einsum("sr,sr->r", gained, precision)
        return _ratio(right, positives * (images - positives)), _ratio(area, positives)


def _joined(parts: list[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _ratio(above: Floats, below: Floats) -> Floats:
    """Divide; NaN where there is nothing below."""
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient: Floats = np.where(below > 0, above / below, np.nan)
    return quotient


def _mean_of_defined(values: Floats) -> Floats:
    """float [resamples] from [resamples, c]: the mean over the classes where there is a value, else NaN."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1))
