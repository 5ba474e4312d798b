"""Class shares of images without labels, and probabilities for these shares: label shift.

Where a network is used, classes are often rarer or more frequent than in its data set. As long as images of one class
look alike in both places, the shares s_c follow from its calibrated probabilities p_c for the data's shares r_c by
expectation and maximisation (Saerens, Latinne and Decaestecker 2002, Neural Computation 14, 21): in turn the
probabilities are corrected to p_c s_c / r_c, divided by their sum, and s_c becomes their mean. Counting predicted
classes instead counts the mistakes, too: of a class with 1 % of the images most named ones can be others.

Probabilities must be calibrated class by class (Alexandari, Kundaje and Shrikumar 2020), and by few validation images
they are so only roughly. Limits therefore redraw the images (whole groups where known) and, together with them, the
calibration: a temperature and a shift for each class from the normal distribution that the validation images leave
open. The most likely of these are applied first (`recalibration`), as one temperature leaves single classes off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import effective_number
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.prior_correction import corrected

FEWEST_IMAGES = 20
_MOST_RESAMPLED = 5000  # images; of more, so many stand for all, and the limits err to the wide side
_STEPS = 1000
_NEWTON_STEPS = 6
_SMALLEST = 1e-12
_CLOSE = 1e-6
_SPREADS = 0.5, 1.0  # standard deviations of ln T and of a class's shift before any image was seen


@dataclass(frozen=True, eq=False)
class Recalibration:
    """How probabilities are recalibrated class by class: softmax(ln p / T + shifts), and how well that is known.

    Attributes:
        value: float [c]: ln T and the shifts of the classes from the second on.
        covariance: float [c, c] of these.
        prior: float [c], above 0: the class shares that the probabilities are for.
    """

    value: Floats
    covariance: Floats
    prior: Floats


@dataclass(frozen=True)
class ClassShare:
    """The share of a class among some images.

    Attributes:
        counted: of the images predicted to be of it.
        estimated: of the images that are, with its limits.
    """

    name: str
    counted: float
    estimated: Interval

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ClassShare:
        """Read the plain values of one.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is none.
        """
        return cls(str(record["name"]), float(record["counted"]), Interval(**record["estimated"]))


def estimated_shares(probabilities: Floats, prior: Floats, start: Floats | None = None) -> Floats:
    """Return the most likely class shares, float [c], adding up to 1.

    Args:
        probabilities: float [n, c], calibrated, no NaN; n at least 1.
        prior: float [c], above 0: the class shares that they are for.
        start: float [c], where to begin; None begins at `prior`.
    """
    found = prior / prior.sum() if start is None else start
    for _ in range(_STEPS):
        before, found = found, corrected(probabilities, found / prior).mean(axis=0)
        if np.abs(found - before).max() < _CLOSE:
            break
    return found


def joined(found: Sequence[Recalibration | None]) -> Recalibration | None:
    """Return the recalibration of probabilities averaged over models, of which each has validation images of its own.

    None without models, or where one of them has none.
    """
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    value, covariance, prior = (
        np.mean([getattr(one, name) for one in known], axis=0) for name in ("value", "covariance", "prior")
    )
    return Recalibration(value, covariance / len(known), prior)


def class_shares(
    names: tuple[str, ...],
    predicted: Integers | NDArray[np.int64],
    probabilities: Floats,
    calibration: Recalibration,
    *,
    merged: NDArray[np.int64] | None = None,
    groups: Integers | None = None,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> tuple[ClassShare, ...] | None:
    """Return the counted and the estimated share of each class, with limits.

    Args:
        names: of the classes.
        predicted: int [n], codes of the predicted classes.
        probabilities: float [n, c], calibrated, no NaN.
        calibration: of the model.
        merged: int [c], for each of the model's classes the one in `names` that it is a part of; None where they are
            the same.
        groups: int [n], any codes; None takes images as independent.
        confidence: of the limits, between 0 and 1.
        resamples: of the groups.
        seed: the same seed draws the same ones.

    Returns:
        None of fewer than `FEWEST_IMAGES` images.
    """
    if len(predicted) < FEWEST_IMAGES:
        return None
    from scipy.special import betaincinv

    counted = np.bincount(predicted, minlength=len(names)) / len(predicted)
    of_model = estimated_shares(recalibrated(probabilities, calibration.value), calibration.prior)
    random = np.random.default_rng(seed)
    codes = np.arange(len(probabilities)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if len(probabilities) > _MOST_RESAMPLED:
        kept = random.permutation(len(probabilities))[:_MOST_RESAMPLED]
        probabilities, codes = probabilities[kept], np.unique(codes[kept], return_inverse=True)[1]
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    # Where a class is rare, an estimate of 0 would stay 0: each starts anew with a share of everything.
    start = 0.99 * of_model + 0.01 / len(of_model)
    drawn = []
    for shift in random.multivariate_normal(calibration.value, calibration.covariance, resamples, method="eigh"):
        rows = np.concatenate([members[group] for group in random.integers(0, len(members), len(members))])
        drawn.append(estimated_shares(recalibrated(probabilities[rows], shift), calibration.prior, start))
    whole = np.eye(len(names))[np.arange(len(names)) if merged is None else merged]  # [c, names]
    value = of_model @ whole
    low, high = np.quantile(np.array(drawn) @ whole, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    # No redrawn sample shows a class that the images lack: the limits are at least those of shares that were counted
    # without a mistake (Clopper and Pearson 1934).
    count = effective_number(np.array([len(rows) for rows in members]))
    tail = (1 - confidence) / 2
    least = betaincinv(np.maximum(value * count, 1e-12), (1 - value) * count + 1, tail)
    most = 1 - betaincinv(np.maximum((1 - value) * count, 1e-12), value * count + 1, tail)
    low, high = np.minimum(np.minimum(low, least), value), np.maximum(np.maximum(high, most), value)
    return tuple(
        ClassShare(name, float(counted[code]), Interval(float(value[code]), float(low[code]), float(high[code])))
        for code, name in enumerate(names)
    )


def recalibrated(probabilities: Floats, value: Floats) -> Floats:
    """Return softmax(ln p / T + shifts), float [n, c], for ln T and the shifts in float [c]."""
    logits = np.log(np.maximum(probabilities, _SMALLEST)) * np.exp(-value[0]) + np.r_[0.0, value[1:]]
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def recalibration(labels: Integers, probabilities: Floats, groups: Integers, prior: Floats) -> Recalibration:
    """Return how some labelled images recalibrate probabilities class by class.

    The most likely temperature and shifts with a weak normal prior that keeps them finite where a class has few images,
    by Newton's method, and their covariance, the sandwich over groups (White 1982).

    Args:
        labels: int [n], codes, all known.
        probabilities: float [n, c], calibrated by one temperature.
        groups: int [n], any codes.
        prior: float [c], above 0: the class shares that they are for.
    """
    count, classes = probabilities.shape
    precision = np.diag([1 / _SPREADS[0] ** 2] + [1 / _SPREADS[1] ** 2] * (classes - 1))
    logits = np.log(np.maximum(probabilities, _SMALLEST))
    value = np.zeros(classes)
    for _ in range(_NEWTON_STEPS):
        of_class = np.zeros((count, classes, classes))  # what each parameter adds to each logit: [n, parameters, c]
        of_class[:, 0] = -logits * np.exp(-value[0])
        for code in range(1, classes):
            of_class[:, code, code] = 1.0
        now = recalibrated(probabilities, value)
        mean = np.einsum("npc,nc->np", of_class, now)
        scores = of_class[np.arange(count), :, labels] - mean
        squares = np.einsum("npc,nqc,nc->pq", of_class, of_class, now) - mean.T @ mean
        inverse = np.linalg.inv(squares + precision)
        value = value + np.clip(inverse @ (scores.sum(axis=0) - precision @ value), -1.0, 1.0)
    _, codes = np.unique(groups, return_inverse=True)
    sums = np.zeros((int(codes.max()) + 1, classes))
    np.add.at(sums, codes, scores)
    between = sums.T @ sums * len(sums) / max(1, len(sums) - 1)
    sandwich = inverse @ (between + precision) @ inverse
    # A few groups can look more alike than independent images, which leave open this much at least.
    return Recalibration(value, sandwich if np.trace(sandwich) > np.trace(inverse) else inverse, prior)
