"""From the values a file stores to the 8-bit colour a network sees: the rule of `data.intensity`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Values = npt.NDArray[Any]
Rgb = npt.NDArray[np.uint8]

THUMB = 16  # pixels a side of the thumbnails by which pictures are compared


@dataclass(frozen=True, eq=False)
class Pixels:
    """One picture as its file stores it.

    Attributes:
        values: [height, width, channels], of any real type; at most three channels.
        bits: bits in use for each value, as the file declares them.
        together: whether the channels are the colours of one picture (one scale for all) rather than measured apart.
        inverted: whether high values are dark.
        format: the file's format, such as "JPEG".
        mode: how the file stores a pixel, in a few words: "RGB", "grey", "CMYK", "uint16 x 2".
        channels: channels in the file, of which `values` may hold fewer.
    """

    values: Values
    bits: int
    together: bool
    inverted: bool
    format: str
    mode: str
    channels: int


def to_rgb(pixels: Pixels, intensity: str) -> Rgb:
    """Turn stored values into uint8 [height, width, 3].

    One channel becomes grey; two become red and green; of more, the first three are red, green and blue.

    Args:
        pixels: what the file stores.
        intensity: which values become black and white. "auto": for integers up to 16 bits, 0 and the highest value of
            the bits in use (negative values are black); for wider types, 0 and the smallest of 1 (only for floats),
            255, 65535 and the type's limit that holds the image, or its own minimum and maximum where it has
            negative values. "full-range": 0 and the highest value of the stored type, 1 for floats. "min-max":
            the image's own minimum and maximum, for each channel where channels were measured apart.
    """
    values = pixels.values
    if values.dtype == np.uint8 and pixels.bits == 8 and intensity != "min-max":
        scaled: Rgb = values
    elif intensity == "min-max" and not pixels.together:
        planes = [_scaled(values[:, :, c], *_own_limits(values[:, :, c])) for c in range(values.shape[2])]
        scaled = np.stack(planes, axis=2)
    else:
        scaled = _scaled(values, *_limits(pixels, intensity))
    if pixels.inverted:
        scaled = 255 - scaled
    if scaled.shape[2] == 1:
        return np.repeat(scaled, 3, axis=2)
    if scaled.shape[2] == 2:
        return np.concatenate([scaled, np.zeros_like(scaled[:, :, :1])], axis=2)
    return scaled


def _limits(pixels: Pixels, intensity: str) -> tuple[float, float]:
    kind, values = pixels.values.dtype.kind, pixels.values
    if intensity == "min-max":
        return _own_limits(values)
    if kind == "f":
        return (0.0, 1.0) if intensity == "full-range" else _holding(values, (1.0, 255.0, 65535.0))
    top = float(np.iinfo(values.dtype).max)
    if intensity == "full-range":
        return 0.0, top
    return (
        (0.0, float(min(top, 2**pixels.bits - 1)))
        if values.dtype.itemsize <= 2
        else _holding(values, (255.0, 65535.0, top))
    )


def _holding(values: Values, tops: tuple[float, ...]) -> tuple[float, float]:
    low, high = _own_limits(values)
    return (0.0, next((top for top in tops if high <= top), high)) if low >= 0 else (low, high)


def _own_limits(values: Values) -> tuple[float, float]:
    """Return the lowest and highest finite value; (0, 1) where there is none."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)


def _scaled(values: Values, low: float, high: float) -> Rgb:
    factor = 255.0 / (high - low) if high > low else 0.0
    if values.dtype == np.uint16:  # a table of all values is faster than arithmetic on each pixel
        table = np.clip(np.rint((np.arange(65536) - low) * factor), 0, 255).astype(np.uint8)
        mapped: Rgb = table[values]
        return mapped
    with np.errstate(invalid="ignore", over="ignore"):
        numbers = (values.astype(np.float64) - low) * factor
    return np.clip(np.rint(np.nan_to_num(numbers, nan=0.0, posinf=255.0, neginf=0.0)), 0, 255).astype(np.uint8)


def thumbnail(grey: Image.Image) -> npt.NDArray[np.uint8]:
    """Shrink a grey picture to uint8 [THUMB, THUMB], whatever its shape."""
    return np.asarray(grey.resize((THUMB, THUMB), Image.Resampling.BOX))
