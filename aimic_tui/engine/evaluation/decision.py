"""What acting on a network's probabilities is worth, for one class: decision curves (Vickers and Elkin 2006).

Whoever acts from probability t on (stains again, calls the patient back) takes one missed case to be as bad as
(1 - t) / t actions for nothing. The net benefit of the network at t, in cases found per image,

    (true positives - false positives t / (1 - t)) / images,

is compared with acting on every image and with acting on none (0). A network is worth using where its curve is above
both, in the range of t that the person deciding finds sensible. Probabilities must be calibrated for t to mean what it
says, so pass calibrated ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aimic_tui.engine.evaluation.calibration import calibrated
from aimic_tui.engine.evaluation.intervals import FEWEST_GROUPS, FEWEST_GROUPS_OF_A_CLASS
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_validation_predictions

THRESHOLDS: Floats = np.round(np.arange(0.01, 1.0, 0.01), 2)
_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefits at `THRESHOLDS`, float [t] each; a mean over sets of predictions.

    Attributes:
        network: acting by the network.
        low, high: the band, quantiles of redrawn groups at each threshold; None where there are too few groups, in all
            or with or without a case (see `intervals`).
        everyone: acting on every image.
        share: of images that are cases.
        gain_low, gain_high: the band of `gain`, from the same redrawn groups for both.
    """

    network: Floats
    low: Floats | None
    high: Floats | None
    everyone: Floats
    share: float
    gain_low: Floats | None = None
    gain_high: Floats | None = None

    @property
    def gain(self) -> Floats:
        """By how much acting by the network is better than the better one of acting on every image and on none."""
        gain: Floats = self.network - np.maximum(self.everyone, 0.0)
        return gain


def decision_curve(
    labels: Integers,
    probabilities: Floats,
    groups: Integers,
    *,
    positive: int = 1,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> DecisionCurve | None:
    """Return the decision curve of a network for one class against the rest.

    Args:
        labels: int [n], codes from 0 to c - 1; -1 where unknown.
        probabilities: float [n, c] or [sets, n, c]; c is 2 or more.
        groups: int [n], any codes; images of one code are redrawn together.
        positive: which class asks for action; the others don't.

    Returns:
        None without any image that has a label and a prediction.
    """
    sets = probabilities if probabilities.ndim == 3 else probabilities[None]
    known = (labels >= 0) & ~np.isnan(sets).any(axis=(0, 2))
    if not known.any():
        return None
    case = labels[known] == positive
    act = sets[:, known, positive][:, :, None] >= THRESHOLDS  # [sets, n, t]
    odds = THRESHOLDS / (1 - THRESHOLDS)
    gain = np.where(case[None, :, None], 1.0, -odds) * act
    each = gain.mean(axis=0)  # what an image adds, [n, t]
    _, codes = np.unique(groups[known], return_inverse=True)
    count = int(codes.max()) + 1
    share = float(case.mean())
    value = each.mean(axis=0)
    everyone = share - (1 - share) * odds
    of_cases, of_others = (len(np.unique(codes[rows])) for rows in (case, ~case))
    if count < FEWEST_GROUPS or min(of_cases, of_others) < FEWEST_GROUPS_OF_A_CLASS:
        return DecisionCurve(value, None, None, everyone, share)
    sums = np.zeros((count, len(THRESHOLDS)))
    np.add.at(sums, codes, each)
    sizes = np.bincount(codes, minlength=count)
    cases = np.bincount(codes, weights=case, minlength=count)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    images = (times @ sizes)[:, None]
    drawn = (times @ sums) / images
    shares = (times @ cases)[:, None] / images
    # The policy to be beaten is the one that is better on the images as they are.
    policy = np.where(everyone > 0, shares - (1 - shares) * odds, 0.0)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(drawn, tails, axis=0)
    gain_low, gain_high = np.quantile(drawn - policy, tails, axis=0)
    found = DecisionCurve(value, np.minimum(low, value), np.maximum(high, value), everyone, share)
    return replace(found, gain_low=np.minimum(gain_low, found.gain), gain_high=np.maximum(gain_high, found.gain))


@dataclass(frozen=True, eq=False)
class Decision:
    """The curve of a class by a run's test images, None where none has a label and a prediction.

    Attributes:
        calibrated: whether its probabilities are; they are as trained where the validation parts don't allow it.
    """

    curve: DecisionCurve | None
    calibrated: bool


def decision_of(
    folder: Path, run: RunPredictions, network: NetworkPredictions, *, positive: int, confidence: float = 0.95
) -> Decision:
    """Return the decision curve of a run's network, its probabilities calibrated where they can be.

    Args:
        folder: the run's.
        positive: code of the class that asks for action.

    Raises:
        InputProblem: stored predictions of a validation part can't be read.
    """
    table = calibrated(network, read_validation_predictions(folder, run, network))
    curve = decision_curve(
        network.labels,
        network.probabilities if table is None else table,
        network.groups,
        positive=positive,
        confidence=confidence,
        seed=int(run.experiment.get("seed", 0)),
    )
    return Decision(curve, table is not None)
