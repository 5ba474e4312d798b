"""Whether two sets of images resemble each other, by a network's features and by light, colour and focus.

Three answers to the main question, and a fourth where nothing can be said: *shifted* and *clearly shifted* where a
classifier on the features tells the sets apart (`telling_apart`), *same* only where even the best linear classifier,
trained on any number of such images, would stay below `SAME_BELOW`, and otherwise *unknown*. Both sets contribute the
same number of images of each class, so that a different class mix is not mistaken for a different laboratory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.inference.appearance import (
    LEVEL,
    Appearance,
    ColourShift,
    appearance_remark,
    colour_shifts,
    mean_colour_shifts,
)
from aimic_tui.engine.inference.evaluation_file import Remark, RemarkKind, ShiftResult
from aimic_tui.engine.inference.telling_apart import ToldApart, TwoSets, tell_apart

FEWEST_GROUPS = 10  # in each set, for an answer
SAME_BELOW = 0.7
"""AUROC: of pairs of images, one of each set, even the best linear classifier ranks fewer than 7 in 10 rightly.

A stricter bound could not be shown with the images that are compared: with 1,000 of each set and 1,280 features (the
width of MobileNet and EfficientNet) chance alone leaves about 0.66 open where both sets are of one kind.
"""
_MOST = 1000  # images of a set that are compared
_HALVINGS = 10
_CLEAR, _SOME = 0.8, 0.6  # AUROC

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

    @property
    def appearance(self) -> Appearance:
        """What is needed to compare light, colour and focus."""
        return Appearance(self.colours, self.labels, self.groups)

    def part(self, indices: NDArray[np.integer]) -> Sample:
        """Return some of the images."""
        return Sample(self.features[indices], self.colours[indices], self.labels[indices], self.groups[indices])


@dataclass(frozen=True)
class Shift:
    """How far new images are from those that a model knows.

    Attributes:
        auroc: of telling the two sets apart; no value where there are too few groups.
        p: of no difference; None without `auroc`.
        achievable: upper limit of the AUROC that the best linear classifier could reach; None without `auroc`.
        distance: Frechet distance of the features over that between two halves of the known images: about 1 where
            the sets are alike; None where it can't be taken.
        colours: one for each of `COLOUR_STATISTICS`.
        images: compared in each set.
        verdict: "same", "shifted", "clearly shifted" or "unknown".
    """

    auroc: Interval
    p: float | None
    achievable: float | None
    distance: float | None
    colours: tuple[ColourShift, ...]
    images: int
    verdict: str

    def result(self) -> ShiftResult:
        """Return what is stored and shown of it."""
        appearance = tuple(each.result() for each in self.colours)
        return ShiftResult(
            self.verdict, self.auroc, self.distance, appearance, self.images, self.sentence(), self.p, self.achievable
        )

    def sentence(self) -> str:
        """Say it in plain words."""
        return " ".join(remark.sentence for remark in self.remarks())

    def remarks(self) -> tuple[Remark, Remark]:
        """Say whether the images differ, then in which light, colour and focus."""
        return Remark(self._in_words(), _KINDS[self.verdict], "shift", self.p), appearance_remark(self.colours)

    def _in_words(self) -> str:
        auroc, achievable = self.auroc, self.achievable
        if auroc.value is None or achievable is None:
            return "There are too few groups to tell whether the images differ from those of the model's own run."
        told = f"AUROC of telling the two sets apart {auroc.value:.2f}"
        if auroc.low is not None and auroc.high is not None:
            told += f", {auroc.low:.2f} to {auroc.high:.2f}"
        told = f"({told}; 0.5 is chance)"
        if self.verdict in ("shifted", "clearly shifted"):
            clearly = "clearly " if self.verdict == "clearly shifted" else ""
            distance = (
                ""
                if self.distance is None
                else f"; feature distance {self.distance:.1f} times that between two halves of those"
            )
            return f"The images {clearly}differ from those of the model's own run {told}{distance}."
        if self.verdict == "same":
            return (
                f"The images resemble those of the model's own run {told}; even the best linear classifier of the "
                f"features would reach {achievable:.2f} at most."
            )
        beyond = (
            "there is no limit to what a classifier trained on more of them could reach"
            if achievable > _NO_LIMIT
            else f"a classifier trained on more of them could reach up to {achievable:.2f}"
        )
        shown = _shown(auroc, self.p)
        what = "A slight difference" if shown else "No difference"
        but = "and" if shown else "but"
        return (
            f"{what} from the images of the model's own run is shown {told}, {but} there are too few images to tell: "
            f"{beyond}."
        )


_NO_LIMIT = 0.995
_KINDS: dict[str, RemarkKind] = {
    "same": "fine",
    "shifted": "attention",
    "clearly shifted": "attention",
    "unknown": "open",
}


def compare_samples(known: Sample, new: Sample, *, confidence: float = 0.95, seed: int = 0) -> Shift:
    """Compare new images with those that a model knows; the same arguments give the same answer."""
    known, new = _same_mix(known, new, np.random.default_rng(seed))
    told = _tell_apart(known, new, confidence, seed)
    return Shift(
        Interval(None) if told is None else told.auroc,
        None if told is None else told.p,
        None if told is None else told.achievable,
        _relative_distance(known, new, seed),
        colour_shifts(known.appearance, new.appearance, seed),
        len(known.labels),
        "unknown" if told is None else _verdict(told.auroc, told.p, told.achievable),
    )


def mean_shift(shifts: Sequence[Shift]) -> Shift:
    """Return the mean over several models: means of limits, which are rather too wide, and the largest p-values."""
    if len(shifts) == 1:
        return shifts[0]
    limits = [_mean([getattr(shift.auroc, name) for shift in shifts]) for name in ("value", "low", "high")]
    auroc = Interval(*limits)
    p, achievable = _largest([shift.p for shift in shifts]), _largest([shift.achievable for shift in shifts])
    return Shift(
        auroc,
        p,
        achievable,
        _mean([shift.distance for shift in shifts]),
        mean_colour_shifts([shift.colours for shift in shifts]),
        round(float(np.mean([shift.images for shift in shifts]))),
        _verdict(auroc, p, achievable),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _largest(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _same_mix(known: Sample, new: Sample, generator: np.random.Generator) -> tuple[Sample, Sample]:
    """Take equally many images of each class from both sets; where they share no class, all, as of one class."""
    chosen: list[tuple[NDArray[np.integer], NDArray[np.integer]]] = []
    ranked = [(sample, generator.permutation(len(np.unique(sample.groups)))) for sample in (known, new)]
    for code in np.intersect1d(known.labels[known.labels >= 0], new.labels):
        rows = [_by_group(sample, np.flatnonzero(sample.labels == code), rank) for sample, rank in ranked]
        count = min(len(rows[0]), len(rows[1]))
        chosen.append((rows[0][:count], rows[1][:count]))
    if not chosen:
        return _any(known, generator), _any(new, generator)
    pairs = np.array([np.concatenate(side) for side in zip(*chosen, strict=True)])
    pairs = pairs[:, generator.permutation(pairs.shape[1])[:_MOST]]
    return known.part(np.sort(pairs[0])), new.part(np.sort(pairs[1]))


def _by_group(sample: Sample, rows: NDArray[np.intp], rank: NDArray[np.integer]) -> NDArray[np.intp]:
    """Order images by the random ranks of their groups.

    What is taken from the front are whole groups, as the other set has them: the permutation test exchanges groups, and
    those that were thinned out are unlike whole ones. Thinned at random, 30 groups of 5 images and as many images of 60
    groups were called different in 8 % of 60 studies of one kind; whole groups, in 3 % of 100.
    """
    codes = np.unique(sample.groups, return_inverse=True)[1]
    return rows[np.argsort(rank[codes[rows]], kind="stable")]


def _any(sample: Sample, generator: np.random.Generator) -> Sample:
    found = sample.part(np.sort(generator.permutation(len(sample.labels))[:_MOST]))
    return Sample(found.features, found.colours, np.zeros_like(found.labels), found.groups)


def _tell_apart(known: Sample, new: Sample, confidence: float, seed: int) -> ToldApart | None:
    if min(len(np.unique(sample.groups)) for sample in (known, new)) < FEWEST_GROUPS:
        return None
    sets = TwoSets(
        np.concatenate([known.features, new.features]).astype(np.float64),
        np.repeat([False, True], [len(known.labels), len(new.labels)]),
        np.concatenate([known.labels, new.labels]),
        np.unique(np.concatenate([known.groups, new.groups]), return_inverse=True)[1],
    )
    return tell_apart(sets, confidence=confidence, seed=seed)


def _shown(auroc: Interval, p: float | None) -> bool:
    return auroc.low is not None and auroc.low > 0.5 and p is not None and p <= LEVEL


def _verdict(auroc: Interval, p: float | None, achievable: float | None) -> str:
    if auroc.value is None or auroc.low is None or auroc.high is None or achievable is None:
        return "unknown"
    if _shown(auroc, p):
        if auroc.low >= _CLEAR:
            return "clearly shifted"
        if auroc.value >= _SOME:
            return "shifted"
    return "same" if max(auroc.high, achievable) < SAME_BELOW else "unknown"


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
