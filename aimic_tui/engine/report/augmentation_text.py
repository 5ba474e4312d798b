"""How training images were varied, in the words of a paper, with every range from what training does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from aimic_tui.engine.experiment import AugmentationSettings
from aimic_tui.engine.formatting.numbers import number, percent
from aimic_tui.engine.text import listed
from aimic_tui.engine.training.augmentation_ranges import LARGEST_BLUR, LARGEST_NOISE, Ranges, ranges_of

NOT_AUGMENTED = "Training images were not augmented"


def augmentation_text(settings: Mapping[str, Any]) -> str:
    """Return the beginning of a sentence on the augmentation: "Training images were augmented at random by ...".

    Args:
        settings: the table `augmentation` of a run's experiment. An early version's does not name the shares of blurred
            and noisy images, and its presets had other ranges: then only the preset is named.
    """
    preset = str(settings.get("preset", "none"))
    if preset != "none" and ("blur" not in settings or "noise" not in settings):
        return f"Training images were augmented by the preset {preset} of an early version of the program"
    known = {key: value for key, value in settings.items() if key in AugmentationSettings.model_fields}
    try:
        ranges = ranges_of(AugmentationSettings.model_validate(known))
    except ValidationError:
        return f"Training images were augmented by the preset {preset}"
    steps = [] if ranges is None else list(_steps(ranges))
    return f"Training images were augmented at random by {listed(steps)}" if steps else NOT_AUGMENTED


def _steps(ranges: Ranges) -> Iterator[str]:
    if ranges.dihedral:
        yield "flips and quarter turns"
    if ranges.rotation:
        yield f"further rotations of up to {ranges.rotation:g} degrees"
    if ranges.shift:
        yield f"shifts of up to {percent(ranges.shift, None)} of the side"
    if ranges.scale:
        yield f"zoom by a factor of {number(math.exp(-ranges.scale), 2)} to {number(math.exp(ranges.scale), 2)}"
    light = {"brightness": ranges.brightness, "contrast": ranges.contrast, "saturation": ranges.saturation}
    if changed := [f"{title} (up to {percent(share, None)})" for title, share in light.items() if share]:
        yield f"changes of {listed(changed)}"
    if ranges.stain:
        yield (
            f"changes of the amounts of haematoxylin, eosin and DAB of up to {percent(ranges.stain, None)} in "
            "optical-density space (Ruifrok and Johnston 2001; Tellez et al. 2018)"
        )
    if ranges.blur:
        yield (
            f"Gaussian blur of {percent(ranges.blur, None)} of the images (standard deviation up to "
            f"1/{1 / LARGEST_BLUR:.0f} of the side)"
        )
    if ranges.noise:
        yield (
            f"Gaussian noise on {percent(ranges.noise, None)} of them (standard deviation up to {LARGEST_NOISE:g} of "
            "255)"
        )
