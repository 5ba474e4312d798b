"""The microscopes' own files: CZI (Zeiss), ND2 (Nikon) and LIF (Leica), by the readers of the extra `formats`.

Each reader opens a file and gives a `_Volume`: of the first scene, series or position, and of the first time point. The
libraries are imported when such a file comes along, and not needed for anything else.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import (
    PIXEL_LIMIT,
    Pixels,
    TooManyPixels,
    Values,
    check_size,
    depth_in_use,
    plane_range,
    projected,
    select_channels,
)

_BYTE_LIMIT = 1 << 30  # of a LIF's series, which is read as a whole
_COLOURS = 3

# As tifffile, they report oddities on loggers and as warnings; what matters comes back as an exception.
for _name in ("liffile", "nd2"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False
warnings.filterwarnings("ignore", module=r"(nd2|liffile|pylibCZIrw)(\.|$)")


class MissingReader(ValueError):
    """The file is of a kind whose reader is not installed; the message says which."""


@dataclass(frozen=True)
class _Volume:
    """A file that is open.

    Attributes:
        width, height: pixels.
        channels: channels measured apart; 1 where the picture is grey or coloured.
        planes: of a stack.
        bits: in use for each value; 0 where the file does not say it.
        read: gives [height, width, samples] of a channel and a plane, from 0; red, green and blue for samples.
    """

    width: int
    height: int
    channels: int
    planes: int
    bits: int
    read: Callable[[int, int], Values]


def vendor_of(content: bytes) -> str | None:
    """Return "CZI", "ND2" or "LIF" by a file's first bytes; None for any other."""
    for magic, name in _MAGIC.items():
        if content.startswith(magic):
            return name
    return "LIF" if content.startswith(b"\x70\0\0\0") and content[8:9] == b"\x2a" else None


_MAGIC = {b"ZISRAWFILE": "CZI", b"\xda\xce\xbe\x0a": "ND2"}


def read_vendor_file(path: Path, vendor: str, rule: InputRule) -> Pixels:
    """Read the picture of such a file.

    Args:
        path: the file.
        vendor: as `vendor_of` says it.
        rule: which channels and planes it wants.

    Raises:
        MissingReader, TooManyPixels, RuleMismatch: as they say.
        Exception: whatever a broken file does to its reader.
    """
    try:
        opened = _OPENERS[vendor](path)
        with opened as volume:
            check_size(volume.width, volume.height)
            values, together = _values(volume, rule)
    except ImportError:
        raise MissingReader(f"is a {vendor} file of {_COMPANIES[vendor]}, whose reader is not installed") from None
    if values.dtype.kind not in "uif":
        raise ValueError(f"values of the type {values.dtype} have no brightness")
    many = _COLOURS if together else volume.channels
    word = f"{values.dtype} RGB" if together else f"{values.dtype} grey" if many == 1 else f"{values.dtype} x {many}"
    stored = 8 * values.dtype.itemsize
    depth = depth_in_use(values, volume.bits or stored, stored)
    return Pixels(
        values=np.ascontiguousarray(values),
        bits=depth.bits,
        together=together,
        inverted=False,
        format=vendor,
        mode=word,
        channels=many,
        exceeded_bits=depth.exceeded,
    )


def _values(volume: _Volume, rule: InputRule) -> tuple[Values, bool]:
    """Return [height, width, channels] as the rule wants them, and whether they are the colours of one picture."""

    def channel(number: int) -> Values:
        return projected(volume.read(number, plane) for plane in plane_range(volume.planes, rule))

    if volume.channels > 1:
        return np.concatenate(
            [channel(number)[:, :, :1] for number in select_channels(volume.channels, rule)], axis=2
        ), False
    values = channel(0)
    together = values.shape[2] == _COLOURS
    return values[:, :, select_channels(values.shape[2], rule)], together


@contextmanager
def _czi(path: Path) -> Iterator[_Volume]:
    from pylibCZIrw import czi

    with czi.open_czi(str(path)) as file:
        sizes = {name: high - low for name, (low, high) in file.total_bounding_box_no_pyramid.items()}
        scenes = file.scenes_bounding_rectangle_no_pyramid
        scene = min(scenes) if scenes else None
        place = file.total_bounding_rectangle_no_pyramid if scene is None else scenes[scene]

        def read(channel: int, plane: int) -> Values:
            values: Values = file.read(roi=place, plane={"C": channel, "Z": plane, "T": 0}, scene=scene)
            return values[:, :, ::-1] if values.shape[2] == _COLOURS else values  # stored blue first

        stated = re.findall(r"<ComponentBitCount>(\d{1,2})<", file.raw_metadata)
        bits = max(map(int, stated), default=0)
        yield _Volume(place.w, place.h, max(1, sizes.get("C", 1)), max(1, sizes.get("Z", 1)), bits, read)


@contextmanager
def _nd2(path: Path) -> Iterator[_Volume]:
    import nd2

    with nd2.ND2File(path) as file:
        sizes, about = file.sizes, file.attributes
        # Of time points, positions and the like the first.
        frames = {
            indices.get("Z", 0): number
            for number, indices in reversed(list(enumerate(file.loop_indices)))
            if not any(index for axis, index in indices.items() if axis not in "ZC")
        } or {0: 0}
        kept: dict[int, Values] = {}

        def read(channel: int, plane: int) -> Values:
            if plane not in kept:  # all channels of a plane lie in one frame
                kept.clear()
                kept[plane] = file.read_frame(frames[plane])
            return _at(kept[plane], [axis for axis in sizes if axis in "CYXS"], {"C": channel})

        bits = int(about.bitsPerComponentSignificant or 0)
        yield _Volume(int(about.widthPx or 0), int(about.heightPx), sizes.get("C", 1), len(frames), bits, read)


@contextmanager
def _lif(path: Path) -> Iterator[_Volume]:
    import liffile

    with liffile.LifFile(path) as file:
        image = next((image for image in file.images if {"X", "Y"} <= set(image.dims)), None)
        if image is None:
            raise ValueError("it holds no picture")
        sizes: Mapping[str, int] = image.sizes
        if sizes["X"] * sizes["Y"] <= PIXEL_LIMIT and image.nbytes > _BYTE_LIMIT:
            raise TooManyPixels(f"a series of {image.nbytes >> 20} MB")
        whole: list[Values] = []

        def read(channel: int, plane: int) -> Values:
            if not whole:
                whole.append(image.asarray())
            return _at(whole[0], list(image.dims), {"C": channel, "Z": plane})

        stated = [int(about.attrib["Resolution"]) for about in image.xml_element.iter("ChannelDescription")]
        yield _Volume(sizes["X"], sizes["Y"], sizes.get("C", 1), sizes.get("Z", 1), max(stated, default=0), read)


def _at(values: Any, axes: list[str], places: Mapping[str, int]) -> Values:
    """Return [height, width, samples] of an array with these axes, at these places and at 0 on all other axes."""
    left = [axis for axis in axes if axis in "YXS"]
    plane: Values = values[tuple(slice(None) if axis in "YXS" else places.get(axis, 0) for axis in axes)]
    plane = np.transpose(plane, [left.index(axis) for axis in "YXS" if axis in left])
    return plane if plane.ndim == _COLOURS else plane[:, :, None]


_OPENERS = {"CZI": _czi, "ND2": _nd2, "LIF": _lif}
_COMPANIES = {"CZI": "Zeiss", "ND2": "Nikon", "LIF": "Leica"}
