"""How wide intervals will be, as types and assumptions: what `sample_size` foresees. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

EXPECTED = 0.9
ICC = 0.1
"""The correlation within groups where nothing is known. Of errors on images of one slide or patient it is rarely
reported; 0.05 to 0.2 is usual where it is, and too small a value promises too narrow intervals."""
FORECAST = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


@dataclass(frozen=True)
class ForecastInterval:
    """An interval to be expected.

    Attributes:
        metric: one of `FORECAST`, or recall for a class's sensitivity.
        of: the class; "" of overall figures.
        low, high: its limits around the level that is expected; None where there will be too few groups for any.
        reason: why there will be none, "" where there will be one.
        groups_needed: of all classes, of the same kind, for an interval of the wanted width; None where none was asked
            for or no number of groups is enough.
        class_groups_needed: of the smallest class, among these.
    """

    metric: str
    of: str
    low: float | None
    high: float | None
    reason: str
    groups_needed: int | None = None
    class_groups_needed: int | None = None

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width: what stands after ±."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


@dataclass(frozen=True)
class SampleSize:
    """What intervals a data set's test images allow.

    Attributes:
        images, groups: that are tested.
        grouped: whether any group has several images; `icc` matters only then.
        smallest_class: the class in the fewest groups, of those the one with the fewest images; how many it has.
        expect, icc, confidence: what is assumed and asked for.
        width: the wanted half width, None where none was asked for.
        figures: those of `FORECAST`, then the sensitivity of the smallest class.
    """

    images: int
    groups: int
    grouped: bool
    classes: int
    smallest_class: str
    smallest_images: int
    smallest_groups: int
    expect: float
    icc: float
    confidence: float
    width: float | None
    figures: tuple[ForecastInterval, ...]

    def figure(self, metric: str) -> ForecastInterval:
        """Return one of the figures."""
        return next(figure for figure in self.figures if figure.metric == metric)
