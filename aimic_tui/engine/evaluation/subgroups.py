"""Where a network fails: its share of correct images in each group (patient, slide, site), worst first.

A group of images is judged by itself, with Wilson's interval for that group: its images are all there is to know of
it. Some group is always the worst, so whether one is worse than the rest is a test for each (Fisher's exact one, one
sided, against all other groups' images) with Holm's adjustment over all groups. The other groups' images are alike
among themselves, too, which the test can't know: it errs to the side of naming a group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import wilson
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.paired_tests import holm
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions

FEWEST_IMAGES = 5


@dataclass(frozen=True)
class GroupFigures:
    """One group.

    Attributes:
        group: its code.
        images: of it that were tested.
        wrong: of these; a mean over sets where there are several.
        accuracy: with Wilson's interval; no limits below `FEWEST_IMAGES` images.
        p: of having so many errors or more, were it like the other groups, adjusted for all groups; None below
            `FEWEST_IMAGES` images, or where there is no other group.
    """

    group: int
    images: int
    wrong: float
    accuracy: Interval
    p: float | None


def group_figures(network: NetworkPredictions, *, confidence: float = 0.95) -> list[GroupFigures]:
    """Return the groups' figures, the lowest accuracy first, of equal ones the larger group.

    Groups of fewer than `FEWEST_IMAGES` images, of which one wrong image says little, come after all others. Empty
    where every group is one image: then there are no groups to speak of.
    """
    known = (network.labels >= 0) & ~np.isnan(network.probabilities).any(axis=(0, 2))
    right: Floats = (network.probabilities[:, known].argmax(axis=2) == network.labels[known]).mean(axis=0)
    names, codes = np.unique(network.groups[known], return_inverse=True)
    if len(names) in (0, len(codes)):
        return []
    images = np.bincount(codes, minlength=len(names))
    hits = np.bincount(codes, weights=right, minlength=len(names))
    total, errors = len(codes), round(len(codes) - float(hits.sum()))
    chances = holm([_chance(int(n), float(n - k), total, errors) for n, k in zip(images, hits, strict=True)])
    found = []
    for place, group in enumerate(names):
        count, share = int(images[place]), float(hits[place] / images[place])
        limits = wilson(share, count, confidence) if count >= FEWEST_IMAGES else (None, None)
        found.append(
            GroupFigures(int(group), count, float(count - hits[place]), Interval(share, *limits), chances[place])
        )
    return sorted(found, key=lambda one: (one.images < FEWEST_IMAGES, one.accuracy.value, -one.images, one.group))


def _chance(images: int, wrong: float, total: int, errors: int) -> float | None:
    """Fisher's exact p-value of `wrong` or more of all `errors` among a group's images, were they dealt by chance."""
    if images < FEWEST_IMAGES or images == total:
        return None
    from scipy.stats import hypergeom

    return float(hypergeom.sf(round(wrong) - 1, total, errors, images))
