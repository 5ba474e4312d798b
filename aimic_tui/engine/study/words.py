"""What a study's figures say: one formulation for the page, for the command and for the app."""

from __future__ import annotations

from collections.abc import Sequence

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.ranking import Ranking
from aimic_tui.engine.text import NOTHING, plural
from aimic_tui.wording.numbers import PER_CENT, interval_text, p_value
from aimic_tui.wording.printed import number

PROTOCOLS = {
    "honest": "By the honest protocol (a validation part chooses the epoch; groups stay together).",
    "aimic-2022": "By the published protocol (the test images choose the epoch; folds by image): optimistic.",
}
INCOMPLETE = "The study is not complete: figures are of what is tested so far."
GAP = (
    "F1, %. The gap is paired by image: plus or minus t standard errors of a bootstrap over whole groups. It is "
    "what choosing on the test images, and images of one group on both sides, add."
)


def percent(figure: Interval | None) -> str:
    """Write a share of 0 to 1 with its interval in per cent: `96.83 (95.10 to 97.92)`."""
    if figure is None:
        return NOTHING
    return interval_text(figure.value, figure.low, figure.high, 2, style="print", scale=PER_CENT)


def beside(figure: Interval | None, published: float | None) -> Interval | None:
    """Return a figure minus a published one, which is in per cent; None where one is missing."""
    if figure is None or figure.value is None or published is None:
        return None
    limits = [None if limit is None else limit - published / 100 for limit in (figure.low, figure.high)]
    return Interval(figure.value - published / 100, *limits)


def best_words(protocol: str, network: str, mean: Interval) -> str:
    """Say which network has the highest mean F1 over the data sets."""
    return f"Highest mean F1, {protocol}: {network}, {percent(mean)} %. The best of many is flattered."


def gap_words(gaps: Sequence[Interval]) -> str:
    """Say what the published protocol adds to the F1 of pairs of network and data set, of which there is one."""
    values = [gap.value or 0.0 for gap in gaps]
    shown = sum(gap.low is not None and gap.low > 0 for gap in gaps)
    return (
        f"The published protocol's F1 is {number(100 * sum(values) / len(values), 2)} points above the honest one "
        f"on average over {len(gaps)} pairs of network and data set, clearly so in {shown}."
    )


def ranking_words(ranking: Ranking) -> str:
    """Say whether networks are shown to differ over the data sets."""
    shown = sum(pair.differ for pair in ranking.pairs)
    return (
        f"Friedman's test, by permutation: p {p_value(ranking.p)}. Nemenyi's critical difference of average ranks at "
        f"{ranking.alpha:g}: {number(ranking.critical_difference, 2)}; "
        + (
            f"{plural(shown, 'pair')} of networks {'differs' if shown == 1 else 'differ'}."
            if shown
            else "no two networks are shown to differ."
        )
        + (" With so few data sets even large differences are rarely shown." if len(ranking.data_sets) <= 5 else "")
    )
