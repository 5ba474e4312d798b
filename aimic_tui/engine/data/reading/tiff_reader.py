"""TIFF as microscopes write it: deep values, separate channels, stacks, which Pillow reads only in part."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.data.reading.pixels import (
    PIXEL_LIMIT,
    Pixels,
    TooManyPixels,
    Values,
    plane_range,
    projected,
    select_channels,
    turned,
)

# tifffile reports every oddity of a file on its logger, names and all; what matters comes back as an exception.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION, _MAX_SAMPLE_VALUE = 274, 281
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _CMYK = 0, 1, 2, 5
_INKS = 4
_PLAIN_MODES = {_MIN_IS_WHITE: 1, _MIN_IS_BLACK: 1, _RGB: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # photometric -> samples
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha
_AXES = {"YX", "YXS", "SYX"}
_UNNAMED = "IQ"  # pages of which a file does not say what they are


def read_tiff(path: Path, rule: InputRule = AS_STORED) -> Pixels | None:
    """Read a TIFF's picture, or return None where Pillow reads it as well: 8 bits, grey or colour.

    Which plane of a stack and which channels is the rule's to say. Where the file says what its pages are (OME, ImageJ
    and others), they are that; where it does not, they are planes of a stack, or the channels where the rule asks
    for more of them than a page has. Of time points and positions it is the first. Transparent pixels show white.

    Raises:
        TooManyPixels: a page has more than `PIXEL_LIMIT` pixels.
        RuleMismatch: the file lacks a channel that the rule wants.
        Exception: whatever a broken file does to tifffile.
    """
    from tifffile import TiffFile

    # _multifile: an OME file may name others anywhere on the disk; only this one was asked for.
    with TiffFile(path, _multifile=False) as tiff:
        page = tiff.pages[0]
        width, height = int(page.imagewidth), int(page.imagelength)
        if width * height > PIXEL_LIMIT:
            raise TooManyPixels(f"{width} x {height} pixels")
        samples = int(page.samplesperpixel)
        stack = _stack(tiff, page, rule)
        photometric = int(page.photometric)
        alpha = [int(kind) for kind in page.extrasamples]
        bits = _bits(tiff, page)
        plain = _PLAIN_MODES.get(photometric) == samples - len([kind for kind in alpha if kind])
        if stack is None and page.dtype in (np.uint8, np.bool_) and plain and 0 not in alpha:
            return None
        if page.dtype is None or page.dtype.kind not in "uif":
            raise ValueError(f"values of the type {page.dtype or page.sampleformat} have no brightness")
        in_pages = stack is not None and stack.channels > 1
        if stack is not None and in_pages:
            chosen = select_channels(stack.channels, rule)
            values = np.concatenate([stack.read(channel, rule, path)[:, :, :1] for channel in chosen], axis=2)
        else:
            values = _plane(page, path) if stack is None else stack.read(0, rule, path)
            if any(alpha) and values.shape[2] in (2, 4):
                values = _on_white(values, associated=alpha[0] == _ASSOCIATED, bits=bits)
            if photometric == _CMYK and values.shape[2] == _INKS:
                values = _lit(values, bits)
            chosen = select_channels(values.shape[2], rule)
            values = values[:, :, chosen]
        orientation = page.tags.get(_ORIENTATION)
        dtype = page.dtype
    together = photometric in (_RGB, _CMYK) and not in_pages
    many = max(stack.channels if stack is not None else 1, samples)
    return Pixels(
        values=np.ascontiguousarray(turned(values, int(orientation.value) if orientation else 1)),
        bits=bits,
        together=together,
        inverted=photometric == _MIN_IS_WHITE,
        format="TIFF",
        mode=f"{dtype} RGB" if together else f"{dtype} grey" if many == 1 else f"{dtype} x {many}",
        channels=many,
    )


@dataclass(frozen=True)
class _Stack:
    """The pages of a file's first series: by channel, and for each channel the planes of its stack.

    Attributes:
        series: tifffile's.
        channels: that the pages are of; 1 where all of them are planes.
        channel_step, planes, plane_step: in pages, from one channel or plane to the next.
    """

    series: Any
    channels: int
    channel_step: int
    planes: int
    plane_step: int

    def read(self, channel: int, rule: InputRule, path: Path) -> Values:
        """Return the plane of a channel that the rule wants, as [height, width, samples]."""
        numbers = [channel * self.channel_step + plane * self.plane_step for plane in plane_range(self.planes, rule)]
        return projected(self._page(number, path) for number in numbers)

    def _page(self, number: int, path: Path) -> Values:
        pages = self.series.pages
        if number < len(pages):
            if pages[number] is None:
                raise ValueError("a page is missing")
            return _plane(pages[number], path)
        keyframe = self.series.keyframe
        if self.series.dataoffset is None or keyframe.axes not in _AXES:
            raise ValueError("a page is missing")
        # One block behind a single page, as ImageJ writes what is too long for a TIFF.
        dtype = keyframe.dtype.newbyteorder(self.series.parent.byteorder)
        size = int(np.prod(keyframe.shape, dtype=np.int64))
        with path.open("rb") as file:
            file.seek(self.series.dataoffset + number * size * dtype.itemsize)
            block = np.fromfile(file, dtype, size)
        if block.size < size:
            raise ValueError("the file ends before the page does")
        return _by_samples(block.astype(keyframe.dtype).reshape(keyframe.shape), keyframe.axes)


def _stack(tiff: Any, page: Any, rule: InputRule) -> _Stack | None:
    """Return the pages of which the rule may want others than the first; None where the first page is all of it."""
    samples, most = int(page.samplesperpixel), max(rule.channel_indices or (0,))
    declared = tiff.is_ome or tiff.is_imagej or tiff.is_lsm or tiff.is_stk or tiff.is_micromanager
    if not declared and most < samples and rule.plane == "first":
        return None  # without looking for further pages, which takes time
    series = tiff.series[0]
    own = page.axes
    if not series.axes.endswith(own):
        return None
    axes, shape = series.axes[: -len(own)], series.shape[: -len(own)]
    steps = [int(np.prod(shape[at + 1 :], dtype=np.int64)) for at in range(len(axes))]

    def place(names: str) -> tuple[int, int]:
        """Return length and step of the first of these axes; (1, 0) where there is none."""
        return next(((int(shape[at]), steps[at]) for at, name in enumerate(axes) if name in names), (1, 0))

    channels, channel_step = place("C") if "C" not in own else (1, 0)
    planes, plane_step = place("Z")
    if not set(axes) & set("CZT") and most >= samples:
        channels, channel_step = place(_UNNAMED)
    elif not set(axes) & set("CZT"):
        planes, plane_step = place(_UNNAMED)
    if channels == planes == 1:
        return None
    return _Stack(series, channels, channel_step, planes, plane_step)


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
    if axes not in _AXES:
        raise ValueError(f"a page with the axes {axes} is not a picture")
    return _by_samples(values, axes)


def _by_samples(values: Values, axes: str) -> Values:
    """Return values with these axes as [height, width, samples]."""
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


def _lit(values: Values, bits: int) -> Values:
    """Turn cyan, magenta, yellow and black ink into red, green and blue light."""
    top = 1.0 if values.dtype.kind == "f" else float(2**bits - 1)
    paper = (top - values[:, :, :3].astype(np.float64)) * (top - values[:, :, 3:].astype(np.float64)) / top
    return (paper if values.dtype.kind == "f" else np.rint(paper)).astype(values.dtype)


def _on_white(values: Values, *, associated: bool, bits: int) -> Values:
    """Put a picture whose last channel is its alpha on white."""
    top = 1.0 if values.dtype.kind == "f" else float(2**bits - 1)
    share = values[:, :, -1:].astype(np.float64) / top
    colour = values[:, :, :-1].astype(np.float64)
    mixed = (colour if associated else colour * share) + top * (1 - share)
    mixed = np.clip(mixed, 0, top)
    return (mixed if values.dtype.kind == "f" else np.rint(mixed)).astype(values.dtype)
