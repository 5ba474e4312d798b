"""Whether the probabilities of one class can be believed: slope and intercept, and the curve behind them.

The calibration error is one number about the predicted class alone. Here each class stands against the rest: with
x = logit p of the class's probability p, and y whether an image is of the class,

- the slope b of the logistic recalibration logit P(y) = a + b x (Cox 1958): below 1 the probabilities are too extreme
  (overconfident), above 1 too timid;
- the intercept a of logit P(y) = a + x, calibration in the large: below 0 the class is given too much probability on
  the whole, above 0 too little (Van Calster et al. 2016, Journal of Clinical Epidemiology 74, 167);
- the curve, the same regression with x as a restricted cubic spline of three knots (Harrell 2015), and beside it the
  shares of the class among equally many images of rising probability.

Limits are Student's, with the jackknife's standard error over groups (CV3), each group left out by one Newton step
(MacKinnon, Nielsen and Webb 2023). The curve's band holds over its whole range (`simultaneous_bands`). Several sets of
predictions of the same images give the mean of their estimates, and each group is left out of all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.calibration import calibrated
from aimic_tui.engine.evaluation.interval import (
    FEWEST_EFFECTIVE_GROUPS,
    FEWEST_GROUPS,
    FEWEST_GROUPS_OF_A_CLASS,
    Interval,
)
from aimic_tui.engine.evaluation.interval_limits import effective_number, t_quantile
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_validation_predictions
from aimic_tui.engine.evaluation.run_results import ClassCalibration
from aimic_tui.engine.evaluation.simultaneous_bands import jackknife_error, sup_t

CURVE_POINTS = 41
_BINS = 10
_FARTHEST = 20.0  # of a logit: a probability of 2e-9 stands for any smaller one
_KNOTS = (0.1, 0.5, 0.9)  # quantiles of x (Harrell 2015)
_TRIMMED = 5  # images at either end of x: beyond, the curve would follow single ones
_STEEPEST = 50.0  # a slope beyond says that the class is told apart without an error, not how well it is calibrated


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """How often images of a stated probability are of the class.

    Attributes:
        stated: float [points], probabilities of the class, rising.
        observed: float [points], the smoothed share of images that are of it.
        low, high: float [points], the band over the whole range; None where none can be given.
        bins: (mean probability, share of the class, images) of equally many images each.
    """

    stated: Floats
    observed: Floats
    low: Floats | None
    high: Floats | None
    bins: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True, eq=False)
class ClassCalibrationCurves:
    """The calibration of one class as trained and, where validation images allow it, calibrated.

    A curve is None where the class has no image, or all of them, or is told apart without an error.
    """

    before: CalibrationCurve | None
    after: CalibrationCurve | None
    figures: ClassCalibration


def class_curves_of(
    folder: Path, run: RunPredictions, network: NetworkPredictions, *, positive: int, confidence: float = 0.95
) -> ClassCalibrationCurves:
    """Return the calibration curves of a class (its code) by a run's test images.

    Raises:
        InputProblem: stored predictions of a validation part can't be read.
    """
    table = calibrated(network, read_validation_predictions(folder, run, network))
    seed = int(run.experiment.get("seed", 0))
    before, after = (
        None
        if found is None
        else calibration_curve(
            network.labels, found[:, :, positive], network.groups, positive, confidence=confidence, seed=seed
        )
        for found in (network.probabilities, table)
    )
    figures = class_calibration(network, table, confidence=confidence)[positive]
    return ClassCalibrationCurves(before, after, figures)


def class_calibration(
    network: NetworkPredictions, table: Floats | None, *, confidence: float = 0.95
) -> tuple[ClassCalibration, ...]:
    """Return slope and intercept of each class, in the order of the codes.

    Args:
        network: its test predictions.
        table: the same calibrated, float [sets, n, c]; None where they can't be.
    """
    found = []
    for code in range(network.probabilities.shape[2]):
        before = _figures(network.labels, network.probabilities[:, :, code], network.groups, code, confidence)
        after = (
            (Interval(None), Interval(None))
            if table is None
            else _figures(network.labels, table[:, :, code], network.groups, code, confidence)
        )
        found.append(ClassCalibration(before[0], before[1], after[0], after[1]))
    return tuple(found)


def _figures(
    labels: Integers, chances: Floats, groups: Integers, code: int, confidence: float
) -> tuple[Interval, Interval]:
    """Slope and intercept from labels int [n], the class's probabilities float [sets, n], groups int [n]."""
    sample = _Sample.of(labels, chances, groups, code)
    if sample is None:
        return Interval(None), Interval(None)
    ones = [np.ones((len(x), 1)) for x in sample.logits]
    slope = sample.fitted([np.stack([np.ones_like(x), x], axis=1) for x in sample.logits])
    shift = sample.fitted(ones, sample.logits)
    return (
        Interval(None) if slope is None else sample.limits(slope, 1, confidence),
        Interval(None) if shift is None else sample.limits(shift, 0, confidence),
    )


def calibration_curve(
    labels: Integers, chances: Floats, groups: Integers, positive: int, *, confidence: float = 0.95, seed: int = 0
) -> CalibrationCurve | None:
    """Return the calibration curve of a class.

    Args:
        labels: int [n], codes; -1 where unknown.
        chances: float [sets, n], the probabilities of the class; NaN where there is none.
        groups: int [n], any codes.
        positive: the class's code.
        confidence: of the band, between 0 and 1.
        seed: of the draws that find how far the band reaches.

    Returns:
        None where the class has no image or all, or no logistic regression can be fitted since nothing overlaps.
    """
    sample = _Sample.of(labels, chances, groups, positive)
    if sample is None:
        return None
    together = np.sort(np.concatenate(sample.logits))
    trimmed = min(_TRIMMED * len(sample.logits), (len(together) - 1) // 4)
    ends = together[trimmed], together[-1 - trimmed]
    if ends[1] - ends[0] < 1e-6:
        return None
    grid = np.linspace(*ends, CURVE_POINTS)
    knots = np.quantile(together, _KNOTS)
    basis = _spline if np.diff(knots).min() > 1e-6 else _line
    fit = sample.fitted([basis(x, knots) for x in sample.logits])
    if fit is None:
        basis = _line
        fit = sample.fitted([basis(x, knots) for x in sample.logits])
    if fit is None:
        return None
    rows = basis(grid, knots)
    middle, low, high = rows @ fit.value, None, None
    if sample.enough and fit.deviations is not None:
        moved = fit.deviations @ rows.T
        # A spline's further coefficients cost degrees of freedom; with 15 groups the band would else hold in 91 %.
        reach = sup_t(moved, sample.degrees - (rows.shape[1] - 1), confidence=confidence, seed=seed) * jackknife_error(
            moved
        )
        low, high = _chance(middle - reach), _chance(middle + reach)
    return CalibrationCurve(_chance(grid), _chance(middle), low, high, _bins(sample))


def _bins(sample: _Sample) -> tuple[tuple[float, float, int], ...]:
    chance = _chance(np.concatenate(sample.logits))
    cases = np.tile(sample.cases, len(sample.logits))
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, _BINS) if len(part)]
    return tuple(
        (float(chance[part].mean()), float(cases[part].mean()), round(len(part) / len(sample.logits))) for part in parts
    )


def _line(x: Floats, knots: Floats) -> Floats:
    return np.stack([np.ones_like(x), x], axis=1)


def _spline(x: Floats, knots: Floats) -> Floats:
    """The basis of a restricted cubic spline of three knots: straight beyond the outer ones (Stone and Koo 1985)."""
    first, middle, last = knots

    def cubed(values: Floats) -> Floats:
        return np.asarray(np.maximum(values, 0.0) ** 3)

    bend = (
        cubed(x - first)
        - cubed(x - middle) * (last - first) / (last - middle)
        + cubed(x - last) * (middle - first) / (last - middle)
    )
    return np.stack([np.ones_like(x), x, bend / (last - first) ** 2], axis=1)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Coefficients float [k], and what each becomes without one group, less itself, [g, k]; None where one can't go."""

    value: Floats
    deviations: Floats | None


@dataclass(frozen=True, eq=False)
class _Sample:
    """One class against the rest: logits of its probability (a set each), whether an image is of it, group codes."""

    logits: Sequence[Floats]
    cases: Floats
    codes: NDArray[np.intp]
    groups: int

    @classmethod
    def of(cls, labels: Integers, chances: Floats, groups: Integers, positive: int) -> _Sample | None:
        known = (labels >= 0) & ~np.isnan(chances).any(axis=0)
        cases = (labels[known] == positive).astype(np.float64)
        if not 0 < cases.sum() < len(cases):
            return None
        names, codes = np.unique(groups[known], return_inverse=True)
        edge = _chance(np.array([-_FARTHEST]))[0]
        clipped = np.clip(chances[:, known], edge, 1 - edge)
        return cls(list(np.log(clipped / (1 - clipped))), cases, codes, len(names))

    @property
    def _sizes(self) -> list[Floats]:
        """Images of each group: all, those of the class, the others."""
        every: Floats = np.bincount(self.codes, minlength=self.groups).astype(np.float64)
        of_class: Floats = np.bincount(self.codes, weights=self.cases, minlength=self.groups).astype(np.float64)
        return [every, of_class, every - of_class]

    @property
    def degrees(self) -> float:
        """Of freedom: the effective number of groups, or of those with or without the class if fewer, less one."""
        return min(effective_number(sizes) for sizes in self._sizes) - 1

    @property
    def enough(self) -> bool:
        """Whether there are enough groups for limits, by the rules of `intervals`."""
        _, of_class, others = self._sizes
        return (
            self.groups >= FEWEST_GROUPS
            and min((of_class > 0).sum(), (others > 0).sum()) >= FEWEST_GROUPS_OF_A_CLASS
            and self.degrees + 1 >= FEWEST_EFFECTIVE_GROUPS
        )

    def limits(self, fit: _Fit, place: int, confidence: float) -> Interval:
        value = float(fit.value[place])
        if not self.enough or fit.deviations is None:
            return Interval(value)
        reach = t_quantile(0.5 + confidence / 2, self.degrees) * float(jackknife_error(fit.deviations[:, place]))
        return Interval(value, value - reach, value + reach)

    def fitted(self, designs: Sequence[Floats], offsets: Sequence[Floats] | None = None) -> _Fit | None:
        """Fit a logistic regression to each set (designs float [n, k], offsets float [n]) and average them."""
        fits = []
        for place, design in enumerate(designs):
            offset = np.zeros(len(design)) if offsets is None else offsets[place]
            value = _logistic(design, self.cases, offset)
            if value is None or np.abs(value[1:2]).max(initial=0.0) > _STEEPEST:
                return None
            fits.append((value, self._left_out(design, offset, value)))
        value = np.mean([found for found, _ in fits], axis=0)
        each = [deviations for _, deviations in fits if deviations is not None]
        return _Fit(value, np.mean(each, axis=0) if len(each) == len(fits) else None)

    def _left_out(self, design: Floats, offset: Floats, value: Floats) -> Floats | None:
        """One Newton step from the fit to that without each group, [g, k]."""
        chance = _chance(design @ value + offset)
        terms = design.shape[1]
        scores = np.zeros((self.groups, terms))
        np.add.at(scores, self.codes, design * (self.cases - chance)[:, None])
        curvatures = np.zeros((self.groups, terms, terms))
        weighted = design * (chance * (1 - chance))[:, None]
        np.add.at(curvatures, self.codes, weighted[:, :, None] * design[:, None, :])
        rest = curvatures.sum(axis=0) - curvatures
        if np.linalg.cond(rest).max() > 1e12:
            return None
        return np.asarray(-np.linalg.solve(rest, scores[:, :, None])[:, :, 0])


def _chance(logits: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(logits))


def _logistic(design: Floats, cases: Floats, offset: Floats) -> Floats | None:
    """Return the coefficients of a logistic regression by Newton's method; None where they run away."""
    value = np.zeros(design.shape[1])
    loss = _loss(design, cases, offset, value)
    for _ in range(60):
        chance = _chance(design @ value + offset)
        gradient = design.T @ (cases - chance)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        if np.linalg.cond(curvature) > 1e12:
            return None
        step = np.linalg.solve(curvature, gradient)
        scale = 1.0
        while scale > 1e-6 and _loss(design, cases, offset, value + scale * step) > loss + 1e-12:
            scale /= 2
        value = value + scale * step
        loss = _loss(design, cases, offset, value)
        if np.abs(scale * step).max() < 1e-8:
            return np.asarray(value)
    return None


def _loss(design: Floats, cases: Floats, offset: Floats, value: Floats) -> float:
    score = design @ value + offset
    return float((np.logaddexp(0.0, score) - cases * score).sum())
