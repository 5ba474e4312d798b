"""Small data sets on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeFolder = Callable[[Mapping[str, int]], Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Give a function that fills a folder with `{class folder: images}`, each image different."""

    def make(classes: Mapping[str, int]) -> Path:
        root = tmp_path / "images"
        random = np.random.default_rng(0)
        for name, count in classes.items():
            (root / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = random.integers(0, 256, (20, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{number:03}.png")
        return root

    return make
