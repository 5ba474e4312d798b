from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import PIXEL_LIMIT
from aimic_tui.engine.data.reading.read_image import UnreadableImage, image_facts, read_image, verify

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (30, 40), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (30, 40, 3), dtype=np.uint8)
DEEP = RANDOM.integers(0, 65536, (30, 40), dtype=np.uint16)
DEEP_COLOUR = RANDOM.integers(0, 65536, (30, 40, 3), dtype=np.uint16)
SMOOTH = np.stack([np.add.outer(np.arange(30) * 4, np.arange(40) * 3)] * 3, axis=2).astype(np.uint8)


def to_8_bits(values: np.ndarray, top: float = 65535) -> np.ndarray:
    return np.rint(values * (255 / top)).astype(np.uint8)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :, None], 3, axis=2)


def png(pixels: np.ndarray, depth: int, colour_type: int, *extra: bytes) -> bytes:
    """Write a PNG by hand, for the kinds that Pillow can't write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = pixels.shape[:2]
    raw = pixels.astype(">u2" if depth == 16 else "u1").reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in raw)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class TestEveryFormat:
    @pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "ppm", "jp2"])
    def test_lossless_colour_comes_back(self, tmp_path, suffix):
        path = tmp_path / f"x.{suffix}"
        Image.fromarray(COLOUR).save(path, **({"lossless": True} if suffix == "webp" else {}))
        assert (read_image(path) == COLOUR).all()

    @pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "pgm"])
    def test_grey_becomes_three_equal_channels(self, tmp_path, suffix):
        path = tmp_path / f"x.{suffix}"
        Image.fromarray(GREY).save(path)
        assert (read_image(path) == grey(GREY)).all()

    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    def test_jpeg(self, tmp_path, mode):
        Image.fromarray(SMOOTH).convert(mode).save(tmp_path / "x.jpg", quality=95)
        assert np.abs(read_image(tmp_path / "x.jpg").astype(int) - SMOOTH).mean() < 4

    def test_what_the_suffix_says_does_not_matter(self, tmp_path):
        Image.fromarray(COLOUR).save(tmp_path / "x.bmp", format="PNG")
        assert (read_image(tmp_path / "x.bmp") == COLOUR).all()

    def test_the_first_frame_counts(self, tmp_path):
        frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
        for name in ("x.gif", "x.tif"):
            frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
            assert (read_image(tmp_path / name) == grey(GREY)).all()

    def test_one_bit(self, tmp_path):
        bits = GREY > 127
        for name in ("x.png", "x.tif"):
            Image.fromarray(bits).save(tmp_path / name)
            assert (read_image(tmp_path / name) == grey(bits * np.uint8(255))).all()


class TestTransparencyShowsWhite:
    @pytest.mark.parametrize("name", ["x.png", "x.tif", "x.webp"])
    def test_rgba(self, tmp_path, name):
        alpha = np.zeros((30, 40, 1), np.uint8)
        alpha[:, 20:] = 255
        path = tmp_path / name
        Image.fromarray(np.concatenate([COLOUR, alpha], axis=2)).save(
            path, **({"lossless": True} if "webp" in name else {})
        )
        image = read_image(path)
        assert (image[:, :20] == 255).all()
        assert (image[:, 20:] == COLOUR[:, 20:]).all()

    def test_half_transparent_black_is_grey(self, tmp_path):
        Image.new("LA", (4, 4), (0, 128)).save(tmp_path / "x.png")
        assert (read_image(tmp_path / "x.png") == 127).all()

    def test_a_transparent_colour_of_a_palette(self, tmp_path):
        picture = Image.fromarray(SMOOTH).quantize(8)
        picture.save(tmp_path / "opaque.png")
        picture.save(tmp_path / "x.png", transparency=int(np.asarray(picture)[0, 0]))
        assert (read_image(tmp_path / "x.png")[0, 0] == 255).all()
        assert np.abs(read_image(tmp_path / "opaque.png").astype(int) - SMOOTH).mean() < 12

    def test_16_bit_rgba(self, tmp_path):
        alpha = np.full((30, 40, 1), 65535, np.uint16)
        alpha[:10] = 0
        (tmp_path / "x.png").write_bytes(png(np.concatenate([DEEP_COLOUR, alpha], axis=2), 16, 6))
        image = read_image(tmp_path / "x.png")
        assert (image[:10] == 255).all()
        assert (image[10:] == to_8_bits(DEEP_COLOUR[10:])).all()


class TestDepth:
    def test_16_bits_use_their_full_range(self, tmp_path):
        Image.fromarray(DEEP).save(tmp_path / "x.png")
        tifffile.imwrite(tmp_path / "x.tif", DEEP)
        tifffile.imwrite(tmp_path / "big.tif", DEEP, byteorder=">", bigtiff=True)
        Image.fromarray(DEEP).save(tmp_path / "lzw.tif", compression="tiff_lzw")
        for name in ("x.png", "x.tif", "big.tif", "lzw.tif"):
            assert (read_image(tmp_path / name) == grey(to_8_bits(DEEP))).all(), name

    def test_16_bit_colour_is_the_same_in_every_container(self, tmp_path):
        (tmp_path / "x.png").write_bytes(png(DEEP_COLOUR, 16, 2))
        tifffile.imwrite(tmp_path / "x.tif", DEEP_COLOUR, photometric="rgb")
        tifffile.imwrite(
            tmp_path / "planes.tif", np.moveaxis(DEEP_COLOUR, 2, 0), photometric="rgb", planarconfig="separate"
        )
        tifffile.imwrite(tmp_path / "zip.tif", DEEP_COLOUR, photometric="rgb", compression="zlib")
        for name in ("x.png", "x.tif", "planes.tif", "zip.tif"):
            assert (read_image(tmp_path / name) == to_8_bits(DEEP_COLOUR)).all(), name

    def test_bits_in_use_are_believed_where_the_file_says_so(self, tmp_path):
        twelve = DEEP >> 4
        tifffile.imwrite(tmp_path / "x.tif", twelve, extratags=[(281, "H", 1, 4095, True)])
        tifffile.imwrite(tmp_path / "x.ome.tif", twelve, metadata={"axes": "YX", "SignificantBits": 12})
        for name in ("x.tif", "x.ome.tif"):
            assert (read_image(tmp_path / name) == grey(to_8_bits(twelve, 4095))).all(), name
            assert (read_image(tmp_path / name, InputRule("full-range")) == grey(to_8_bits(twelve))).all(), name

    def test_min_max_uses_the_images_own_range(self, tmp_path):
        values = (np.arange(1200).reshape(30, 40) + 1000).astype(np.uint16)
        tifffile.imwrite(tmp_path / "x.tif", values)
        assert (read_image(tmp_path / "x.tif", InputRule("min-max")) == grey(to_8_bits(values - 1000.0, 1199))).all()
        Image.fromarray(GREY // 4 + 10).save(tmp_path / "x.png")
        image = read_image(tmp_path / "x.png", InputRule("min-max"))
        assert (image.min(), image.max()) == (0, 255)

    @pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
    def test_floats_take_the_smallest_range_that_holds_them(self, tmp_path, top):
        values = (GREY / 255 * top).astype(np.float32)
        tifffile.imwrite(tmp_path / "x.tif", values)
        assert np.abs(read_image(tmp_path / "x.tif").astype(int) - grey(GREY)).max() <= 1

    def test_floats_that_are_not_numbers_are_black_and_white(self, tmp_path):
        values = np.full((4, 4), 0.5, np.float32)
        values[0] = (np.nan, np.inf, -np.inf, 1)
        tifffile.imwrite(tmp_path / "x.tif", values)
        assert read_image(tmp_path / "x.tif")[0, :, 0].tolist() == [0, 255, 0, 255]

    def test_negative_values_are_black(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", np.array([[-5, 0], [32767, 16384]], np.int16))
        assert read_image(tmp_path / "x.tif")[:, :, 0].tolist() == [[0, 0], [255, 128]]

    def test_a_constant_image_is_no_division_by_zero(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", np.full((5, 5), 7, np.uint16))
        assert (read_image(tmp_path / "x.tif", InputRule("min-max")) == 0).all()

    def test_white_may_be_zero(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", DEEP, photometric="miniswhite")
        assert (read_image(tmp_path / "x.tif") == 255 - grey(to_8_bits(DEEP))).all()

    def test_16_bit_ink_is_light_as_with_8_bits(self, tmp_path):
        Image.fromarray(SMOOTH).convert("CMYK").save(tmp_path / "x.tif")
        with Image.open(tmp_path / "x.tif") as image:
            ink = np.asarray(image)
        tifffile.imwrite(tmp_path / "deep.tif", ink.astype(np.uint16) * 257, photometric="separated")
        assert (read_image(tmp_path / "deep.tif") == read_image(tmp_path / "x.tif")).all()

    def test_a_transparent_grey_of_16_bits_is_white(self, tmp_path):
        grey_values = np.full((4, 4), 1000, np.uint16)
        grey_values[0] = 500
        chunk = struct.pack(">I", 2) + b"tRNS" + struct.pack(">H", 500)
        (tmp_path / "x.png").write_bytes(png(grey_values, 16, 0, chunk + struct.pack(">I", zlib.crc32(chunk[4:]))))
        assert read_image(tmp_path / "x.png")[:2, 0, 0].tolist() == [255, 4]


class TestChannelsAndStacks:
    def test_two_channels_are_red_and_green(self, tmp_path):
        channels = np.stack([DEEP, DEEP[::-1]])
        tifffile.imwrite(tmp_path / "x.ome.tif", channels, metadata={"axes": "CYX"})
        tifffile.imwrite(tmp_path / "x.tif", channels, imagej=True, metadata={"axes": "CYX"})
        tifffile.imwrite(tmp_path / "planes.tif", channels, photometric="minisblack", planarconfig="separate")
        for name in ("x.ome.tif", "x.tif", "planes.tif"):
            image = read_image(tmp_path / name)
            assert (image[:, :, 0] == to_8_bits(DEEP)).all(), name
            assert (image[:, :, 1] == to_8_bits(DEEP[::-1])).all(), name
            assert (image[:, :, 2] == 0).all(), name

    def test_of_more_channels_the_first_three_count(self, tmp_path):
        channels = np.stack([GREY, GREY // 2, GREY // 3, GREY // 4])
        tifffile.imwrite(tmp_path / "x.ome.tif", channels, metadata={"axes": "CYX"}, photometric="minisblack")
        assert (read_image(tmp_path / "x.ome.tif") == np.moveaxis(channels[:3], 0, 2)).all()

    def test_of_a_stack_the_first_position_counts(self, tmp_path):
        stack = RANDOM.integers(0, 65536, (2, 3, 2, 10, 12), dtype=np.uint16)
        tifffile.imwrite(tmp_path / "x.ome.tif", stack, metadata={"axes": "TZCYX"})
        assert (read_image(tmp_path / "x.ome.tif")[:, :, :2] == np.moveaxis(to_8_bits(stack[0, 0]), 0, 2)).all()

    def test_plain_pages_are_not_channels(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", np.stack([DEEP, DEEP[::-1]]), photometric="minisblack", metadata=None)
        assert (read_image(tmp_path / "x.tif") == grey(to_8_bits(DEEP))).all()

    def test_channels_apart_have_ranges_of_their_own(self, tmp_path):
        channels = np.stack([DEEP // 100, DEEP])
        tifffile.imwrite(tmp_path / "x.ome.tif", channels, metadata={"axes": "CYX"})
        image = read_image(tmp_path / "x.ome.tif", InputRule("min-max"))
        assert image[:, :, 0].max() == image[:, :, 1].max() == 255

    def test_other_files_that_an_ome_file_names_stay_closed(self, tmp_path):
        tifffile.imwrite(tmp_path / "secret.ome.tif", DEEP)
        tifffile.imwrite(tmp_path / "x.ome.tif", np.stack([DEEP, DEEP]), metadata={"axes": "CYX"})
        content = (tmp_path / "x.ome.tif").read_bytes()
        (tmp_path / "x.ome.tif").write_bytes(content.replace(b'IFD="1"', b'IFD="9"'))
        with_missing_page = _outcome(tmp_path / "x.ome.tif")
        assert with_missing_page is None or with_missing_page.kind == "unreadable"


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.tif"])
    def test_exif_orientation_is_obeyed(self, tmp_path, orientation, name):
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(SMOOTH).save(tmp_path / name, exif=exif, **({"quality": 98} if "jpg" in name else {}))
        with Image.open(tmp_path / name) as image:
            from PIL import ImageOps

            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert (read_image(tmp_path / name) == expected).all()

    @pytest.mark.parametrize("orientation", [1, 3, 6, 8])
    def test_deep_tiff(self, tmp_path, orientation):
        tifffile.imwrite(tmp_path / "x.tif", DEEP, extratags=[(274, "H", 1, orientation, True)])
        turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]
        assert (read_image(tmp_path / "x.tif") == np.rot90(grey(to_8_bits(DEEP)), turns)).all()

    def test_broken_exif_does_not_cost_the_image(self, tmp_path):
        Image.fromarray(SMOOTH).save(tmp_path / "x.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
        assert read_image(tmp_path / "x.jpg").shape == (30, 40, 3)


def _outcome(path: Path) -> UnreadableImage | None:
    """Read the file; None where it can be read. Nothing but UnreadableImage may be raised."""
    try:
        image = read_image(path)
    except UnreadableImage as error:
        assert "\n" not in error.sentence and "\x1b" not in error.sentence
        assert path.name.isascii() is False or path.name in error.sentence
        return error
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    return None


def encoded(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.kron(COLOUR, np.ones((4, 4, 1), np.uint8))).save(buffer, form, **options)
    return buffer.getvalue()


FORMS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")


class TestFaults:
    def kind(self, tmp_path: Path, content: bytes, name: str = "x.png") -> str | None:
        (tmp_path / name).write_bytes(content)
        fault = _outcome(tmp_path / name)
        return fault and fault.kind

    def test_empty(self, tmp_path):
        assert self.kind(tmp_path, b"") == "empty"

    @pytest.mark.parametrize("form", FORMS)
    def test_truncated(self, tmp_path, form):
        content = encoded(form)
        assert self.kind(tmp_path, content[: len(content) // 2]) == "truncated"
        assert self.kind(tmp_path, content[:40]) in {"truncated", "unreadable"}

    def test_a_deep_tiff_that_is_truncated(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", RANDOM.integers(0, 9999, (99, 99), dtype=np.uint16))
        content = (tmp_path / "x.tif").read_bytes()
        assert self.kind(tmp_path, content[: len(content) // 2], "x.tif") in {"truncated", "unreadable"}

    def test_a_copy_that_broke_off_leaves_zeros(self, tmp_path):
        content = encoded("JPEG")
        half = len(content) // 2
        assert self.kind(tmp_path, content[:half] + bytes(len(content) - half)) == "truncated"

    @pytest.mark.parametrize(
        "content",
        [b"hello", b"<html>", b"PK\x03\x04", b"%PDF-1.7", bytes(100), b"MZ\x90", b"%!PS-Adobe-3.0 EPSF-3.0", b"<svg/>"],
    )
    def test_not_an_image(self, tmp_path, content):
        assert self.kind(tmp_path, content) == "not-an-image"

    def test_a_decompression_bomb_is_not_decoded(self, tmp_path):
        side = int(PIXEL_LIMIT**0.5) + 1
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
        idat = zlib.compress(bytes(1 << 16))
        chunk += struct.pack(">I", len(idat)) + b"IDAT" + idat + struct.pack(">I", zlib.crc32(b"IDAT" + idat))
        assert self.kind(tmp_path, b"\x89PNG\r\n\x1a\n" + chunk) == "too-large"

    def test_a_huge_tiff_is_not_decoded(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", DEEP)
        with tifffile.TiffFile(tmp_path / "x.tif", mode="r+b") as tiff:
            for tag in ("ImageWidth", "ImageLength"):
                tiff.pages[0].tags[tag].overwrite(20_000)
        assert _outcome(tmp_path / "x.tif").kind == "too-large"

    @pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
    def test_libraries_do_not_write_over_the_terminal(self, tmp_path, capfd, compression):
        content = bytearray(encoded("TIFF", compression=compression))
        middle = len(content) // 2
        content[middle : middle + 400] = bytes(400)
        (tmp_path / "x.tif").write_bytes(content)
        _outcome(tmp_path / "x.tif")
        assert capfd.readouterr() == ("", "")

    def test_missing_folder_pipe_and_closed(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.png")
        (tmp_path / "folder.png").mkdir()
        for name in ("missing.png", "pipe.png", "folder.png", "nul\0.png"):
            with pytest.raises(UnreadableImage) as caught:
                read_image(tmp_path / name)
            assert caught.value.kind == "unreadable"

    def test_a_hostile_name_is_escaped(self, tmp_path):
        (tmp_path / "\x1b[2J\n.png").write_bytes(b"x")
        with pytest.raises(UnreadableImage, match=r"\\x1b\[2J\\x0a\.png is a text, not an image: .*\. Replace it"):
            read_image(tmp_path / "\x1b[2J\n.png")

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(FORMS), st.data())
    def test_hostile_bytes_never_crash(self, tmp_path_factory, form, data):
        content = bytearray(encoded(form))
        for _ in range(data.draw(st.integers(1, 12))):
            # headers matter most, and lie at the beginning, of a TIFF also at the end
            place = data.draw(st.one_of(st.integers(0, min(200, len(content) - 1)), st.integers(0, len(content) - 1)))
            content[place] = data.draw(st.integers(0, 255))
        path = tmp_path_factory.getbasetemp() / f"hostile.{form.lower()}"
        path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
        _outcome(path)

    @settings(max_examples=200, deadline=None)
    @given(
        st.binary(max_size=300),
        st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"\xff\xd8\xff", b"BM", b"P5 ", b"GIF89a"]),
    )
    def test_any_bytes_after_a_magic_number_never_crash(self, tmp_path_factory, tail, magic):
        path = tmp_path_factory.getbasetemp() / "magic.tif"
        path.write_bytes(magic + tail)
        _outcome(path)


class TestVerify:
    @pytest.mark.parametrize("form", FORMS)
    def test_it_agrees_with_reading(self, tmp_path, form):
        content = encoded(form)
        path = tmp_path / "x"
        path.write_bytes(content)
        assert verify(path, content)[:2] == (160, 120)
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(UnreadableImage):
            verify(path, path.read_bytes())


class TestFacts:
    def test_what_there_is_to_say(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", (DEEP >> 4) + 1, extratags=[(281, "H", 1, 4095, True)])
        facts = image_facts(tmp_path / "x.tif")
        assert (facts.width, facts.height, facts.channels, facts.bits, facts.format) == (40, 30, 1, 12, "TIFF")
        assert facts.low == (DEEP >> 4).min() + 1
        assert facts.bytes == (tmp_path / "x.tif").stat().st_size

    def test_a_blurred_image_is_less_sharp_whatever_its_contrast(self, tmp_path):
        from PIL import ImageFilter

        picture = Image.fromarray(COLOUR).resize((160, 120), Image.Resampling.BICUBIC)
        picture.save(tmp_path / "sharp.png")
        picture.filter(ImageFilter.GaussianBlur(3)).save(tmp_path / "blurred.png")
        Image.eval(picture, lambda value: 100 + value // 4).save(tmp_path / "flat.png")
        sharp, blurred, flat = (
            image_facts(tmp_path / f"{name}.png").sharpness for name in ("sharp", "blurred", "flat")
        )
        assert blurred < 0.5 * sharp
        assert flat == pytest.approx(sharp, rel=0.15)

    def test_of_a_real_image(self, shared):
        facts = image_facts(shared / "data/cell-types/platelet/smear00003_16.jpg")
        assert (facts.width, facts.height, facts.format, facts.mode) == (128, 128, "JPEG", "RGB")
