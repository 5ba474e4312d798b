"""Where a network fails: its share of correct images in each group (patient, slide, site), worst first.

A group of images is described by itself, with Wilson's interval for that group: its images are all there is to know of
it. Some group is always the worst, and groups of one population differ, so a group is called worse only where it has
more errors than the spread of the other groups explains (`group_spread`), by a test for each with Holm's adjustment
over all. What a group would have to fall below to be called so is its funnel limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import wilson
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.holm import holm

FEWEST_IMAGES = 5
FEWEST_OTHERS = 9  # groups of several images; fewer say too little of how much groups differ


@dataclass(frozen=True)
class GroupFigures:
    """One group.

    Attributes:
        group: its code.
        images: of it that were tested.
        wrong: of these; a mean over sets where there are several.
        accuracy: with Wilson's interval; no limits below `FEWEST_IMAGES` images.
        limit: the lowest accuracy that the spread of the other groups explains, 0 to 1; a group below it is worse. None
            where it isn't tested.
        p: of having so many errors or more, were it like the other groups, adjusted for all groups; None where it isn't
            tested: below `FEWEST_IMAGES` images, or with fewer than `FEWEST_OTHERS` others of several images.
        worse: whether it has more errors than the spread of the others explains.
    """

    group: int
    images: int
    wrong: float
    accuracy: Interval
    limit: float | None
    p: float | None
    worse: bool


def group_figures(network: NetworkPredictions, *, confidence: float = 0.95) -> list[GroupFigures]:
    """Return the groups' figures, the lowest accuracy first, of equal ones the larger group.

    Groups of fewer than `FEWEST_IMAGES` images, of which one wrong image says little, come after all others. Empty
    where every group is one image: then there are no groups to speak of.

    Args:
        confidence: of the intervals; no group of a single population is called worse with at least this chance.
    """
    known = (network.labels >= 0) & ~np.isnan(network.probabilities).any(axis=(0, 2))
    right: Floats = (network.probabilities[:, known].argmax(axis=2) == network.labels[known]).mean(axis=0)
    names, codes = np.unique(network.groups[known], return_inverse=True)
    if len(names) in (0, len(codes)):
        return []
    images = np.bincount(codes, minlength=len(names)).astype(np.float64)
    wrong = np.maximum(0.0, images - np.bincount(codes, weights=right, minlength=len(names)))
    verdicts = _verdicts(images, wrong, 1 - confidence)
    found = []
    for place, group in enumerate(names):
        count, errors = int(images[place]), float(wrong[place])
        share = 1 - errors / count
        limits = wilson(share, count, confidence) if count >= FEWEST_IMAGES else (None, None)
        verdict = verdicts[place]
        found.append(
            GroupFigures(
                int(group), count, errors, Interval(share, *limits), verdict.limit, verdict.p, worse=verdict.worse
            )
        )
    return sorted(found, key=lambda one: (one.images < FEWEST_IMAGES, one.accuracy.value, -one.images, one.group))


@dataclass(frozen=True)
class _Verdict:
    limit: float | None = None
    p: float | None = None
    worse: bool = False


def _verdicts(images: Floats, wrong: Floats, level: float) -> Sequence[_Verdict]:
    """Test each group against the spread of the others; `level` is the chance of a single false alarm."""
    several = images > 1
    tested = (images >= FEWEST_IMAGES) & (several.sum() - several >= FEWEST_OTHERS)
    if not tested.any():
        return [_Verdict()] * len(images)
    from aimic_tui.engine.evaluation.group_spread import spread_of_others

    spread = spread_of_others(images, wrong)
    chances = [float(p) if is_tested else None for p, is_tested in zip(spread.p_values(), tested, strict=True)]
    adjusted = holm(chances)
    worse = [p is not None and p <= level for p in adjusted]
    # Holm's last step: who is not worse has a chance above this level, and who is worse has one at most as large.
    limits = 1 - spread.most_wrong(level / max(1, int(tested.sum()) - sum(worse))) / images
    return [
        _Verdict(float(limit), p, is_worse) if p is not None else _Verdict()
        for limit, p, is_worse in zip(limits, adjusted, worse, strict=True)
    ]
