"""Headers that would keep a decoder busy for minutes end in a sentence at once."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from aimic_tui.engine.data.audit.image_check import check_images
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_image
from aimic_tui.engine.experiment import DataSettings


def saved(form: str, size: int = 8, **options: object) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((size, size, 3), 90, np.uint8)).save(content, form, **options)
    return content.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_segments(segment: bytes, count: int) -> bytes:
    content = saved("JPEG")
    return content[:2] + segment * count + content[2:]


def with_chunks(each: bytes, count: int, *, before_picture: bool = True) -> bytes:
    content = saved("PNG")
    at = 33 if before_picture else len(content) - 12
    return content[:at] + each * count + content[at:]


def with_scans(count: int, size: int) -> bytes:
    content = saved("JPEG", size, progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * count + content[-2:]


def jp2(boxes: int) -> bytes:
    content = saved("JPEG2000")
    return content[:32] + b"\0\0\0\x08free" * boxes + content[32:]  # behind the signature and the file type


def tiff(description: str) -> bytes:
    content = io.BytesIO()
    tifffile.imwrite(content, np.full((8, 8), 9, np.uint16), description=description, metadata=None)
    return content.getvalue()


def ome(data: str = "<TiffData/>", planes: int = 1) -> bytes:
    return tiff(
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYZCT" Type="uint16" SizeX="8" SizeY="8" SizeZ="{planes}" SizeC="{planes}" SizeT="1">{data}'
        "</Pixels></Image></OME>"
    )


COSTLY = {
    "planes.ome.tif": (lambda: ome(planes=1_000_000), "claims millions of planes"),
    "counted.ome.tif": (lambda: ome('<TiffData PlaneCount="2000000000"/>'), "claims millions of planes"),
    "elements.ome.tif": (lambda: ome('<TiffData IFD="0"/>' * 300_000), "5 MB of metadata"),
    "imagej.tif": (lambda: tiff("ImageJ=1.53\nimages=1000000000\n"), "claims millions of planes"),
    "long.tif": (lambda: tiff("ImageJ=1.53\n" + "a=b\n" * 2_000_000), "7 MB of metadata"),
    "comments.jpg": (lambda: with_segments(b"\xff\xfe\0\2", 5_000_000), "5,000 segments"),
    "profiles.jpg": (lambda: with_segments(b"\xff\xe2\0\x1eICC_PROFILE\0\1\1" + bytes(14), 300_000), "5,000 segments"),
    "tables.jpg": (lambda: with_segments(b"\xff\xdb\0\x43\0" + b"\1" * 64, 200_000), "5,000 segments"),
    "filling.jpg": (lambda: with_segments(b"\xff", 20_000_000), "filling bytes"),
    "scans.jpg": (lambda: with_scans(3000, 1000), "scans over 1,000,000 pixels"),
    "texts.png": (lambda: with_chunks(chunk(b"tEXt", b"a\0b"), 500_000), "20,000 chunks"),
    "unknown.png": (lambda: with_chunks(chunk(b"abCd"), 500_000), "20,000 chunks"),
    "late.png": (lambda: with_chunks(chunk(b"tEXt", b"a\0b"), 500_000, before_picture=False), "20,000 chunks"),
    "empty.png": (lambda: with_chunks(chunk(b"IDAT"), 500_000), "20,000 chunks"),
    "boxes.jp2": (lambda: jp2(1_000_000), "5,000 boxes"),
    "comments.ppm": (lambda: b"P6\n" + b"#a\n" * 3_000_000 + b"4 4\n255\n" + bytes(48), "64 KB"),
    "spaces.ppm": (lambda: b"P6\n" + b" " * 9_000_000 + b"4 4\n255\n" + bytes(48), "64 KB"),
    "blanks and comments.ppm": (lambda: b"P6\n" + b" #\n" * 3_000_000 + b"x", "64 KB"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_header_is_a_sentence_at_once(tmp_path, name):
    content, words = COSTLY[name]
    path = tmp_path / name
    path.write_bytes(content())
    started = time.perf_counter()
    with pytest.raises(UnreadableImage, match=words) as caught:
        read_image(path)
    assert time.perf_counter() - started < 2
    assert caught.value.kind == "unreadable"


def test_the_check_before_a_run_does_not_wait_for_it_either(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(saved("PNG"))
    (tmp_path / "a" / "2.jpg").write_bytes(COSTLY["scans.jpg"][0]())
    started = time.perf_counter()
    checks = check_images(find_data_set(DataSettings(path=str(tmp_path), group="none")))
    assert time.perf_counter() - started < 2
    assert len(checks.problems) == 1


def test_memory_is_known_before_it_is_taken(tmp_path):
    """3,000 x 3,000 pixels of 100 channels are few pixels and much memory."""
    tiles = (np.zeros((1024, 1024, 100), np.float32) for _ in range(9))
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(
            tiles,
            shape=(3072, 3072, 100),
            dtype=np.float32,
            tile=(1024, 1024),
            compression="zlib",
            photometric="minisblack",
            planarconfig="contig",
        )
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage, match=r"too large \(3072 x 3072 pixels of 400 bytes; at most 2\.0 GB"):
            read_image(tmp_path / "x.tif")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", [b"P5", b"P6"])
def test_a_line_of_a_hundred_million_pixels_is_named(tmp_path, form):
    (tmp_path / "x.pgm").write_bytes(form + b"\n99999999 1\n255\n")
    with pytest.raises(UnreadableImage, match="99999999 x 1 pixels; at most 10 million a side"):
        read_image(tmp_path / "x.pgm")


@pytest.mark.parametrize(
    "content",
    [
        with_segments(b"\xff\xfe\0\x06note", 1000),
        with_segments(b"\xff" * 30_000, 1),
        with_scans(100, 64),
        with_chunks(chunk(b"tEXt", b"a\0b"), 5000),
        jp2(1000),
        ome(),
        b"P6\n" + b"# a comment\n" * 1000 + b"4 4\n255\n" + bytes(48),
    ],
    ids=["comments", "filling", "scans", "texts", "boxes", "OME", "PPM"],
)
def test_a_long_header_is_read(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    assert read_image(tmp_path / "x.png").ndim == 3


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_size_that_the_file_can_not_hold_is_not_filled_up(tmp_path, form):
    content = bytearray(saved(form))
    at = 16 if form == "PNG" else content.find(b"\xff\xc0") + 5
    content[at : at + (8 if form == "PNG" else 4)] = struct.pack(">II" if form == "PNG" else ">HH", 9000, 9000)
    if form == "PNG":
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UnreadableImage, match="9,000 x 9,000 pixels"):
        read_image(tmp_path / "x")


@pytest.mark.parametrize("options", [{"format": "PNG"}, {"format": "JPEG", "optimize": True, "progressive": True}])
def test_an_even_picture_is_read_however_small_its_file(tmp_path, options):
    Image.fromarray(np.zeros((2000, 3000), np.uint8)).save(tmp_path / "x", **options)
    assert not read_image(tmp_path / "x").any()
