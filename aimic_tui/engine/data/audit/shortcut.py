"""A shortcut that an audit found, as its report and the screens have it: without the libraries that find one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Shortcut:
    """A feature that predicts the class by itself.

    Attributes:
        feature: its name.
        balanced_accuracy, low, high: mean recall of the classes on unseen groups, 0 to 1, with its 95 % interval.
        chance: the expected value of guessing.
        p: of a test that permutes the labels over groups, adjusted for all features (Holm), 0 to 1.
        clearest: the class that it separates best from the others.
        within_groups: whether it also separates the classes within groups; None where that can't be told.
        sentence: its meaning, and advice.
        examples: of each class, the images that it predicts most confidently.
    """

    feature: str
    balanced_accuracy: float
    low: float
    high: float
    chance: float
    p: float
    clearest: str
    within_groups: bool | None
    sentence: str
    examples: Mapping[str, tuple[str, ...]]

    def rounded(self) -> Shortcut:
        """Return it with the four decimals that an audit's report has."""
        figures = {name: round(getattr(self, name), 4) for name in ("balanced_accuracy", "low", "high", "chance", "p")}
        return replace(self, **figures)
