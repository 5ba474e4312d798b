"""Everything between a file and a network's input, the same in training and in prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import Rgb
from aimic_tui.engine.data.reading.read_image import read_image
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.text import one_line
from aimic_tui.engine.typed_values import MALFORMED, items, number, text, whole

_LARGEST_SIZE = 4096  # pixels a side of a network's input; `model.image_size` goes to half of it
_RESIZE = "pillow-bilinear-antialias"  # stored with a model: another resizing method would change the network's input
_LONGEST = 20_000  # pixels a side of a picture that is padded; a longer one is reduced first
_PIXELS_AT_ONCE = 4_000_000  # of the padded square: 12 MB


@dataclass(frozen=True)
class Preprocessing:
    """How a file becomes a network's input.

    Attributes:
        image_size: pixels a side.
        fit: how an image that is not square becomes square: "stretch", "pad" (with the median colour of its edge) or
            "crop" (its centre).
        intensity: see `InputRule`, as for `window`, `channels` and `plane`.
        mean, std: of red, green and blue, in shares of full brightness, subtracted and divided by after `load`.
    """

    image_size: int
    fit: str
    intensity: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    window: tuple[float, ...] = ()
    channels: str = "auto"
    plane: str = "first"

    @property
    def rule(self) -> InputRule:
        """The rule from stored values to colours."""
        return InputRule(self.intensity, self.window, self.channels, self.plane)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for model.json."""
        return {**self.pixel_steps(), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Undo `to_json`.

        Raises:
            InputProblem: the values are not those of a model that this version can use.
        """
        try:
            mean, std = (items(values[key], number) for key in ("mean", "std"))
            if len(mean) != 3 or len(std) != 3 or not all(spread > 0 for spread in std):
                raise ValueError("mean and std must be three numbers each, and std above 0")
            rule = InputRule.from_json(values)
            found = cls(
                image_size=whole(values["image_size"], 1, _LARGEST_SIZE),
                fit=text(values["fit"]),
                intensity=rule.intensity,
                mean=(mean[0], mean[1], mean[2]),
                std=(std[0], std[1], std[2]),
                window=rule.window,
                channels=rule.channels,
                plane=rule.plane,
            )
        except (*MALFORMED, UsageProblem) as error:
            raise InputProblem(
                f"The model's preprocessing can't be read ({one_line(str(error))}). Train or export it again."
            ) from None
        if values.get("resize", _RESIZE) != _RESIZE or found.fit not in {"stretch", "pad", "crop"}:
            raise InputProblem("The model uses preprocessing that this version does not know. Update aimic.")
        return found

    def pixel_steps(self) -> dict[str, Any]:
        """Return everything that determines the pixels that `load` returns, for a cache's key."""
        return {"image_size": self.image_size, "fit": self.fit, **self.rule.to_json(), "resize": _RESIZE}

    def load(self, path: Path) -> Rgb:
        """Read an image as uint8 [image_size, image_size, 3].

        Raises:
            UnreadableImage: it can't be used.
        """
        return self.apply(read_image(path, self.rule))

    def apply(self, image: Rgb) -> Rgb:
        """Make uint8 [height, width, 3] square and resize it, to uint8 [image_size, image_size, 3]."""
        if self.fit == "crop":
            image = _cropped(image)
        elif self.fit == "pad" and image.shape[0] != image.shape[1]:
            return _padded(image, self.image_size)
        return _resized(image, (self.image_size, self.image_size))


def _cropped(image: Rgb) -> Rgb:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _padded(image: Rgb, size: int) -> Rgb:
    """Resize uint8 [height, width, 3] in the middle of a square of its border's colour to [size, size, 3].

    The square of a long strip is thousands of times its own size, so it is never made as a whole: Pillow resizes
    along rows first, and gives the same bits for some of them at a time. What is longer than `_LONGEST` is reduced.
    """
    height, width = image.shape[:2]
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    fill = np.median(edge, axis=0).astype(np.uint8)
    if max(height, width) > _LONGEST:
        factor = -(-max(height, width) // _LONGEST)
        image = np.asarray(Image.fromarray(np.ascontiguousarray(image)).reduce(factor))
        height, width = image.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    narrowed = np.empty((side, size, 3), np.uint8)
    narrowed[:] = _resized(np.full((1, side, 3), fill), (size, 1))
    at_once = max(1, _PIXELS_AT_ONCE // side)
    for start in range(0, height, at_once):
        rows = np.full((min(at_once, height - start), side, 3), fill)
        rows[:, left : left + width] = image[start : start + len(rows)]
        narrowed[top + start : top + start + len(rows)] = _resized(rows, (size, len(rows)))
    return _resized(narrowed, (size, size))


def _resized(image: Rgb, size: tuple[int, int]) -> Rgb:
    """Resize uint8 [height, width, 3] to `size`, given as width and height."""
    if (image.shape[1], image.shape[0]) == size:
        return np.ascontiguousarray(image)
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.BILINEAR))
