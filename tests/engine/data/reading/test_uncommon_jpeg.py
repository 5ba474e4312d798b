from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.audit.measures import measure_images
from aimic_tui.engine.data.reading.input_rule import AS_STORED
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_image, read_pixels, verify

imagecodecs = pytest.importorskip("imagecodecs")
RANDOM = np.random.default_rng(0)
PICTURES = {
    "8-bit grey": (RANDOM.integers(0, 256, (30, 41), dtype=np.uint8), 8),
    "8-bit RGB": (RANDOM.integers(0, 256, (30, 41, 3), dtype=np.uint8), 8),
    "12-bit grey": (RANDOM.integers(0, 4096, (30, 41), dtype=np.uint16), 12),
    "16-bit grey": (RANDOM.integers(0, 65536, (30, 41), dtype=np.uint16), 16),
    "16-bit RGB": (RANDOM.integers(0, 65536, (30, 41, 3), dtype=np.uint16), 16),
}


@pytest.mark.parametrize("form", ["lossless", "JPEG-LS"])
@pytest.mark.parametrize("name", PICTURES)
def test_lossless_jpeg_gives_the_values_that_were_stored(tmp_path, form, name):
    values, bits = PICTURES[name]
    path = tmp_path / "x.jpg"
    if form == "lossless":
        path.write_bytes(imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits))
    else:
        path.write_bytes(imagecodecs.jpegls_encode(values))
    pixels = read_pixels(path)
    assert (pixels.values == values.reshape(30, 41, -1)).all()
    assert pixels.bits == (bits if form == "lossless" else 8 * values.dtype.itemsize)
    assert verify(path, path.read_bytes())[:2] == (41, 30)
    assert measure_images([path], AS_STORED).readable.all()


def test_a_jpeg_of_12_bits_keeps_them(tmp_path):
    values = np.add.outer(np.arange(40) * 50, np.arange(50) * 30).astype(np.uint16)
    (tmp_path / "x.jpg").write_bytes(imagecodecs.jpeg8_encode(values, 95, bitspersample=12))
    pixels = read_pixels(tmp_path / "x.jpg")
    assert pixels.bits == 12
    assert np.abs(pixels.values[:, :, 0].astype(int) - values).max() <= 4


def test_a_12_bit_jpeg_is_turned_as_its_metadata_says(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    marker = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    content = imagecodecs.jpeg8_encode(PICTURES["8-bit RGB"][0], lossless=True)
    content = content[:2] + b"\xff\xe1" + (len(marker) + 2).to_bytes(2, "big") + marker + content[2:]
    (tmp_path / "x.jpg").write_bytes(content)
    assert (read_image(tmp_path / "x.jpg") == np.rot90(PICTURES["8-bit RGB"][0], -1)).all()


def test_the_usual_jpeg_is_left_to_pillow(tmp_path):
    for options in ({}, {"progressive": True}):
        content = io.BytesIO()
        Image.fromarray(PICTURES["8-bit RGB"][0]).save(content, "JPEG", **options)
        (tmp_path / "x.jpg").write_bytes(content.getvalue())
        with Image.open(tmp_path / "x.jpg") as image:
            assert (read_image(tmp_path / "x.jpg") == np.asarray(image)).all()


def test_a_damaged_one_is_a_sentence(tmp_path):
    content = imagecodecs.jpeg8_encode(PICTURES["16-bit grey"][0], lossless=True, bitspersample=16)
    (tmp_path / "x.jpg").write_bytes(content[:900])
    with pytest.raises(UnreadableImage) as caught:
        read_image(tmp_path / "x.jpg")
    assert caught.value.kind in {"truncated", "unreadable"}


def test_a_hierarchical_one_is_refused_by_name(tmp_path):
    content = bytearray(imagecodecs.jpeg8_encode(PICTURES["8-bit grey"][0]))
    content[content.index(b"\xff\xc0") + 1] = 0xC5
    (tmp_path / "x.jpg").write_bytes(bytes(content))
    with pytest.raises(UnreadableImage, match="hierarchical JPEG"):
        read_image(tmp_path / "x.jpg")
