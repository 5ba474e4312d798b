"""What acting on a network's probabilities is worth, for two classes: decision curves (Vickers and Elkin 2006).

Whoever acts from probability t on (stains again, calls the patient back) takes one missed case to be as bad as
(1 - t) / t actions for nothing. The net benefit of the network at t, in cases found per image,

    (true positives - false positives t / (1 - t)) / images,

is compared with acting on every image and with acting on none (0). A network is worth using where its curve is above
both, in the range of t that the person deciding finds sensible. Probabilities must be calibrated for t to mean what it
says, so pass calibrated ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aimic_tui.engine.evaluation.intervals import FEWEST_GROUPS
from aimic_tui.engine.evaluation.metrics import Floats, Integers

THRESHOLDS: Floats = np.round(np.arange(0.01, 1.0, 0.01), 2)
_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefits at `THRESHOLDS`, float [t] each; a mean over sets of predictions.

    Attributes:
        network: acting by the network.
        low, high: the band, quantiles of redrawn groups at each threshold; None where there are too few groups.
        everyone: acting on every image.
        share: of images that are cases.
    """

    network: Floats
    low: Floats | None
    high: Floats | None
    everyone: Floats
    share: float


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
    """Return the decision curve of a network.

    Args:
        labels: int [n], 0 or 1; -1 where unknown.
        probabilities: float [n, 2] or [sets, n, 2].
        groups: int [n], any codes; images of one code are redrawn together.
        positive: which class asks for action.

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
    if count < FEWEST_GROUPS:
        return DecisionCurve(value, None, None, everyone, share)
    sums = np.zeros((count, len(THRESHOLDS)))
    np.add.at(sums, codes, each)
    sizes = np.bincount(codes, minlength=count)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    drawn = (times @ sums) / (times @ sizes)[:, None]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return DecisionCurve(value, np.minimum(low, value), np.maximum(high, value), everyone, share)
