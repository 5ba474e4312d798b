"""Light, colour and focus of an image in a few numbers: what differs first between laboratories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.pixels import Rgb
from aimic_tui.engine.data.reading.read_image import UnreadableImage, sharpness
from aimic_tui.engine.data.threads import in_threads

COLOUR_STATISTICS = ("red", "green", "blue", "saturation", "brightness", "contrast", "sharpness")
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def colour_statistics(image: Rgb) -> NDArray[np.float32]:
    """Return the statistics named in `COLOUR_STATISTICS` for uint8 [height, width, 3].

    Mean red, green and blue, brightness (mean luma) and contrast (its standard deviation) from 0 to 255; saturation
    from 0 to 1, the mean over pixels of (max - min) / max of their channels; sharpness as in `read_image.sharpness`.
    """
    values = image.reshape(-1, 3).astype(np.float32)
    luma = values @ _LUMA.astype(np.float32)
    highest, lowest = values.max(axis=1), values.min(axis=1)
    saturation = np.where(highest > 0, (highest - lowest) / np.maximum(highest, 1), 0.0)
    grey = np.clip(np.rint(luma), 0, 255).astype(np.uint8).reshape(image.shape[:2])
    statistics = (*values.mean(axis=0), saturation.mean(), luma.mean(), luma.std(), sharpness(grey))
    return np.array(statistics, np.float32)


def colour_statistics_of_files(paths: Sequence[Path], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return float32 [n, 7], the statistics of preprocessed images; NaN for those that can't be read."""

    def measure(path: Path) -> NDArray[np.float32]:
        try:
            return colour_statistics(preprocessing.load(path))
        except (UnreadableImage, MemoryError):
            return np.full(len(COLOUR_STATISTICS), np.nan, np.float32)

    return np.array(list(in_threads(measure, paths)), np.float32).reshape(len(paths), len(COLOUR_STATISTICS))
