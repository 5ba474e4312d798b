"""Whether a network's figure differs more from fold to fold than its interval lets one think.

An interval over groups is for the trained networks together. Where these differ a lot, a network trained anew may do
much better or worse than the interval says, and with one seed nothing but the folds shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import FoldFigures, NetworkResults
from aimic_tui.engine.formatting.numbers import number

_LEVEL = 0.01  # of the test; a warning beside every hundredth run where nothing is wrong is bearable


@dataclass(frozen=True)
class FoldSpread:
    """How one figure varies over folds.

    Attributes:
        folds: how many there are, of one repeat.
        sd: standard deviation over them; of several seeds, of their mean in each fold.
        by_chance: the one that would come from the folds' different groups alone.
        between: that of the folds' networks, sqrt(sd^2 - by_chance^2), 0 where chance explains all.
        half_width: of the interval over groups.
        p: of a spread at least this large by chance alone (Cochran's Q, 1954).
    """

    folds: int
    sd: float
    by_chance: float
    between: float
    half_width: float
    p: float

    @property
    def dwarfs_interval(self) -> bool:
        """Whether the networks surely differ, and by more than half the interval's width.

        About every third network trained anew lies farther from their mean than one standard deviation, so outside the
        interval even if that were about the mean exactly.
        """
        return self.p < _LEVEL and self.between > self.half_width


def spread_warning(name: str, network: NetworkResults, confidence: float, metric: str = "macro_f1") -> str:
    """Warn where a network's folds differ more than its interval lets one think; "" where they don't.

    Where the recipe's interval is known, that says it better.
    """
    found = fold_spread(network.folds, metric, network.pooled[metric], confidence)
    if network.recipe or found is None or not found.dwarfs_interval:
        return ""
    return (
        f"The {TITLES[metric]} of {name} varies over its folds with a standard deviation of {number(found.sd)}, where "
        f"chance explains {number(found.by_chance)}: trained anew, it may lie far outside its interval. Three seeds "
        "(training.seeds = 3) would show how far."
    )


def fold_spread(
    folds: Sequence[FoldFigures], metric: str, figure: Interval, confidence: float = 0.95
) -> FoldSpread | None:
    """Compare the spread of a figure over folds with its interval over groups.

    A fold holds one k-th of the groups, so by chance alone its figure has sqrt(k) times the standard error of all.

    Args:
        folds: of one network; folds of several repeats count as so many times k folds of the same groups.
        metric: one of `metrics.ALL_METRICS`.
        figure: the pooled one, with its interval for these trained networks.
        confidence: of the interval.

    Returns:
        None without an interval, or with fewer than three folds in which the figure is defined.
    """
    if figure.low is None or figure.high is None:
        return None
    of_fold: dict[tuple[int, int], list[float]] = {}
    for fold in folds:
        value = fold.values.get(metric)
        if value is not None:
            of_fold.setdefault((fold.repeat, fold.fold), []).append(value)
    repeats: dict[int, list[float]] = {}
    for (repeat, _), values in of_fold.items():
        repeats.setdefault(repeat, []).append(float(np.mean(values)))
    count = min((len(values) for values in repeats.values()), default=0)
    half_width = (figure.high - figure.low) / 2
    if count < 3 or half_width == 0:
        return None
    variance = float(np.mean([np.var(values, ddof=1) for values in repeats.values()]))
    by_chance = math.sqrt(count) * half_width / NormalDist().inv_cdf(0.5 + confidence / 2)
    from scipy.special import chdtrc

    return FoldSpread(
        count,
        math.sqrt(variance),
        by_chance,
        math.sqrt(max(0.0, variance - by_chance**2)),
        half_width,
        float(chdtrc(count - 1, (count - 1) * variance / by_chance**2)),
    )
