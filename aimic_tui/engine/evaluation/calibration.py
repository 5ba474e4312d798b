"""Whether a network's probabilities can be believed: calibrated on validation images, evaluated on test images.

Temperature scaling (Guo et al. 2017): every fold's network gets one number T > 0 that its logits are divided by. T is
fitted on that fold's validation images only, so the test images evaluate it. It changes no prediction, only the
confidence. The same validation images choose the probability below which an image is better left to a person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap, paired_difference, share_interval
from aimic_tui.engine.evaluation.metrics import CALIBRATION_BINS, Floats, Integers
from aimic_tui.engine.evaluation.predictions import Predictions
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.evaluation.run_results import Calibration, Rejection, ReliabilityBin, Temperature

MAX_ERRORS = (0.01, 0.02, 0.05, 0.1)
COMPARED = ("ece", "log_loss", "brier")
_LOWEST, _HIGHEST = math.log(0.05), math.log(20.0)
_POINTS = 101
_TOLERANCE = 1e-8  # of ln T; closer than this the sum of logarithms itself is rounded


def calibrate(
    network: NetworkPredictions,
    validations: dict[tuple[int, int], Predictions],
    before: BootstrapFigures,
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> Calibration | None:
    """Calibrate a network's test probabilities by its validation predictions.

    Args:
        network: its test predictions.
        validations: (fold, seed) -> predictions of that fold's validation images.
        before: the network's figures, made with the same `resamples`, `confidence` and `seed`.

    Returns:
        None where a fold has no validation image with label and prediction.
    """
    table = network.probabilities.copy()
    temperatures: list[Temperature] = []
    thresholds: list[list[float | None]] = []
    places: list[tuple[int, NDArray[np.bool_]]] = []
    for trial in network.trials():
        known = _known(validations.get((trial.fold, trial.seed)))
        if known is None:
            return None
        labels, probabilities = known
        value = fit_temperature(labels, probabilities)
        temperatures.append(Temperature(trial.fold, trial.seed, value, len(labels)))
        table[trial.set_index, trial.images] = scaled(table[trial.set_index, trial.images], value)
        right = probabilities.argmax(axis=1) == labels
        confidences = scaled(probabilities, value).max(axis=1)
        thresholds.append([choose_threshold(confidences, right, max_error) for max_error in MAX_ERRORS])
        places.append((trial.set_index, trial.images))
    after = cluster_bootstrap(
        network.labels, table, network.groups, resamples=resamples, confidence=confidence, seed=seed
    )
    differences = paired_difference(after, before)
    coverage, risk = risk_coverage(network.labels, table)
    rejections = []
    for number, max_error in enumerate(MAX_ERRORS):
        chosen = tuple(row[number] for row in thresholds)
        answered = np.zeros(table.shape[:2], bool)
        for (place, here), threshold in zip(places, chosen, strict=True):
            if threshold is not None:
                answered[place, here] = table[place, here].max(axis=1) >= threshold
        known = ~np.isnan(table).any(axis=(0, 2)) & (network.labels >= 0)
        kept = answered[:, known].mean(axis=0)
        wrong = (answered & (table.argmax(axis=2) != network.labels))[:, known].mean(axis=0)
        shares = [
            share_interval(above, below, network.groups[known], resamples=resamples, confidence=confidence, seed=seed)
            for above, below in ((kept, np.ones(len(kept))), (wrong, kept))
        ]
        rejections.append(Rejection(max_error, chosen, shares[0], shares[1]))
    return Calibration(
        tuple(temperatures),
        {name: before.overall[name] for name in COMPARED},
        {name: after.overall[name] for name in COMPARED},
        {name: differences[name] for name in COMPARED},
        {"before": before.corrected_ece, "after": after.corrected_ece},
        reliability(network.labels, network.probabilities),
        reliability(network.labels, table),
        tuple(coverage.tolist()),
        tuple(risk.tolist()),
        tuple(rejections),
    )


def calibrated(network: NetworkPredictions, validations: Mapping[tuple[int, int], Predictions]) -> Floats | None:
    """Return a network's test probabilities, each fold's divided by the temperature of its validation images.

    Arguments as for `calibrate`; float [sets, n, c], None where a fold has no validation images.
    """
    table: Floats = network.probabilities.copy()
    for trial in network.trials():
        known = _known(validations.get((trial.fold, trial.seed)))
        if known is None:
            return None
        table[trial.set_index, trial.images] = scaled(table[trial.set_index, trial.images], fit_temperature(*known))
    return table


def _known(found: Predictions | None) -> tuple[Integers, Floats] | None:
    """Labels and probabilities of the images that have both; None where there is none."""
    if found is None:
        return None
    known = (found.labels >= 0) & ~np.isnan(found.probabilities).any(axis=1)
    return (found.labels[known], found.probabilities[known]) if known.any() else None


def fit_temperature(labels: Integers, probabilities: Floats) -> float:
    """Return the temperature, 0.05 to 20, that makes the labels likeliest.

    What is minimised is the sum of -ln p(label) plus (ln T)^2 / 2: few images, or images without any error, which would
    ask for endless certainty, move T little from 1; hundreds of them decide it alone.

    Args:
        labels: int [n], codes, all known; n at least 1.
        probabilities: float [n, c], no NaN.
    """
    rows = np.arange(len(labels))

    def cost(log_t: float) -> float:
        chance = scaled(probabilities, math.exp(log_t))[rows, labels]
        return float(-np.log(np.maximum(chance, 1e-300)).sum()) + log_t**2 / 2

    grid = np.linspace(_LOWEST, _HIGHEST, 61)
    best = int(np.argmin([cost(point) for point in grid]))
    bounds = float(grid[max(0, best - 1)]), float(grid[min(len(grid) - 1, best + 1)])
    from scipy.optimize import minimize_scalar

    return math.exp(minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": _TOLERANCE}).x)


def scaled(probabilities: Floats, temperature: float) -> Floats:
    """Return the probabilities float [n, c] of logits divided by the temperature; NaN rows stay NaN."""
    logits = np.log(np.maximum(probabilities, 1e-300)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    raised = np.exp(logits)
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def choose_threshold(
    confidence: Floats, right: NDArray[np.bool_], max_error: float, *, weights: Floats | None = None
) -> float | None:
    """Return the lowest probability from which on at most a share `max_error` is wrong, None where there is none.

    One error more than was seen is counted against it, (errors + 1) / (images + 1), as conformal risk control does:
    ten images without an error promise no 1 %.

    Args:
        confidence: float [n], the probability of the predicted class of validation images.
        right: bool [n], whether that class is theirs.
        weights: float [n], as how many images each counts; None counts each once.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    counted = np.ones(len(order)) if weights is None else weights[order]
    errors, kept = np.cumsum(counted * ~right[order]), np.cumsum(counted)
    last_of_its_value = np.r_[ordered[1:] != ordered[:-1], True]
    good = np.flatnonzero(((errors + 1) / (kept + 1) <= max_error) & last_of_its_value)
    return float(ordered[good[-1]]) if len(good) else None


def reliability(labels: Integers, probabilities: Floats) -> tuple[ReliabilityBin, ...]:
    """Return the bins of the calibration error over all seeds: int [n], float [seeds, n, c]."""
    confidence, right = _confidence_and_hits(labels, probabilities)
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


def risk_coverage(labels: Integers, probabilities: Floats) -> tuple[Floats, Floats]:
    """Return coverage and risk, float [m] each, m at most 101, over all seeds: int [n], float [seeds, n, c].

    Point by point the surest images are answered; equally sure ones together.
    """
    confidence, right = _confidence_and_hits(labels, probabilities)
    order = np.argsort(-confidence, kind="stable")
    ordered, errors = confidence[order], np.cumsum(~right[order])
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True][: len(ordered)])
    if len(ends) > _POINTS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, _POINTS).round().astype(np.int64))]
    return (ends + 1) / max(1, len(ordered)), errors[ends] / (ends + 1)


def _confidence_and_hits(labels: Integers, probabilities: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    truth = np.broadcast_to(labels, probabilities.shape[:2])
    known = (truth >= 0) & ~np.isnan(probabilities).any(axis=2)
    answered = probabilities[known]
    return answered.max(axis=1), answered.argmax(axis=1) == truth[known]
