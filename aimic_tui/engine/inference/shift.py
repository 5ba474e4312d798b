"""Whether two sets of images resemble each other, by a network's features and by light, colour and focus.

The main figure comes from a classifier two-sample test (Lopez-Paz and Oquab 2017): a logistic regression on the
network's features learns to tell the two sets apart and is tested on images of groups that it has not seen. An AUROC of
0.5 means that it can't, 1 that it always can. Both sets contribute the same number of images of each class, so that a
different class mix is not mistaken for a different laboratory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import cluster_bootstrap
from aimic_tui.engine.inference.colour_statistics import COLOUR_STATISTICS
from aimic_tui.engine.inference.evaluation_file import AppearanceShift, ShiftResult

FOLDS = 5
FEWEST_GROUPS = 10  # in each set, for an answer
_MOST = 1000  # images of a set that are compared
_INVERSE_PENALTY = 0.01  # on the classifier's weights: there are many features and few images
_HALVINGS = 10
_CLEAR, _SOME = 0.8, 0.6  # AUROC
_NOTABLE = 0.5  # difference in standard deviations
_RESAMPLES = 1000

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """n images of one set.

    Attributes:
        features: float [n, d].
        colours: float [n, 7], `COLOUR_STATISTICS`; NaN rows where an image can't be read.
        labels: int [n]: equal codes are equal classes in both sets; -1 for others.
        groups: uint64 [n], equal numbers are equal groups in both sets.
    """

    features: NDArray[np.floating]
    colours: NDArray[np.floating]
    labels: NDArray[np.integer]
    groups: NDArray[np.uint64]

    def part(self, indices: NDArray[np.integer]) -> Sample:
        """Return some of the images."""
        return Sample(self.features[indices], self.colours[indices], self.labels[indices], self.groups[indices])


@dataclass(frozen=True)
class ColourShift:
    """One figure of light, colour or focus in both sets.

    Attributes:
        name: of `COLOUR_STATISTICS`; red, green and blue as shares of their sum, which doesn't depend on brightness.
        known, new: means of the two sets.
        deviations: (new - known) in standard deviations between the known images; NaN where these don't vary.
    """

    name: str
    known: float
    new: float
    deviations: float


@dataclass(frozen=True)
class Shift:
    """How far new images are from those that a model knows.

    Attributes:
        auroc: of telling the two sets apart; no value where there are too few groups.
        distance: Frechet distance of the features over that between two halves of the known images: about 1 where
            the sets are alike; None where it can't be taken.
        colours: one for each of `COLOUR_STATISTICS`.
        images: compared in each set.
        verdict: "same", "shifted", "clearly shifted" or "unknown".
    """

    auroc: Interval
    distance: float | None
    colours: tuple[ColourShift, ...]
    images: int
    verdict: str

    def result(self) -> ShiftResult:
        """Return what is stored and shown of it."""
        appearance = tuple(
            AppearanceShift(each.name, _finite(each.known), _finite(each.new), _finite(each.deviations))
            for each in self.colours
        )
        return ShiftResult(self.verdict, self.auroc, self.distance, appearance, self.images, self.sentence())

    def sentence(self) -> str:
        """Say it in plain words."""
        differing = [shift for shift in self.colours if abs(shift.deviations) >= _NOTABLE]
        differing.sort(key=lambda shift: -abs(shift.deviations))
        what = ", ".join(_in_words(shift) for shift in differing[:4])
        first = {
            "same": "The images resemble those of the model's own run",
            "shifted": "The images differ from those of the model's own run",
            "clearly shifted": "The images clearly differ from those of the model's own run",
            "unknown": "There are too few images to tell whether they differ from those of the model's own run",
        }[self.verdict]
        if self.auroc.value is not None:
            first += f" (AUROC of telling the two sets apart {self.auroc.value:.2f}"
            if self.auroc.low is not None and self.auroc.high is not None:
                first += f", {self.auroc.low:.2f} to {self.auroc.high:.2f}"
            first += "; 0.5 is chance)"
        if self.distance is not None and self.verdict in ("shifted", "clearly shifted"):
            first += f"; feature distance {self.distance:.1f} times that between two halves of those"
        return f"{first}. {_COLOURS_SENTENCE.format(what) if what else _NO_COLOURS}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


_COLOURS_SENTENCE = "They are {}."
_NO_COLOURS = "Light, colour and focus are similar."
_MORE_LESS = {
    "red": ("redder", "less red"),
    "green": ("greener", "less green"),
    "blue": ("bluer", "less blue"),
    "saturation": ("more saturated", "paler"),
    "brightness": ("brighter", "darker"),
    "contrast": ("higher in contrast", "lower in contrast"),
    "sharpness": ("sharper or noisier", "more blurred"),
}


def _in_words(shift: ColourShift) -> str:
    word = _MORE_LESS[shift.name][0 if shift.deviations > 0 else 1]
    digits = {"brightness": 0, "contrast": 0, "sharpness": 3}.get(shift.name, 2)
    of = "share of " if shift.name in ("red", "green", "blue") else ""
    return (
        f"{word} ({of}{shift.name} {shift.new:.{digits}f} against {shift.known:.{digits}f}, "
        f"{abs(shift.deviations):.1f} standard deviations)"
    )


def compare_samples(known: Sample, new: Sample, *, confidence: float = 0.95, seed: int = 0) -> Shift:
    """Compare new images with those that a model knows; the same arguments give the same answer."""
    known, new = _same_mix(known, new, np.random.default_rng(seed))
    auroc = _telling_apart(known, new, confidence, seed)
    colours = _colour_shifts(known.colours, new.colours)
    distance = _relative_distance(known, new, seed)
    return Shift(auroc, distance, colours, len(known.labels), _verdict(auroc))


def mean_shift(shifts: Sequence[Shift]) -> Shift:
    """Return the mean over several models; its limits are the means of theirs, which is rather too wide."""
    if len(shifts) == 1:
        return shifts[0]
    limits = [_mean([getattr(shift.auroc, name) for shift in shifts]) for name in ("value", "low", "high")]
    auroc = Interval(*limits)
    distances = _mean([shift.distance for shift in shifts])
    colours = tuple(
        ColourShift(name, *(float(np.mean([getattr(shift.colours[column], key) for shift in shifts])) for key in _KEYS))
        for column, name in enumerate(COLOUR_STATISTICS)
    )
    images = round(float(np.mean([shift.images for shift in shifts])))
    return Shift(auroc, distances, colours, images, _verdict(auroc))


_KEYS = ("known", "new", "deviations")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _same_mix(known: Sample, new: Sample, generator: np.random.Generator) -> tuple[Sample, Sample]:
    """Take equally many images of each class from both sets; ignore classes where that leaves too few."""
    taken: list[tuple[NDArray[np.integer], NDArray[np.integer]]] = []
    for code in np.intersect1d(known.labels[known.labels >= 0], new.labels):
        rows = [generator.permutation(np.flatnonzero(sample.labels == code)) for sample in (known, new)]
        count = min(len(rows[0]), len(rows[1]))
        taken.append((rows[0][:count], rows[1][:count]))
    if sum(len(first) for first, _ in taken) < 4 * FEWEST_GROUPS:
        taken = [(generator.permutation(len(known.labels)), generator.permutation(len(new.labels)))]
    both = []
    for side, sample in enumerate((known, new)):
        chosen = np.concatenate([pair[side] for pair in taken])
        both.append(sample.part(np.sort(generator.permutation(chosen)[:_MOST])))
    return both[0], both[1]


def _telling_apart(known: Sample, new: Sample, confidence: float, seed: int) -> Interval:
    groups = [len(np.unique(sample.groups)) for sample in (known, new)]
    if min(groups) < FEWEST_GROUPS:
        return Interval(None)
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    features = np.concatenate([known.features, new.features]).astype(np.float64)
    which = np.repeat([0, 1], [len(known.labels), len(new.labels)]).astype(np.int32)
    # Groups by their names: an image and its twin in the other set are never on two sides of a fold.
    codes = np.unique(np.concatenate([known.groups, new.groups]), return_inverse=True)[1]
    probabilities = np.full((len(which), 2), np.nan)
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(features, which, codes):
        if len(np.unique(which[train])) < 2:
            continue
        mean, spread = features[train].mean(axis=0), features[train].std(axis=0)
        scaled = (features - mean) / np.where(spread > 0, spread, 1.0)
        classifier = LogisticRegression(C=_INVERSE_PENALTY, class_weight="balanced", max_iter=500)
        probabilities[test] = classifier.fit(scaled[train], which[train]).predict_proba(scaled[test])
    bootstrap = cluster_bootstrap(
        which, probabilities, codes.astype(np.int32), resamples=_RESAMPLES, confidence=confidence, seed=seed
    )
    found = bootstrap.overall["auroc"]
    if found.value is None or found.low is not None:
        return found
    # Resampling shows no spread: every pair is ranked correctly, or both sets are the same images.
    return _perfect(min(groups), confidence) if found.value >= 1 else Interval(found.value, found.value, found.value)


def _perfect(groups: int, confidence: float) -> Interval:
    """Return the one-sided interval of a proportion of 1 among so many groups."""
    return Interval(1.0, (1 - confidence) ** (1 / groups), 1.0)


def _verdict(auroc: Interval) -> str:
    if auroc.value is None or auroc.low is None or auroc.high is None:
        return "unknown"
    if auroc.low >= _CLEAR:
        return "clearly shifted"
    if auroc.low >= _SOME:
        return "shifted"
    if auroc.high < _CLEAR:
        return "same" if auroc.low <= 0.5 or auroc.value < _SOME else "shifted"
    return "unknown"


def _colour_shifts(known: NDArray[np.floating], new: NDArray[np.floating]) -> tuple[ColourShift, ...]:
    found = []
    known, new = _with_shares(known), _with_shares(new)
    for column, name in enumerate(COLOUR_STATISTICS):
        before, after = known[:, column], new[:, column]
        if np.isnan(before).all() or np.isnan(after).all():
            found.append(ColourShift(name, math.nan, math.nan, math.nan))
            continue
        spread = float(np.nanstd(before))
        difference = float(np.nanmean(after) - np.nanmean(before))
        scaled = difference / spread if spread > 0 else (0.0 if difference == 0 else math.nan)
        found.append(ColourShift(name, float(np.nanmean(before)), float(np.nanmean(after)), scaled))
    return tuple(found)


def _with_shares(colours: NDArray[np.floating]) -> Floats:
    found = colours.astype(np.float64)
    found[:, :3] /= np.maximum(found[:, :3].sum(axis=1, keepdims=True), 1e-9)
    return found


def _relative_distance(known: Sample, new: Sample, seed: int) -> float | None:
    """Return the distance between halves of the two sets over that between two halves of the known one.

    All halves have the same size, since the distance of small samples is biased upwards.
    """
    half = min(len(known.labels), len(new.labels)) // 2
    if half < FEWEST_GROUPS:
        return None
    first = known.features.astype(np.float64)
    mean, spread = first.mean(axis=0), first.std(axis=0)
    used = spread > 0  # a feature that is the same in all known images has no scale
    first = (first[:, used] - mean[used]) / spread[used]
    second = (new.features[:, used].astype(np.float64) - mean[used]) / spread[used]
    generator = np.random.default_rng(seed)
    within, between = [], []
    for _ in range(_HALVINGS):
        order, other = generator.permutation(len(first)), generator.permutation(len(second))
        within.append(frechet_distance(first[order[:half]], first[order[-half:]]))
        between.append(frechet_distance(first[order[:half]], second[other[:half]]))
    inside = float(np.mean(within))
    return float(np.mean(between)) / inside if inside > 0 else None


def frechet_distance(a: Floats, b: Floats) -> float:
    """Return the Frechet distance between normal distributions fitted to two samples, each column for itself.

    The root of the sum over columns of (mean_a - mean_b)^2 + (sd_a - sd_b)^2 (Dowson and Landau 1982, for diagonal
    covariances): whole ones can't be estimated from fewer images than features.

    Args:
        a, b: float [n, k] and [m, k].
    """
    means = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    spreads = ((a.std(axis=0) - b.std(axis=0)) ** 2).sum()
    return math.sqrt(float(means + spreads))
