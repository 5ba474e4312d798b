"""JPEG as medicine and science store it: lossless, JPEG-LS, 12 bits a sample. Pillow reads none of them."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from PIL import Image

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.jpeg_segments import START_OF_SCAN, Frame, frame_of, segments
from aimic_tui.engine.data.reading.pixels import (
    CannotDecode,
    Pixels,
    Values,
    check_size,
    depth_in_use,
    select_channels,
    turned,
)

_LOSSLESS, _JPEG_LS = 0xC3, 0xF7
_HIERARCHICAL = {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}
_SAVE = "Save it as PNG or TIFF."
_APP1 = 0xE1
_END_OF_IMAGE = b"\xff\xd9"
_ORIENTATION = 274


def uncommon_frame(content: bytes) -> Frame | None:
    """Return what such a file's header says; None for the JPEG that every program reads, and for other formats."""
    if not content.startswith(b"\xff\xd8"):
        return None
    frame = frame_of(content)
    if frame is None or (frame.bits == 8 and frame.process not in {_LOSSLESS, _JPEG_LS, *_HIERARCHICAL}):
        return None
    return frame


def read_uncommon_jpeg(content: bytes, frame: Frame, rule: InputRule) -> Pixels:
    """Read the picture, grey or RGB.

    Args:
        content: of the file.
        frame: as `uncommon_frame` returns it.
        rule: which channels it wants.

    Raises:
        TooManyPixels, RuleMismatch, CannotDecode: as they say.
        Exception: whatever a broken file does to a decoder.
    """
    name = {_LOSSLESS: "a lossless JPEG", _JPEG_LS: "a JPEG-LS image"}.get(
        frame.process, f"a JPEG of {frame.bits} bits"
    )
    if frame.process in _HIERARCHICAL:
        raise CannotDecode("is a hierarchical JPEG, which is not read", _SAVE)
    check_size(frame.width, frame.height)
    scan = next((place for marker, place in segments(content) if marker == START_OF_SCAN), len(content))
    if content.find(_END_OF_IMAGE, scan) < 0:  # the decoder would fill up what is missing
        raise ValueError("truncated: the end mark is missing")
    try:
        imagecodecs: Any = importlib.import_module("imagecodecs")
        decode = imagecodecs.jpegls_decode if frame.process == _JPEG_LS else imagecodecs.jpeg8_decode
    except (ImportError, AttributeError):
        raise CannotDecode(
            f"is {name}, which can't be read without imagecodecs", f"Install it (`pip install imagecodecs`). {_SAVE}"
        ) from None
    values: Values = decode(content)
    values = values if values.ndim == 3 else values[:, :, None]
    if values.shape[2] not in (1, 3):
        raise CannotDecode(f"is {name} with {values.shape[2]} channels, which is not read", _SAVE)
    depth = depth_in_use(values, frame.bits, 8 * values.dtype.itemsize)
    channels = values.shape[2]
    colour = "RGB" if channels == 3 else "grey"
    values = values[:, :, select_channels(channels, rule)]
    return Pixels(
        values=np.ascontiguousarray(turned(values, _orientation(content))),
        bits=depth.bits,
        together=True,
        inverted=False,
        format="JPEG",
        mode=colour if values.dtype == np.uint8 else f"16-bit {colour}",
        channels=channels,
        exceeded_bits=depth.exceeded,
    )


def _orientation(content: bytes) -> int:
    for marker, place in segments(content):
        length = int.from_bytes(content[place : place + 2], "big")
        exif = content[place + 2 : place + length]
        if marker == _APP1 and exif.startswith(b"Exif\0\0"):
            try:
                found = Image.Exif()
                found.load(exif)
                return int(found.get(_ORIENTATION, 1))
            except Exception:  # broken EXIF says nothing about the picture
                return 1
    return 1
