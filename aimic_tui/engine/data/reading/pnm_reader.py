"""PBM, PGM and PPM as they are: Pillow scales values to the highest that the file declares, and is slow at it."""

from __future__ import annotations

import re

import numpy as np

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import (
    Pixels,
    Values,
    check_size,
    depth_in_use,
    with_channels,
)

_HEADER_BYTES = 1 << 16  # with all comments; real ones have less than a hundred
_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*(\d{1,9})")  # one blank at a time, or many of them would take years
_COMMENT = re.compile(rb"#[^\n\r]*")
_BIT_TEXT, _GREY_TEXT, _COLOUR_TEXT, _BIT, _GREY, _COLOUR = b"123456"
_TEXT_FORMS = {_BIT_TEXT, _GREY_TEXT, _COLOUR_TEXT}
_DEEPEST = 65535
# Depths below a byte, which are stretched to it, as they are in PNG and TIFF. Any other value up to 255 stays as it is,
# whatever the highest one declared: some programs declare the highest that occurs.
_SHALLOW = {1: 255, 3: 85, 15: 17}


def is_pnm(content: bytes) -> bool:
    """Tell whether a file begins as PBM, PGM or PPM do, as text or binary."""
    return re.match(rb"P[1-6]\s", content) is not None


def read_pnm(content: bytes, rule: InputRule) -> Pixels:
    """Read the first picture of such a file, by the rule's channels.

    Raises:
        TooManyPixels, RuleMismatch: as they say.
        ValueError: it is damaged.
    """
    form = content[1]
    bitmap = form in (_BIT_TEXT, _BIT)
    numbers, start = _header(content, 2 if bitmap else 3)
    width, height = numbers[:2]
    highest = 1 if bitmap else numbers[2]
    check_size(width, height)
    if not width or not height or not 0 < highest <= _DEEPEST:
        raise ValueError("its header makes no sense")
    samples = 3 if form in (_COLOUR_TEXT, _COLOUR) else 1
    count = width * height * samples
    if form == _BIT:
        row = -(-width // 8)
        packed = _exactly(np.frombuffer(content, np.uint8, offset=start)[: row * height], row * height)
        values: Values = np.unpackbits(packed.reshape(height, row), axis=1)[:, :width]
    elif form in _TEXT_FORMS:
        values = _exactly(_from_text(content[start:], bitmap, count), count)
    else:
        dtype = np.dtype(np.uint8 if highest < 256 else ">u2")
        end = start + count * dtype.itemsize
        whole = content[start:end]
        values = _exactly(np.frombuffer(whole[: len(whole) // dtype.itemsize * dtype.itemsize], dtype), count)
    values = values.astype(np.uint8 if highest < 256 else np.uint16).reshape(height, width, samples)
    if bitmap:
        values = 1 - values  # 1 is black
    values = values * np.uint8(_SHALLOW.get(highest, 1)) if highest < 256 else values
    depth = depth_in_use(values, highest.bit_length(), 8 * values.dtype.itemsize)
    colour = "RGB" if samples == 3 else "grey"
    return Pixels(
        values=with_channels(values, rule),
        bits=depth.bits,
        together=True,
        inverted=False,
        format="PPM",
        mode="black and white" if bitmap else colour if highest < 256 else f"16-bit {colour}",
        channels=samples,
        exceeded_bits=depth.exceeded,
    )


def _header(content: bytes, count: int) -> tuple[list[int], int]:
    """Return the header's numbers, and where the pixels begin."""
    beginning = content[:_HEADER_BYTES]
    numbers: list[int] = []
    at = 2
    for _ in range(count):
        found = _TOKEN.match(beginning, at)
        if found is None:
            whole = len(content) <= _HEADER_BYTES
            raise ValueError("its header is incomplete" if whole else "its header has more than 64 KB")
        numbers.append(int(found[1]))
        at = found.end()
    return numbers, at + 1  # one white space


def _from_text(text: bytes, bitmap: bool, count: int) -> Values:
    text = _COMMENT.sub(b" ", text)
    if bitmap:  # digits may stand without a space between them
        digits = np.frombuffer(text, np.uint8)
        bits: Values = digits[(digits == ord("0")) | (digits == ord("1"))][:count] - ord("0")
        return bits
    if text.translate(None, b"0123456789 \t\r\n\v\f"):
        raise ValueError("a value is no number")
    values: Values = np.fromstring(text, np.int64, sep=" ")[:count]
    if values.size and not 0 <= values.min() <= values.max() <= _DEEPEST:
        raise ValueError("a value is none that the format has")
    return values


def _exactly(values: Values, count: int) -> Values:
    if values.size < count:
        raise ValueError("truncated: the file ends before its picture does")
    return values
