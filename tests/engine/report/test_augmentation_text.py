"""What augmentation does is said with the ranges that training uses."""

from __future__ import annotations

import pytest

from aimic_tui.engine.report.augmentation_text import augmentation_text

AUTO = {"blur": "auto", "noise": "auto"}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"preset": "none", **AUTO}, "Training images were not augmented"),
        ({"preset": "flips", **AUTO}, "Training images were augmented at random by flips and quarter turns"),
        ({"preset": "none", "blur": 0.5, "noise": "auto"}, "Gaussian blur of 50 % of the images"),
        ({"preset": "strong", **AUTO}, "further rotations of up to 45 degrees"),
        ({"preset": "cells"}, "augmented by the preset cells of an early version of the program"),
    ],
)
def test_each_preset_is_told_in_full(settings: dict[str, object], wanted: str) -> None:
    assert wanted in augmentation_text(settings)
