"""TIFF in all the forms that microscopes and their programs write."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.data.reading.pixels import (
    CannotDecode,
    Opacity,
    Pixels,
    Values,
    check_size,
    depth_in_use,
    separate_opacity,
    turned,
    with_channels,
)
from aimic_tui.engine.data.reading.tiff_decoder import becomes_rgb
from aimic_tui.engine.data.reading.tiff_pages import find_picture

# They report every oddity of a file on their loggers, names and all; what matters comes back as an exception.
for _library in ("tifffile", "imagecodecs"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION, _PHOTOMETRIC, _MAX_SAMPLE_VALUE, _INK_SET = 274, 262, 281, 332
_YCBCR_COEFFICIENTS, _YCBCR_RANGE = 529, 532
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
# samples of each
_COLOURS = {_MIN_IS_WHITE: 1, _MIN_IS_BLACK: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3, _LAB: 3}
_WORDS = {_RGB: "RGB", _PALETTE: "palette", _CMYK: "CMYK", _YCBCR: "YCbCr", _LAB: "CIELab"}
_OTHERS = {
    4: "a transparency mask",
    9: "colours as ICCLab",
    10: "colours as ITULab",
    32803: "raw data of a camera's colour filter array",
    32844: "light as LogL",
    32845: "colours as LogLuv",
    34892: "raw data of a camera",
    51177: "a depth map",
}
_TO_RGB = "save the image as RGB or grey"
_ASSOCIATED = 1  # kind of alpha: colours are multiplied by it
_ALPHA = {1, 2}
_APERIO_YCBCR = 33003  # JPEG 2000 of YCbCr, whatever the tag says


def read_tiff(path: Path, rule: InputRule = AS_STORED) -> Pixels:
    """Read a TIFF's picture: of several pages as `tiff_pages.find_picture` finds it, by the rule's channels and plane.

    Raises:
        TooManyPixels: a page is too large to be decoded.
        RuleMismatch: the file lacks a channel that the rule wants.
        CannotDecode: its values can't be read rightly.
        Exception: whatever a broken file does to tifffile.
    """
    from tifffile import TiffFile

    # _multifile: an OME file may name others anywhere on the disk; only this one was asked for.
    with TiffFile(path, _multifile=False) as tiff:
        picture = find_picture(tiff, path, rule)
        page = picture.page
        width, height = int(page.imagewidth), int(page.imagelength)
        check_size(width, height, int(page.samplesperpixel) * -(-int(page.bitspersample) // 8))
        photometric = _photometric(page)
        values = picture.read(rule)
        samples = int(page.samplesperpixel)
        if picture.channels > 1:
            shown = _Shown(values, None, together=False)
        else:
            shown = _shown(values, page, photometric)
            shown = replace(shown, values=with_channels(shown.values, rule))
        stored = int(page.bitspersample)
        depth = depth_in_use(shown.values, _declared_bits(tiff, page), stored)
        orientation = int(page.tags.valueof(_ORIENTATION, 1) or 1)
    together = shown.together
    many = picture.channels * samples
    return Pixels(
        values=np.ascontiguousarray(turned(shown.values, orientation)),
        bits=depth.bits,
        together=together,
        inverted=photometric == _MIN_IS_WHITE,
        format="TIFF",
        mode=_mode(page, photometric, shown, many),
        channels=many,
        opacity=None if shown.opacity is None else turned(shown.opacity[:, :, None], orientation)[:, :, 0],
        exceeded_bits=depth.exceeded,
    )


@dataclass(frozen=True, eq=False)
class _Shown:
    """Channels to choose from, and what belongs to them."""

    values: Values
    opacity: Opacity | None
    together: bool


def _photometric(page: Any) -> int:
    """Return how samples are meant.

    Raises:
        CannotDecode: in a way that can't become grey or RGB here.
    """
    if page.compression == _APERIO_YCBCR:
        return _YCBCR
    if page.tags.get(_PHOTOMETRIC) is None:
        if int(page.samplesperpixel) >= _COLOURS[_RGB]:
            return _RGB
        raise CannotDecode("does not say whether 0 is black or white (PhotometricInterpretation)", "save it anew")
    photometric = int(page.photometric)
    if photometric not in _COLOURS:
        raise CannotDecode(f"holds {_OTHERS.get(photometric, f'colours of the kind {photometric}')}", _TO_RGB)
    if photometric == _CMYK and page.tags.valueof(_INK_SET, 1) != 1:
        raise CannotDecode("holds inks other than CMYK", _TO_RGB)
    if photometric in (_PALETTE, _CMYK, _YCBCR) and page.dtype is not None and page.dtype.kind not in "bu":
        raise CannotDecode(f"holds {_WORDS[photometric]} as {page.dtype}", _TO_RGB)
    if photometric == _LAB and page.dtype != np.uint8:
        raise CannotDecode(f"holds CIELab as {page.dtype}", _TO_RGB)
    return photometric


def _shown(values: Values, page: Any, photometric: int) -> _Shown:
    """Turn a page's samples [height, width, samples] into grey, RGB or channels apart, without their alpha.

    Colours are made of samples that their alpha no longer weighs: ink that is multiplied by it would be too bright.
    """
    bits = int(page.bitspersample)
    top = _top(values, bits)
    colours = _COLOURS[photometric]
    kinds = [int(kind) for kind in page.extrasamples]
    at = next((colours + number for number, kind in enumerate(kinds) if kind in _ALPHA), None)
    opacity = None
    if at is not None and at < values.shape[2]:
        associated = kinds[at - colours] == _ASSOCIATED and photometric != _PALETTE
        if associated and photometric in (_YCBCR, _LAB):
            raise CannotDecode(f"holds {_WORDS[photometric]} multiplied by its transparency", _TO_RGB)
        values, opacity = separate_opacity(np.delete(values, at, axis=2), values[:, :, at], top, associated=associated)
    if photometric == _PALETTE:
        values = _by_palette(values[:, :, 0], page)
    elif photometric == _CMYK:
        values = _light_of_inks(values[:, :, :colours], top)
    elif photometric == _YCBCR and not becomes_rgb(page):
        values = _rgb_of_ycbcr(values, page, top)
    elif photometric == _LAB:
        values = _rgb_of_lab(values[:, :, :colours])
    elif bits < 8 and values.dtype == np.uint8:
        values = np.rint(values * (255 / top)).astype(np.uint8)  # as in every other format
    return _Shown(values, opacity, together=photometric not in (_MIN_IS_WHITE, _MIN_IS_BLACK))


def _top(values: Values, bits: int) -> float:
    if values.dtype.kind == "f":
        return 1.0
    return float(2 ** (bits - (values.dtype.kind == "i")) - 1)


def _by_palette(places: Values, page: Any) -> Values:
    if page.colormap is None:
        raise CannotDecode("refers to a palette that it does not hold", _TO_RGB)
    palette = np.asarray(page.colormap)
    if palette.max(initial=0) > 255:  # of 16 bits, as the format has it; some programs write 8
        palette = palette >> 8
    return np.moveaxis(palette.astype(np.uint8)[:, places], 0, 2)


def _light_of_inks(values: Values, top: float) -> Values:
    """Turn cyan, magenta, yellow and black ink into red, green and blue light."""
    paper = (top - values[:, :, :3].astype(np.float64)) * (top - values[:, :, 3:].astype(np.float64)) / top
    return (paper if values.dtype.kind == "f" else np.rint(paper)).astype(values.dtype)


def _rgb_of_ycbcr(values: Values, page: Any, top: float) -> Values:
    """Turn brightness and two differences of colour into RGB (TIFF 6.0, section 21).

    Raises:
        CannotDecode: they do not use the full range of their type.
    """
    half = (top + 1) / 2
    reference = [float(number) for number in _numbers(page.tags.valueof(_YCBCR_RANGE))]
    if reference and reference != [0, top, half, top, half, top]:
        raise CannotDecode("holds YCbCr that does not use its full range", _TO_RGB)
    red, green, blue = _numbers(page.tags.valueof(_YCBCR_COEFFICIENTS)) or (0.299, 0.587, 0.114)
    light, cb, cr = (values[:, :, at].astype(np.float64) for at in range(3))
    r = light + (2 - 2 * red) * (cr - half)
    b = light + (2 - 2 * blue) * (cb - half)
    g = (light - red * r - blue * b) / green
    return np.clip(np.rint(np.stack([r, g, b], axis=2)), 0, top).astype(values.dtype)


def _rgb_of_lab(values: Values) -> Values:
    picture = Image.frombytes("LAB", (values.shape[1], values.shape[0]), np.ascontiguousarray(values).tobytes())
    try:
        return np.asarray(picture.convert("RGB"))
    except (ImportError, ValueError):  # a Pillow without its colour management
        raise CannotDecode("holds colours as CIELab", _TO_RGB) from None


def _numbers(rationals: Any) -> list[float]:
    """Return numerator over denominator of a tag's rationals, which tifffile gives one after the other."""
    flat = list(rationals or ())
    return [top / below for top, below in zip(flat[::2], flat[1::2], strict=True) if below]


def _declared_bits(tiff: Any, page: Any) -> int:
    """Return the bits in use: by OME's SignificantBits, else by the highest value declared, else the bits a sample."""
    bits = int(page.bitspersample)
    declared = re.search(r'\bSignificantBits="(\d{1,2})"', tiff.ome_metadata or "") if tiff.is_ome else None
    if declared and 0 < int(declared[1]) <= bits:
        return int(declared[1])
    highest = page.tags.get(_MAX_SAMPLE_VALUE)
    if highest is not None and page.dtype.kind == "u":
        value = int(np.max(highest.value))
        if 0 < value < 2**bits:
            return value.bit_length()
    return bits


def _mode(page: Any, photometric: int, shown: _Shown, many: int) -> str:
    colour = _WORDS.get(photometric, "grey") if shown.together or many == 1 or shown.values.shape[2] == 1 else ""
    if not colour:
        return f"{page.dtype} x {many}"
    if int(page.bitspersample) == 1 and colour == "grey":
        return "black and white"
    word = colour if page.dtype == np.uint8 else f"{page.dtype} {colour}"
    return word if shown.opacity is None else f"{word} with alpha"
