"""Temperature scaling (Guo et al. 2017, ICML): one number T > 0 that a network's logits are divided by.

It changes no predicted class, only the stated probability. A small validation part says little about T: fitted by
likelihood alone, 33 images took the calibration error of networks that were calibrated already from .007 to .041. Hence

- shrinkage: half of the prior probability lies on T = 1 (nothing to mend), half is spread over ln T with mean 0 and
  standard deviation 0.5, which covers the temperatures of 0.5 to 2.5 that trained networks have been found to need. The
  fit of ln T is multiplied by the posterior probability that there is something to mend;
- acceptance: T stays 1 unless the log loss of held-out validation images falls. Each of five parts of the validation
  groups is evaluated with the temperature of the other four.

Log loss, by simulation (`benchmarks/promise_rejection.py` has more): 33 images of calibrated networks lose 0.003, 100
images 0.001; networks with logits 2.5 times too large get 80 % of the possible gain from 33 images, 97 % from 100.

Temperatures of a run's folds are not pooled: the validation images of other folds are test images of this one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.prior_correction import corrected

LOWEST, HIGHEST = 0.05, 20.0
_SPREAD = 0.5  # standard deviation of ln T where there is something to mend
_PARTS = 5
_TOLERANCE = 1e-8  # of ln T; closer than this the sum of logarithms itself is rounded
_STEP = 0.01  # of ln T, for the curvature


@dataclass(frozen=True)
class FittedTemperature:
    """The temperature of one network.

    Attributes:
        value: what its logits are divided by, `LOWEST` to `HIGHEST`; 1 leaves them as they are.
        at_bound: whether the labels alone, without shrinkage, would ask for `LOWEST` or `HIGHEST`: validation images
            without any error ask for endless certainty, a network worse than chance for none. They can't tell T.
        prior: float [c], what undoes the class weights of its training; None where nothing is undone.
    """

    value: float
    at_bound: bool = False
    prior: Floats | None = None


def fit_temperature(
    labels: Integers, probabilities: Floats, groups: Integers, prior: Floats | None = None
) -> FittedTemperature:
    """Return the temperature of a network, by its predictions for validation images.

    Args:
        prior: float [c], what undoes the class weights of its training (`prior_correction`); it is taken where the
            labels are likelier with it.
        labels: int [n], codes, all known; n at least 1.
        probabilities: float [n, c], no NaN.
        groups: int [n], any codes; images of one code are held out together.
    """
    plain = _fitted(labels, probabilities, groups, None)
    if prior is None:
        return plain
    weighed = _fitted(labels, probabilities, groups, prior)
    before, after = (
        _losses(labels, probabilities, math.log(found.value), found.prior).sum() for found in (plain, weighed)
    )
    return weighed if after < before else plain


def _fitted(labels: Integers, probabilities: Floats, groups: Integers, prior: Floats | None) -> FittedTemperature:
    value = _shrunken(labels, probabilities, prior)
    accepted = _held_out_gain(labels, probabilities, groups, prior) > 0
    at_bound = _asks_for_a_bound(labels, probabilities, prior)
    return FittedTemperature(math.exp(value) if accepted else 1.0, at_bound, prior)


def scaled(probabilities: Floats, temperature: float, prior: Floats | None = None) -> Floats:
    """Return the probabilities float [n, c] of logits divided by the temperature; NaN rows stay NaN.

    Where there is a `prior` (`prior_correction`), they are for the data's class shares.
    """
    logits = np.log(np.maximum(probabilities, 1e-300)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    raised = np.exp(logits)
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return corrected(shares, prior)


def _shrunken(labels: Integers, probabilities: Floats, prior: Floats | None) -> float:
    """Return ln T: its most probable value under the normal prior, times the probability that T isn't 1.

    That probability follows from the Bayes factor, by Laplace's approximation (Kass and Raftery 1995).
    """

    def cost(log_t: float) -> float:
        return float(_losses(labels, probabilities, log_t, prior).sum()) + (log_t / _SPREAD) ** 2 / 2

    from scipy.optimize import minimize_scalar

    bounds = math.log(LOWEST), math.log(HIGHEST)
    best = float(minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": _TOLERANCE}).x)
    at_best = cost(best)
    curvature = (cost(best + _STEP) - 2 * at_best + cost(best - _STEP)) / _STEP**2
    log_factor = cost(0.0) - at_best - math.log(_SPREAD) - math.log(max(curvature, 1e-9)) / 2
    return best / (1 + math.exp(-min(max(log_factor, -50.0), 50.0)))


def _held_out_gain(labels: Integers, probabilities: Floats, groups: Integers, prior: Floats | None) -> float:
    """Return by how much the summed log loss of held-out images falls, each part by the others' temperature."""
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    parts = min(_PARTS, len(sizes))
    if parts < 2:
        return 0.0
    place = np.empty(len(sizes), np.int64)
    place[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    part_of = (place % parts)[codes]  # the largest groups apart
    gain = 0.0
    for part in range(parts):
        held = part_of == part
        log_t = _shrunken(labels[~held], probabilities[~held], prior)
        of_held = labels[held], probabilities[held]
        gain += float((_losses(*of_held, 0.0, prior) - _losses(*of_held, log_t, prior)).sum())
    return gain


def _asks_for_a_bound(labels: Integers, probabilities: Floats, prior: Floats | None) -> bool:
    """Whether the labels are likeliest at an end of the range: the log loss is convex in 1 / T, so its ends tell."""
    ends = (math.log(LOWEST), _STEP), (math.log(HIGHEST), -_STEP)
    return any(
        _losses(labels, probabilities, end, prior).sum() <= _losses(labels, probabilities, end + inwards, prior).sum()
        for end, inwards in ends
    )


def _losses(labels: Integers, probabilities: Floats, log_t: float, prior: Floats | None) -> Floats:
    chance = scaled(probabilities, math.exp(log_t), prior)[np.arange(len(labels)), labels]
    losses: Floats = -np.log(np.maximum(chance, 1e-300))
    return losses
