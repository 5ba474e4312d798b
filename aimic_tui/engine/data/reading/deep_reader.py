"""PNG, JPEG 2000 and AVIF of more than 8 bits, which Pillow cuts to 8 or scales; imagecodecs gives what is stored."""

from __future__ import annotations

import importlib
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from aimic_tui.engine.data.reading.pixels import (
    PIXEL_LIMIT,
    CannotDecode,
    Opacity,
    TooManyPixels,
    Values,
    separate_opacity,
)
from aimic_tui.engine.data.reading.png_chunks import chunks

_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH_AT, _COLOUR_AT = 24, 25  # in a PNG, behind its first chunk's width and height
_GREY = 0
_CODESTREAM = b"\xff\x4f\xff\x51"  # of JPEG 2000: its start, and the marker of its sizes
_HEADER_BYTES = 1 << 16
_SYCC, _CMYK = 18, 12  # colour spaces that a JP2 names by number
_SAVE = "save the image as TIFF, or as 8-bit PNG"


@dataclass(frozen=True, eq=False)
class Deep:
    """What was read.

    Attributes:
        values: [height, width, 1 or 3].
        bits: that the file declares for each value.
        opacity: as in `Pixels`.
    """

    values: Values
    bits: int
    opacity: Opacity | None


def read_deep(content: bytes, form: str) -> Deep | None:
    """Read a picture that Pillow would not read rightly; None where it does.

    Args:
        content: of the file.
        form: its format, as Pillow names it.

    Raises:
        CannotDecode: imagecodecs is missing, or the colours are of a kind that isn't read at this depth.
        TooManyPixels: as it says.
        Exception: whatever a broken file does to a decoder.
    """
    reader = {"PNG": _read_png, "JPEG2000": _read_jpeg_2000, "AVIF": _read_avif}.get(form)
    return reader(content) if reader is not None else None


def _read_png(content: bytes) -> Deep | None:
    depth, colour = content[_DEPTH_AT], content[_COLOUR_AT]
    if not (depth == 16 or (depth < 8 and colour == _GREY)):
        return None
    transparent = any(chunk.kind == b"tRNS" for chunk in chunks(content))
    # Pillow keeps 8 of 16 bits of colour and alpha, and compares a transparent grey of 1 to 4 bits with scaled values.
    if colour == _GREY and not transparent:
        return None
    return _deep(_decoded("png_decode", content, f"PNG of {depth} bits"), max(depth, 8))


def _read_jpeg_2000(content: bytes) -> Deep | None:
    start = content.find(_CODESTREAM)
    if start < 0:
        return None
    width, height, x, y = struct.unpack_from(">4I", content, start + 8)
    count = struct.unpack_from(">H", content, start + 40)[0]
    components = [content[start + 42 + 3 * at : start + 45 + 3 * at] for at in range(count)]
    depths = {component[0] for component in components}
    bits = max((depth & 127) + 1 for depth in depths)
    if depths <= {7}:  # unsigned values of 8 bits; Pillow shifts others
        return None
    if (width - x) * (height - y) > PIXEL_LIMIT:
        raise TooManyPixels(f"{width - x} x {height - y} pixels")
    head = content[:start]
    named = head.find(b"colr\x01")
    space = struct.unpack_from(">I", head, named + 7)[0] if named >= 0 else 0
    if space in (_SYCC, _CMYK) or b"pclr" in head or any(component[1:] != b"\1\1" for component in components):
        raise CannotDecode(f"is a JPEG 2000 of {bits} bits with colours that are not plain RGB", _SAVE)
    if len(depths) > 1:
        raise CannotDecode("is a JPEG 2000 whose channels differ in their depth", _SAVE)
    values = _decoded("jpeg2k_decode", content, f"JPEG 2000 of {bits} bits")
    if bits < 8 and values.dtype == np.uint8:  # stretched, as in every other format
        values, bits = np.rint(values * (255 / (2**bits - 1))).astype(np.uint8), 8
    return _deep(values, bits)


def _read_avif(content: bytes) -> Deep | None:
    head = content[:_HEADER_BYTES]
    configured = head.find(b"av1C")
    if configured < 0 or not content[configured + 6] & 0x40:
        return None
    if b"irot" in head or b"imir" in head:
        raise CannotDecode("is an AVIF of more than 8 bits that is to be turned", _SAVE)
    return _deep(
        _decoded("avif_decode", content, "AVIF of more than 8 bits"), 12 if content[configured + 6] & 0x20 else 10
    )


def _decoded(codec: str, content: bytes, what: str) -> Values:
    try:
        imagecodecs: Any = importlib.import_module("imagecodecs")
        values: Values = getattr(imagecodecs, codec)(content)  # a codec left out of a build raises when it is called
    except (ImportError, AttributeError):
        raise CannotDecode(
            f"is a {what}, which can't be read without imagecodecs",
            f"install it (`pip install imagecodecs`), or {_SAVE}",
        ) from None
    return values


def _deep(values: Values, bits: int) -> Deep:
    values = values if values.ndim == 3 else values[:, :, None]
    if values.shape[2] not in (2, 4):
        return Deep(values, bits, None)
    top = float(2**bits - 1)
    visible, opacity = separate_opacity(values[:, :, :-1], values[:, :, -1], top)
    return Deep(visible, bits, opacity)
