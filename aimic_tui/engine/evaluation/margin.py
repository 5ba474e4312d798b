"""The largest difference of a figure that is of no importance, where the user names none.

Whether two figures are equivalent, or a loss is small enough, depends on what matters, so the user should name a margin
before looking (Lakens 2017, Social Psychological and Personality Science 8, 355). The defaults are small: of shares of
images two in a hundred. No source gives such a number for all tasks.
"""

from __future__ import annotations

from aimic_tui.engine.errors import UsageProblem

_SHARE = 0.02
_REASONS: dict[str, tuple[float, str]] = {
    "kappa": (2 * _SHARE, "its scale from -1 to 1 is twice as long as that of a share"),
    "matthews": (2 * _SHARE, "its scale from -1 to 1 is twice as long as that of a share"),
    "auroc": (_SHARE, "two in 100 pairs of images are ranked the other way"),
    "average_precision": (_SHARE, "a precision that is off by two in 100 images, averaged over recall"),
    "log_loss": (0.05, "the probability of the true class is 5 % smaller or larger"),
    "brier": (_SHARE, "one in 100 images is wrong with full certainty"),
    "ece": (_SHARE, "confidence that is off by two in 100 images"),
}
_OF_SHARES = (_SHARE, "two in 100 images")


def default_margin(metric: str) -> float:
    """Return the default margin of a figure, one of `metrics.ALL_METRICS`, on the figure's own scale."""
    return _REASONS.get(metric, _OF_SHARES)[0]


def reason_of_default(metric: str) -> str:
    """Say what the default margin of a figure stands for, to follow the margin."""
    return _REASONS.get(metric, _OF_SHARES)[1]


def checked_margin(margin: float | None, metric: str) -> float:
    """Return the margin that a user named, or the figure's default for None.

    Raises:
        UsageProblem: it is not above 0 and below 1.
    """
    if margin is None:
        return default_margin(metric)
    if not 0 < margin < 1:
        raise UsageProblem(f"A margin lies above 0 and below 1, on the scale of the metric; {margin:g} does not.")
    return margin
