"""Whether a network's probabilities can be believed: calibrated on validation images, evaluated on test images.

Every fold's network gets its temperature (`temperature`) from that fold's validation images only, so the test images
evaluate it. Thresholds for a maximum error rate (`rejection`) need images that chose nothing, not the epoch and not the
temperature: the test images of all folds, each predicted by its own fold's network. They can't evaluate the threshold
that they choose; so what a rate costs is estimated across folds, each by the threshold of the other folds' images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap, paired_difference, share_interval
from aimic_tui.engine.evaluation.metrics import CALIBRATION_BINS, Floats, Integers
from aimic_tui.engine.evaluation.prior_correction import confidence_of
from aimic_tui.engine.evaluation.rejection import (
    ErrorsByThreshold,
    choose_threshold,
    errors_by_threshold,
    rests_on_groups,
)
from aimic_tui.engine.evaluation.run_predictions import GroupedPredictions, NetworkPredictions, TrialPredictions
from aimic_tui.engine.evaluation.run_results import Calibration, Rejection, ReliabilityBin, Temperature
from aimic_tui.engine.evaluation.temperature import fit_temperature, scaled

MAX_ERRORS = (0.01, 0.02, 0.05, 0.1)
COMPARED = ("ece", "log_loss", "brier")
_POINTS = 101
Predicted = NDArray[np.intp]
_ABOVE_ALL = 2.0  # a threshold that no probability reaches


def calibrate(
    network: NetworkPredictions,
    validations: Mapping[tuple[int, int], GroupedPredictions],
    before: BootstrapFigures,
    *,
    optimistic: bool,
    resamples: int,
    confidence: float,
    seed: int,
) -> Calibration | None:
    """Calibrate a network's test probabilities by its validation predictions.

    Args:
        network: its test predictions.
        validations: (fold, seed) -> predictions of that fold's validation images.
        before: the network's figures, made with the same `resamples`, `confidence` and `seed`.
        optimistic: whether test images chose anything; they then show no error rate.

    Returns:
        None where a fold has no validation image with label and prediction.
    """
    found = _scaled_by_fold(network, validations)
    if found is None:
        return None
    table, temperatures = found
    bootstrap = _Bootstrap(resamples, confidence, seed)
    predicted = network.probabilities.argmax(axis=2)
    after = cluster_bootstrap(
        network.labels,
        table,
        network.groups,
        predicted=predicted,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    differences = paired_difference(after, before)
    coverage, risk = risk_coverage(network.labels, table, predicted)
    return Calibration(
        temperatures,
        {name: before.overall[name] for name in COMPARED},
        {name: after.overall[name] for name in COMPARED},
        {name: differences[name] for name in COMPARED},
        {"before": before.corrected_ece, "after": after.corrected_ece},
        reliability(network.labels, network.probabilities),
        reliability(network.labels, table, predicted),
        tuple(coverage.tolist()),
        tuple(risk.tolist()),
        () if optimistic else _rejections(network, table, bootstrap),
    )


def calibrated(network: NetworkPredictions, validations: Mapping[tuple[int, int], GroupedPredictions]) -> Floats | None:
    """Return a network's test probabilities, each fold's divided by the temperature of its validation images.

    Arguments as for `calibrate`; float [sets, n, c], None where a fold has no validation images.
    """
    found = _scaled_by_fold(network, validations)
    return None if found is None else found[0]


def _scaled_by_fold(
    network: NetworkPredictions, validations: Mapping[tuple[int, int], GroupedPredictions]
) -> tuple[Floats, tuple[Temperature, ...]] | None:
    table: Floats = network.probabilities.copy()
    temperatures = []
    for trial in network.trials():
        known = known_validation(validations.get((trial.fold, trial.seed)))
        if known is None:
            return None
        fitted = fit_temperature(*known)
        undone = fitted.prior is not None
        temperatures.append(Temperature(trial.fold, trial.seed, fitted.value, len(known[0]), fitted.at_bound, undone))
        here = trial.set_index, trial.images
        table[here] = scaled(table[here], fitted.value, fitted.prior)
    return table, tuple(temperatures)


def known_validation(
    found: GroupedPredictions | None,
) -> tuple[Integers, Floats, Integers, Floats | None] | None:
    """Return labels, probabilities and groups of the images that have a label and a prediction; None without any.

    Behind them, what undoes the class weights of the training.
    """
    if found is None:
        return None
    known = (found.labels >= 0) & ~np.isnan(found.probabilities).any(axis=1)
    if not known.any():
        return None
    return found.labels[known], found.probabilities[known], found.groups[known], found.prior


@dataclass(frozen=True)
class _Bootstrap:
    resamples: int
    confidence: float
    seed: int


def _rejections(network: NetworkPredictions, table: Floats, bootstrap: _Bootstrap) -> tuple[Rejection, ...]:
    """Return what each of `MAX_ERRORS` costs: the fold that an image is tested in has no say in its threshold."""
    pooled = errors_by_threshold(network.labels, table, network.groups, network.probabilities.argmax(axis=2))
    trials = list(network.trials())
    of_others = {
        fold: _errors_outside(network, table, (network.folds == fold).any(axis=0)) for fold in network.folds_done
    }
    crossed = all(found is not None for found in of_others.values())
    rejections = []
    for max_error in MAX_ERRORS:
        chosen = {
            fold: None if found is None else choose_threshold(found, max_error) for fold, found in of_others.items()
        }
        thresholds = tuple(chosen[trial.fold] for trial in trials)
        shares = (
            _answered_and_wrong(network, table, trials, thresholds, bootstrap)
            if crossed
            else (Interval(None), Interval(None))
        )
        of_run = None if pooled is None else choose_threshold(pooled, max_error)
        assumes = pooled is not None and rests_on_groups(pooled, max_error)
        rejections.append(Rejection(max_error, of_run, thresholds, *shares, assumes))
    return tuple(rejections)


def _errors_outside(network: NetworkPredictions, table: Floats, tested: NDArray[np.bool_]) -> ErrorsByThreshold | None:
    """Return the errors of the images that a fold doesn't test; None where it tests all of them."""
    predicted = network.probabilities[:, ~tested].argmax(axis=2)
    return errors_by_threshold(network.labels[~tested], table[:, ~tested], network.groups[~tested], predicted)


def _answered_and_wrong(
    network: NetworkPredictions,
    table: Floats,
    trials: list[TrialPredictions],
    thresholds: tuple[float | None, ...],
    bootstrap: _Bootstrap,
) -> tuple[Interval, Interval]:
    """Return the share of test images that is answered, and the share of these that is wrong.

    A fold without a threshold answers none of its images, and makes no errors: it counts in the first share only.
    """
    predicted = network.probabilities.argmax(axis=2)
    confidence = confidence_of(table, predicted)
    answered = np.zeros(table.shape[:2], bool)
    for trial, threshold in zip(trials, thresholds, strict=True):
        here = trial.set_index, trial.images
        answered[here] = confidence[here] >= (_ABOVE_ALL if threshold is None else threshold)
    known = ~np.isnan(table).any(axis=(0, 2)) & (network.labels >= 0)
    kept = answered[:, known].mean(axis=0)
    wrong = (answered & (predicted != network.labels))[:, known].mean(axis=0)
    groups = network.groups[known]
    of_all, of_answered = (
        share_interval(
            above,
            below,
            groups,
            resamples=bootstrap.resamples,
            confidence=bootstrap.confidence,
            seed=bootstrap.seed,
        )
        for above, below in ((kept, np.ones(len(kept))), (wrong, kept))
    )
    return of_all, of_answered


def reliability(
    labels: Integers, probabilities: Floats, predicted: Predicted | None = None
) -> tuple[ReliabilityBin, ...]:
    """Return the bins of the calibration error over all seeds: int [n], float [seeds, n, c].

    `predicted` int [seeds, n] are the predicted classes where these are not the most probable ones.
    """
    confidence, right = _confidence_and_hits(labels, probabilities, predicted)
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(np.int64) - 1, 0, CALIBRATION_BINS - 1)
    found = []
    for number in range(CALIBRATION_BINS):
        here = bins == number
        images = int(here.sum())
        found.append(
            ReliabilityBin(
                number / CALIBRATION_BINS,
                (number + 1) / CALIBRATION_BINS,
                images,
                float(confidence[here].mean()) if images else None,
                float(right[here].mean()) if images else None,
            )
        )
    return tuple(found)


def risk_coverage(labels: Integers, probabilities: Floats, predicted: Predicted | None = None) -> tuple[Floats, Floats]:
    """Return coverage and risk, float [m] each, m at most 101, over all seeds; arguments as for `reliability`.

    Point by point the surest images are answered; equally sure ones together.
    """
    confidence, right = _confidence_and_hits(labels, probabilities, predicted)
    order = np.argsort(-confidence, kind="stable")
    ordered, errors = confidence[order], np.cumsum(~right[order])
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True][: len(ordered)])
    if len(ends) > _POINTS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, _POINTS).round().astype(np.int64))]
    return (ends + 1) / max(1, len(ordered)), errors[ends] / (ends + 1)


def _confidence_and_hits(
    labels: Integers, probabilities: Floats, predicted: Predicted | None
) -> tuple[Floats, NDArray[np.bool_]]:
    truth = np.broadcast_to(labels, probabilities.shape[:2])
    known = (truth >= 0) & ~np.isnan(probabilities).any(axis=2)
    answered = probabilities[known]
    said = answered.argmax(axis=1) if predicted is None else predicted[known]
    return confidence_of(answered, said), said == truth[known]
