"""The classifier of all baselines: multinomial logistic regression with an L2 penalty.

Chosen over forests and boosting since it gives the same figures on every machine, has calibrated probabilities without
a further step, and takes part of a second: what is asked is what the features are worth, not what can be got out of
them. Of a few features, squares and products are features too, so that a class may lie between others.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.splitting.split import Split
from aimic_tui.engine.evaluation.metrics import Floats, Integers

INVERSE_PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""scikit-learn's C, of standardised features; the one with the lowest log loss on the validation part is taken."""
_WITHOUT_VALIDATION = 0.1
_STEPS = 300


class OneClassOnly(Exception):
    """A training part holds images of one class only, from which nothing can be learned."""


def predict_fold(
    features: Floats, labels: Integers, classes: int, split: Split, fold: int, *, balanced: bool, squares: bool = False
) -> Floats:
    """Train on a fold's training part and return probabilities for its test part.

    Args:
        features: float [n, d], of all images of the data set; the rows of unused ones may be anything.
        labels: int [n].
        classes: how many there are, c.
        fold: from 1.
        balanced: weigh every class alike, as the run's networks do.
        squares: take squares and products of the features, too.

    Returns:
        float [b, c], in the order of the split's test images; 0 for a class that the training part lacks.

    Raises:
        OneClassOnly: there is nothing to learn.
    """
    train, validation, test = (split.indices(fold, part) for part in (Part.TRAIN, Part.VALIDATION, Part.TEST))
    if len(np.unique(labels[train])) < 2:
        raise OneClassOnly
    mean, spread = features[train].mean(axis=0), features[train].std(axis=0)
    axes: Floats | None = None

    def scaled(rows: NDArray[np.intp]) -> Floats:
        standardised: Floats = (features[rows] - mean) / np.where(spread > 1e-9, spread, 1.0)
        standardised = _with_squares(standardised) if squares else standardised
        return standardised if axes is None else standardised @ axes

    known = scaled(train)
    if known.shape[1] > known.shape[0]:
        # With an L2 penalty the weights lie in the span of the training images: in its axes the same model is smaller.
        axes = np.linalg.svd(known, full_matrices=False)[2].T
        known = known @ axes
    strength = _WITHOUT_VALIDATION
    if len(validation):
        losses = [
            _log_loss(found, labels[validation])
            for found in _fits(known, labels[train], scaled(validation), classes, INVERSE_PENALTIES, balanced=balanced)
        ]
        strength = INVERSE_PENALTIES[int(np.argmin(losses))]
    return next(_fits(known, labels[train], scaled(test), classes, (strength,), balanced=balanced))


def _fits(
    train: Floats, labels: Integers, others: Floats, classes: int, strengths: Sequence[float], *, balanced: bool
) -> Iterator[Floats]:
    """Yield the probabilities of others, float [b, c], for each strength; each fit starts where the last one ended."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(class_weight="balanced" if balanced else None, max_iter=_STEPS, warm_start=True)
    for strength in strengths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what is left after 300 steps moves no figure
            classifier.set_params(C=strength).fit(train, labels)
        found = np.zeros((len(others), classes))
        found[:, classifier.classes_] = classifier.predict_proba(others)
        yield found


def _with_squares(features: Floats) -> Floats:
    """Append all squares and products: float [n, d] -> [n, d + d (d + 1) / 2]."""
    first, second = np.triu_indices(features.shape[1])
    return np.hstack([features, features[:, first] * features[:, second]])


def _log_loss(probabilities: Floats, labels: Integers) -> float:
    of_truth = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(of_truth, np.finfo(np.float64).eps, 1.0)).mean())
