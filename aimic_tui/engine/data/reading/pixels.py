"""From the values a file stores to the 8-bit colour a network sees, by an `InputRule`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from aimic_tui.engine.data.memory_room import ROOM
from aimic_tui.engine.data.reading.input_rule import MOST_CHANNELS, Colour, InputRule
from aimic_tui.engine.text import bytes_text

Values = npt.NDArray[Any]
Rgb = npt.NDArray[np.uint8]
Opacity = npt.NDArray[np.uint8]

PIXEL_LIMIT = 100_000_000  # 300 MB decoded; a cell's image has a thousandth of it, a decompression bomb more
_LONGEST = 10_000_000  # pixels a side; Pillow's limit is nine times as much
_BYTE_LIMIT = 2_000_000_000  # of decoded values
_STRIP = 1 << 20  # values that are computed at once
THUMB = 16  # pixels a side of the thumbnails by which pictures are compared


@dataclass(frozen=True, eq=False)
class Pixels:
    """One picture as its file stores it.

    Attributes:
        values: [height, width, channels], of any real type: the channels that the rule wants, in its order; at most
            three where it leaves that open.
        bits: bits in use for each value, as the file declares them (`depth_in_use`).
        together: whether the channels are the colours of one picture (one scale for all) rather than measured apart.
        inverted: whether high values are dark.
        format: the file's format, such as "JPEG".
        mode: how the file stores a pixel, in a few words: "RGB", "grey", "CMYK", "uint16 x 2".
        channels: channels in the file, of which `values` may hold fewer.
        opacity: uint8 [height, width], 0 where a pixel is transparent and shows white; None where all are opaque.
        exceeded_bits: the depth that the file declares and its values exceed, which `bits` therefore is not; else 0.
    """

    values: Values
    bits: int
    together: bool
    inverted: bool
    format: str
    mode: str
    channels: int
    opacity: Opacity | None = None
    exceeded_bits: int = 0


class TooManyPixels(ValueError):
    """The image is larger than a limit; the message gives its size.

    Attributes:
        limit: what is allowed, in words.
    """

    def __init__(self, size: str, limit: str = f"{PIXEL_LIMIT // 1_000_000} million pixels") -> None:
        self.limit = limit
        super().__init__(size)


def check_size(width: int, height: int, bytes_each: int = 3) -> None:
    """Return once a picture can be decoded in memory; to be asked by what its header says, before it is decoded.

    Where other threads decode large pictures, too, it waits for room (`memory_room.py`).

    Args:
        width, height: pixels.
        bytes_each: of one pixel's values, all channels together.

    Raises:
        TooManyPixels: it can't.
    """
    if width * height > PIXEL_LIMIT:
        raise TooManyPixels(f"{width} x {height} pixels")
    if max(width, height) > _LONGEST:
        raise TooManyPixels(f"{width} x {height} pixels", f"{_LONGEST // 1_000_000} million a side")
    if width * height * bytes_each > _BYTE_LIMIT:
        size = f"{width} x {height} pixels of {bytes_each} bytes"
        raise TooManyPixels(size, f"{bytes_text(_BYTE_LIMIT)} of values")
    ROOM.take(width * height * bytes_each)


class RuleMismatch(ValueError):
    """An image does not fit the input rule; the message says why."""


class CannotDecode(ValueError):
    """A file stores its values in a way that can't be read rightly here.

    Attributes:
        remedy: what helps, as a clause: "save the image as RGB".
    """

    def __init__(self, reason: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(reason)


@dataclass(frozen=True)
class Depth:
    """How many bits of each value are in use, and the declared number where it can't be that (else 0)."""

    bits: int
    exceeded: int = 0


def depth_in_use(values: Values, declared: int, stored: int) -> Depth:
    """Return the declared depth where it holds all values, else the stored one.

    Converters write a camera's depth beside values that they have scaled to the whole range. Believed, it would show
    such an image white.

    Args:
        values: of any real type; only unsigned integers have a depth to exceed.
        declared: bits in use, as the file says.
        stored: bits that the file has for each value.
    """
    if values.dtype == np.uint8:
        return Depth(8)  # 8-bit values stay as they are
    if values.dtype.kind != "u" or declared >= stored or not values.size or int(values.max()) < 2**declared:
        return Depth(declared)
    return Depth(stored, exceeded=declared)


def select_channels(channels: int, rule: InputRule) -> list[int]:
    """Return the channels that the rule selects from so many, in its order, from 0.

    Raises:
        RuleMismatch: one of them does not exist.
    """
    mismatch = rule.mismatch(channels)
    if mismatch:
        raise RuleMismatch(mismatch)
    return list(range(min(channels, MOST_CHANNELS))) if rule.channel_indices is None else list(rule.channel_indices)


def with_channels(values: Values, rule: InputRule) -> Values:
    """Return the channels that the rule selects from [height, width, channels], without a copy where it is all of them.

    Raises:
        RuleMismatch: as `select_channels`.
    """
    chosen = select_channels(values.shape[2], rule)
    return values if chosen == list(range(values.shape[2])) else values[:, :, chosen]


def plane_range(count: int, rule: InputRule) -> range:
    """Return the planes, from 0, that the rule selects from a stack."""
    if rule.plane == "max-projection":
        return range(count)
    middle = count // 2 if rule.plane == "middle" else 0
    return range(middle, middle + 1)


def projected(planes: Iterable[Values]) -> Values:
    """Return the highest value of each pixel over planes of one shape, which are held one at a time."""
    every = iter(planes)
    highest = next(every)
    for plane in every:
        highest = np.fmax(highest, plane)
    return highest


def to_rgb(pixels: Pixels, rule: InputRule) -> Rgb:
    """Turn stored values into uint8 [height, width, 3], as `InputRule` describes it.

    Args:
        pixels: what the file stores, read by the same rule.
        rule: fits the picture (`InputRule.mismatch`).
    """
    scaled = _scaled_by(pixels, rule)
    if pixels.inverted:
        scaled = 255 - scaled
    picture = _coloured(scaled, rule.colours)
    return picture if pixels.opacity is None else _on_white(picture, pixels.opacity)


def _coloured(scaled: Rgb, colours: Sequence[Colour] | None) -> Rgb:
    if colours is not None:
        return _lit(scaled, colours)
    if scaled.shape[2] == 1:
        return np.repeat(scaled, 3, axis=2)
    if scaled.shape[2] == 2:
        return np.concatenate([scaled, np.zeros_like(scaled[:, :, :1])], axis=2)
    return scaled


def _on_white(picture: Rgb, opacity: Opacity) -> Rgb:
    layer = Image.fromarray(np.concatenate([picture, opacity[:, :, None]], axis=2))
    paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(paper, layer))[:, :, :3]


def _scaled_by(pixels: Pixels, rule: InputRule) -> Rgb:
    values = pixels.values
    as_it_is = values.dtype == np.uint8 and pixels.bits == 8
    if as_it_is and rule.intensity in {"auto", "full-range"}:
        return values
    pairs: Sequence[tuple[float, float]] = rule.pairs
    if not pairs:
        apart = rule.intensity == "min-max" and not pixels.together
        pairs = (
            [own_limits(values[:, :, channel]) for channel in range(values.shape[2])]
            if apart
            else [_limits(pixels, rule.intensity)]
        )
    if len(pairs) == 1:
        return _scaled(values, *pairs[0])
    return np.stack([_scaled(values[:, :, channel], *pair) for channel, pair in enumerate(pairs)], axis=2)


def _lit(scaled: Rgb, colours: Sequence[Colour]) -> Rgb:
    """Let each channel of uint8 [height, width, channels] light up in its colour, and add them up."""
    light = scaled.astype(np.float32) @ (np.array(colours, np.float32) / 255)
    lit: Rgb = np.minimum(np.rint(light), 255).astype(np.uint8)
    return lit


def _limits(pixels: Pixels, intensity: str) -> tuple[float, float]:
    kind, values = pixels.values.dtype.kind, pixels.values
    if intensity == "min-max":
        return own_limits(values)
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
    low, high = own_limits(values)
    return (0.0, next((top for top in tops if high <= top), high)) if low >= 0 else (low, high)


def own_limits(values: Values) -> tuple[float, float]:
    """Return the lowest and highest finite value; (0, 1) where there is none."""
    finite = (strip[np.isfinite(strip)] if strip.dtype.kind == "f" else strip for strip in _strips(values))
    limits = [(float(strip.min()), float(strip.max())) for strip in finite if strip.size]
    return (min(low for low, _ in limits), max(high for _, high in limits)) if limits else (0.0, 1.0)


def _strips(values: Values) -> Iterator[Values]:
    """Yield an array in strips of rows, so that what is computed of one does not take many times a large image."""
    rows = max(1, _STRIP // max(1, values[:1].size))
    for start in range(0, len(values), rows):
        yield values[start : start + rows]


def _scaled(values: Values, low: float, high: float) -> Rgb:
    factor = 255.0 / (high - low) if high > low else 0.0
    scaled: Rgb = np.empty(values.shape, np.uint8)
    if values.dtype in (np.uint8, np.uint16):  # a table of all values is faster than arithmetic on each pixel
        every = np.arange(np.iinfo(values.dtype).max + 1)
        table = np.clip(np.rint((every - low) * factor), 0, 255).astype(np.uint8)
        for strip, made in zip(_strips(values), _strips(scaled), strict=True):
            made[...] = table[strip]
        return scaled
    for strip, made in zip(_strips(values), _strips(scaled), strict=True):
        with np.errstate(invalid="ignore", over="ignore"):
            numbers = (strip.astype(np.float64) - low) * factor
        made[...] = np.clip(np.rint(np.nan_to_num(numbers, nan=0.0, posinf=255.0, neginf=0.0)), 0, 255)
    return scaled


def separate_opacity(
    values: Values, alpha: Values, top: float, *, associated: bool = False
) -> tuple[Values, Opacity | None]:
    """Return a picture's values without its alpha channel, and that as `Pixels.opacity`.

    A transparent pixel's own value is of no importance and often nonsense. It becomes the highest visible one, so that
    it stretches neither the picture's range nor its depth.

    Args:
        values: [height, width, channels].
        alpha: [height, width].
        top: the alpha of an opaque pixel.
        associated: whether the values were multiplied by their opacity.
    """
    share = np.clip(np.nan_to_num(alpha.astype(np.float64) / top), 0, 1)
    if (share == 1).all():
        return values, None
    visible = share > 0
    if associated:
        partly = visible & (share < 1)
        whole = values[partly] / share[partly][:, None]
        if values.dtype.kind != "f":
            whole = np.minimum(np.floor(whole + 1e-9), top)
        values = values.copy()
        values[partly] = whole
    shown = values[visible]
    shown = shown[np.isfinite(shown)] if values.dtype.kind == "f" else shown
    hidden = np.where(visible[:, :, None], values, shown.max() if shown.size else values.dtype.type(0))
    return hidden, np.rint(share * 255).astype(np.uint8)


def thumbnail(grey: Image.Image) -> npt.NDArray[np.uint8]:
    """Shrink a grey picture to uint8 [THUMB, THUMB], whatever its shape."""
    return np.asarray(grey.resize((THUMB, THUMB), Image.Resampling.BOX))


def turned(values: Values, orientation: int) -> Values:
    """Turn [height, width, channels] as the EXIF or TIFF orientation (1 to 8) says; others leave it as it is."""
    if orientation in (5, 6, 7, 8):
        values = values.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values
