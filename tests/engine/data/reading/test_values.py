"""The same values look the same from every container; a declared depth is believed only where the values keep it."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from aimic_tui.engine.data.reading.exposure import resolve_exposure
from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_image, read_pixels, verify
from tests.engine.data.reading.test_png_matrix import GREY_ALPHA, png

RANDOM = np.random.default_rng(0)
TWELVE = RANDOM.integers(0, 4096, (24, 32), dtype=np.uint16)
JPEG_2000 = imagecodecs.jpeg2k_encode(TWELVE, level=0, bitspersample=12)
COLOUR = RANDOM.integers(0, 4096, (24, 32, 3), dtype=np.uint16)
EIGHT = RANDOM.integers(0, 256, (24, 32), dtype=np.uint8)
WINDOW = InputRule("window", (0.0, 4095.0))


def tiff(path: Path, tags: dict[int, int], data: bytes, order: str = "<") -> Path:
    """Write a TIFF of these tags, each a single LONG, whose data lie at byte 8."""
    at = 8 + len(data) + len(data) % 2
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at)
    path.write_bytes(head + data.ljust(at - 8, b"\0") + struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
    return path


def plain_tags(values: np.ndarray, size: int, **others: int) -> dict[int, int]:
    height, width = values.shape[:2]
    names = {"bits": 258, "compression": 259, "photometric": 262, "fill": 266}
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: size}
    return tags | {names[name]: value for name, value in others.items()}


def sub_sampled(path: Path, tags: dict[int, int], data: bytes) -> None:
    """Write a TIFF of 8-bit YCbCr whose four pixels share a colour; the tag for that holds two SHORTs."""
    tiff(path, tags | {530: 2 | 2 << 16}, data)
    content = bytearray(path.read_bytes())
    at = content.rindex(struct.pack("<HHI", 530, 4, 1))
    content[at : at + 8] = struct.pack("<HHI", 530, 3, 2)
    path.write_bytes(content)


def stored(path: Path) -> np.ndarray:
    values = read_pixels(path).values
    return values[:, :, 0] if values.shape[2] == 1 else values


class TestTheSameValuesInEveryContainer:
    def test_grey_of_12_bits(self, tmp_path):
        Image.fromarray(TWELVE).save(tmp_path / "x.png")
        tifffile.imwrite(tmp_path / "x.tif", TWELVE)
        alpha = np.dstack([TWELVE, np.full_like(TWELVE, 65535)])
        (tmp_path / "alpha.png").write_bytes(png(alpha, 16, GREY_ALPHA))
        (tmp_path / "x.pgm").write_bytes(b"P5\n# a camera\n32 24\n4095\n" + TWELVE.astype(">u2").tobytes())
        (tmp_path / "text.pgm").write_text("P2 32 24 4095 " + " ".join(map(str, TWELVE.ravel().tolist())))
        for form in ("jp2", "j2k"):
            (tmp_path / f"x.{form}").write_bytes(imagecodecs.jpeg2k_encode(TWELVE, level=0, bitspersample=12))
        pictures = {path.name: read_image(path, WINDOW) for path in tmp_path.iterdir()}
        expected = np.rint(TWELVE * (255 / 4095)).astype(np.uint8)
        assert [name for name, picture in pictures.items() if not (picture == expected[:, :, None]).all()] == []

    def test_colour_of_12_bits(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", COLOUR, photometric="rgb")
        (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(COLOUR))
        (tmp_path / "x.ppm").write_bytes(b"P6 32 24 4095\n" + COLOUR.astype(">u2").tobytes())
        (tmp_path / "x.jp2").write_bytes(imagecodecs.jpeg2k_encode(COLOUR, level=0, bitspersample=12))
        (tmp_path / "x.avif").write_bytes(imagecodecs.avif_encode(COLOUR, level=100, bitspersample=12))
        expected = np.rint(COLOUR * (255 / 4095)).astype(np.uint8)
        for path in tmp_path.iterdir():
            assert (read_image(path, WINDOW) == expected).all(), path.name

    def test_eight_bits_in_a_pgm_whatever_its_highest_value(self, tmp_path):
        grey = RANDOM.integers(0, 101, (24, 32), dtype=np.uint8)
        (tmp_path / "x.pgm").write_bytes(b"P5 32 24 100 " + grey.tobytes())
        assert (stored(tmp_path / "x.pgm") == grey).all()
        (tmp_path / "shallow.pgm").write_bytes(b"P5 32 24 15 " + (grey % 16).tobytes())
        assert (stored(tmp_path / "shallow.pgm") == grey % 16 * 17).all()  # as a PNG of 4 bits shows them

    @pytest.mark.parametrize("form", ["P1", "P4"])
    def test_bitmaps(self, tmp_path, form):
        ink = RANDOM.integers(0, 2, (5, 11), dtype=np.uint8)
        text = "\n".join("".join(map(str, row)) for row in ink.tolist()).encode()
        data = text if form == "P1" else b"".join(np.packbits(row).tobytes() for row in ink)
        (tmp_path / "x.pbm").write_bytes(f"{form} 11 5\n".encode() + data)
        assert (stored(tmp_path / "x.pbm") == (1 - ink) * 255).all()

    def test_a_pgm_that_ends_early_or_makes_no_sense(self, tmp_path):
        for content, kind in (
            (b"P5 32 24 4095\n" + bytes(700), "truncated"),
            (b"P2 3 3 255\n1 2 3", "truncated"),
            (b"P2 1 1 255\n99999", "unreadable"),
            (b"P5 3 3 99999999 " + bytes(99), "unreadable"),
            (b"P5" + b"\n# no end" * 99_999, "unreadable"),  # a header of more than 64 KB
        ):
            (tmp_path / "x.pgm").write_bytes(content)
            with pytest.raises(UnreadableImage) as caught:
                read_pixels(tmp_path / "x.pgm")
            assert caught.value.kind == kind, content[:20]

    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("bits", [2, 3, 4, 6, 10, 12, 14])
    @pytest.mark.parametrize("photometric", [0, 1])
    def test_packed_values_of_a_camera(self, tmp_path, order, bits, photometric):
        values = RANDOM.integers(0, 2**bits, (8, 16))
        data = int("".join(format(value, f"0{bits}b") for value in values.ravel()), 2).to_bytes(16 * bits, "big")
        path = tiff(tmp_path / "x.tif", plain_tags(values, len(data), bits=bits, photometric=photometric), data, order)
        pixels = read_pixels(path)
        top = 2**bits - 1
        expected = np.rint(values * (255 / top)) if bits < 8 else values
        assert (pixels.values[:, :, 0] == expected).all()
        assert pixels.inverted == (photometric == 0)
        shown = read_image(path, InputRule("window", (0.0, float(top if bits > 8 else 255))))[:, :, 0]
        assert np.abs(shown - abs((0 if photometric else 255) - values * (255 / top))).max() <= 0.5 + 1e-9

    def test_bits_in_reverse_order(self, tmp_path):
        values = RANDOM.integers(0, 256, (24, 32), dtype=np.uint8)
        reverse = np.packbits(np.unpackbits(values.reshape(-1, 1), axis=1)[:, ::-1], axis=1)
        tiff(tmp_path / "x.tif", plain_tags(values, values.size, fill=2), reverse.tobytes())
        assert (stored(tmp_path / "x.tif") == values).all()

    @pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
    def test_fax(self, tmp_path, compression):
        ink = RANDOM.integers(0, 2, (24, 40)).astype(bool)
        Image.fromarray(ink).save(tmp_path / "x.tif", compression=compression)
        assert (read_image(tmp_path / "x.tif") == np.where(ink, 255, 0)[:, :, None]).all()

    @pytest.mark.parametrize("mode", ["RGB", "L", "YCbCr", "CMYK"])
    def test_jpeg_within_a_tiff(self, tmp_path, mode):
        ramp = np.add.outer(np.arange(48) * 2, np.arange(64)).astype(np.uint8)
        picture = Image.fromarray(np.stack([ramp, 255 - ramp, ramp // 2], axis=2)).convert(mode)
        picture.save(tmp_path / "x.tif", compression="jpeg", quality=95)
        difference = np.abs(read_image(tmp_path / "x.tif").astype(int) - np.asarray(picture.convert("RGB")))
        assert difference.mean() < 2

    @pytest.mark.parametrize("planar", ["contig", "separate"])
    def test_brightness_and_differences_of_colour(self, tmp_path, planar):
        picture = Image.fromarray((COLOUR >> 4).astype(np.uint8))
        values = np.asarray(picture.convert("YCbCr"))
        tifffile.imwrite(
            tmp_path / "x.tif",
            values if planar == "contig" else np.moveaxis(values, 2, 0).copy(),
            photometric="ycbcr",
            planarconfig=planar,
        )
        difference = np.abs(
            read_image(tmp_path / "x.tif").astype(int) - np.asarray(picture.convert("YCbCr").convert("RGB"))
        )
        assert difference.max() <= 1

    def test_sub_sampled_colour_that_is_compressed(self, tmp_path):
        """tifffile does not read it; libtiff does, which gives each four pixels their colour."""
        light = RANDOM.integers(60, 200, (24, 32), dtype=np.uint8)
        colour = RANDOM.integers(100, 156, (12, 16, 2), dtype=np.uint8)
        blocks = light.reshape(12, 2, 16, 2).transpose(0, 2, 1, 3).reshape(12, 16, 4)
        data = imagecodecs.lzw_encode(np.concatenate([blocks, colour], axis=2).tobytes())
        tags = plain_tags(light, len(data), compression=5, photometric=6) | {277: 3}
        sub_sampled(tmp_path / "x.tif", tags, data)
        whole = np.dstack([light, np.repeat(np.repeat(colour, 2, axis=0), 2, axis=1)])
        expected = np.asarray(Image.fromarray(whole, "YCbCr").convert("RGB")).astype(int)
        assert np.abs(read_image(tmp_path / "x.tif") - expected).max() <= 1

    def test_jpeg_of_the_old_style(self, tmp_path):
        ramp = np.add.outer(np.arange(24) * 4, np.arange(32) * 4).astype(np.uint8)
        picture = np.stack([ramp, 255 - ramp, ramp // 2], axis=2)
        data = imagecodecs.jpeg_encode(picture, level=95)
        tags = plain_tags(ramp, len(data), compression=6, photometric=6) | {277: 3, 513: 8, 514: len(data)}
        sub_sampled(tmp_path / "x.tif", tags, data)
        assert np.abs(read_image(tmp_path / "x.tif").astype(int) - imagecodecs.jpeg_decode(data)).max() <= 8

    @pytest.mark.parametrize("compression", [1, 32773])
    def test_a_predictor_beside_a_compression_that_has_none(self, tmp_path, compression):
        data = EIGHT.tobytes() if compression == 1 else imagecodecs.packbits_encode(EIGHT.tobytes())
        tags = plain_tags(EIGHT, len(data), compression=compression) | {317: 2}
        assert (stored(tiff(tmp_path / "x.tif", tags, data)) == EIGHT).all()

    @pytest.mark.parametrize("planar", ["contig", "separate"])
    @pytest.mark.parametrize("codec", ["deflate", "packbits", "zstd"])
    def test_a_last_strip_as_long_as_the_others(self, tmp_path, codec, planar):
        """The format lets it end with the picture; some programs fill it up."""
        whole = np.concatenate([COLOUR, COLOUR[:3]])
        encode = getattr(imagecodecs, f"{codec}_encode")
        parts = [whole] if planar == "contig" else list(np.moveaxis(whole, 2, 0))
        tifffile.imwrite(
            tmp_path / "x.tif",
            (bytes(encode(part[at : at + 9].tobytes())) for part in parts for at in (0, 9, 18)),
            shape=COLOUR.shape if planar == "contig" else (3, *COLOUR.shape[:2]),
            dtype=np.uint16,
            photometric="rgb",
            planarconfig=planar,
            compression=codec,
            rowsperstrip=9,
            metadata=None,
        )
        assert (stored(tmp_path / "x.tif") == COLOUR).all()

    @pytest.mark.parametrize("bits", [1, 4, 8])
    def test_few_bits_in_a_jpeg_2000(self, tmp_path, bits):
        few = EIGHT >> (8 - bits)
        (tmp_path / "x.jp2").write_bytes(imagecodecs.jpeg2k_encode(few, level=0, bitspersample=bits))
        assert (stored(tmp_path / "x.jp2") == few * (255 // (2**bits - 1))).all()

    @pytest.mark.parametrize("dtype", ["int8", "int16"])
    def test_signed_values_in_a_jpeg_2000(self, tmp_path, dtype):
        signed = (EIGHT.astype(int) - 128).astype(dtype)
        (tmp_path / "x.jp2").write_bytes(imagecodecs.jpeg2k_encode(signed, level=0, reversible=True))
        tifffile.imwrite(tmp_path / "x.tif", signed)
        assert (stored(tmp_path / "x.jp2") == signed).all()
        assert (read_image(tmp_path / "x.jp2") == read_image(tmp_path / "x.tif")).all()

    @pytest.mark.parametrize("order", "<>")
    def test_big_tiff(self, tmp_path, order):
        for name, values in (("grey", TWELVE >> 4), ("rgb", COLOUR >> 4)):
            tifffile.imwrite(tmp_path / name, values.astype(np.uint8), bigtiff=True, byteorder=order)
            assert (stored(tmp_path / name) == values >> 0).all()


class TestTransparency:
    def test_it_is_laid_on_white_after_the_exposure(self, tmp_path):
        """Half-transparent black of 12 bits is a middle grey, though white is not 65535 there."""
        values = np.zeros((4, 6, 2), int)
        values[:, :2, 1], values[:, 2:4, 1], values[:, 4:, 0], values[:, 4:, 1] = 65535, 32768, 4000, 0
        (tmp_path / "x.png").write_bytes(png(values, 16, GREY_ALPHA))
        assert read_image(tmp_path / "x.png", WINDOW)[0, ::2, 0].tolist() == [0, 127, 255]

    def test_what_is_transparent_stretches_no_range(self, tmp_path):
        values = np.full((4, 6, 2), 65535)
        values[:, :3, 0], values[:, 3:, 1] = 1000, 0
        values[0, 0, 0] = 900
        (tmp_path / "x.png").write_bytes(png(values, 16, GREY_ALPHA))
        assert read_image(tmp_path / "x.png", InputRule("min-max"))[0, :3, 0].tolist() == [0, 255, 255]
        assert resolve_exposure(InputRule(), [0.5, 99.5], [tmp_path / "x.png"]).window == (0, 1023)

    def test_where_white_is_zero(self, tmp_path):
        values = np.zeros((4, 6, 2), np.uint16)
        values[:, :3, 1], values[:, 0, 0] = 65535, 65535
        tifffile.imwrite(
            tmp_path / "x.tif", values, photometric="miniswhite", extrasamples=["unassalpha"], planarconfig="contig"
        )
        assert read_image(tmp_path / "x.tif")[0, ::2, 0].tolist() == [0, 255, 255]

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_opaque_grey_with_associated_alpha(self, tmp_path, dtype):
        grey = (TWELVE >> 4).astype(dtype)
        tifffile.imwrite(
            tmp_path / "x.tif",
            np.dstack([grey, np.full_like(grey, np.iinfo(dtype).max)]),
            photometric="minisblack",
            extrasamples=["assocalpha"],
            planarconfig="contig",
        )
        assert (stored(tmp_path / "x.tif") == grey).all()
        assert read_pixels(tmp_path / "x.tif").opacity is None


class TestDeclaredDepth:
    @pytest.mark.parametrize("name", ["x.ome.tif", "x.tif"])
    def test_one_that_the_values_exceed_is_not_believed(self, tmp_path, name):
        values = RANDOM.integers(20_000, 65_000, (24, 32), dtype=np.uint16)
        declared = (
            {"metadata": {"axes": "YX", "SignificantBits": 12}}
            if "ome" in name
            else {"extratags": [(281, "H", 1, 4095, True)]}
        )
        tifffile.imwrite(tmp_path / name, values, **declared)
        pixels = read_pixels(tmp_path / name)
        assert (pixels.bits, pixels.exceeded_bits) == (16, 12)
        assert (read_image(tmp_path / name)[:, :, 0] == np.rint(values * (255 / 65535))).all()
        assert resolve_exposure(InputRule(), [0.5, 99.5], [tmp_path / name]).window == (0, 65535)

    def test_a_pgm_whose_bytes_are_swapped_exceeds_its_own(self, tmp_path):
        (tmp_path / "x.pgm").write_bytes(b"P5 32 24 4095\n" + TWELVE.astype("<u2").tobytes())
        assert read_pixels(tmp_path / "x.pgm").exceeded_bits == 12

    def test_one_below_eight_bits_changes_nothing(self, tmp_path):
        values = RANDOM.integers(0, 60, (3, 24, 32), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "x.ome.tif", values, metadata={"axes": "CYX", "SignificantBits": 6})
        assert (read_image(tmp_path / "x.ome.tif") == np.moveaxis(values, 0, 2)).all()


def refusal(path: Path) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_pixels(path)
    assert caught.value.kind == "unreadable"
    return caught.value.sentence.removeprefix(f"{path} ")


class TestRefusals:
    """Each names what it is, and what helps."""

    def test_numbers_without_a_brightness(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", np.ones((8, 8), np.complex64))
        assert "complex64, which have no brightness; save" in refusal(tmp_path / "x.tif")

    @pytest.mark.parametrize(
        ("photometric", "words"),
        [(4, "transparency mask"), (9, "ICCLab"), (32803, "camera's colour filter array"), (32845, "LogLuv")],
    )
    def test_colours_of_other_kinds(self, tmp_path, photometric, words):
        tiff(tmp_path / "x.tif", plain_tags(TWELVE, TWELVE.size, photometric=photometric), bytes(TWELVE.size))
        said = refusal(tmp_path / "x.tif")
        assert words in said
        assert "; save the image as RGB or grey." in said

    def test_black_or_white(self, tmp_path):
        tags = plain_tags(TWELVE, TWELVE.size)
        del tags[262]
        tiff(tmp_path / "x.tif", tags, bytes(TWELVE.size))
        assert "whether 0 is black or white" in refusal(tmp_path / "x.tif")

    def test_sub_sampled_colour_that_is_not_compressed(self, tmp_path):
        sub_sampled(tmp_path / "x.tif", plain_tags(TWELVE, 6 * 12 * 16, photometric=6) | {277: 3}, bytes(6 * 12 * 16))
        said = refusal(tmp_path / "x.tif")
        assert said.startswith("is stored as sub-sampled YCbCr, which can't be read here; save the image as RGB")

    def test_24_bits_of_which_programs_disagree(self, tmp_path):
        tiff(tmp_path / "x.tif", plain_tags(TWELVE, 3 * TWELVE.size, bits=24), bytes(3 * TWELVE.size))
        assert refusal(tmp_path / "x.tif").startswith("is stored as packed 24-bit values")

    @pytest.mark.parametrize(
        ("number", "name"), [(32809, "THUNDERSCAN"), (48124, "JETRAW"), (64999, "compression 64999")]
    )
    def test_a_compression_that_nothing_reads(self, tmp_path, number, name):
        tiff(tmp_path / "x.tif", plain_tags(TWELVE, 99, compression=number), bytes(99))
        said = refusal(tmp_path / "x.tif")
        assert said.startswith(f"is stored as {name}")
        assert "; save the image uncompressed or with LZW." in said

    def test_without_imagecodecs(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "imagecodecs", None)
        (tmp_path / "x.jp2").write_bytes(JPEG_2000)
        assert refusal(tmp_path / "x.jp2").startswith(
            "is a JPEG 2000 of 12 bits, which can't be read without imagecodecs; install it (`pip install imagecodecs`)"
        )

    def test_a_codec_that_gives_deeper_values_than_the_file_states(self, tmp_path):
        """tifffile would cut them to the type that the tags state."""
        tiff(tmp_path / "x.tif", plain_tags(TWELVE, len(JPEG_2000), compression=34712), JPEG_2000)
        assert "states uint8 values, but its JPEG2000 data are uint16" in refusal(tmp_path / "x.tif")

    def test_parts_that_are_missing(self, tmp_path):
        tags = plain_tags(TWELVE, 0)
        tiff(tmp_path / "x.tif", tags, bytes(TWELVE.size))
        assert "lacks strips or tiles" in refusal(tmp_path / "x.tif")

    def test_fewer_strips_than_the_picture_has(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", EIGHT, rowsperstrip=8, compression="zlib", metadata=None)
        with tifffile.TiffFile(tmp_path / "x.tif", mode="r+b") as written:
            written.pages[0].tags[278].overwrite(4)  # rows a strip: of six strips three are there
        assert "lacks strips or tiles" in refusal(tmp_path / "x.tif")

    def test_channels_of_different_depths_in_a_jpeg_2000(self, tmp_path):
        content = bytearray(imagecodecs.jpeg2k_encode(np.dstack([EIGHT] * 3), level=0))
        content[content.find(b"\xff\x4f\xff\x51") + 42] = 5
        (tmp_path / "x.jp2").write_bytes(content)
        assert "differ in their depth" in refusal(tmp_path / "x.jp2")

    def test_a_jpeg_of_four_inks_that_does_not_say_what_zero_is(self, tmp_path):
        """Programs that follow Adobe store paper as 255 and say so in a segment of theirs; others store it as 0."""
        picture = Image.fromarray(np.dstack([EIGHT] * 4), "CMYK")
        picture.save(tmp_path / "adobe.jpg")
        content = (tmp_path / "adobe.jpg").read_bytes()
        at = content.find(b"\xff\xee")
        (tmp_path / "x.jpg").write_bytes(content[:at] + content[at + 16 :])
        read_image(tmp_path / "adobe.jpg")
        assert "whether 0 is ink or paper" in refusal(tmp_path / "x.jpg")
        with pytest.raises(UnreadableImage, match="ink or paper"):
            verify(tmp_path / "x.jpg", (tmp_path / "x.jpg").read_bytes())

    def test_a_compressed_strip_behind_the_end_of_the_file(self, tmp_path):
        """A JPEG decoder would fill what is missing with grey."""
        data = imagecodecs.jpeg_encode((TWELVE >> 4).astype(np.uint8))
        tiff(tmp_path / "whole.tif", plain_tags(TWELVE, len(data), compression=7), data)
        assert read_pixels(tmp_path / "whole.tif").values.shape == (24, 32, 1)
        tiff(tmp_path / "x.tif", plain_tags(TWELVE, len(data) + 10_000, compression=7), data)
        with pytest.raises(UnreadableImage) as caught:
            read_pixels(tmp_path / "x.tif")
        assert caught.value.kind == "truncated"
