"""How a network does in subgroups of the images by a column (age band, sex, site, scanner): TRIPOD+AI, item 23a.

Each subgroup has its figures with intervals over groups, and the difference to all other images with a known value.
A group (patient, slide) may have images on both sides, such as of two scanners.

- The interval of a difference comes from those of its two figures and their correlation (MOVER: Zou 2007),
  so that it is as careful with few and unequal groups as they are.
- Its p-value is of a permutation test over groups: values of the column are dealt out anew over the groups that have
  one of them only, and exchanged among the images of a group that has both; (1 + rounds with as large a difference) /
  (1 + rounds). It is adjusted for the number of subgroups (Holm).

Macro F1 and balanced accuracy are means over classes, so they are compared only where both sides hold every class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.column_values import ColumnValues
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import difference_limits
from aimic_tui.engine.evaluation.intervals import cluster_bootstrap
from aimic_tui.engine.evaluation.metrics import Floats, Scorer
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.holm import holm
from aimic_tui.engine.progress import Progress, ReportProgress, no_report

METRICS = ("accuracy", "balanced_accuracy", "macro_f1")
_OF_ALL_CLASSES = frozenset({"balanced_accuracy", "macro_f1"})
_ROUNDS = 999
_ROUNDS_AT_ONCE = 111
_RESAMPLES_OF_CORRELATION = 500
_LARGEST_CORRELATION = 0.9  # that is believed; an estimate of 1 would leave a difference without any spread


@dataclass(frozen=True)
class SubgroupDifference:
    """A subgroup's figure minus that of all other images.

    Attributes:
        interval: without limits where one of the two figures has none.
        p: adjusted for the number of subgroups; None without limits.
        shown: whether the two differ, by `p` at the level of the intervals.
    """

    interval: Interval
    p: float | None
    shown: bool


@dataclass(frozen=True)
class Subgroup:
    """The images with one value of a column.

    Attributes:
        name: the value, or the band of numbers.
        images, groups: how many are tested.
        figures, differences: by `METRICS`.
    """

    name: str
    images: int
    groups: int
    figures: Mapping[str, Interval]
    differences: Mapping[str, SubgroupDifference]


@dataclass(frozen=True)
class ColumnSubgroups:
    """A network's subgroups by a column.

    Attributes:
        subgroups: in the order of the column's values, those with tested images.
        unknown: tested images without a known value; they are left out.
        shared_groups: groups with images in several subgroups.
        banding: how numbers became bands; empty where values are as in the table.
    """

    network: str
    column: str
    subgroups: tuple[Subgroup, ...]
    unknown: int
    shared_groups: int
    banding: str
    confidence: float


def column_subgroups(
    network: NetworkPredictions,
    column: ColumnValues,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    report: ReportProgress = no_report,
) -> ColumnSubgroups:
    """Evaluate a network in each subgroup.

    Args:
        column: of all images of the run's manifest; those that are not tested don't count.
        report: told of subgroups that are done.
    """
    predicted = (network.labels >= 0) & ~network.unclassified
    codes = column.codes[network.images]
    unknown = int((predicted & (codes < 0)).sum())
    kept = predicted & (codes >= 0)
    network, codes = network.select(kept), codes[kept]
    present = np.unique(codes).tolist()
    found: list[tuple[str, _Sides, dict[str, Interval], dict[str, Interval], dict[str, float]]] = []
    for number, code in enumerate(present):
        report(Progress("resample", number, len(present), column.names[code]))
        sides = _Sides(network, codes == code)
        inside, outside = (
            cluster_bootstrap(
                part.labels, part.probabilities, part.groups, resamples=resamples, confidence=confidence, seed=seed
            ).overall
            for part in (network.select(codes == code), network.select(codes != code))
        )
        figures, differences = {}, {}
        correlations = sides.correlations(seed)
        for metric in METRICS:
            comparable = metric not in _OF_ALL_CLASSES or sides.both_have_all_classes
            figures[metric] = inside[metric] if comparable else Interval(None)
            differences[metric] = (
                difference_limits(inside[metric], outside[metric], correlations[metric])
                if comparable and len(present) > 1
                else Interval(None)
            )
        # Of two subgroups each is all the other's images, so there is one test.
        chances = sides.p_values(seed) if len(present) > 2 or number == 0 else found[0][4]
        found.append((column.names[code], sides, figures, differences, chances))
    report(Progress("resample", len(present), len(present)))
    adjusted = {
        metric: _adjusted([one[4][metric] for one in found], [one[3][metric] for one in found]) for metric in METRICS
    }
    return ColumnSubgroups(
        network.name,
        column.column,
        tuple(
            Subgroup(
                name,
                int(sides.inside.sum()),
                len(np.unique(network.groups[sides.inside])),
                figures,
                {
                    metric: SubgroupDifference(
                        differences[metric], p := adjusted[metric][place], shown=p is not None and p <= 1 - confidence
                    )
                    for metric in METRICS
                },
            )
            for place, (name, sides, figures, differences, _) in enumerate(found)
        ),
        unknown,
        _shared_groups(network, codes),
        column.banding,
        confidence,
    )


def _adjusted(chances: list[float], differences: list[Interval]) -> list[float | None]:
    with_limits = [
        p if difference.low is not None else None for p, difference in zip(chances, differences, strict=True)
    ]
    return with_limits if len(chances) == 2 else holm(with_limits)


def _shared_groups(network: NetworkPredictions, codes: NDArray[np.integer]) -> int:
    pairs = np.unique(np.stack([network.groups, codes]), axis=1)[0]
    return int((np.unique(pairs, return_counts=True)[1] > 1).sum())


class _Sides:
    """Images inside and outside of a subgroup."""

    def __init__(self, network: NetworkPredictions, inside: NDArray[np.bool_]) -> None:
        self.inside = inside
        self._classes = network.probabilities.shape[2]
        self._labels = network.labels
        self._scorers = [Scorer(network.labels, table) for table in network.probabilities]
        _, self._groups = np.unique(network.groups, return_inverse=True)
        self._sizes = np.bincount(self._groups)
        self._members = np.bincount(self._groups, weights=inside)

    @property
    def both_have_all_classes(self) -> bool:
        """Whether every class that is tested has images on both sides."""
        classes = set(self._labels.tolist())
        return all(set(self._labels[side].tolist()) == classes for side in (self.inside, ~self.inside))

    def p_values(self, seed: int) -> dict[str, float]:
        """Test whether a figure differs between the sides; by metric."""
        found = {metric: abs(float(value[0])) for metric, value in self._differences(self.inside[None]).items()}
        as_large = dict.fromkeys(METRICS, 0)
        for masks in self._permuted(np.random.default_rng(seed)):
            for metric, values in self._differences(masks).items():
                as_large[metric] += int((~(np.abs(values) < found[metric] - 1e-12)).sum())
        return {metric: (1 + as_large[metric]) / (1 + _ROUNDS) for metric in METRICS}

    def correlations(self, seed: int) -> dict[str, float]:
        """How alike both sides' figures vary when groups are resampled; 0 where no group has images on both sides."""
        if not ((self._members > 0) & (self._members < self._sizes)).any():
            return dict.fromkeys(METRICS, 0.0)
        count = len(self._sizes)
        times = np.random.default_rng(seed).multinomial(
            count, np.full(count, 1 / count), size=_RESAMPLES_OF_CORRELATION
        )
        weights = times[:, self._groups].astype(np.float64)
        inside, outside = (self._figures(weights * side) for side in (self.inside, ~self.inside))
        return {metric: _correlation(inside[metric], outside[metric]) for metric in METRICS}

    def _differences(self, masks: NDArray[np.bool_]) -> dict[str, Floats]:
        inside, outside = (self._figures(side.astype(np.float64)) for side in (masks, ~masks))
        return {metric: inside[metric] - outside[metric] for metric in METRICS}

    def _figures(self, weights: Floats) -> dict[str, Floats]:
        each = [scorer.all_figures(weights, areas=False)[0] for scorer in self._scorers]
        return {metric: np.mean([figures[metric] for figures in each], axis=0) for metric in METRICS}

    def _permuted(self, random: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
        """Yield bool [some rounds, n]: which images might as well have been inside."""
        whole = (self._members == 0) | (self._members == self._sizes)
        of_whole = np.flatnonzero(whole)
        for start in range(0, _ROUNDS, _ROUNDS_AT_ONCE):
            rounds = min(_ROUNDS_AT_ONCE, _ROUNDS - start)
            dealt = np.tile(self._members > 0, (rounds, 1))
            dealt[:, of_whole] = random.permuted(dealt[:, of_whole], axis=1)
            # Within a group, the images with the smallest keys are inside: as many as are inside of it.
            keys = self._groups + random.random((rounds, len(self._groups)))
            order = np.argsort(keys, axis=1)
            starts = np.cumsum(self._sizes) - self._sizes
            place = np.arange(len(self._groups)) - np.repeat(starts, self._sizes)
            first = np.repeat(self._members, self._sizes) > place
            exchanged = np.zeros((rounds, len(self._groups)), bool)
            np.put_along_axis(exchanged, order, np.tile(first, (rounds, 1)), axis=1)
            yield np.where(whole[self._groups], dealt[:, self._groups], exchanged)


def _correlation(a: Floats, b: Floats) -> float:
    known = ~(np.isnan(a) | np.isnan(b))
    if known.sum() < 3 or a[known].std() < 1e-12 or b[known].std() < 1e-12:
        return 0.0
    return float(min(_LARGEST_CORRELATION, np.corrcoef(a[known], b[known])[0, 1]))
