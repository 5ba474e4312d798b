"""What acting on a network's probabilities is worth, for one class: decision curves (Vickers and Elkin 2006).

Whoever acts from probability t on (stains again, calls the patient back) takes one missed case to be as bad as
(1 - t) / t actions for nothing. The net benefit of the network at t, in cases found per image,

    (true positives - false positives t / (1 - t)) / images,

is compared with acting on every image and with acting on none (0). A network is worth using where its curve is above
both, in the range of t that the person deciding finds sensible. Probabilities must be calibrated for t to mean what it
says, so pass calibrated ones.

Bands hold over the whole range of thresholds at once (`simultaneous_bands`), since who reads off where the network is
useful searches the whole range. A net benefit is a difference of two shares of the images, found cases less weighted
false alarms; against acting on every image it is t / (1 - t) times the spared images less the missed cases. Each share
gets limits of its own, so that a threshold at which no false alarm happened to occur is not taken to have none, and
those of the difference follow from them (MOVER).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.calibration import calibrated
from aimic_tui.engine.evaluation.interval import FEWEST_EFFECTIVE_GROUPS, FEWEST_GROUPS, FEWEST_GROUPS_OF_A_CLASS
from aimic_tui.engine.evaluation.interval_limits import effective_number
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_validation_predictions
from aimic_tui.engine.evaluation.simultaneous_bands import (
    correlation_of,
    difference_band,
    jackknife_error,
    ratio_deviations,
    share_band,
    sup_t,
)

THRESHOLDS: Floats = np.round(np.arange(0.01, 1.0, 0.01), 2)


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefits at `THRESHOLDS`, float [t] each; a mean over sets of predictions.

    Attributes:
        network: acting by the network.
        low, high: the band over the whole range of thresholds; None where there are too few groups, in all or with or
            without a case (see `intervals`).
        everyone: acting on every image.
        share: of images that are cases.
        gain_low, gain_high: the band of `gain` over the whole range. It holds together with that of `network`.
        confidence: of both bands together, between 0 and 1.
    """

    network: Floats
    low: Floats | None
    high: Floats | None
    everyone: Floats
    share: float
    gain_low: Floats | None = None
    gain_high: Floats | None = None
    confidence: float = 0.95

    @property
    def gain(self) -> Floats:
        """By how much acting by the network is better than the better one of acting on every image and on none."""
        gain: Floats = self.network - np.maximum(self.everyone, 0.0)
        return gain

    @property
    def useful(self) -> NDArray[np.bool_]:
        """bool [t]: where the network is better than both policies on these images."""
        return self.gain > 0

    @property
    def shown_useful(self) -> NDArray[np.bool_] | None:
        """bool [t]: where it is by the band, so that all of these thresholds hold together; None without a band."""
        return None if self.gain_low is None else self.gain_low > 0


def threshold_ranges(where: NDArray[np.bool_]) -> str:
    """Write the thresholds where a condition holds: `2-35 %, 60 %`; "" where it holds nowhere.

    Args:
        where: bool, one for each of `THRESHOLDS`.
    """
    padded = np.concatenate([[False], where, [False]])
    starts, ends = np.flatnonzero(padded[1:] & ~padded[:-1]), np.flatnonzero(padded[:-1] & ~padded[1:]) - 1
    ranges = [
        f"{100 * THRESHOLDS[start]:.0f}" + (f"-{100 * THRESHOLDS[end]:.0f}" if end > start else "") + " %"
        for start, end in zip(starts, ends, strict=True)
    ]
    return ", ".join(ranges)


def decision_curve(
    labels: Integers,
    probabilities: Floats,
    groups: Integers,
    *,
    positive: int = 1,
    confidence: float = 0.95,
    seed: int = 0,
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
    _, codes = np.unique(groups[known], return_inverse=True)
    count = int(codes.max()) + 1
    sizes = np.bincount(codes, minlength=count).astype(np.float64)
    acted_on_cases = _acted_on(sets[:, known, positive], codes, count, case)
    acted_on_others = _acted_on(sets[:, known, positive], codes, count, ~case)
    cases = np.bincount(codes, weights=case, minlength=count)[:, None]
    found, alarms = _Share.of(acted_on_cases, sizes), _Share.of(acted_on_others, sizes)
    missed, spared = (
        _Share.of(cases - acted_on_cases, sizes),
        _Share.of(sizes[:, None] - cases - acted_on_others, sizes),
    )
    odds = THRESHOLDS / (1 - THRESHOLDS)
    share = float(case.mean())
    value = found.value - odds * alarms.value
    everyone = share - (1 - share) * odds
    of_cases, of_others = (len(np.unique(codes[rows])) for rows in (case, ~case))
    few = count < FEWEST_GROUPS or min(of_cases, of_others) < FEWEST_GROUPS_OF_A_CLASS
    if few or effective_number(sizes) < FEWEST_EFFECTIVE_GROUPS:
        return DecisionCurve(value, None, None, everyone, share, confidence=confidence)
    over_none = _Difference(found, alarms, np.ones_like(odds), odds)
    over_all = _Difference(spared, missed, odds, np.ones_like(odds))
    reach = sup_t(
        np.hstack([over_none.deviations, over_all.deviations]),
        effective_number(sizes) - 1,
        confidence=confidence,
        seed=seed,
    )
    low, high = over_none.band(reach, sizes)
    low_over_all, high_over_all = over_all.band(reach, sizes)
    # The gain is the smaller one of two differences, and so are its limits the smaller ones of theirs.
    gain_low, gain_high = np.minimum(low, low_over_all), np.minimum(high, high_over_all)
    return DecisionCurve(value, low, high, everyone, share, gain_low, gain_high, confidence)


def _acted_on(probabilities: Floats, codes: NDArray[np.intp], groups: int, which: NDArray[np.bool_]) -> Floats:
    """float [groups, t]: how many of some images are acted on at each threshold, a mean over sets float [sets, n]."""
    points = len(THRESHOLDS)
    counts = np.zeros((groups, points + 1))
    for of_set in probabilities:
        passed = np.searchsorted(THRESHOLDS, of_set[which], side="right")  # how many thresholds an image reaches
        cells = np.bincount(codes[which] * (points + 1) + passed, minlength=groups * (points + 1))
        counts += cells.reshape(groups, points + 1)
    acted: Floats = counts[:, :0:-1].cumsum(axis=1)[:, ::-1] / len(probabilities)
    return acted


@dataclass(frozen=True, eq=False)
class _Share:
    """Shares of the images, float [t], and what each becomes without one group at a time, less itself, [g, t]."""

    value: Floats
    deviations: Floats

    @classmethod
    def of(cls, sums: Floats, sizes: Floats) -> _Share:
        return cls(sums.sum(axis=0) / sizes.sum(), ratio_deviations(sums, sizes))

    def limits(self, reach: float, sizes: Floats) -> tuple[Floats, Floats, Floats]:
        error = jackknife_error(self.deviations)
        images, groups = float(sizes.sum()), effective_number(sizes)
        return self.value, *share_band(self.value, error, reach, groups=groups, images=images)


@dataclass(frozen=True, eq=False)
class _Difference:
    """A weighted difference of two shares at each threshold; weights float [t]."""

    first: _Share
    second: _Share
    of_first: Floats
    of_second: Floats

    @property
    def deviations(self) -> Floats:
        deviations: Floats = self.of_first * self.first.deviations - self.of_second * self.second.deviations
        return deviations

    def band(self, reach: float, sizes: Floats) -> tuple[Floats, Floats]:
        first, second = (share.limits(reach, sizes) for share in (self.first, self.second))
        # Where few groups act at all, one of them can make both shares look tied together, and the band vanish: a
        # correlation that would narrow the band is not believed.
        correlation = np.minimum(correlation_of(self.first.deviations, self.second.deviations), 0.0)
        low, high = difference_band(first, second, self.of_second / self.of_first, correlation)
        return self.of_first * low, self.of_first * high


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
