"""Tiny images of two kinds of cell, dark and light ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def draw_cells(folder: Path, each: int, name: str) -> None:
    """Draw `each` images of 32 pixels of each kind; `name` has {label}, {number} and {group}, two images a group."""
    random = np.random.default_rng(0)
    for label, light in (("dark", 60), ("light", 190)):
        (folder / label).mkdir(parents=True)
        for number in range(each):
            pixels = np.clip(random.normal(light, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
            stem = name.format(label=label, number=number, group=number // 2)
            Image.fromarray(pixels).save(folder / label / f"{stem}.jpg")
