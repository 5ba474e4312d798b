"""Whether a difference is small enough to be of no importance, which "not shown to differ" doesn't say.

Two figures are equivalent at a level where two one-sided tests reject that their difference lies at or beyond a margin,
on either side (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15, 657). The usual choice of 5 % for each of the two goes
with a 90 % interval. Here the interval that is shown decides: its whole must lie within the margin, which for a 95 %
interval makes each one-sided test one at 2.5 %. That is the stricter choice, and what a reader sees is what counts.
"""

from __future__ import annotations

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.recipe_limits import TrainingVariance, recipe_p_value

_NO_TRAINING = TrainingVariance(0.0, 1.0)


def equivalence_p(
    difference: Interval,
    margin: float,
    *,
    groups: float,
    training: TrainingVariance | None,
    confidence: float,
) -> float | None:
    """Return the p-value of a difference at or beyond a margin: below 1 - `confidence` where the interval lies within.

    Args:
        difference: with its limits over groups, those for these trained networks.
        margin: above 0.
        groups: the effective number that the limits rest on, above 1.
        training: how the difference varies with the training; None for a statement on these trained networks.
        confidence: of the limits.

    Returns:
        None without limits; 1 where the difference itself reaches the margin.
    """
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None:
        return None
    if abs(value) >= margin:
        return 1.0
    from_margins = (
        recipe_p_value(Interval(value + shift, low + shift, high + shift), groups, training or _NO_TRAINING, confidence)
        for shift in (-margin, margin)
    )
    return max(p for p in from_margins if p is not None)
