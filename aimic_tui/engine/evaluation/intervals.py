"""How far a figure can be trusted: intervals that respect what images share.

Images of one patient or slide are alike, so whole groups are resampled, not images (cluster bootstrap). The test
predictions of all folds are evaluated together; a group's images count in whichever folds they were tested.

- Shares of images (accuracy, one-vs-rest accuracy; a class's recall, specificity, precision and, through
  Jaccard's index J = F1 / (2 - F1), its F1) get Wilson's interval with an effective number of images: as many
  independent ones as would vary like the share does when groups are resampled. It stays right close to 0 and 1,
  where a bootstrap's own quantiles are too narrow.
- Areas under ROC curves get limits that are normal in the logit (`limits.area_limits`), for the same reason.
- Everything else gets bias-corrected and accelerated bootstrap quantiles (BCa).
- The calibration error, too high in every sample and higher in resampled ones, gets limits from inverting a test
  (`calibration_error`).
- Macro recall and macro F1 without any error, where resampling shows nothing, get the limits that follow from those
  of their classes.

No interval is pretended: figures need at least 10 groups, and those that average or describe classes at least 5
groups with, and 5 groups with images outside, each class. Otherwise low and high are None. Where a network has
several seeds or repeats, a figure is the mean of their figures, and all of them are resampled together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.calibration_error import CalibrationError, calibration_error
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import (
    ResampledFigure,
    area_limits,
    bca_limits,
    mean_limits,
    number_or_none,
    share_limits,
)
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, CLASS_METRICS, TOPS, Floats, Integers, Scorer

FEWEST_GROUPS = 10
FEWEST_GROUPS_OF_A_CLASS = 5
_SHARES_OF_IMAGES = frozenset({"accuracy", *TOPS})
_ABOUT_ALL_IMAGES = frozenset({"log_loss", "brier"})
# A macro figure -> the class figure that it is the mean of, where that one is a share.
_MEANS_OF_SHARES = {"macro_recall": "recall", "balanced_accuracy": "recall", "macro_f1": "f1"}
_JACKKNIFE_BLOCKS = 200  # the acceleration needs no more, and leaving out each of thousands of groups would be slow
_WEIGHTS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class BootstrapFigures:
    """The figures of one network with their intervals.

    Attributes:
        overall: by the names of `metrics.ALL_METRICS`.
        classes: in the order of the codes, by the names of `metrics.CLASS_METRICS`.
        resampled: float [resamples] by overall name, empty where there are too few groups; of the same images, groups
            and seed alike for two networks, so that these can be subtracted.
        jackknife: float [blocks] by overall name: the figures without one block of groups at a time.
        groups: how many there are.
        confidence: of the intervals.
        corrected_ece: the calibration error without what chance adds to it; None where there are too few groups.
        groups_with, groups_outside: a class in how many groups there are images of it, and images of other classes.
    """

    overall: dict[str, Interval]
    classes: tuple[dict[str, Interval], ...]
    resampled: dict[str, Floats]
    jackknife: dict[str, Floats]
    groups: int
    confidence: float
    corrected_ece: float | None = None
    groups_with: tuple[int, ...] = ()
    groups_outside: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Figures:
    """Figures under some weightings: overall [w] by name, of the classes [w, c] by name."""

    overall: dict[str, Floats]
    classes: dict[str, Floats]


@dataclass(frozen=True)
class _Sample:
    """Predictions with their groups as codes from 0, nothing unknown among them; `scorers` holds one a set of them."""

    labels: Integers
    groups_of: NDArray[np.intp]
    groups: int
    classes: int
    scorers: list[Scorer]

    @property
    def sets(self) -> int:
        """How many sets of predictions a figure is the mean of: it may vary as little as one of so many more images."""
        return len(self.scorers)

    @property
    def with_class(self) -> NDArray[np.int64]:
        """int [c]: in how many groups there are images of the class."""
        counts: NDArray[np.int64] = (self._counts > 0).sum(axis=0)
        return counts

    @property
    def without_class(self) -> NDArray[np.int64]:
        """int [c]: in how many groups there are images of other classes."""
        others: NDArray[np.int64] = (self._counts.sum(axis=1, keepdims=True) > self._counts).sum(axis=0)
        return others

    @property
    def _counts(self) -> NDArray[np.int64]:
        cells = self.groups_of * self.classes + self.labels
        return np.bincount(cells, minlength=self.groups * self.classes).reshape(self.groups, self.classes)

    def calibration_error(self, *, resamples: int, confidence: float, seed: int) -> CalibrationError:
        """Estimate the calibration error, a mean over all seeds."""
        by_seed = [scorer.calibration_gaps() for scorer in self.scorers]
        gaps = np.zeros((self.groups, len(by_seed), by_seed[0].shape[1]))
        for place, of_images in enumerate(by_seed):
            np.add.at(gaps[:, place], self.groups_of, of_images)
        images = np.bincount(self.groups_of, minlength=self.groups).astype(np.float64)
        return calibration_error(gaps, images, resamples=resamples, confidence=confidence, seed=seed)

    def figures(self, weightings: Iterator[Floats]) -> _Figures:
        """Return the figures of each weighting, averaged over the seeds."""
        parts = []
        for weights in weightings:
            found = [scorer.all_figures(weights) for scorer in self.scorers]
            parts.append(
                (
                    {name: np.mean([overall[name] for overall, _ in found], axis=0) for name in found[0][0]},
                    {name: np.mean([classes[name] for _, classes in found], axis=0) for name in found[0][1]},
                )
            )
        return _Figures(
            {name: np.concatenate([overall[name] for overall, _ in parts]) for name in parts[0][0]},
            {name: np.concatenate([classes[name] for _, classes in parts]) for name in parts[0][1]},
        )


def cluster_bootstrap(
    labels: Integers,
    probabilities: Floats,
    groups: Integers,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    on_resamples: Callable[[int], None] = lambda _: None,
) -> BootstrapFigures:
    """Evaluate predictions, with an interval for every figure that allows one.

    Args:
        labels: int [n], codes; -1 where unknown (such images don't count).
        probabilities: float [n, c], or [seeds, n, c] for several sets of predictions of the same images.
        groups: int [n], any codes; images of one code are resampled together.
        resamples: bootstrap resamples, at least 1000 for figures to publish.
        confidence: of the intervals, between 0 and 1.
        seed: the same seed draws the same resamples.
        on_resamples: called with how many are done, now and then; what it raises ends the work.
    """
    sets = probabilities if probabilities.ndim == 3 else probabilities[None]
    counted = (labels >= 0) & ~np.isnan(sets).any(axis=(0, 2))
    names, codes = np.unique(groups[counted], return_inverse=True)
    scorers = [Scorer(labels[counted], table[counted]) for table in sets]
    sample = _Sample(labels[counted], codes, len(names), sets.shape[2], scorers)

    with_class, without_class = tuple(sample.with_class.tolist()), tuple(sample.without_class.tolist())
    value = sample.figures(iter([np.ones((1, len(codes)))]))
    if sample.groups < FEWEST_GROUPS:
        return BootstrapFigures(
            {name: Interval(number_or_none(value.overall[name][0])) for name in ALL_METRICS},
            tuple(
                {name: Interval(number_or_none(value.classes[name][0, code])) for name in CLASS_METRICS}
                for code in range(sample.classes)
            ),
            {},
            {},
            sample.groups,
            confidence,
            groups_with=with_class,
            groups_outside=without_class,
        )
    resampled = sample.figures(_resampled_weights(sample, resamples, seed, on_resamples))
    jackknife = sample.figures(_without_blocks(sample, seed))
    classes = tuple(
        _class_intervals(sample, code, value, resampled, jackknife, confidence=confidence)
        for code in range(sample.classes)
    )
    overall = {
        name: _overall_interval(
            sample,
            name,
            ResampledFigure(
                float(value.overall[name][0]),
                resampled.overall[name],
                jackknife.overall[name],
                sample.groups,
                confidence,
            ),
            classes,
        )
        for name in ALL_METRICS
        if name not in ("one_vs_rest_accuracy", "ece")
    }
    overall["one_vs_rest_accuracy"] = _one_vs_rest(overall["accuracy"], sample.classes)
    error = sample.calibration_error(resamples=resamples, confidence=confidence, seed=seed)
    overall["ece"] = error.interval
    return BootstrapFigures(
        overall,
        classes,
        resampled.overall,
        jackknife.overall,
        sample.groups,
        confidence,
        corrected_ece=error.corrected,
        groups_with=with_class,
        groups_outside=without_class,
    )


def paired_difference(a: BootstrapFigures, b: BootstrapFigures) -> dict[str, Interval]:
    """Return the differences a - b of the overall figures of two networks judged on the same images.

    Both must come from the same images, groups, resamples and seed, so that each resample draws the same groups
    for both. Intervals are BCa; there is none where one of the two has none, and none of a difference of calibration
    errors: what chance adds to each of them (`calibration_error`) does not cancel, and of six intervals that were tried
    each contains the true difference in only 67 to 89 % of the simulated studies of some population.
    """
    found = {}
    for name in ALL_METRICS:
        first, second = a.overall[name], b.overall[name]
        if first.value is None or second.value is None:
            found[name] = Interval(None)
        elif name == "ece" or (first.low is None and second.low is None):
            found[name] = Interval(first.value - second.value)
        else:
            found[name] = bca_limits(
                ResampledFigure(
                    first.value - second.value,
                    a.resampled[name] - b.resampled[name],
                    a.jackknife[name] - b.jackknife[name],
                    a.groups,
                    a.confidence,
                )
            )
    return found


def share_interval(
    above: Floats, below: Floats, groups: Integers, *, resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Return sum(above) / sum(below) with Wilson's interval, whole groups resampled.

    Args:
        above: float [n], 0 to `below`: how much of each image counts as a hit.
        below: float [n], 0 to 1: how much of each image counts.
        groups: int [n], any codes.

    Returns:
        No value where nothing counts; no limits where fewer than `FEWEST_GROUPS` groups do.
    """
    counted = below > 0
    if not counted.any():
        return Interval(None)
    _, codes = np.unique(groups[counted], return_inverse=True)
    count = int(codes.max()) + 1
    hits = np.bincount(codes, weights=above[counted], minlength=count)
    sizes = np.bincount(codes, weights=below[counted], minlength=count)
    value = float(hits.sum() / sizes.sum())
    if count < FEWEST_GROUPS:
        return Interval(value)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    drawn = (times @ hits) / (times @ sizes)
    without = (hits.sum() - hits) / (sizes.sum() - sizes)
    return share_limits(ResampledFigure(value, drawn, without, count, confidence), float(sizes.sum()))


def _overall_interval(
    sample: _Sample, name: str, figure: ResampledFigure, classes: tuple[dict[str, Interval], ...]
) -> Interval:
    if name in _SHARES_OF_IMAGES:
        return share_limits(figure, len(sample.labels) * sample.sets)
    present = sample.with_class > 0
    fewest = np.minimum(sample.with_class, sample.without_class)[present].min()
    if name not in _ABOUT_ALL_IMAGES and fewest < FEWEST_GROUPS_OF_A_CLASS:
        return Interval(number_or_none(figure.value))
    if name == "auroc":
        return area_limits(
            figure,
            _smallest_step(
                int(np.bincount(sample.labels, minlength=sample.classes)[present].min()), len(sample.labels)
            ),
        )
    interval = bca_limits(figure)
    if interval.low is None and interval.value is not None and name in _MEANS_OF_SHARES:
        of_class = _MEANS_OF_SHARES[name]
        return mean_limits([figures[of_class] for figures, there in zip(classes, present, strict=True) if there])
    return interval


def _one_vs_rest(accuracy: Interval, classes: int) -> Interval:
    """Each error counts in two of the classes' accuracies: 1 - 2 (1 - accuracy) / c."""
    value, low, high = (
        None if share is None else 1 - 2 * (1 - share) / classes
        for share in (accuracy.value, accuracy.low, accuracy.high)
    )
    return Interval(value, low, high)


def _class_intervals(
    sample: _Sample, code: int, value: _Figures, resampled: _Figures, jackknife: _Figures, *, confidence: float
) -> dict[str, Interval]:
    having, lacking = int(sample.with_class[code]), int(sample.without_class[code])
    support, said = float(value.classes["support"][0, code]), float(value.classes["predicted"][0, code])
    hits = support * float(np.nan_to_num(value.classes["recall"][0, code]))
    # What each share is a share of, and the groups that it rests on.
    shares = {
        "precision": (said, having),
        "recall": (support, having),
        "specificity": (len(sample.labels) - support, lacking),
        "negative_predictive_value": (len(sample.labels) - said, lacking),
        "f1": (support + said - hits, having),
        "one_vs_rest_accuracy": (len(sample.labels), sample.groups),
    }
    found = {}
    for name in CLASS_METRICS:
        images, groups = shares.get(name, (support, having))
        figure = float(value.classes[name][0, code])
        resamples, without = resampled.classes[name][:, code], jackknife.classes[name][:, code]
        if min(having, lacking) < FEWEST_GROUPS_OF_A_CLASS:
            found[name] = Interval(number_or_none(figure))
        elif name == "f1":
            jaccard = ResampledFigure(figure / (2 - figure), resamples / (2 - resamples), without, groups, confidence)
            limits = share_limits(jaccard, images * sample.sets)
            found[name] = Interval(figure, _f1_of(limits.low), _f1_of(limits.high))
        elif name in shares:
            found[name] = share_limits(
                ResampledFigure(figure, resamples, without, groups, confidence), images * sample.sets
            )
        elif name == "auroc":
            step = _smallest_step(int(support), len(sample.labels))
            found[name] = area_limits(ResampledFigure(figure, resamples, without, groups, confidence), step)
        else:
            found[name] = bca_limits(ResampledFigure(figure, resamples, without, groups, confidence))
    return found


def _smallest_step(images: int, of: int) -> float:
    """By how much an area under a ROC curve changes where one pair of images changes its order."""
    return 1 / max(1, images * (of - images))


def _f1_of(jaccard: float | None) -> float | None:
    return None if jaccard is None else 2 * jaccard / (1 + jaccard)


def _resampled_weights(
    sample: _Sample, resamples: int, seed: int, on_resamples: Callable[[int], None]
) -> Iterator[Floats]:
    """Weightings float [some, n]: how often each image's group came up in as many draws as there are groups."""
    generator = np.random.default_rng(seed)
    some = max(1, min(resamples, _WEIGHTS_AT_ONCE // len(sample.labels)))
    evenly = np.full(sample.groups, 1 / sample.groups)
    for start in range(0, resamples, some):
        times = generator.multinomial(sample.groups, evenly, size=min(some, resamples - start))
        yield times[:, sample.groups_of].astype(np.float64)
        on_resamples(start + len(times))


def _without_blocks(sample: _Sample, seed: int) -> Iterator[Floats]:
    """Weightings float [some, n], each leaving out one block of groups (one group where there are few)."""
    blocks = min(sample.groups, _JACKKNIFE_BLOCKS)
    block_of = np.random.default_rng(seed).permutation(sample.groups) % blocks
    some = max(1, min(blocks, _WEIGHTS_AT_ONCE // len(sample.labels)))
    for start in range(0, blocks, some):
        left_out = np.arange(start, min(start + some, blocks))[:, None]
        yield (block_of[sample.groups_of] != left_out).astype(np.float64)
