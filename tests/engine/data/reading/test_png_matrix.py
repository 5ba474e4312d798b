"""PNG in every depth, kind of colour and transparency, interlaced or not, against the values it was made from."""

from __future__ import annotations

import itertools
import struct
import sys
import zlib

import numpy as np
import pytest

from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_pixels

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
FORMS = [
    (colour, depth, transparent, interlaced)
    for colour, transparent, interlaced in itertools.product(SAMPLES, (False, True), (False, True))
    for depth in DEPTHS[colour]
    if not (transparent and colour in (GREY_ALPHA, RGBA))
]


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def rows(values: np.ndarray, depth: int) -> bytes:
    """Pack [height, width, samples] row by row, without a filter."""
    height = values.shape[0]
    flat = values.reshape(height, -1)
    if depth >= 8:
        packed = [row.astype(">u2" if depth == 16 else "u1").tobytes() for row in flat]
    else:
        bits = (flat[:, :, None] >> np.arange(depth - 1, -1, -1) & 1).reshape(height, -1).astype(np.uint8)
        packed = [np.packbits(row).tobytes() for row in bits]
    return b"".join(b"\0" + row for row in packed)


def png(values: np.ndarray, depth: int, colour: int, *chunks: bytes, interlaced: bool = False) -> bytes:
    height, width = values.shape[:2]
    passes = [values[y::dy, x::dx] for y, x, dy, dx in ADAM7] if interlaced else [values]
    data = b"".join(rows(one, depth) for one in passes if one.size)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def made(colour: int, depth: int, *, transparent: bool, interlaced: bool) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Return a file, its colours as a reader should give them, and its opacity from 0 to 1."""
    random = np.random.default_rng(colour * 100 + depth)
    top = 2**depth - 1
    stored = random.integers(0, top, (19, 21, SAMPLES[colour]), endpoint=True)
    opacity = np.ones((19, 21))
    palette = random.integers(0, 256, (top + 1, 3))
    chunks = [chunk(b"PLTE", palette.astype(np.uint8).tobytes())] if colour == PALETTE else []
    if colour in (GREY_ALPHA, RGBA):
        stored[:6, :, -1], stored[6:12, :, -1] = 0, top
        opacity = stored[:, :, -1] / top
    elif transparent and colour == PALETTE:
        shares = random.integers(0, 256, top + 1)
        chunks.append(chunk(b"tRNS", shares.astype(np.uint8).tobytes()))
        opacity = shares[stored[:, :, 0]] / 255
    elif transparent:
        chunks.append(chunk(b"tRNS", stored[3, 4].astype(">u2").tobytes()))
        opacity = 1.0 - (stored == stored[3, 4]).all(axis=2)
    colours = stored[:, :, :-1] if colour in (GREY_ALPHA, RGBA) else stored
    if colour == PALETTE:
        colours = palette[stored[:, :, 0]]
    elif depth < 8:
        colours = colours * 255 // top
    return png(stored, depth, colour, *chunks, interlaced=interlaced), colours, opacity


@pytest.mark.parametrize(("colour", "depth", "transparent", "interlaced"), FORMS)
def test_values_and_transparency_come_back(tmp_path, colour, depth, transparent, interlaced):
    content, colours, opacity = made(colour, depth, transparent=transparent, interlaced=interlaced)
    (tmp_path / "x.png").write_bytes(content)
    pixels = read_pixels(tmp_path / "x.png")
    read = np.ones((19, 21)) if pixels.opacity is None else pixels.opacity / 255
    assert np.abs(read - opacity).max() <= 0.5 / 255 + 1e-9
    assert (pixels.values[opacity > 0] == colours[opacity > 0]).all()
    assert pixels.values.dtype == (np.uint16 if depth == 16 else np.uint8)


def test_without_imagecodecs_none_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    refused = []
    for colour, depth, transparent, interlaced in FORMS:
        content, colours, opacity = made(colour, depth, transparent=transparent, interlaced=interlaced)
        (tmp_path / "x.png").write_bytes(content)
        try:
            pixels = read_pixels(tmp_path / "x.png")
        except UnreadableImage as error:
            assert "pip install imagecodecs" in error.sentence
            refused.append((colour, depth))
            continue
        assert (pixels.values[opacity > 0] == colours[opacity > 0]).all()
    assert {depth for colour, depth in refused if colour != GREY} == {16}
    assert (GREY, 8) not in refused


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("behind", [False, True])
def test_the_orientation_may_stand_behind_the_picture(tmp_path, depth, behind):
    exif = chunk(b"eXIf", b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 0))
    values = np.random.default_rng(0).integers(0, 2**depth, (7, 9, 3))
    content = png(values, depth, RGB, *([] if behind else [exif]))
    if behind:
        content = content[:-12] + exif + content[-12:]
    (tmp_path / "x.png").write_bytes(content)
    assert (read_pixels(tmp_path / "x.png").values == values.swapaxes(0, 1)[:, ::-1]).all()


def test_a_word_in_a_comment_is_no_chunk(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (7, 9, 1))
    transparent = chunk(b"tRNS", values[3, 4].astype(">u2").tobytes())
    comment = chunk(b"tEXt", b"Comment\0IDAT")
    (tmp_path / "x.png").write_bytes(png(values, 16, GREY, comment, transparent))
    opacity = read_pixels(tmp_path / "x.png").opacity
    assert opacity is not None
    assert not opacity[3, 4]


def test_a_colour_profile_that_libpng_complains_about_is_not_written_over_the_terminal(tmp_path, capfd):
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile"))
    (tmp_path / "x.png").write_bytes(png(np.zeros((4, 4, 3), int), 16, RGB, profile))
    read_pixels(tmp_path / "x.png")
    assert capfd.readouterr() == ("", "")


def test_the_depth_that_a_png_declares_is_no_window(tmp_path):
    """sBIT tells how many bits a camera had; a PNG's values are scaled to all of them."""
    dark = np.full((4, 4, 1), 2000)
    (tmp_path / "x.png").write_bytes(png(dark, 16, GREY, chunk(b"sBIT", b"\x0c")))
    assert read_pixels(tmp_path / "x.png").bits == 16
