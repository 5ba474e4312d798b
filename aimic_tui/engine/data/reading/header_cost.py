"""What a hostile header would cost, counted before a decoder pays for it.

A JPEG of five million comments, a PNG of a million texts, a progressive JPEG of three thousand scans: small files that
keep a decoder busy for minutes. No camera or program writes them, so they are refused; counting takes microseconds.
"""

from __future__ import annotations

import struct

from aimic_tui.engine.data.reading.jpeg_segments import START_OF_SCAN, CostlyHeader, frame_at, segments
from aimic_tui.engine.data.reading.pixels import PIXEL_LIMIT
from aimic_tui.engine.data.reading.png_chunks import chunks

_MOST_SCANS = 20  # of a progressive JPEG; programs write about ten. More are read where the picture is small
_MOST_WORK = 2_000_000_000  # pixels times scans
_SEQUENTIAL = {0xC0, 0xC1}
_HUFFMAN = {*_SEQUENTIAL, 0xC2}
_SAMPLES = {2: 3, 4: 2, 6: 4}  # of a PNG's kinds of colour; of others one
_SHORTEST_PNG = 33  # bytes of mark and header
_MOST_DEFLATED = 1_040  # bytes that one byte of deflate can stand for
_MOST_CHUNKS = 20_000  # of a PNG besides its picture's
_MOST_BOXES = 5_000  # of a JPEG 2000


def check_cost(content: bytes) -> None:
    """Do nothing if a decoder will be done with this file's header in a second or so.

    Raises:
        CostlyHeader: it would not.
    """
    if content.startswith(b"\xff\xd8"):
        _check_jpeg(content)
    elif content.startswith(b"\x89PNG"):
        _check_png(content)
    elif content.startswith(b"\0\0\0\x0cjP  "):
        _check_boxes(content)


def _check_jpeg(content: bytes) -> None:
    frame = first = None
    for marker, place in segments(content):
        frame = frame or frame_at(content, marker, place)
        first = place if marker == START_OF_SCAN else None
    if frame is None or first is None:
        return
    # Of each 8 x 8 pixels at least one bit is stored, unless arithmetic coding shortens it further.
    if frame.process in _HUFFMAN:
        _check_length("JPEG", frame.width, frame.height, frame.width * frame.height // (8 * 64), len(content))
    if frame.process in _SEQUENTIAL and content[first + 2 : first + 3] == bytes([frame.components]):
        return  # the first scan holds all components, so decoders look for no other
    scans = content.count(b"\xff\xda", first) + 1
    pixels = frame.height * frame.width
    if scans > _MOST_SCANS and scans * pixels > _MOST_WORK:
        raise CostlyHeader(f"is a JPEG of {scans:,} scans over {pixels:,} pixels")


def _check_png(content: bytes) -> None:
    others = stored = 0
    for chunk in chunks(content):
        picture = chunk.kind == b"IDAT"
        stored += chunk.length if picture else 0
        others += not picture or chunk.length == 0
        if others > _MOST_CHUNKS:
            raise CostlyHeader(f"is a PNG with more than {_MOST_CHUNKS:,} chunks besides its picture")
    if len(content) < _SHORTEST_PNG:
        return
    width, height, depth, colour = struct.unpack_from(">IIBB", content, 16)
    row = width * depth * _SAMPLES.get(colour, 1) // 8
    _check_length("PNG", width, height, height * row // _MOST_DEFLATED, stored)


def _check_length(form: str, width: int, height: int, needed: int, stored: int) -> None:
    """Refuse what decoders would fill up with grey or black; too large a picture is refused as such by others."""
    if width * height <= PIXEL_LIMIT and needed > stored:
        raise CostlyHeader(f"states {width:,} x {height:,} pixels, which the few bytes of this {form} can't hold")


def _check_boxes(content: bytes) -> None:
    place = 0
    for _ in range(_MOST_BOXES):
        if place + 16 > len(content):
            return
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        if kind == b"jp2c" or length == 0:
            return
        place += max(8, int.from_bytes(content[place + 8 : place + 16], "big") if length == 1 else length)
    raise CostlyHeader(f"is a JPEG 2000 with more than {_MOST_BOXES:,} boxes before its picture")
