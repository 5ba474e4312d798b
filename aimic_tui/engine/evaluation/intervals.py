"""How far a figure can be trusted: intervals that respect what images share.

Images of one patient or slide are alike, so whole groups are resampled, not images (cluster bootstrap). The test
predictions of all folds are evaluated together; a group's images count in whichever folds they were tested.

- Shares of images (accuracy, one-vs-rest accuracy; a class's recall, specificity, precision and, through
  Jaccard's index J = F1 / (2 - F1), its F1) get Wilson's interval with an effective number of images: as many
  independent ones as would vary like the share does when groups are resampled. It stays right close to 0 and 1,
  where a bootstrap's own quantiles are too narrow.
- Areas under ROC curves get limits that are normal in the logit (`limits.area_limits`), for the same reason.
- Everything else gets bias-corrected and accelerated bootstrap quantiles (BCa).
- Means over the classes of shares (macro recall, precision and F1) get the wider one of that and of what follows from
  the classes' own limits (MOVER): a class without an error adds nothing to what resamples show, but it has limits. So
  do differences of two networks.
- The calibration error, on average too high in samples and higher still in resampled ones, gets limits from inverting
  a test (`calibration_error`).

Groups of unequal size are worth fewer equal ones. Their effective number (for figures of a class that of its images)
gives the degrees of freedom, and the jackknife's variance takes the bootstrap's place where it is larger
(`interval_limits`).

No interval is pretended: figures need at least 10 groups, and those that average or describe classes at least 5
groups with, and 5 groups with images outside, each class; each of these must be worth at least 3 equal ones (of two
or less, limits would be all that a figure can be). Otherwise low and high are None, and `missing` says why.

Where a network has several seeds or repeats, a figure is the mean of their figures, and all of them are resampled
together. Such an interval is for these trained networks, on new groups. Its counterpart for the recipe, networks
trained anew, is in `BootstrapFigures.recipe` (`recipe_limits`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.grouped_sample import (
    ABOUT_ALL_IMAGES,
    SHARES_OF_IMAGES,
    GroupedSample,
    WeightedFigures,
    bootstrap_weights,
    jackknife_weights,
    missing_interval,
)
from aimic_tui.engine.evaluation.interval import DOMINANT_SHARE, Interval, NoInterval
from aimic_tui.engine.evaluation.interval_limits import (
    Bounds,
    ResampledFigure,
    area_limits,
    bca_limits,
    difference_limits,
    effective_number,
    mean_limits,
    share_limits,
    wider,
    wilson,
)
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, CLASS_METRICS, Floats, Integers, Scorer
from aimic_tui.engine.evaluation.recipe_limits import of_sets, recipe_limits

BOUNDS: dict[str, Bounds] = {
    **dict.fromkeys(ALL_METRICS, (0.0, 1.0)),
    "log_loss": (0.0, math.inf),
    "brier": (0.0, 2.0),
    "matthews": (-1.0, 1.0),
    "kappa": (-1.0, 1.0),
}
"""The smallest and the largest value of each overall figure."""
# A macro figure -> the class figure that it is the mean of, where that one is a share.
MEANS_OF_SHARES = {
    "macro_recall": "recall",
    "balanced_accuracy": "recall",
    "macro_precision": "precision",
    "macro_f1": "f1",
}
_FEW_ERRORS = 10  # images, up to which chance decides whether an error is among them that costs a lot


@dataclass(frozen=True)
class LargestGroup:
    """The group with the most images.

    Attributes:
        code: as among the groups that were given.
        share: of all images that count, above 0.
    """

    code: int
    share: float

    @property
    def dominant(self) -> bool:
        """Whether so many images are in it that it should be named beside the intervals."""
        return self.share >= DOMINANT_SHARE


@dataclass(frozen=True)
class BootstrapFigures:
    """The figures of one network with their intervals.

    Attributes:
        overall: by the names of `metrics.ALL_METRICS`.
        classes: in the order of the codes, by the names of `metrics.CLASS_METRICS`.
        recipe: by overall name, the figures with limits for networks trained anew (`recipe_limits`); empty where there
            is one set of predictions only, that is one seed and one repeat.
        resampled: float [resamples] by overall name, empty where there are too few groups; of the same images, groups
            and seed alike for two networks, so that these can be subtracted.
        jackknife: float [blocks] by overall name: the figures without one block of groups at a time.
        by_set: float [sets] by overall name: the figures of each seed and repeat, whose means are in `overall`.
        class_jackknife: float [blocks, c], as `jackknife`, by the class figures that macro figures are means of.
        groups: how many there are.
        effective: how many equal groups they are worth, by overall name: macro figures weigh each class alike.
        largest_group: None without images.
        confidence: of the intervals.
        corrected_ece: the calibration error without what chance adds to it; None where there are too few groups.
        groups_with, groups_outside: a class in how many groups there are images of it, and images of other classes.
        effective_with, effective_outside: how many equal groups these are worth, by the images in and outside it.
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
    effective_with: tuple[float, ...] = ()
    effective_outside: tuple[float, ...] = ()
    effective: dict[str, float] = field(default_factory=dict)
    largest_group: LargestGroup | None = None
    by_set: dict[str, Floats] = field(default_factory=dict)
    class_jackknife: dict[str, Floats] = field(default_factory=dict)
    recipe: dict[str, Interval] = field(default_factory=dict)

    @property
    def effective_groups(self) -> float:
        """How many groups of equal size the groups are worth, by their images; 0 without images."""
        return self.effective.get("accuracy", 0.0)


def cluster_bootstrap(
    labels: Integers,
    probabilities: Floats,
    groups: Integers,
    *,
    predicted: NDArray[np.intp] | None = None,
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
        predicted: int [seeds, n], the predicted classes where these are not the most probable ones.
        resamples: bootstrap resamples, at least 1000 for figures to publish.
        confidence: of the intervals, between 0 and 1.
        seed: the same seed draws the same resamples.
        on_resamples: called with how many are done, now and then; what it raises ends the work.
    """
    sets = probabilities if probabilities.ndim == 3 else probabilities[None]
    counted = (labels >= 0) & ~np.isnan(sets).any(axis=(0, 2))
    names, codes = np.unique(groups[counted], return_inverse=True)
    said = [None if predicted is None else predicted[place, counted] for place in range(len(sets))]
    scorers = [Scorer(labels[counted], table[counted], of_set) for table, of_set in zip(sets, said, strict=True)]
    sample = GroupedSample(labels[counted], codes, len(names), sets.shape[2], scorers)

    everyone = np.ones((1, len(codes)))
    value = sample.figures(iter([everyone]))
    by_set = [scorer.all_figures(everyone)[0] for scorer in scorers]
    missing = sample.missing_interval()
    figures = BootstrapFigures(
        {name: _without_limits(value.overall[name][0], missing) for name in ALL_METRICS},
        tuple(
            {name: _without_limits(value.classes[name][0, code], missing) for name in CLASS_METRICS}
            for code in range(sample.classes)
        ),
        {},
        {},
        sample.groups,
        confidence,
        groups_with=tuple(sample.with_class.tolist()),
        groups_outside=tuple(sample.without_class.tolist()),
        effective_with=sample.effective_with,
        effective_outside=sample.effective_outside,
        effective=sample.effective,
        largest_group=_largest(names, sample.sizes),
        by_set={name: np.array([figures[name][0] for figures in by_set]) for name in ALL_METRICS},
    )
    if missing is not None:
        return figures
    resampled = sample.figures(bootstrap_weights(sample, resamples, seed, on_resamples))
    jackknife = sample.figures(jackknife_weights(sample, seed))
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
                sample.effective[name],
            ),
            classes,
        )
        for name in ALL_METRICS
        if name not in ("one_vs_rest_accuracy", "ece")
    }
    for name in ABOUT_ALL_IMAGES:
        overall[name] = _with_unseen_errors(sample, name, overall[name], overall["accuracy"])
    overall["one_vs_rest_accuracy"] = _one_vs_rest(overall["accuracy"], sample.classes)
    error = sample.calibration_error(resamples=resamples, confidence=confidence, seed=seed)
    overall["ece"] = error.interval
    recipe = {
        name: recipe_limits(overall[name], of_sets(figures.by_set[name]), confidence, BOUNDS[name])
        for name in ALL_METRICS
        if sample.sets > 1
    }
    return replace(
        figures,
        overall=overall,
        classes=classes,
        resampled=resampled.overall,
        jackknife=jackknife.overall,
        corrected_ece=error.corrected,
        class_jackknife={name: jackknife.classes[name] for name in set(MEANS_OF_SHARES.values())},
        recipe=recipe,
    )


def paired_difference(a: BootstrapFigures, b: BootstrapFigures) -> dict[str, Interval]:
    """Return the differences a - b of the overall figures of two networks judged on the same images.

    Both must come from the same images, groups, resamples and seed, so that each resample draws the same groups
    for both. Intervals are the wider one of BCa and of what follows from the networks' own limits
    (`interval_limits.difference_limits`), which know of errors that were not seen. There is none where one of the two
    has none, and none of a difference of calibration errors: what chance adds to each of them (`calibration_error`)
    does not cancel, and of six intervals that were tried each contains the true difference in only 67 to 89 % of the
    simulated studies of some population.
    """
    found = {}
    for name in ALL_METRICS:
        first, second = a.overall[name], b.overall[name]
        if first.value is None or second.value is None:
            found[name] = Interval(None)
        elif name == "ece" or (first.low is None and second.low is None):
            found[name] = Interval(first.value - second.value, missing=first.missing)
        else:
            low, high = BOUNDS[name]
            bounds = (low - high, high - low)
            limits = bca_limits(
                ResampledFigure(
                    first.value - second.value,
                    a.resampled[name] - b.resampled[name],
                    a.jackknife[name] - b.jackknife[name],
                    a.groups,
                    a.confidence,
                    a.effective[name],
                ),
                bounds,
            )
            found[name] = wider(limits, _from_limits(a, b, name, bounds)) if limits.low is not None else limits
    return found


def _from_limits(a: BootstrapFigures, b: BootstrapFigures, name: str, bounds: Bounds) -> Interval:
    """The difference of a figure with limits from those of both networks; of means over classes from the classes'."""
    if name not in MEANS_OF_SHARES:
        together = _correlation(a.jackknife[name], b.jackknife[name], a.effective[name])
        return difference_limits(a.overall[name], b.overall[name], together)
    of_class = MEANS_OF_SHARES[name]
    changes = a.class_jackknife[of_class], b.class_jackknife[of_class]
    differences = [
        difference_limits(
            a.classes[code][of_class],
            b.classes[code][of_class],
            _correlation(changes[0][:, code], changes[1][:, code], a.effective_with[code]),
        )
        for code, groups in enumerate(a.groups_with)
        if groups
    ]
    return mean_limits(differences, bounds)


def _correlation(a: Floats, b: Floats, groups: float) -> float:
    """How alike two figures change where a block of groups is left out, -1 to 1.

    Two that never differ in as few groups as there are may still do so elsewhere: at most 1 - 2 / groups. Nothing that
    varies shows no correlation.
    """
    known = ~(np.isnan(a) | np.isnan(b))
    if not known.any():
        return 0.0
    a, b = a[known] - a[known].mean(), b[known] - b[known].mean()
    size = math.sqrt(float((a**2).sum()) * float((b**2).sum()))
    return min(float((a * b).sum()) / size, 1 - 2 / groups) if size > 1e-18 else 0.0


def share_interval(
    above: Floats, below: Floats, groups: Integers, *, resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Return sum(above) / sum(below) with Wilson's interval, whole groups resampled.

    Args:
        above: float [n], 0 to `below`: how much of each image counts as a hit.
        below: float [n], 0 to 1: how much of each image counts.
        groups: int [n], any codes.

    Returns:
        No value where nothing counts; no limits where fewer than `FEWEST_GROUPS` groups do, or so unequal ones that
        they are worth fewer than `FEWEST_EFFECTIVE_GROUPS`.
    """
    counted = below > 0
    if not counted.any():
        return Interval(None)
    _, codes = np.unique(groups[counted], return_inverse=True)
    count = int(codes.max()) + 1
    hits = np.bincount(codes, weights=above[counted], minlength=count)
    sizes = np.bincount(codes, weights=below[counted], minlength=count)
    value = float(hits.sum() / sizes.sum())
    effective = effective_number(sizes)
    missing = missing_interval(count, effective)
    if missing is not None:
        return Interval(value, missing=missing)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    drawn = (times @ hits) / (times @ sizes)
    without = (hits.sum() - hits) / (sizes.sum() - sizes)
    return share_limits(ResampledFigure(value, drawn, without, count, confidence, effective), float(sizes.sum()))


def _largest(names: Integers, sizes: NDArray[np.int64]) -> LargestGroup | None:
    """Of the groups' codes and sizes; None where there is no group."""
    return LargestGroup(int(names[sizes.argmax()]), float(sizes.max() / sizes.sum())) if len(sizes) else None


def _without_limits(value: float, missing: NoInterval | None) -> Interval:
    return Interval(None) if math.isnan(value) else Interval(float(value), missing=missing)


def _overall_interval(
    sample: GroupedSample, name: str, figure: ResampledFigure, classes: tuple[dict[str, Interval], ...]
) -> Interval:
    if name in SHARES_OF_IMAGES:
        return share_limits(figure, len(sample.labels) * sample.sets)
    present = sample.with_class > 0
    if name not in ABOUT_ALL_IMAGES:
        missing = [sample.missing_interval_of(int(code)) for code in np.flatnonzero(present)]
        if any(missing):
            few: NoInterval = "few groups of a class"
            return _without_limits(figure.value, few if few in missing else "unequal groups of a class")
    if name == "auroc":
        step = _smallest_step(
            int(np.bincount(sample.labels, minlength=sample.classes)[present].min()), len(sample.labels)
        )
        return _with_perfect_classes(sample, name, area_limits(figure, step), classes, figure.confidence)
    interval = bca_limits(figure, BOUNDS[name])
    if name == "average_precision":
        return _with_perfect_classes(sample, name, interval, classes, figure.confidence)
    if name in MEANS_OF_SHARES:
        of_class = MEANS_OF_SHARES[name]
        terms = [figures[of_class] for figures, there in zip(classes, present, strict=True) if there]
        return wider(interval, mean_limits(terms))
    return interval


def _with_perfect_classes(
    sample: GroupedSample, name: str, interval: Interval, classes: tuple[dict[str, Interval], ...], confidence: float
) -> Interval:
    """Widen the limits of a mean of the classes' areas where some class's images are all ranked before the others.

    Resamples show no variation of such an area. It is a mean over the class's images of shares, of which nothing varies
    more than one that is 0 or 1: Wilson's limits of a share without a miss among the class's groups are wide enough.
    """
    terms = []
    for code in np.flatnonzero(sample.with_class > 0):
        area = classes[code][name]
        if area.value == 1 and area.low is None:
            of_class = min(sample.effective_with[code], sample.effective_outside[code])
            area = Interval(1.0, *wilson(1.0, of_class, confidence, degrees=of_class - 1))
        terms.append(area)
    perfect = any(classes[code][name].missing == "nothing varies" for code in np.flatnonzero(sample.with_class > 0))
    return wider(interval, mean_limits(terms)) if perfect and interval.low is not None else interval


def _with_unseen_errors(sample: GroupedSample, name: str, interval: Interval, accuracy: Interval) -> Interval:
    """Raise the upper limit of a mean that few wrong images decide: resamples hold no wrong image that was not seen.

    The limit is at least what the figure would be with as many wrong images as the accuracy's interval allows.
    """
    value, right, least = interval.value, accuracy.value, accuracy.low
    if value is None or right is None or least is None or (1 - right) * len(sample.labels) > _FEW_ERRORS:
        return interval
    cost = float(np.mean([scorer.cost_of_an_error()[name] for scorer in sample.scorers]))
    return wider(interval, Interval(value, value, min(BOUNDS[name][1], value + (right - least) * cost)))


def _one_vs_rest(accuracy: Interval, classes: int) -> Interval:
    """Each error counts in two of the classes' accuracies: 1 - 2 (1 - accuracy) / c."""
    value, low, high = (
        None if share is None else 1 - 2 * (1 - share) / classes
        for share in (accuracy.value, accuracy.low, accuracy.high)
    )
    return Interval(value, low, high, missing=accuracy.missing)


def _class_intervals(
    sample: GroupedSample,
    code: int,
    value: WeightedFigures,
    resampled: WeightedFigures,
    jackknife: WeightedFigures,
    *,
    confidence: float,
) -> dict[str, Interval]:
    having, lacking = int(sample.with_class[code]), int(sample.without_class[code])
    support, said = float(value.classes["support"][0, code]), float(value.classes["predicted"][0, code])
    hits = support * float(np.nan_to_num(value.classes["recall"][0, code]))
    of_class, others = sample.effective_with[code], sample.effective_outside[code]
    everyone = sample.effective["accuracy"]
    # What each share is a share of, the groups that it rests on, and how many equal ones these are worth.
    shares = {
        "precision": (said, having, of_class),
        "recall": (support, having, of_class),
        "specificity": (len(sample.labels) - support, lacking, others),
        "negative_predictive_value": (len(sample.labels) - said, lacking, others),
        "f1": (support + said - hits, having, of_class),
        "one_vs_rest_accuracy": (len(sample.labels), sample.groups, everyone),
    }
    missing = sample.missing_interval_of(code)
    found = {}
    for name in CLASS_METRICS:
        images, groups, effective = shares.get(name, (support, having, of_class))
        value_of_class = float(value.classes[name][0, code])
        if missing is not None:
            found[name] = _without_limits(value_of_class, missing)
            continue
        figure = ResampledFigure(
            value_of_class,
            resampled.classes[name][:, code],
            jackknife.classes[name][:, code],
            groups,
            confidence,
            effective,
        )
        if name == "f1":
            limits = share_limits(_jaccard_of(figure), images * sample.sets)
            found[name] = Interval(value_of_class, _f1_of(limits.low), _f1_of(limits.high))
        elif name in shares:
            found[name] = share_limits(figure, images * sample.sets)
        elif name == "auroc":
            step = _smallest_step(int(support), len(sample.labels))
            found[name] = area_limits(replace(figure, effective=min(of_class, others)), step)
        else:
            found[name] = bca_limits(figure, (0.0, 1.0))
    return found


def _jaccard_of(f1: ResampledFigure) -> ResampledFigure:
    """Jaccard's index is a share of images, F1 is not."""
    return replace(
        f1,
        value=f1.value / (2 - f1.value),
        resamples=f1.resamples / (2 - f1.resamples),
        jackknife=f1.jackknife / (2 - f1.jackknife),
    )


def _smallest_step(images: int, of: int) -> float:
    """By how much an area under a ROC curve changes where one pair of images changes its order."""
    return 1 / max(1, images * (of - images))


def _f1_of(jaccard: float | None) -> float | None:
    return None if jaccard is None else 2 * jaccard / (1 + jaccard)
