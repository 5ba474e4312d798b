"""What an interval is about, in words: the one place that all who show an interval take them from.

Where only groups of images are resampled, an interval is about the networks as they came out of training, on new groups
of images. Trained anew by the same recipe (network and settings), with other random numbers, they would be others: only
an interval that holds this variation, too, is about the recipe, and that takes at least two trainings of each image's
network (seeds or repeats). Bouthillier et al. (2021, MLSys, "Accounting for variance in machine learning benchmarks")
measure how much of a benchmark's spread comes from training alone.
"""

from __future__ import annotations

from typing import Literal

Estimand = Literal["trained networks", "recipe"]

IN_SHORT: dict[Estimand, str] = {"trained networks": "these trained networks", "recipe": "recipe, trained anew"}
"""Beside a figure or a column's title."""

IN_FULL: dict[Estimand, str] = {
    "trained networks": "for these trained networks, on new groups",
    "recipe": "for the recipe (network and settings), trained anew and on new groups",
}
"""To follow "95 % interval" or "intervals"."""

THIS_MODEL = "for this trained model, on images like these"
"""The same for an evaluation of a single model on another data set."""

TRAINED_NETWORKS_ONLY = (
    "Another training by the same recipe gives other networks, whose figures can lie outside these intervals; "
    "how far takes at least two seeds (training.seeds) or repeats to know."
)
"""Follows intervals of a run with one seed and no repeats."""
