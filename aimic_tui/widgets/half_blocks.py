"""Pixels as text: how an image becomes lines of a terminal.

A character cell is about twice as high as wide, so it shows two square pixels, one above the other: the
upper one in the foreground colour of `▀`, the lower one in its background. Without colours, or without
these characters, the same image is drawn by the density of plain ones.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from rich.color import Color, ColorType, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from aimic_tui.wording.signs import ascii_only

if TYPE_CHECKING:
    from textual.app import App

Pixels = NDArray[np.uint8]  # [height, width, 3], red, green, blue
Drawing = Literal["colour", "dark", "light"]  # dark, light: by density, on a background of that kind

_DENSITY = " .:-=+*#%@"
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601: how bright the three primaries look
_FADED = 0.72  # of the background in what is left out: still to be made out, but no longer among the others
# What makes the outline of a nucleus visible again at twelve pixels a side, without a halo around it.
_SHARPEN = ImageFilter.UnsharpMask(radius=0.7, percent=70, threshold=2)


def drawing_for(app: App[object]) -> Drawing:
    """Return how images are drawn in this terminal: in colour, or by density on its background."""
    if app.no_color or ascii_only():
        return "dark" if app.current_theme.dark else "light"
    return "colour"


def fitting(height: int, width: int, columns: int, rows: int) -> tuple[int, int]:
    """Return the (columns, rows) of the largest drawing of a `height` x `width` image, its aspect kept.

    `columns` and `rows` are the character cells there are; at least one of each is used.
    """
    scale = min(columns / max(width, 1), 2 * rows / max(height, 1))
    return max(1, min(columns, round(width * scale))), max(1, min(rows, round(height * scale / 2)))


def resized(pixels: Pixels, columns: int, rows: int) -> Pixels:
    """Return `pixels` as uint8 [2 * rows, columns, 3], antialiased, and lightly sharpened where it shrinks."""
    picture = Image.fromarray(pixels)
    shrinks = pixels.shape[1] > columns
    # `reducing_gap` first averages whole blocks: a 4,000 pixel image costs little more than a small one.
    picture = picture.resize((columns, 2 * rows), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if shrinks:
        picture = picture.filter(_SHARPEN)
    return np.asarray(picture)


def strips_of(pixels: Pixels, columns: int, rows: int, drawing: Drawing = "colour") -> list[Strip]:
    """Draw `pixels` (uint8 [h, w, 3], any size) in at most `columns` x `rows` cells, aspect kept: a strip a line."""
    columns, rows = fitting(pixels.shape[0], pixels.shape[1], columns, rows)
    small = resized(pixels, columns, rows)
    if drawing != "colour":
        return _by_density(small, columns, on_dark=drawing == "dark")
    # one integer a pixel, so that the inner loop handles ints, not triples
    packed = (small.astype(np.int32) << (16, 8, 0)).sum(axis=2)
    return [
        Strip(_half_blocks(upper, lower), columns)
        for upper, lower in zip(packed[0::2].tolist(), packed[1::2].tolist(), strict=True)
    ]


def faded(strip: Strip, background: Style) -> Strip:
    """Return a strip of an image blended into the background, for what is left out."""
    behind = background.bgcolor
    return Strip([Segment(text, _faded(style, behind), control) for text, style, control in strip], strip.cell_length)


@lru_cache(maxsize=65_536)
def _faded(style: Style | None, behind: Color | None) -> Style:
    ends = (style.color, style.bgcolor) if style else (None, None)
    if behind is None or behind.triplet is None or any(end is None or end.triplet is None for end in ends):
        return (style or Style()) + Style(dim=True)
    blended = [blend_rgb(end.triplet, behind.triplet, _FADED) for end in ends if end and end.triplet]
    return Style.from_color(*(Color.from_triplet(colour) for colour in blended))


def _half_blocks(upper: list[int], lower: list[int]) -> list[Segment]:
    segments = []
    start = 0
    pairs = list(zip(upper, lower, strict=True))
    for end in range(1, len(pairs) + 1):
        if end == len(pairs) or pairs[end] != pairs[start]:
            segments.append(Segment("▀" * (end - start), _style(*pairs[start])))
            start = end
    return segments


@lru_cache(maxsize=65_536)
def _style(upper: int, lower: int) -> Style:
    return Style.from_color(_color(upper), _color(lower))


@lru_cache(maxsize=16_384)
def _color(packed: int) -> Color:
    triplet = ColorTriplet(packed >> 16, packed >> 8 & 255, packed & 255)
    return Color(triplet.hex, ColorType.TRUECOLOR, triplet=triplet)


def _by_density(small: Pixels, columns: int, *, on_dark: bool) -> list[Strip]:
    grey = (small @ _LUMA).reshape(-1, 2, columns).mean(axis=1)
    low, high = float(grey.min()), float(grey.max())
    level = (grey - low) / max(high - low, 1.0)
    steps = np.round((level if on_dark else 1 - level) * (len(_DENSITY) - 1)).astype(int)
    return [Strip([Segment("".join(_DENSITY[step] for step in line))], columns) for line in steps]
