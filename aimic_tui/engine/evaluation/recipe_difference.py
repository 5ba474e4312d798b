"""Whether two recipes (network and settings, trained anew) differ, from the figures of the networks that they left."""

from __future__ import annotations

from dataclasses import dataclass

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import BOUNDS, BootstrapFigures, paired_difference
from aimic_tui.engine.evaluation.recipe_limits import TrainingVariance, of_both, of_sets, recipe_limits, recipe_p_value


@dataclass(frozen=True)
class RecipeDifference:
    """The difference a - b of two recipes' figures.

    Attributes:
        interval: with limits for networks trained anew on new groups; without limits where one of the recipes has a
            single set, or the groups allow none.
        p: two-sided, of the recipes being equal; the interval excludes 0 where it is below 1 - confidence. None
            without limits.
    """

    interval: Interval
    p: float | None


def recipe_difference(a: BootstrapFigures, b: BootstrapFigures) -> dict[str, RecipeDifference]:
    """Return the differences a - b of the overall figures of two recipes.

    Groups are those of both, redrawn together, as for `paired_difference`, with the same requirements. The trained
    networks of the two are independent draws, whatever their seeds are called, as many as there are of each:
    `recipe_limits` says how both parts come together.
    """
    found = {}
    for name, interval in paired_difference(a, b).items():
        training = training_of_both(a, b, name)
        if training is None:
            found[name] = RecipeDifference(Interval(interval.value, missing=interval.missing), None)
            continue
        low, high = BOUNDS[name]
        found[name] = RecipeDifference(
            recipe_limits(interval, training, a.confidence, (low - high, high - low)),
            recipe_p_value(interval, a.effective[name], training, a.confidence),
        )
    return found


def training_of_both(a: BootstrapFigures, b: BootstrapFigures, metric: str) -> TrainingVariance | None:
    """Return how a difference of a figure varies with the training of both; None where one has a single set."""
    of_a, of_b = (of_sets(figures.by_set[metric]) if metric in figures.by_set else None for figures in (a, b))
    return None if of_a is None or of_b is None else of_both(of_a, of_b)
