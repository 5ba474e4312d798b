"""How wide intervals will be, before anything is trained, and how many groups an interval of a wanted width takes.

What is planned is the external validation of a model, or a cross-validation, in which every image is tested once: its
intervals are as wide as its figures vary with the images. Riley et al. (2024, BMJ 384, e074821; 2021, Statistics in
Medicine 40, 4230) plan it by the width of the intervals, too, for two classes: of calibration, the area under the ROC
curve and net benefit. Here it is done for the figures that a run is judged by, in the same way: of a share by its
binomial variance, of the area by the formula that follows from negative exponential scores (Hanley and McNeil 1982,
Radiology 143, 29). Three things are added:

- Images of one group are alike. With a correlation `icc` of being classified correctly, within a group, the variance
  of a sum of independent images' contributions u with weights is

      V = sum over groups (sum of mean u)^2 + (1 - icc) sum of var u + icc sum over groups (sum of sd u)^2,

  which is (1 + (m - 1) icc) / n times the binomial variance, the design effect (Kish 1965; Donner and Klar 2000),
  where all groups have m images, and holds for unequal groups and for groups with images of several classes.
- Means over classes (macro recall, macro F1) weigh images of rare classes more, so that the smallest class decides.
  Their contributions u are influence functions (first order, Serfling 1980).
- Limits are made as `intervals` makes them: Wilson's with the effective number of images, and Student's t with as many
  degrees of freedom as the effective number of groups allows, and the wider one of that and MOVER for means.

Of what a network gets wrong before there is one, only a level is assumed: `expect`. For F1 it is also assumed that a
network either recognises an image or guesses by the classes' frequencies, so that precision equals recall and rare
classes are recognised a little worse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.foreseen_intervals import EXPECTED, ICC, ForecastInterval, SampleSize
from aimic_tui.engine.evaluation.interval import FEWEST_EFFECTIVE_GROUPS, FEWEST_GROUPS, FEWEST_GROUPS_OF_A_CLASS
from aimic_tui.engine.evaluation.interval_limits import effective_number, t_quantile, wilson
from aimic_tui.engine.evaluation.metrics import Floats

Limits = Callable[[float], tuple[float, float]]
"""Returns an interval on so many times as many groups of the same kind."""
_MOST = 1e6  # times as many groups as there are


def group_table(labels: NDArray[np.integer], groups: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Return int [groups, c]: how many images of each class each group holds.

    Args:
        labels: int [n], codes below `classes`.
        groups: int [n], any codes.
    """
    _, codes = np.unique(groups, return_inverse=True)
    count = int(codes.max(initial=-1)) + 1
    return np.bincount(codes * classes + labels, minlength=count * classes).reshape(count, classes)


def forecast_sample_size(
    table: NDArray[np.int64],
    classes: Sequence[str],
    *,
    expect: float = EXPECTED,
    icc: float = ICC,
    confidence: float = 0.95,
    width: float | None = None,
) -> SampleSize:
    """Foresee intervals, and the groups that a wanted width takes.

    Args:
        table: int [groups, c], images of each class in each group that is tested, as `group_table` counts them;
            classes without any are left out.
        classes: c names.
        expect: the level of each figure, above 0.5 and below 1.
        icc: correlation of being classified correctly between images of a group, 0 to 1.
        confidence: of the intervals, between 0 and 1.
        width: the wanted half width of each interval, between 0 and 0.5.

    Raises:
        ValueError: there are images of fewer than two classes, or a number is outside its range.
    """
    if not (0.5 < expect < 1 and 0 <= icc <= 1 and 0 < confidence < 1 and (width is None or 0 < width < 0.5)):
        raise ValueError("expect must lie between 0.5 and 1, icc between 0 and 1, width between 0 and 0.5")
    present = table.sum(axis=0) > 0
    if present.sum() < 2:
        raise ValueError("a forecast needs images of two classes")
    names = [name for name, there in zip(classes, present.tolist(), strict=True) if there]
    design = _Design(table[:, present].astype(np.float64), icc, confidence)
    with_class = (design.table > 0).sum(axis=0)
    smallest = min(range(len(names)), key=lambda code: (with_class[code], design.of_class[code]))
    ways: tuple[tuple[str, str, Limits], ...] = (
        ("accuracy", "", design.accuracy(expect)),
        ("balanced_accuracy", "", design.macro_recall(expect)),
        ("macro_f1", "", design.macro_f1(expect)),
        ("auroc", "", design.auroc(expect)),
        ("recall", names[smallest], design.recall(smallest, expect)),
    )
    figures = []
    for metric, of, limits in ways:
        least, reason = design.least(metric, smallest if of else None, names)
        low, high = limits(1.0) if least <= 1 else (None, None)
        times = None if width is None else _times_needed(limits, width, least)
        figures.append(
            ForecastInterval(
                metric,
                of,
                low,
                high,
                reason,
                None if times is None else math.ceil(times * len(table) - 1e-9),
                None if times is None else math.ceil(times * int(with_class[smallest]) - 1e-9),
            )
        )
    return SampleSize(
        images=int(table.sum()),
        groups=len(table),
        grouped=bool((table.sum(axis=1) > 1).any()),
        classes=len(names),
        smallest_class=names[smallest],
        smallest_images=int(design.of_class[smallest]),
        smallest_groups=int(with_class[smallest]),
        expect=expect,
        icc=icc,
        confidence=confidence,
        width=width,
        figures=tuple(figures),
    )


def _times_needed(limits: Limits, width: float, least: float) -> float | None:
    """Return how many times as many groups give a half width of at most `width`; at least `least` times as many."""

    def half(times: float) -> float:
        low, high = limits(times)
        return (high - low) / 2

    if half(least) <= width:
        return least
    if half(_MOST) > width:
        return None
    low, high = math.log(least), math.log(_MOST)
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if half(math.exp(middle)) <= width else (middle, high)
    return math.exp(high)


@dataclass(frozen=True)
class _Design:
    """Groups and classes, and the limits of figures on `times` as many groups of the same kind.

    Attributes:
        table: float [g, c].
    """

    table: Floats
    icc: float
    confidence: float

    @property
    def of_class(self) -> Floats:
        """float [c]: images of each class."""
        counts: Floats = self.table.sum(axis=0)
        return counts

    def variance(self, mean: Floats, spread: Floats) -> float:
        """V of the module's formula, for contributions with this mean and standard deviation by class: float [c]."""
        between = ((self.table @ mean) ** 2).sum()
        within = (1 - self.icc) * (self.of_class * spread**2).sum() + self.icc * ((self.table @ spread) ** 2).sum()
        return float(between + within)

    def quantile(self, weights: Floats, times: float) -> float:
        """Student's t, with the effective number of groups whose images weigh so much by class: float [c]."""
        degrees = max(0.1, times * effective_number(self.table @ weights) - 1)
        return t_quantile(0.5 + self.confidence / 2, degrees)

    def least(self, metric: str, code: int | None, names: Sequence[str]) -> tuple[float, str]:
        """Return how many times as many groups the first interval takes, and why there is none without them."""
        needs = [(FEWEST_GROUPS / len(self.table), f"{len(self.table)} groups; {FEWEST_GROUPS} are needed")]
        needs.append(_effective_need(self.table.sum(axis=1), "the groups are"))
        if metric != "accuracy":
            for one in range(len(names)) if code is None else (code,):
                inside, outside = self.table[:, one], self.table.sum(axis=1) - self.table[:, one]
                for sizes, what in ((inside, f"{names[one]} is"), (outside, f"images outside {names[one]} are")):
                    groups = int((sizes > 0).sum())
                    sentence = f"{what} in {groups} groups; {FEWEST_GROUPS_OF_A_CLASS} are needed"
                    needs.append((FEWEST_GROUPS_OF_A_CLASS / max(groups, 1e-9), sentence))
                    needs.append(_effective_need(sizes, f"{what} in groups that are"))
        worst = max(needs)
        return max(worst[0], 1e-6), worst[1] if worst[0] > 1 else ""

    def share(self, value: float, variance: float, weights: Floats) -> Limits:
        """Wilson's limits of a share, with its effective number of images."""

        def limits(times: float) -> tuple[float, float]:
            degrees = max(0.1, times * effective_number(self.table @ weights) - 1)
            return wilson(value, max(1.0, times * value * (1 - value) / variance), self.confidence, degrees=degrees)

        return limits

    def accuracy(self, level: float) -> Limits:
        """Every image is correct with the same probability."""
        each = np.full(self.table.shape[1], 1 / self.table.sum())
        return self.share(level, self.variance(0 * each, _binary(level) * each), each)

    def recall(self, code: int, level: float) -> Limits:
        """Return limits of a class's sensitivity."""
        each = self._of(code) / self.of_class[code]
        return self.share(level, self.variance(0 * each, _binary(level) * each), each)

    def macro_recall(self, level: float) -> Limits:
        """Every class has the same recall."""
        each = 1 / (self.table.shape[1] * self.of_class)
        terms = [(level, self.recall(code, level)) for code in range(self.table.shape[1])]
        return self._mean(level, self.variance(0 * each, _binary(level) * each), each, terms)

    def macro_f1(self, level: float) -> Limits:
        """Images are recognised, or guessed by the classes' frequencies: precision and recall of a class are equal.

        F1 = 2 TP / (n + P) with P = n: a correct image of the class contributes (1 - F1) / n to it, an error from or to
        the class -F1 / 2n.
        """
        count, images = self.table.shape[1], self.of_class
        shares = images / images.sum()
        guessed = min(1.0, (1 - level) * count / (count - 1))
        f1 = 1 - guessed * (1 - shares)
        error = f1 / (2 * images)
        chances = np.tile(guessed * shares, (count, 1))  # of predicting class b for an image of class a, float [a, b]
        contributions = -(error[:, None] + error[None, :]) / count
        np.fill_diagonal(chances, f1)
        np.fill_diagonal(contributions, (1 - f1) / (count * images))
        mean = (contributions * chances).sum(axis=1)
        spread = np.sqrt(np.maximum(0.0, (contributions**2 * chances).sum(axis=1) - mean**2))
        terms = [self._f1(code, float(f1[code]), guessed * float(shares[code])) for code in range(count)]
        return self._mean(level, self.variance(mean, spread), 1 / (count * images), terms)

    def _f1(self, code: int, value: float, chance: float) -> tuple[float, Limits]:
        """Return a class's F1 with its limits; `chance` is that of an image of another class to be taken for it."""
        own, error = self._of(code), value / (2 * self.of_class[code])
        mean = np.where(own > 0, value * (1 - value) / self.of_class[code] - (1 - value) * error, -chance * error)
        # A correct image of the class contributes (1 - F1) / n, an error -F1 / 2n; they are so far apart:
        apart = (1 - value) / self.of_class[code] + error
        spread = np.where(own > 0, _binary(value) * apart, _binary(chance) * error)
        jaccard = value / (2 - value)  # a share of images, as `intervals` takes it
        of_jaccard = self.share(jaccard, self.variance(mean, spread) * (2 / (2 - value) ** 2) ** 2, own)

        def limits(times: float) -> tuple[float, float]:
            low, high = of_jaccard(times)
            return 2 * low / (1 + low), 2 * high / (1 + high)

        return value, limits

    def _mean(self, level: float, variance: float, each: Floats, terms: list[tuple[float, Limits]]) -> Limits:
        """Return the wider one of symmetric limits and those from the classes' own (MOVER; Zou and Donner 2008)."""

        def limits(times: float) -> tuple[float, float]:
            reach = self.quantile(each, times) * math.sqrt(variance / times)
            ends = [(value, of(times)) for value, of in terms]
            below = math.sqrt(sum((value - low) ** 2 for value, (low, _) in ends)) / len(terms)
            above = math.sqrt(sum((high - value) ** 2 for value, (_, high) in ends)) / len(terms)
            return max(0.0, level - max(reach, below)), min(1.0, level + max(reach, above))

        return limits

    def auroc(self, level: float) -> Limits:
        """Return limits of the mean area of each class against the rest; one image counts in all of them alike.

        Normal in the logit, as `intervals` makes them.
        """
        count, images = self.table.shape[1], self.of_class
        inside = math.sqrt(2 * level**2 / (1 + level) - level**2)
        outside = math.sqrt(level / (2 - level) - level**2)
        others = images.sum() - images
        # An image ranks well or badly in its own class and in all others at once, which is the least favourable case.
        spread = (inside / images + (outside / others).sum() - outside / others) / count
        variance, each = self.variance(0 * spread, spread), 1 / (count * images)
        middle = math.log(level / (1 - level))

        def limits(times: float) -> tuple[float, float]:
            reach = self.quantile(each, times) * math.sqrt(variance / times) / (level * (1 - level))
            return 1 / (1 + math.exp(reach - middle)), 1 / (1 + math.exp(-reach - middle))

        return limits

    def _of(self, code: int) -> Floats:
        """float [c]: 1 for the class, 0 for the others."""
        own = np.zeros(self.table.shape[1])
        own[code] = 1.0
        return own


def _binary(chance: float) -> float:
    """Return the standard deviation of what happens with this chance."""
    return math.sqrt(chance * (1 - chance))


def _effective_need(sizes: Floats, what: str) -> tuple[float, str]:
    effective = effective_number(sizes)
    sentence = f"{what} worth {effective:.1f} equal ones; {FEWEST_EFFECTIVE_GROUPS:g} are needed"
    return FEWEST_EFFECTIVE_GROUPS / max(effective, 1e-9), sentence
