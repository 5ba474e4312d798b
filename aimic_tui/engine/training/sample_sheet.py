"""A PNG of training samples: a row for each image, the original on the left, its variants beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from aimic_tui.engine.experiment import AugmentationPreset
from aimic_tui.engine.files import replacing
from aimic_tui.engine.text import one_line
from aimic_tui.engine.training.samples import SampleImage

_SMALLEST, _LARGEST = 96, 256  # pixels a side that a tile is drawn with
_GAP, _ORIGINAL_GAP, _LINE = 4, 16, 18  # pixels: between tiles, after the originals, a line of text
_PAPER, _INK = (255, 255, 255), (60, 60, 60)


@dataclass(frozen=True)
class Sheet:
    """The layout of a sheet.

    Attributes:
        side: pixels of a tile.
        lefts: of each column; the first one is the originals'.
        tops: of each row.
    """

    side: int
    lefts: tuple[int, ...]
    tops: tuple[int, ...]

    @classmethod
    def of(cls, image_size: int, rows: int, epochs: int) -> Sheet:
        """Lay out `rows` images of `image_size` pixels with their variants of so many epochs."""
        side = min(max(image_size * -(-_SMALLEST // image_size), _SMALLEST), _LARGEST)
        beside = [_GAP + side + _ORIGINAL_GAP + epoch * (side + _GAP) for epoch in range(epochs)]
        return cls(side, (_GAP, *beside), tuple(_LINE + row * (side + _LINE) for row in range(rows)))

    def draw(self, samples: Sequence[SampleImage], preset: AugmentationPreset, file: Path) -> None:
        """Write the sheet of one preset as PNG, whole or not at all.

        Raises:
            OSError: it can't be written.
        """
        width, height = self.lefts[-1] + self.side + _GAP, self.tops[-1] + self.side + _LINE
        sheet = Image.new("RGB", (width, height), _PAPER)
        pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
        for column, left in enumerate(self.lefts):
            head = f"epoch {column}, {preset}" if column == 1 else f"epoch {column}" if column else "original"
            pen.text((left, 2), head, _INK, font)
        for sample, top in zip(samples, self.tops, strict=True):
            for left, pixels in zip(self.lefts, [sample.original, *sample.variants[preset]], strict=True):
                sheet.paste(self._tile(pixels), (left, top))
            caption = one_line(f"{sample.label}   {sample.image}", 120)
            pen.text((_GAP, top + self.side + 2), caption, _INK, font)
        with replacing(file) as target:
            sheet.save(target, "PNG")

    def _tile(self, pixels: npt.NDArray[np.uint8]) -> Image.Image:
        tile = Image.fromarray(pixels)
        resampling = Image.Resampling.NEAREST if tile.width < self.side else Image.Resampling.LANCZOS
        return tile if tile.width == self.side else tile.resize((self.side, self.side), resampling)
