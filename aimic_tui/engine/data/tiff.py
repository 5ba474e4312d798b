"""TIFF as microscopes write it: deep values, separate channels, stacks, which Pillow reads only in part."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aimic_tui.engine.data.pixels import Pixels, Values

# tifffile reports every oddity of a file on its logger, names and all; what matters comes back as an exception.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False

_ORIENTATION, _MAX_SAMPLE_VALUE = 274, 281
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB = 0, 1, 2
_PLAIN_MODES = {_MIN_IS_WHITE: 1, _MIN_IS_BLACK: 1, _RGB: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # photometric -> samples
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha


class TooManyPixels(ValueError):
    """The picture is larger than the limit; the message gives its size."""


def read_tiff(path: Path, pixel_limit: int) -> Pixels | None:
    """Read a TIFF's picture, or return None where Pillow reads it as well: 8 bits, grey or colour.

    Of a stack (depth, time, plain pages) it is the first page; where the file says that pages are channels (OME,
    ImageJ and others), it is the first three channels of the first position. Transparent pixels show white.

    Raises:
        TooManyPixels: a page has more than `pixel_limit` pixels.
        Exception: whatever a broken file does to tifffile.
    """
    from tifffile import TiffFile

    # _multifile: an OME file may name others anywhere on the disk; only this one was asked for.
    with TiffFile(path, _multifile=False) as tiff:
        page = tiff.pages[0]
        width, height = int(page.imagewidth), int(page.imagelength)
        if width * height > pixel_limit:
            raise TooManyPixels(f"{width} x {height} pixels")
        pages, channels = _channel_pages(tiff, page)
        photometric = int(page.photometric)
        samples = int(page.samplesperpixel)
        alpha = [int(kind) for kind in page.extrasamples]
        bits = _bits(tiff, page)
        plain = _PLAIN_MODES.get(photometric) == samples - len([kind for kind in alpha if kind])
        if len(pages) == 1 and page.dtype in (np.uint8, np.bool_) and plain and 0 not in alpha:
            return None
        if page.dtype is None or page.dtype.kind not in "uif":
            raise ValueError(f"values of the type {page.dtype or page.sampleformat} have no brightness")
        planes = [_plane(one, path) for one in pages]
        orientation = page.tags.get(_ORIENTATION)
        dtype = page.dtype
    values = planes[0] if len(planes) == 1 else np.concatenate([plane[:, :, :1] for plane in planes], axis=2)
    if len(planes) == 1 and any(alpha) and values.shape[2] in (2, 4):
        values = _on_white(values, associated=alpha[0] == _ASSOCIATED, bits=bits)
    together = photometric == _RGB and len(planes) == 1
    many = max(channels, samples)
    return Pixels(
        values=np.ascontiguousarray(turned(values[:, :, :3], int(orientation.value) if orientation else 1)),
        bits=bits,
        together=together,
        inverted=photometric == _MIN_IS_WHITE,
        format="TIFF",
        mode=f"{dtype} RGB" if together else f"{dtype} grey" if many == 1 else f"{dtype} x {many}",
        channels=many,
    )


def _channel_pages(tiff: Any, page: Any) -> tuple[list[Any], int]:
    """Return the pages with the first three channels of the first position, and how many channels there are."""
    if not (tiff.is_ome or tiff.is_imagej or tiff.is_lsm or tiff.is_stk or tiff.is_micromanager):
        return [page], 1
    series = tiff.series[0]
    own = page.axes
    if "C" not in series.axes or not series.axes.endswith(own) or "C" in own:
        return [page], 1
    axes, shape = series.axes[: -len(own)], series.shape[: -len(own)]
    at = axes.index("C")
    stride = int(np.prod(shape[at + 1 :], dtype=np.int64))
    if len(series.pages) < stride * (min(3, shape[at]) - 1) + 1:  # stored as one block behind a single page
        return [page], 1
    return [series.pages[channel * stride] for channel in range(min(3, shape[at]))], int(shape[at])


def _plane(page: Any, path: Path) -> Values:
    """Return a page as [height, width, samples]."""
    try:
        values: Values = page.asarray()
    except (KeyError, ValueError) as error:
        if "imagecodecs" not in str(error):
            raise
        with Image.open(path, formats=["TIFF"]) as image:  # Pillow knows compressions that tifffile leaves to others
            image.seek(page.index)
            values = np.asarray(image)
        if values.shape != page.shape or values.dtype.itemsize != page.dtype.itemsize:
            raise
    axes = page.axes if hasattr(page, "axes") else page.keyframe.axes
    if axes not in {"YX", "YXS", "SYX"}:
        raise ValueError(f"a page with the axes {axes} is not a picture")
    if axes == "SYX":
        return np.moveaxis(values, 0, 2)
    return values if values.ndim == 3 else values[:, :, None]


def _bits(tiff: Any, page: Any) -> int:
    """Return the bits in use: by OME's SignificantBits, else by the highest value declared, else the bits a sample."""
    stored = page.bitspersample
    bits = int(stored if isinstance(stored, int) else max(stored))
    declared = re.search(r'\bSignificantBits="(\d{1,2})"', tiff.ome_metadata or "") if tiff.is_ome else None
    if declared and 0 < int(declared[1]) <= bits:
        return int(declared[1])
    highest = page.tags.get(_MAX_SAMPLE_VALUE)
    if highest is not None and page.dtype.kind == "u":
        value = int(np.max(highest.value))
        if 0 < value < 2**bits:
            return value.bit_length()
    return bits


def _on_white(values: Values, *, associated: bool, bits: int) -> Values:
    """Put a picture whose last channel is its alpha on white."""
    top = 1.0 if values.dtype.kind == "f" else float(2**bits - 1)
    share = values[:, :, -1:].astype(np.float64) / top
    colour = values[:, :, :-1].astype(np.float64)
    mixed = (colour if associated else colour * share) + top * (1 - share)
    mixed = np.clip(mixed, 0, top)
    return (mixed if values.dtype.kind == "f" else np.rint(mixed)).astype(values.dtype)


def turned(values: Values, orientation: int) -> Values:
    """Turn [height, width, channels] as the EXIF or TIFF orientation (1 to 8) says; others leave it as it is."""
    if orientation in (5, 6, 7, 8):
        values = values.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values
