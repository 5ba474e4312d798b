"""Whether two sets of images differ in light, colour or focus: seven statistics, each with a test over groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.formatting.numbers import p_value
from aimic_tui.engine.holm import holm
from aimic_tui.engine.inference.colour_statistics import COLOUR_STATISTICS
from aimic_tui.engine.inference.evaluation_file import AppearanceShift, Remark
from aimic_tui.engine.inference.group_means import GroupSums, difference_p

LEVEL = 0.05
_MOST_NAMED = 4
_DARKEST = 1.0  # sum of red, green and blue, each of 0 to 255, below which an image has no colour
_DECIMALS = 5  # of a colour's share

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ColourShift:
    """One figure of light, colour or focus in both sets.

    Attributes:
        name: of `COLOUR_STATISTICS`; red, green and blue as shares of their sum, which doesn't depend on brightness.
        known, new: means of the two sets.
        deviations: (new - known) in standard deviations between the known images; NaN where these don't vary.
        p: of no difference, over groups and adjusted for seven statistics (Holm); None where it can't be tested.
    """

    name: str
    known: float
    new: float
    deviations: float
    p: float | None

    @property
    def shown(self) -> bool:
        """Whether a difference of notable size is shown."""
        return self.result().notable(LEVEL)

    def result(self) -> AppearanceShift:
        """Return what is stored and shown of it."""
        return AppearanceShift(self.name, _finite(self.known), _finite(self.new), _finite(self.deviations), self.p)


@dataclass(frozen=True, eq=False)
class Appearance:
    """n images of one set: `statistics` float [n, 7], NaN rows where unreadable; `labels` and `groups` int [n]."""

    statistics: NDArray[np.floating]
    labels: NDArray[np.integer]
    groups: NDArray[np.integer]


def colour_shifts(known: Appearance, new: Appearance, seed: int = 0) -> tuple[ColourShift, ...]:
    """Compare two sets with the same mix of classes, statistic by statistic."""
    before, after = _with_shares(known.statistics), _with_shares(new.statistics)
    found = [
        _colour_shift(name, (before[:, column], known), (after[:, column], new), seed)
        for column, name in enumerate(COLOUR_STATISTICS)
    ]
    adjusted = holm([each.p for each in found])
    return tuple(replace(each, p=p) for each, p in zip(found, adjusted, strict=True))


def _colour_shift(
    name: str, known: tuple[Floats, Appearance], new: tuple[Floats, Appearance], seed: int
) -> ColourShift:
    sides = []
    for values, about in (known, new):
        kept = ~np.isnan(values)
        sides.append((values[kept], about.labels[kept], about.groups[kept]))
    (before, _, _), (after, _, _) = sides
    if not len(before) or not len(after):
        return ColourShift(name, math.nan, math.nan, math.nan, None)
    spread, change = float(before.std()), float(after.mean() - before.mean())
    scaled = change / spread if spread > 0 else (0.0 if change == 0 else math.nan)
    # Both sets have the same mix of classes, so what differs between classes is no noise of the difference.
    values, labels = np.concatenate([before, after]), np.concatenate([sides[0][1], sides[1][1]])
    for code in np.unique(labels):
        values[labels == code] -= values[labels == code].mean()
    p = difference_p(
        GroupSums.of(values[: len(before)], sides[0][2]), GroupSums.of(values[len(before) :], sides[1][2]), seed
    )
    return ColourShift(name, float(before.mean()), float(after.mean()), scaled, p)


def _with_shares(colours: NDArray[np.floating]) -> Floats:
    """Return the statistics with red, green and blue as shares of their sum, unknown where an image is black.

    Rounded, since the shares of grey images are thirds that differ in their last bits, and these may differ between two
    sets as brightness does.
    """
    found = colours.astype(np.float64)
    light = found[:, :3].sum(axis=1, keepdims=True)
    found[:, :3] = np.round(np.where(light >= _DARKEST, found[:, :3] / np.maximum(light, _DARKEST), np.nan), _DECIMALS)
    return found


def mean_colour_shifts(of_models: Sequence[Sequence[ColourShift]]) -> tuple[ColourShift, ...]:
    """Return means over models with images of their own; a difference is shown where all of them show it."""
    found = []
    for each in zip(*of_models, strict=True):
        known, new, deviations = (
            float(np.mean([getattr(shift, key) for shift in each])) for key in ("known", "new", "deviations")
        )
        tested = [shift.p for shift in each if shift.p is not None]
        p = max(tested) if len(tested) == len(each) else None
        found.append(ColourShift(each[0].name, known, new, deviations, p))
    return tuple(found)


def appearance_remark(shifts: Sequence[ColourShift]) -> Remark:
    """Name the differences that are shown, the largest first."""
    shown = sorted((shift for shift in shifts if shift.shown), key=lambda shift: -abs(shift.deviations))
    if shown:
        smallest = min(shift.p for shift in shown if shift.p is not None)
        named = ", ".join(_in_words(shift) for shift in shown[:_MOST_NAMED])
        return Remark(f"They are {named}.", "attention", "appearance", smallest)
    known = [shift.p for shift in shifts if shift.p is not None]
    if not known:
        return Remark("Too few groups to tell whether light, colour or focus differ.", "open", "appearance")
    return Remark("No notable difference in light, colour or focus is shown.", "open", "appearance", min(known))


_MORE_LESS = {
    "red": ("redder", "less red"),
    "green": ("greener", "less green"),
    "blue": ("bluer", "less blue"),
    "saturation": ("more saturated", "paler"),
    "brightness": ("brighter", "darker"),
    "contrast": ("higher in contrast", "lower in contrast"),
    "sharpness": ("sharper or noisier", "more blurred"),
}


def _in_words(shift: ColourShift) -> str:
    word = _MORE_LESS[shift.name][0 if shift.deviations > 0 else 1]
    result = shift.result()
    of = "share of " if shift.name in ("red", "green", "blue") else ""
    p = p_value(shift.p)
    return (
        f"{word} ({of}{shift.name} {result.written(shift.new)} against {result.written(shift.known)}, "
        f"{abs(shift.deviations):.1f} standard deviations, p {p if p.startswith('<') else f'= {p}'})"
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
