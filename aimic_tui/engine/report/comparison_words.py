"""What a report's summary says of the comparison between networks: by which figure, and what the others say."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.comparison import Comparison, Pair
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.evaluation.verdicts import ANOTHER_TRAINING
from aimic_tui.engine.formatting.numbers import p_value
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.text import listed, plural

_MOST = 5  # pairs that a summary names
# Figures of their own: accuracy has McNemar's test, and macro recall is the balanced accuracy.
_OTHERS = ("macro_f1", "balanced_accuracy", "auroc", "average_precision", "log_loss", "brier")


def comparison_points(found: Comparison, results: RunResults) -> Iterator[str]:
    """Yield the pairs that differ significantly in the compared figure; where none does, how near one came.

    What McNemar's test says of the share of correct images, and unadjusted intervals of other figures, follows: "no
    difference" is said of one figure only.
    """
    title, level = TITLES[found.metric], 1 - found.confidence
    differing = [pair for pair in found.pairs if pair.shown.ahead is not None or pair.better is not None]
    for pair in differing[:_MOST]:
        yield f"{pair.a} against {pair.b}, {title}: {pair.verdict}. {_figures(pair, title)}"
    if any(pair.shown.estimand == "trained networks" for pair in differing):
        yield ANOTHER_TRAINING
    tested = [pair for pair in found.pairs if pair.p_adjusted is not None]
    if not differing and tested:
        nearest = min(tested, key=lambda pair: pair.p_adjusted or 0.0)
        pairs = plural(len(tested), "pair")
        yield (
            f"In {title}, no two networks are shown to differ ({pairs}; smallest adjusted p "
            f"{p_value(nearest.p_adjusted)}). {_figures(nearest, title)}"
        )
    yield from _of_correct_images(found.pairs, level, results)
    yield from _of_other_figures(found, results)


def _figures(pair: Pair, title: str) -> str:
    """Give the difference that the verdict rests on: of the recipes where one of them is better."""
    if pair.better is not None and pair.recipe is not None:
        figure, p = pair.recipe.difference, pair.recipe.p_adjusted
    else:
        figure, p = pair.difference, pair.p_adjusted
    return f"Difference {pair.a} − {pair.b} in {title}: {interval(figure)}, adjusted p {p_value(p)}."


def _of_correct_images(pairs: tuple[Pair, ...], level: float, results: RunResults) -> Iterator[str]:
    differing = [pair for pair in pairs if pair.mcnemar_adjusted is not None and pair.mcnemar_adjusted <= level]
    if differing:
        named = "; ".join(
            f"{pair.a} – {pair.b}, {_more_correct(pair, results)} is ahead, p {p_value(pair.mcnemar_adjusted)}"
            for pair in differing[:_MOST]
        )
        more = f"; and {len(differing) - _MOST} more" if len(differing) > _MOST else ""
        yield f"By the share of correct images (McNemar, adjusted), these trained networks differ: {named}{more}."
    elif any(pair.mcnemar_adjusted is not None for pair in pairs):
        yield "In the share of correct images, no two networks are shown to differ, either (McNemar, adjusted)."


def _more_correct(pair: Pair, results: RunResults) -> str:
    return max((pair.a, pair.b), key=lambda name: results.networks[name].pooled["accuracy"].value or 0.0)


def _of_other_figures(found: Comparison, results: RunResults) -> Iterator[str]:
    """Name, pair by pair, figures beside the compared one whose unadjusted interval of the difference excludes 0."""
    apart = []
    for pair in results.pairs:
        metrics = [
            TITLES[metric]
            for metric, difference in pair.differences.items()
            if metric in _OTHERS and metric != found.metric and _excludes_zero(difference)
        ]
        if metrics:
            apart.append(f"{pair.a} – {pair.b} in {listed(metrics)}")
    if apart:
        more = f"; and {plural(len(apart) - _MOST, 'more pair')}" if len(apart) > _MOST else ""
        yield (
            "Intervals of the difference in other figures, not adjusted for their number, exclude 0 for "
            f"{'; '.join(apart[:_MOST])}{more}."
        )
    elif results.pairs:
        yield "In other figures, no interval of the difference excludes 0 (not adjusted for their number)."


def _excludes_zero(difference: Interval) -> bool:
    return difference.low is not None and difference.high is not None and (difference.low > 0 or difference.high < 0)
