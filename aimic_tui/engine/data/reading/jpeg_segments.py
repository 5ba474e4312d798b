"""The segments of a JPEG before its picture, without decoding it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

START_OF_SCAN = 0xDA
_END = 0xD9
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_MOST = 5_000  # an ICC profile or an embedded preview takes some hundred
_MOST_FILLING = 1 << 16  # bytes between two of them
_FILLING = re.compile(rb"[^\xff]*\xff+")


class CostlyHeader(ValueError):
    """The file would keep its decoder busy for long; the message is the rest of a sentence that begins with it."""


@dataclass(frozen=True)
class Frame:
    """What a JPEG's header says of its picture.

    Attributes:
        process: the marker's second byte: 0xC0 to 0xC2 as every program reads them, 0xC3 lossless, 0xF7 JPEG-LS.
        bits: of each sample.
        height, width: pixels.
        components: brightness and colours, each of which a scan may hold or leave out.
    """

    process: int
    bits: int
    height: int
    width: int
    components: int


def segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield each segment's marker (its second byte) and the place behind it, up to the first scan.

    Raises:
        CostlyHeader: there are thousands of them.
    """
    place = 2
    for _ in range(_MOST):
        filling = _FILLING.match(content, place, place + _MOST_FILLING)
        if filling is None or filling.end() >= len(content):
            return
        if filling.end() == place + _MOST_FILLING:
            raise CostlyHeader("is a JPEG with a header of filling bytes")
        marker, place = content[filling.end()], filling.end() + 1
        yield marker, place
        if marker in (START_OF_SCAN, _END):
            return
        if marker not in _WITHOUT_LENGTH:
            place += int.from_bytes(content[place : place + 2], "big")
    raise CostlyHeader(f"is a JPEG with more than {_MOST:,} segments before its picture")


def frame_of(content: bytes) -> Frame | None:
    """Return what a JPEG says of its picture; None where it doesn't.

    Raises:
        CostlyHeader: as `segments`.
    """
    return next((frame for at in segments(content) if (frame := frame_at(content, *at)) is not None), None)


def frame_at(content: bytes, marker: int, place: int) -> Frame | None:
    """Return what a segment, as `segments` yields it, says of the picture; None where it is of another kind."""
    if marker in _FRAMES and place + 8 <= len(content):
        return Frame(marker, *struct.unpack_from(">BHHB", content, place + 2))
    return None
