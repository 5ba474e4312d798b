"""What a study's figures say, in the same words for the page, the command and the app."""

from __future__ import annotations

from aimic_tui.engine.evaluation.estimand import IN_FULL
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY
from aimic_tui.engine.evaluation.ranking import Ranking
from aimic_tui.engine.formatting.numbers import PER_CENT, p_value
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.study.figures import StudyFigures
from aimic_tui.engine.text import plural

PROTOCOLS = {
    "honest": "Honest protocol: a validation part chooses the epoch, and groups stay together.",
    "aimic-2022": "Published protocol: the test images choose the epoch, and folds ignore groups. Optimistic.",
}
DEFINITIONS = (
    "Definitions follow the publication: for each class, its one-vs-rest counts TP, FP, FN and TN give precision "
    "TP/(TP+FP), recall TP/(TP+FN) and F1, their harmonic mean; each is averaged over the classes. There are two "
    "accuracies: the share of correctly classified images, and the one-vs-rest accuracy (1/L) sum of "
    "(TP+TN)/(TP+FP+FN+TN), which is higher for more than two classes. The publication defines the second, but the "
    "accuracies it prints equal its recalls, as the first would: they are compared with the first."
)
INTERVALS = (
    f"In parentheses: 95 % intervals {IN_FULL['trained networks']}. Those of averages take the data sets as fixed: "
    "they are not about further data sets."
)
PUBLISHED = (
    "A difference to a published number takes that number as exact. Its own scatter was not published, so the interval "
    "of such a difference is too narrow."
)
INCOMPLETE = "The study is not complete: these figures cover what has been tested so far."
GAP = (
    "F1, %. The gap compares both protocols on the same images; its interval is plus or minus t standard errors of a "
    "bootstrap over whole groups. Three differences of the protocols make it up, which this study does not tell apart: "
    "the published one chooses the epoch on the test images, may have images of one group in training and test parts, "
    "and trains on more images, since the honest one sets a validation part aside."
)


DIGITS = 2  # of shares in per cent, as the publication writes them


def percent(figure: Interval | None) -> str:
    """Write a share of 0 to 1 with its interval in per cent: `96.83 (95.10 to 97.92)`."""
    return interval(figure, DIGITS, scale=PER_CENT)


def beside(figure: Interval | None, published: float | None) -> Interval | None:
    """Return a figure minus a published one, which is in per cent; None where one is missing."""
    if figure is None or figure.value is None or published is None:
        return None
    limits = [None if limit is None else limit - published / 100 for limit in (figure.low, figure.high)]
    return Interval(figure.value - published / 100, *limits)


def best_sentence(figures: StudyFigures, protocol: str) -> str:
    """Name the network with the highest mean F1 over the data sets; "" before all networks are tested on all."""
    means = {name: figures.average(protocol, name, "macro_f1") for name in figures.study.networks}
    known = {name: mean for name, mean in means.items() if mean is not None and mean.value is not None}
    if len(known) < len(means):
        return ""
    best = max(known, key=lambda name: known[name].value or 0.0)
    return f"Highest mean F1, {protocol}: {best}, {percent(known[best])} %." + (
        f" {BEST_OF_MANY.format(networks=len(known))}" if len(known) > 1 else ""
    )


def gap_sentence(figures: StudyFigures) -> str:
    """Say what the published protocol adds to F1; "" where no network is tested on every fold by both protocols."""
    gaps = [gap["macro_f1"] for gap in figures.gaps.values()]
    if not gaps:
        return ""
    mean = sum(gap.value or 0.0 for gap in gaps) / len(gaps)
    clear = sum(gap.low is not None and gap.low > 0 for gap in gaps)
    return (
        f"Mean gap, published protocol minus honest one: {number(PER_CENT * mean, 2)} points of F1, over "
        f"{plural(len(gaps), 'combination')} of network and data set; intervals, not adjusted for their number, lie "
        f"above zero in {clear}. Part of it may come from the smaller training part of the honest protocol."
    )


def ranking_sentence(ranking: Ranking) -> str:
    """Say whether networks are shown to differ over the data sets."""
    differ = sum(pair.differ for pair in ranking.pairs)
    verdict = f"{plural(differ, 'pair')} of networks {'differs' if differ == 1 else 'differ'}" if differ else ""
    few = " With so few data sets even large differences are rarely significant." if len(ranking.data_sets) <= 5 else ""
    return (
        f"Friedman's test, by permutation: p {p_value(ranking.p)}. Nemenyi's critical difference of average ranks at "
        f"{ranking.alpha:g}: {number(ranking.critical_difference, 2)}; "
        f"{verdict or 'no two networks differ significantly'}.{few}"
    )
