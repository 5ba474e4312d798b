"""What a network must beat to be worth training: predictions without it, judged on the same test images. As types.

Accuracy alone says little: where 90 % of the images are of one class, naming that class always is 90 % accurate. And a
network that is no better than the colour of the images' border has learned the background, not the cell. Imports
nothing heavy: `baselines` computes what is in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from aimic_tui.engine.evaluation.interval import Interval

BaselineName = Literal["majority_class", "border_colour", "image_colour", "frozen_features"]
BASELINES: tuple[BaselineName, ...] = get_args(BaselineName)

BASELINE_TITLES: Mapping[BaselineName, str] = {
    "majority_class": "majority class",
    "border_colour": "border colour",
    "image_colour": "image colour",
    "frozen_features": "frozen features",
}

JUDGED_BY = "macro_f1"
"""The figure by which a network must be better: accuracy would let it ignore the rare classes."""

Absence = Literal["not-made", "images", "classes", "weights", "frozen", "damaged", "failed"]
"""Why there is none: nobody made it yet; an image can't be read; a training part holds one class only; no pre-trained
weights are on this machine; the run's networks are frozen themselves; its table is damaged; making it failed."""


@dataclass(frozen=True)
class Baseline:
    """One baseline on the test images of the run.

    Attributes:
        detail: the network whose features it rests on; "" for the others.
        images, groups: that were tested.
        pooled: the overall figures, by the names of `metrics.ALL_METRICS`.
        differences: network -> figure -> network - baseline, on the images that both tested.
    """

    name: BaselineName
    detail: str
    images: int
    groups: int
    pooled: Mapping[str, Interval]
    differences: Mapping[str, Mapping[str, Interval]]

    @property
    def title(self) -> str:
        """Its name as people read it."""
        return f"{BASELINE_TITLES[self.name]} of {self.detail}" if self.detail else BASELINE_TITLES[self.name]

    def beaten_by(self, network: str) -> bool | None:
        """Tell whether a network is shown to have a higher macro F1: the interval of the difference lies above 0.

        To be worth training, a network must beat every baseline. Demanding all at once needs no correction for their
        number (intersection-union test; Berger 1982, Technometrics 24, 295).

        Returns:
            None where the difference has no interval.
        """
        difference = self.differences.get(network, {}).get(JUDGED_BY)
        return None if difference is None or difference.low is None else difference.low > 0


@dataclass(frozen=True)
class AbsentBaseline:
    """A baseline that there is not, and why: for programs and in a sentence."""

    name: BaselineName
    reason: Absence
    sentence: str
